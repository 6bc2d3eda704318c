//! The log in Apache Kafka: one topic for each stream, one partition, kept for ever.
//!
//! Start at [`KafkaLog`]; `writer` is the fenced writer, `parts` the form of a record, `seek` how a sequence is found among offsets.
//! librdkafka's calls block; they run off the async threads.

mod context;
mod fault;
mod options;
mod parts;
mod pool;
mod publish;
mod reader;
mod seek;
mod shared;
mod topic;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use self::options::KafkaOptions;
use self::shared::Shared;
use self::writer::KafkaWriter;
use crate::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};

/// How long a thread waits for a record in one go: who stops waiting leaves it behind for so long.
const WAIT_SLICE: Duration = Duration::from_millis(500);

/// The log in a Kafka cluster.
pub struct KafkaLog {
    shared: Arc<Shared>,
}

impl KafkaLog {
    /// Reaches the brokers, `host:port` pairs with commas between.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when none answers, [`LogError::Misconfigured`] when an option is unknown or the client refused.
    pub async fn connect(bootstrap: &str, options: KafkaOptions) -> Result<KafkaLog, LogError> {
        let shared = Arc::new(Shared::new(bootstrap, options)?);
        let asking = Arc::clone(&shared);
        blocking(&StreamName::new("all")?, move || asking.topics()).await?;
        Ok(KafkaLog { shared })
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        // Destroying librdkafka's clients blocks for a moment.
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || drop(shared));
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError> {
        self.shared.ensure_topic(stream).await?;
        let (shared, name) = (Arc::clone(&self.shared), stream.clone());
        let writer = blocking(stream, move || KafkaWriter::open(shared, &name)).await?;
        Ok(Box::new(writer))
    }

    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError> {
        crate::record::check(stream, &records)?;
        if records.is_empty() {
            return self.next_sequence(stream).await;
        }
        publish::append(&self.shared, stream, &records).await
    }

    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError> {
        let (shared, name) = (Arc::clone(&self.shared), stream.clone());
        blocking(stream, move || shared.read(&name, from, limits)).await
    }

    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError> {
        let (shared, name) = (Arc::clone(&self.shared), stream.clone());
        blocking(stream, move || Ok(shared.tail(&name)?.sequence)).await
    }

    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            if self
                .shared
                .known_tail(stream)
                .is_some_and(|tail| tail.sequence > sequence)
            {
                return Ok(true);
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            let (shared, name) = (Arc::clone(&self.shared), stream.clone());
            let slice = remaining.min(WAIT_SLICE);
            if blocking(stream, move || shared.wait(&name, sequence, slice)).await? {
                return Ok(true);
            }
            if remaining.is_zero() {
                return Ok(false);
            }
        }
    }

    async fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        let shared = Arc::clone(&self.shared);
        let none = StreamName::new("all")?;
        blocking(&none, move || shared.streams()).await
    }
}

/// Runs what blocks off the async threads.
async fn blocking<T: Send + 'static>(
    stream: &StreamName,
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| {
        Err(LogError::Corrupt {
            stream: stream.to_string(),
            problem: format!("the Kafka client gave up: {panic}"),
        })
    })
}
