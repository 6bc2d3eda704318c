//! The one task of a process that appends its commands: what waits is gathered into one record, and while that is being committed the next
//! gathers. One append at a time, so that positions reach the log in order: a later one that came first would make the earlier ones
//! duplicates.

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError, NewRecord, StoredRecord, StreamName};
use souk_schema::exchange::{Command, CommandBatch, CommandBody, GroupId, Source};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;
use crate::waiters::Waiters;
use crate::{Clock, SequencerError, record};

/// The most that one record holds: each command weighs 1, and each order in a mass quote another 1. An order takes less than 350 bytes, so
/// a record stays below what a Kafka message takes.
pub(crate) const MAX_WEIGHT: usize = 2_048;

/// From one attempt to the next while the log is unavailable.
const RETRY: Duration = Duration::from_millis(100);

pub(crate) fn weight_of(body: &CommandBody) -> usize {
    match body {
        CommandBody::MassQuote(quote) => 1 + quote.quotes.len(),
        _ => 1,
    }
}

/// Appends the process's commands.
pub(crate) struct Appender {
    pub(crate) group: GroupId,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) stream: StreamName,
    /// This process's number among all writers, drawn when it starts.
    pub(crate) gateway: u64,
    pub(crate) queue: Queue,
    pub(crate) waiters: Arc<Waiters>,
    /// Records that were appended, with their sequences, for the reader of the stream.
    pub(crate) appended: mpsc::Sender<StoredRecord>,
    /// Nothing more is appended once this is cancelled.
    pub(crate) stopping: CancellationToken,
    /// Where the time of records is from.
    pub(crate) clock: Clock,
}

impl Appender {
    /// Appends until the group stops.
    pub(crate) async fn run(mut self) -> Result<(), SequencerError> {
        let mut position = 0;
        let mut waiting = Vec::with_capacity(MAX_WEIGHT);
        loop {
            if waiting.is_empty() {
                let received = self.queue.take(&mut waiting, MAX_WEIGHT);
                // `None` once the group stops; 0 once nobody can submit.
                if matches!(self.stopping.run_until_cancelled(received).await, None | Some(0)) {
                    return Ok(());
                }
            }
            let mut weight = 0;
            let fitting = waiting
                .iter()
                .take_while(|queued| {
                    weight += weight_of(&queued.body);
                    weight <= MAX_WEIGHT
                })
                .count();
            let first_position = position + 1;
            let mut commands = Vec::with_capacity(fitting);
            let mut replies = Vec::with_capacity(fitting);
            for queued in waiting.drain(..fitting) {
                let source = queued.source.unwrap_or_else(|| {
                    position += 1;
                    Source::Gateway {
                        id: self.gateway,
                        position,
                    }
                });
                commands.push(Command {
                    source,
                    body: queued.body,
                });
                replies.push((source, queued.reply));
            }
            let batch = CommandBatch {
                written_at: self.clock.now(),
                commands,
            };
            let new = record::of_commands(self.group, self.gateway, first_position, &batch);
            self.waiters.add(replies);
            let sequence = self.append(&new).await?;
            let stored = StoredRecord {
                sequence,
                headers: new.headers,
                payload: new.payload,
            };
            // The reader finds what it was not told of in the log.
            let _ = self.appended.try_send(stored);
        }
    }

    /// Appends the same record until that works: a repetition that finds the record in the log already is a duplicate, which engines
    /// refuse.
    async fn append(&self, new: &NewRecord) -> Result<u64, LogError> {
        let mut told = false;
        loop {
            match self.log.append_shared(&self.stream, vec![new.clone()]).await {
                Ok(sequence) => return Ok(sequence),
                Err(error) if error.retryable() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(stream = %self.stream, %error, "commands wait for the log");
                    }
                    metrics::counter!("souk_exchange_append_retries_total", "group" => self.group.to_string())
                        .increment(1);
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
