//! What the API, settlement and the programs hold of a running group.

use std::sync::{Arc, PoisonError, RwLock};

use souk_exchange::Engine;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{CommandBody, GroupId, Outcome, OutcomeBatch, Source};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::append::{MAX_WEIGHT, weight_of};
use crate::queue::Queued;
use crate::status::{Phase, Wanted};
use crate::{GroupStatus, SubmitError};

/// A running group: send commands, read its state, hear what comes of commands. Cheap to clone.
#[derive(Clone)]
pub struct GroupHandle {
    pub(crate) group: GroupId,
    pub(crate) queue: mpsc::Sender<Queued>,
    pub(crate) queue_commands: usize,
    pub(crate) engine: Arc<RwLock<Engine>>,
    pub(crate) live: broadcast::Sender<Arc<OutcomeBatch>>,
    pub(crate) status: watch::Receiver<GroupStatus>,
    pub(crate) wanted: watch::Sender<Wanted>,
}

impl GroupHandle {
    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Appends a command as this process's gateway; returns once it is durable in the log and decided. Commands of concurrent callers share
    /// group commits. While the log is unavailable this waits, as long as the caller does: a caller that stops waiting does not know
    /// whether the command takes effect.
    ///
    /// A refusal is an outcome, not an error.
    ///
    /// # Errors
    /// [`SubmitError`] where there is no outcome; it says whether the command may have been sent.
    pub async fn submit(&self, body: CommandBody) -> Result<Outcome, SubmitError> {
        let (queued, answer) = self.prepare(body, None)?;
        self.queue.send(queued).await.map_err(|_| self.gone())?;
        received(answer).await
    }

    /// Appends commands in this order, with nothing of this gateway between those that share a record; the outcomes in the same order.
    ///
    /// # Errors
    /// The first [`SubmitError`]; other commands may have been decided.
    pub async fn submit_all(&self, bodies: Vec<CommandBody>) -> Result<Vec<Outcome>, SubmitError> {
        self.submit_each(bodies.into_iter().map(|body| (body, None)).collect())
            .await
    }

    /// Appends a fact of a chain under its own position. A fact that the engine has heard before is refused as
    /// [`Duplicate`](souk_schema::exchange::Rejection::Duplicate), as an outcome.
    ///
    /// # Errors
    /// [`SubmitError`] where there is no outcome. Sending the fact again is safe.
    pub async fn submit_fact(&self, source: Source, fact: Fact) -> Result<Outcome, SubmitError> {
        let (queued, answer) = self.prepare(CommandBody::Fact(fact), Some(source))?;
        self.queue.send(queued).await.map_err(|_| self.gone())?;
        received(answer).await
    }

    /// Appends facts in this order; the outcomes in the same order. Positions of one source must rise.
    ///
    /// # Errors
    /// The first [`SubmitError`]. Sending the facts again is safe.
    pub async fn submit_facts(&self, facts: Vec<(Source, Fact)>) -> Result<Vec<Outcome>, SubmitError> {
        let facts = facts
            .into_iter()
            .map(|(source, fact)| (CommandBody::Fact(fact), Some(source)));
        self.submit_each(facts.collect()).await
    }

    /// Outcomes from now on, those that this engine decides while it recovers included. All are of commands that are durable, so all are for
    /// good; numbers rise without gaps. A receiver that is too slow learns how much it missed, and finds it in the stream of events.
    ///
    /// To go on from a state: subscribe, then [`read`](Self::read) it, then skip outcomes up to the state's last command.
    pub fn outcomes(&self) -> broadcast::Receiver<Arc<OutcomeBatch>> {
        self.live.subscribe()
    }

    /// Looks at the engine's state between two commands. The engine waits meanwhile, so look briefly, and never wait inside.
    pub fn read<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(&self.engine.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the group tells of itself, as it changes.
    pub fn status(&self) -> watch::Receiver<GroupStatus> {
        self.status.clone()
    }

    /// The source position that a chain's facts have reached: facts from there on are yet to be submitted. `None` before the first.
    pub fn chain_position(&self, chain: souk_schema::ChainId) -> Option<u64> {
        let source = Source::Chain { chain, position: 0 };
        self.read(|engine| engine.source_position(&source))
    }

    /// Waits until the engine decides as commands come. False when the group ended instead.
    pub async fn running(&self) -> bool {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| status.phase != Phase::Recovering).await;
        settled.is_ok_and(|status| status.serves())
    }

    /// Takes the primary's role over from whoever has it, also where this engine was the primary and does not know yet that it is no more.
    /// Returns at once; the status tells when a standby has it. One that was fenced and asked before it learned of that stays primary in its status.
    pub fn promote(&self) {
        Wanted::promote(&self.wanted);
    }

    async fn submit_each(&self, commands: Vec<(CommandBody, Option<Source>)>) -> Result<Vec<Outcome>, SubmitError> {
        let mut answers = Vec::with_capacity(commands.len());
        let mut queue = Vec::with_capacity(commands.len());
        for (body, source) in commands {
            let (queued, answer) = self.prepare(body, source)?;
            queue.push(queued);
            answers.push(answer);
        }
        let mut queue = queue.into_iter();
        while queue.len() > 0 {
            let places = queue.len().min(self.queue_commands);
            let permits = self.queue.reserve_many(places).await.map_err(|_| self.gone())?;
            permits.zip(&mut queue).for_each(|(place, queued)| place.send(queued));
        }
        let mut outcomes = Vec::with_capacity(answers.len());
        for answer in answers {
            outcomes.push(received(answer).await?);
        }
        Ok(outcomes)
    }

    fn prepare(&self, body: CommandBody, source: Option<Source>) -> Result<(Queued, Answer), SubmitError> {
        if matches!(self.status.borrow().phase, Phase::Diverged(_)) {
            return Err(SubmitError::Diverged);
        }
        let orders = weight_of(&body);
        if orders > MAX_WEIGHT {
            return Err(SubmitError::TooLarge {
                orders,
                limit: MAX_WEIGHT,
            });
        }
        let (reply, answer) = oneshot::channel();
        Ok((Queued { body, source, reply }, answer))
    }

    fn gone(&self) -> SubmitError {
        match self.status.borrow().phase {
            Phase::Diverged(_) => SubmitError::Diverged,
            _ => SubmitError::Stopped,
        }
    }
}

type Answer = oneshot::Receiver<Result<crate::waiters::Decided, SubmitError>>;

async fn received(answer: Answer) -> Result<Outcome, SubmitError> {
    // Dropped without a word: nobody knows how far the command came.
    let decided = answer.await.unwrap_or(Err(SubmitError::Unknown))?;
    Ok(decided.into_outcome())
}
