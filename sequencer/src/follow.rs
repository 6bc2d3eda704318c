//! Reads the stream of commands in order and hands every record to the engine once.
//!
//! What this process appended itself need not be read: the acknowledgement says at which sequence it stands, and where that is the next
//! one, its turn has come. Everything else is read from the log.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError, ReadLimits, StoredRecord, StreamName};
use tokio::sync::{mpsc, watch};

use crate::{GroupStatus, SequencerError};

const LIMITS: ReadLimits = ReadLimits {
    max_records: 1_000,
    max_bytes: 4 << 20,
};

/// How long one call waits for a record.
const PATIENCE: Duration = Duration::from_secs(30);

/// From one attempt to the next while the log is unavailable.
pub(crate) const RETRY: Duration = Duration::from_millis(100);

/// Follows a stream.
pub(crate) struct Follower {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) stream: StreamName,
    pub(crate) next: u64,
    /// Records that this process appended.
    pub(crate) appended: mpsc::Receiver<StoredRecord>,
    pub(crate) records: mpsc::Sender<StoredRecord>,
    pub(crate) status: watch::Sender<GroupStatus>,
}

impl Follower {
    /// Follows until nobody takes the records.
    pub(crate) async fn run(mut self) -> Result<(), SequencerError> {
        loop {
            if self.next_is_in_log().await {
                match self.read().await {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(error) if error.retryable() => pause(&self.stream, &error).await,
                    Err(error) => return Err(error.into()),
                }
            } else if self.records.is_closed() {
                return Ok(());
            }
        }
    }

    /// Hands on what this process appends as long as that comes next; returns when something else might. False where nothing did.
    async fn next_is_in_log(&mut self) -> bool {
        let Follower {
            log,
            stream,
            next,
            appended,
            records,
            status,
        } = self;
        let target = *next;
        let mut waiting = pin!(log.wait_beyond(stream, target, PATIENCE));
        loop {
            tokio::select! {
                biased;
                Some(record) = appended.recv() => {
                    if record.sequence == *next {
                        *next += 1;
                        let tail = *next;
                        status.send_modify(|status| status.known_tail = status.known_tail.max(tail));
                        if records.send(record).await.is_err() {
                            return false;
                        }
                    } else if record.sequence > *next {
                        return true;
                    }
                }
                found = &mut waiting => match found {
                    Ok(found) => return found && *next == target,
                    Err(error) => {
                        // Reading says the same, and says it to somebody.
                        tracing::debug!(%stream, %error, "waiting for commands failed");
                        return true;
                    }
                },
            }
        }
    }

    /// Hands on all that is there; false where nobody takes it.
    async fn read(&mut self) -> Result<bool, LogError> {
        loop {
            let tail = self.log.next_sequence(&self.stream).await?;
            self.status
                .send_modify(|status| status.known_tail = status.known_tail.max(tail));
            let records = self.log.read(&self.stream, self.next, LIMITS).await?;
            if records.is_empty() {
                return Ok(true);
            }
            for record in records {
                self.next = record.sequence + 1;
                if self.records.send(record).await.is_err() {
                    return Ok(false);
                }
            }
        }
    }
}

/// Waits a moment for a log that is away.
pub(crate) async fn pause(stream: &StreamName, error: &LogError) {
    tracing::debug!(%stream, %error, "waiting for the log");
    tokio::time::sleep(RETRY).await;
}
