//! Streams of records: append, read, tail, fence. One interface over an embedded log in Postgres and Apache Kafka.
//!
//! Knows no domain type, and never interprets a payload. It keeps LOG-2 for its part: a record acknowledged is never lost, never
//! reordered, and there once. Start with [`EventLog`].

use std::time::Duration;

use async_trait::async_trait;

mod embedded;
mod error;
mod kafka;
mod name;
mod record;

pub use embedded::EmbeddedLog;
pub use error::LogError;
pub use kafka::{KafkaLog, KafkaOptions};
pub use name::StreamName;
pub use record::{MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, NewRecord, ReadLimits, StoredRecord};

/// A log of named streams. A stream has one fenced writer or many unfenced ones, for life; its first append decides, if not the first
/// opening of a writer.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Opens the one fenced writer of a stream: fences any earlier one first, then reads the tail.
    ///
    /// # Errors
    /// [`LogError::WrongWriter`] for a stream of many writers.
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError>;

    /// Appends to a stream that has many writers; returns the sequence of the first record. The records of one call keep their order;
    /// on Kafka those of other writers may come between them.
    ///
    /// At least once: a call that failed may have taken effect, wholly or on Kafka in part, and a caller that repeats it may append
    /// twice. So each record carries an id of its own in its headers, and its readers skip an id that they have seen.
    ///
    /// # Errors
    /// [`LogError::WrongWriter`] for a stream that has had a fenced writer.
    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError>;

    /// Records from a sequence on (inclusive); none at the tail. Never waits for records to come.
    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError>;

    /// The sequence that the next record will have; 0 for a stream that has none.
    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError>;

    /// Waits until the record with this sequence exists; false when the time is over.
    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError>;

    /// The streams that have records, in the order of their names.
    async fn streams(&self) -> Result<Vec<StreamName>, LogError>;
}

/// The one writer of a stream.
#[async_trait]
pub trait StreamWriter: Send {
    /// The sequence of the next record.
    fn next_sequence(&self) -> u64;

    /// Appends all or nothing, and returns after the durable acknowledgement, when every reader can see the records; returns the
    /// sequence of the first. Awaits while the backend is slow; no more than these records is buffered.
    ///
    /// An append that failed with a retryable error, or whose future was dropped, may have taken effect. Call again with the same
    /// records until it succeeds: they are in the stream once, however often the acknowledgement was lost. A caller that wants to
    /// append something else instead opens the writer anew, and sees from its tail what happened.
    ///
    /// # Errors
    /// [`LogError::Fenced`] when another writer was opened, with nothing written. [`LogError::WriterLost`] when the earlier append did
    /// take effect, and these are other records.
    async fn append(&mut self, records: Vec<NewRecord>) -> Result<u64, LogError>;
}
