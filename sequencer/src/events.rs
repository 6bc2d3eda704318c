//! The stream of events, from both sides. The primary writes what its engine decides, through the stream's one fenced writer; a standby
//! compares. What was written is never written again, and what was decided is never lost on the way: it is kept until it is seen in the
//! stream, by whoever wrote it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};
use souk_schema::exchange::{CommandNumber, GroupId, OutcomeBatch};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::compare::{Comparison, Difference};
use crate::follow::pause;
use crate::status::{Phase, Wanted};
use crate::{GroupStatus, Role, SequencerError, record};

const LIMITS: ReadLimits = ReadLimits {
    max_records: 500,
    max_bytes: 8 << 20,
};

/// Outcomes that one append writes, unless a single record holds more.
const OUTCOMES_PER_APPEND: usize = 8_192;

/// Outcomes that may wait to be seen in the stream; beyond, the engine waits.
const MAX_UNPUBLISHED: usize = 200_000;

/// How long one call waits for a record.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes or compares events.
pub(crate) struct Events {
    pub(crate) group: GroupId,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) stream: StreamName,
    pub(crate) comparison: Comparison,
    /// Sequence of the next record of events to be read, or written.
    pub(crate) next: u64,
    /// Records of events that were read, and wait for this engine to come to them.
    pub(crate) unread: VecDeque<StoredRecord>,
    pub(crate) outcomes: mpsc::Receiver<Arc<OutcomeBatch>>,
    /// The role that this engine should have.
    pub(crate) wanted: watch::Sender<Wanted>,
    pub(crate) takeover_after: Option<Duration>,
    pub(crate) status: watch::Sender<GroupStatus>,
}

/// What comes after leading or following.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The engine's thread has ended.
    End,
    /// Whatever role is wanted now.
    Role,
}

impl Events {
    pub(crate) async fn run(mut self) -> Result<(), SequencerError> {
        loop {
            let role = self.wanted.borrow().role;
            let next = match role {
                Role::Primary => self.lead().await,
                Role::Standby => self.follow().await,
            };
            match next {
                Ok(Next::Role) => {}
                Ok(Next::End) => return Ok(()),
                Err(SequencerError::Log(error)) if error.retryable() => pause(&self.stream, &error).await,
                Err(error) => {
                    if let SequencerError::Diverged { command, .. } = error {
                        self.status
                            .send_modify(|status| status.phase = Phase::Diverged(command));
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Compares until another role is wanted.
    async fn follow(&mut self) -> Result<Next, SequencerError> {
        self.has_role(Role::Standby);
        let mut wanted = self.wanted.subscribe();
        let mut waiting = self.wait_for(self.next);
        // Since when there are outcomes that the primary should have written, and it wrote nothing.
        let mut silent_since = Instant::now();
        loop {
            if wanted.borrow_and_update().role == Role::Primary {
                return Ok(Next::Role);
            }
            let has_room = self.comparison.unpublished() < MAX_UNPUBLISHED;
            let awaited = self.comparison.unpublished() > 0;
            let takeover = self
                .takeover_after
                .filter(|_| awaited)
                .map(|after| silent_since + after);
            tokio::select! {
                batch = self.outcomes.recv(), if has_room => match batch {
                    Some(batch) => {
                        if !awaited {
                            silent_since = Instant::now();
                        }
                        self.decided(batch)?;
                    }
                    None => return Ok(Next::End),
                },
                found = &mut waiting, if !self.is_behind() => {
                    if found? {
                        self.read(u64::MAX).await?;
                        silent_since = Instant::now();
                    }
                    waiting = self.wait_for(self.next);
                }
                _ = wanted.changed() => {}
                () = tokio::time::sleep_until(takeover.unwrap_or(silent_since)), if takeover.is_some() => {
                    tracing::warn!(stream = %self.stream, "the primary writes no events, taking over");
                    Wanted::promote(&self.wanted);
                }
            }
        }
    }

    /// Fences the writer before, compares what it wrote, and goes on from there until another takes over.
    async fn lead(&mut self) -> Result<Next, SequencerError> {
        let mut wanted = self.wanted.subscribe();
        let led_by = *wanted.borrow_and_update();
        let mut writer = self.log.open_writer(&self.stream).await?;
        let tail = writer.next_sequence();
        while self.next < tail || self.is_behind() {
            if self.is_behind() {
                match self.outcomes.recv().await {
                    Some(batch) => self.decided(batch)?,
                    None => return Ok(Next::End),
                }
            } else {
                self.read(tail).await?;
            }
        }
        self.has_role(Role::Primary);
        loop {
            if *wanted.borrow_and_update() != led_by {
                return Ok(Next::Role);
            }
            if self.comparison.unpublished() == 0 {
                tokio::select! {
                    batch = self.outcomes.recv() => match batch {
                        Some(batch) => self.decided(batch)?,
                        None => return Ok(Next::End),
                    },
                    _ = wanted.changed() => continue,
                }
            }
            while self.comparison.unpublished() < OUTCOMES_PER_APPEND
                && let Ok(batch) = self.outcomes.try_recv()
            {
                self.decided(batch)?;
            }
            if self.publish(&mut *writer, led_by).await? == Next::Role {
                return Ok(Next::Role);
            }
        }
    }

    /// Writes what was decided, again and again until it is there. `Next::Role` where this writer can write no more.
    async fn publish(&mut self, writer: &mut dyn StreamWriter, led_by: Wanted) -> Result<Next, SequencerError> {
        let batches = self.comparison.to_publish(OUTCOMES_PER_APPEND);
        let (count, group) = (batches.len(), self.group);
        let encoding = tokio::task::spawn_blocking(move || encode(group, &batches));
        let records = encoding
            .await
            .map_err(|panic| SequencerError::Ended(panic.to_string()))?;
        let mut told = false;
        loop {
            match writer.append(records.clone()).await {
                Ok(_) => break,
                Err(error) if error.retryable() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(stream = %self.stream, %error, "events wait for the log");
                    }
                    pause(&self.stream, &error).await;
                }
                Err(error @ LogError::Fenced { .. }) => {
                    tracing::warn!(%error, "another engine writes the events now; standing by unless asked to lead again");
                    Wanted::stand_by(&self.wanted, led_by);
                    return Ok(Next::Role);
                }
                Err(error @ LogError::WriterLost { .. }) => {
                    tracing::warn!(%error, "opening the writer of the events anew");
                    return Ok(Next::Role);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.next = writer.next_sequence();
        self.comparison.published_batches(count);
        self.report();
        Ok(Next::End)
    }

    /// Compares the records from `next` on, as long as they begin before a sequence.
    async fn read(&mut self, before: u64) -> Result<(), SequencerError> {
        for stored in self.log.read(&self.stream, self.next, LIMITS).await? {
            if stored.sequence >= before {
                break;
            }
            self.next = stored.sequence + 1;
            self.unread.push_back(stored);
        }
        self.compare()
    }

    fn decided(&mut self, batch: Arc<OutcomeBatch>) -> Result<(), SequencerError> {
        let compared = self.comparison.decided(batch);
        self.judge(compared)?;
        self.compare()
    }

    /// Whether events wait for this engine to come to them.
    fn is_behind(&self) -> bool {
        !self.unread.is_empty() || self.comparison.is_behind()
    }

    /// Compares as far as this engine has come.
    fn compare(&mut self) -> Result<(), SequencerError> {
        while !self.comparison.is_behind()
            && let Some(stored) = self.unread.front()
        {
            let first = record::first_outcome(stored);
            let next = self.comparison.published().0 + 1;
            if first >= Some(next) && self.comparison.unpublished() == 0 {
                return Ok(());
            }
            // Mostly it was this engine, or one that gathers the same records to the same batches, who wrote them.
            if first == Some(next) && self.comparison.is_written_alike(&stored.payload) {
                self.report();
            } else {
                let batch = record::outcomes(&self.stream, stored)?;
                let compared = self.comparison.read(batch);
                self.judge(compared)?;
            }
            self.unread.pop_front();
        }
        Ok(())
    }

    fn judge(&self, compared: Result<(), Difference>) -> Result<(), SequencerError> {
        self.report();
        let stream = self.stream.to_string();
        compared.map_err(|difference| match difference {
            Difference::Outcome { command, problem } => SequencerError::Diverged {
                command,
                stream,
                problem,
            },
            Difference::Gap { after, found } => SequencerError::EventGap { stream, after, found },
        })
    }

    fn report(&self) {
        let published = self.comparison.published();
        self.status.send_if_modified(|status| {
            let is_news = status.published != published;
            status.published = published;
            is_news
        });
        let unpublished = self.comparison.unpublished() as f64;
        metrics::gauge!("souk_exchange_unpublished_outcomes", "stream" => self.stream.to_string()).set(unpublished);
    }

    fn has_role(&self, role: Role) {
        tracing::info!(stream = %self.stream, ?role, published = %self.comparison.published(), "events");
        self.status.send_modify(|status| status.role = role);
    }

    /// Kept over many looks at other things: some logs leave a thread behind for a waiter who goes away.
    fn wait_for(&self, sequence: u64) -> Pin<Box<dyn Future<Output = Result<bool, LogError>> + Send>> {
        let (log, stream) = (Arc::clone(&self.log), self.stream.clone());
        Box::pin(async move { log.wait_beyond(&stream, sequence, PATIENCE).await })
    }
}

fn encode(group: GroupId, batches: &[Arc<OutcomeBatch>]) -> Vec<NewRecord> {
    batches.iter().map(|batch| record::of_outcomes(group, batch)).collect()
}

/// The last command whose outcome is in the stream; 0 where there is none.
pub(crate) async fn last_command(log: &dyn EventLog, stream: &StreamName) -> Result<CommandNumber, SequencerError> {
    match log.next_sequence(stream).await? {
        0 => Ok(CommandNumber(0)),
        tail => last_command_at(log, stream, tail - 1).await,
    }
}

/// The sequence of the first record that has the outcome of a command beyond this one; the tail where there is none.
pub(crate) async fn first_beyond(
    log: &dyn EventLog,
    stream: &StreamName,
    command: CommandNumber,
) -> Result<u64, SequencerError> {
    let (mut low, mut high) = (0, log.next_sequence(stream).await?);
    while low < high {
        let middle = low + (high - low) / 2;
        if last_command_at(log, stream, middle).await? > command {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

async fn last_command_at(
    log: &dyn EventLog,
    stream: &StreamName,
    sequence: u64,
) -> Result<CommandNumber, SequencerError> {
    let one = ReadLimits {
        max_records: 1,
        max_bytes: 0,
    };
    let records = log.read(stream, sequence, one).await?;
    let Some(stored) = records.first() else {
        return Err(SequencerError::Log(LogError::Unavailable {
            reason: format!("record {sequence} of {stream} is not to be had yet"),
        }));
    };
    let batch = record::outcomes(stream, stored)?;
    Ok(batch.outcomes.last().map_or(CommandNumber(0), |outcome| outcome.number))
}
