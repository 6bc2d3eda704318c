//! Follows a chain's streams and tells the engine what they say, generation after generation. The shell around [`Telling`].
//!
//! It folds from its last snapshot on, or from the first record of the first generation where there is none that can be used, and submits what
//! is beyond the position that the engine has heard. Start at [`FactFollower::run`].

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError};
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{Outcome, Rejection, Source};
use souk_schema::record::ChainRecordBody;
use souk_schema::{B256, ChainId, TokenRef};
use souk_sequencer::{GroupHandle, SubmitError};
use tokio_util::sync::CancellationToken;

use super::folder::{FactAt, FactConfig, FoldError};
use super::telling::{Listener, Telling};
use crate::store::Store;
use souk_streams::retry::{Sessions, keep_going};
use souk_streams::{Reader, StreamError, generations, genesis_of};

/// How long to wait for a record before looking for a newer generation.
const IDLE: Duration = Duration::from_secs(2);
/// How long to wait for the group to be opened before looking again.
const NOT_OPEN: Duration = Duration::from_millis(200);
/// Facts in one submission.
const AT_A_TIME: usize = 1_024;
/// Records between two snapshots, at least.
const SNAPSHOT_EVERY: u64 = 1_000;

impl Listener for GroupHandle {
    fn is_credited(&self, deposit_id: u64) -> bool {
        self.read(|engine| engine.is_credited(deposit_id))
    }

    fn is_listed(&self, token: TokenRef) -> bool {
        self.read(|engine| engine.is_listed(token))
    }
}

/// Why facts are told no longer.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log does not give a stream.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stream is damaged.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A stream does not fit together.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The group has stopped.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Postgres does not answer.
    #[error("settlement's tables: {0}")]
    Database(#[from] sqlx::Error),
}

impl FollowError {
    /// Whether trying again is of no use.
    pub fn is_fatal(&self) -> bool {
        match self {
            FollowError::Log(error) | FollowError::Stream(StreamError::Log(error)) => !error.retryable(),
            FollowError::Stream(_) | FollowError::Fold(_) => true,
            FollowError::Submit(error) => *error == SubmitError::Diverged,
            FollowError::Database(_) => false,
        }
    }
}

/// Tells a group's engine what a chain says.
pub struct FactFollower {
    pub(super) config: FactConfig,
    pub(super) chain: ChainId,
    pub(super) genesis: B256,
    pub(super) group: GroupHandle,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Store,
    pub(super) snapshot_every: u64,
}

impl std::fmt::Debug for FactFollower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FactFollower(group {}, chain {})", self.config.group, self.chain)
    }
}

impl Sessions for FactFollower {
    type Error = FollowError;

    async fn session(&mut self) -> Result<(), FollowError> {
        self.follow().await
    }

    /// The position up to which the engine has heard.
    fn progress(&self) -> u64 {
        self.group.chain_position(self.chain).unwrap_or(0)
    }

    fn failed(&mut self, error: &FollowError) -> bool {
        !error.is_fatal()
    }
}

impl FactFollower {
    /// For a running group and the chain that it settles on. A chain with the same id that has another genesis block is none of it.
    pub fn new(
        config: FactConfig,
        (chain, genesis): (ChainId, B256),
        group: GroupHandle,
        log: Arc<dyn EventLog>,
        store: Store,
    ) -> FactFollower {
        FactFollower {
            config,
            chain,
            genesis,
            group,
            log,
            store,
            snapshot_every: SNAPSHOT_EVERY,
        }
    }

    /// Takes a snapshot after every so many records.
    pub fn snapshot_every(mut self, records: u64) -> FactFollower {
        self.snapshot_every = records;
        self
    }

    /// Tells facts until cancelled; begins anew after whatever can be waited out.
    ///
    /// # Errors
    /// A [`FollowError`] that cannot.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), FollowError> {
        let what = format!("facts for market group {}", self.config.group);
        keep_going(&mut self, what, &cancel).await
    }

    /// From the last snapshot on, for ever.
    async fn follow(&self) -> Result<(), FollowError> {
        if !self.group.running().await || self.group.read(|engine| engine.group().is_none()) {
            // A fact that came before the group is open would be refused, and its position used up.
            tokio::time::sleep(NOT_OPEN).await;
            return Ok(());
        }
        let (mut session, mut resumed) = self.resume().await?;
        let mut told = 0;
        loop {
            let (generation, from) = match resumed.take() {
                Some(at) => at,
                None => {
                    let known = generations(self.log.as_ref(), self.chain).await?;
                    let Some(&generation) = known.iter().find(|generation| **generation > told) else {
                        tokio::time::sleep(IDLE).await;
                        continue;
                    };
                    session.telling.begin_generation();
                    (generation, 0)
                }
            };
            if genesis_of(&self.log, self.chain, generation).await? == Some(self.genesis) {
                session.generation(generation, from).await?;
            }
            told = generation;
        }
    }
}

pub(super) struct Session<'a> {
    pub(super) follower: &'a FactFollower,
    pub(super) telling: Telling,
    /// Size of the last snapshot.
    pub(super) snapshot_bytes: usize,
}

impl Session<'_> {
    /// Tells a generation, until a newer one has begun and this one is told to its end, or to where it was told before.
    async fn generation(&mut self, generation: u32, from: u64) -> Result<(), FollowError> {
        let FactFollower {
            config,
            chain,
            log,
            store,
            ..
        } = self.follower;
        let mut reader = Reader::new(log, chain.stream(generation))?.starting_at(from);
        let mut until = store.told_until(config.group, *chain, generation).await?;
        let mut facts = Vec::new();
        loop {
            let records = reader.read().await?;
            for stored in &records {
                if until.is_some_and(|until| stored.sequence >= until) {
                    break;
                }
                let body = reader.chain_record(*chain, stored)?;
                facts.extend(self.telling.fold(stored, &body)?);
                let may_tell_held = matches!(body, ChainRecordBody::FinalityAdvanced(_)) && self.telling.holds_some();
                if facts.len() >= AT_A_TIME || may_tell_held {
                    self.tell(std::mem::take(&mut facts), stored.sequence).await?;
                }
            }
            if let Some(last) = reader.next_sequence().checked_sub(1).filter(|_| !facts.is_empty()) {
                self.tell(std::mem::take(&mut facts), last).await?;
            }
            self.keep().await?;
            if until.is_some_and(|until| reader.next_sequence() >= until) {
                return Ok(());
            }
            if !records.is_empty() {
                continue;
            }
            if generations(log.as_ref(), *chain)
                .await?
                .iter()
                .any(|newer| *newer > generation)
            {
                // Whoever decides first has decided: what comes to this stream later is never told.
                let end = reader.next_sequence();
                until = Some(store.set_told_until(config.group, *chain, generation, end).await?);
                continue;
            }
            reader.wait(IDLE).await?;
        }
    }

    /// Tells facts in order, which are all up to a record.
    async fn tell(&mut self, facts: Vec<FactAt>, through_record: u64) -> Result<(), FollowError> {
        let group = &self.follower.group;
        let new = self.telling.begin(facts, group);
        self.submit(new).await?;
        let held = self.telling.end(through_record, group);
        self.submit(held).await
    }

    async fn submit(&mut self, facts: Vec<FactAt>) -> Result<(), FollowError> {
        if facts.is_empty() {
            return Ok(());
        }
        let chain = self.follower.chain;
        let sources = facts.iter().map(|fact| {
            let position = fact.position;
            (Source::Chain { chain, position }, fact.fact.clone())
        });
        let outcomes = self.follower.group.submit_facts(sources.collect()).await?;
        for (fact, outcome) in facts.into_iter().zip(outcomes) {
            self.report(&fact.fact, &outcome);
            self.telling.answered(&fact, &outcome, &self.follower.group);
        }
        Ok(())
    }

    fn report(&self, fact: &Fact, outcome: &Outcome) {
        let group = self.follower.config.group.to_string();
        metrics::counter!("souk_settlement_facts_total", "group" => group.clone()).increment(1);
        if matches!(fact, Fact::FillSkipped { .. }) {
            metrics::counter!("souk_settlement_fills_skipped_total", "group" => group.clone()).increment(1);
        }
        match &outcome.result {
            // Expected: heard before, said twice, or of something that does not trade here (yet).
            Ok(_) | Err(Rejection::Duplicate | Rejection::NothingToChange | Rejection::UnknownInstrument) => {}
            Err(rejection) => {
                metrics::counter!("souk_settlement_facts_refused_total", "group" => group).increment(1);
                tracing::warn!(group = %self.follower.config.group, ?fact, %rejection, "the engine refuses a fact");
            }
        }
    }
}
