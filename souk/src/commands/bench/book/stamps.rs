//! When a group's commands became durable: an event log that notes when it acknowledged a record, and who was in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_trait::async_trait;
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};
use souk_schema::exchange::OutcomeBatch;
use tokio::sync::broadcast;

/// What is known so far. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Durable(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// When each record of commands was acknowledged, by its sequence.
    records: BTreeMap<u64, Instant>,
    /// In which record each command is.
    commands: BTreeMap<u64, u64>,
}

impl Durable {
    /// Forgets what was before the measurement.
    pub fn begin(&self) {
        *self.known() = Known::default();
    }

    /// When a command became durable.
    ///
    /// # Errors
    /// One line for a command that nobody appended here.
    pub fn of(&self, command: u64) -> Result<Instant> {
        let known = self.known();
        let record = known.commands.get(&command);
        let at = record.and_then(|record| known.records.get(record));
        at.copied()
            .with_context(|| format!("command {command} was not appended by this process"))
    }

    /// Notes which commands are in which record, until outcomes end.
    pub async fn listen(self, mut outcomes: broadcast::Receiver<Arc<OutcomeBatch>>) -> Result<()> {
        while let Ok(batch) = outcomes.recv().await {
            let mut known = self.known();
            for outcome in &batch.outcomes {
                known.commands.insert(outcome.number.0, batch.command_sequence);
            }
        }
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log that notes when it acknowledged records of one stream.
pub struct StampedLog {
    log: Arc<dyn EventLog>,
    stream: StreamName,
    durable: Durable,
}

impl StampedLog {
    /// Before a log, for one stream of many writers.
    pub fn new(log: Arc<dyn EventLog>, stream: StreamName, durable: Durable) -> StampedLog {
        StampedLog { log, stream, durable }
    }
}

#[async_trait]
impl EventLog for StampedLog {
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError> {
        self.log.open_writer(stream).await
    }

    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError> {
        let count = records.len() as u64;
        let first = self.log.append_shared(stream, records).await?;
        if *stream == self.stream {
            let at = Instant::now();
            let stamped = (first..first + count).map(|sequence| (sequence, at));
            self.durable.known().records.extend(stamped);
        }
        Ok(first)
    }

    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.log.read(stream, from, limits).await
    }

    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError> {
        self.log.next_sequence(stream).await
    }

    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        self.log.wait_beyond(stream, sequence, timeout).await
    }

    async fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.log.streams().await
    }
}
