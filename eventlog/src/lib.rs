//! Streams of records: append, read, tail, fence. One interface over an embedded log in Postgres and Apache Kafka.
//!
//! Knows no domain type. Start with [`EventLog`].

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

mod error;
mod name;

pub use error::LogError;
pub use name::StreamName;

/// A record to append. Headers are opaque here; writers use CloudEvents names (`ce_type`, `ce_id`, …).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The stored encoding of whatever the record says.
    pub payload: Bytes,
}

/// A record as it stands in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Position in the stream, gapless from 0.
    pub sequence: u64,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// What was appended.
    pub payload: Bytes,
}

/// How much one read returns at most; one record is returned even if it alone is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Records.
    pub max_records: usize,
    /// Bytes of payload.
    pub max_bytes: usize,
}

/// A log of named streams.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Opens the one fenced writer of a stream: fences any earlier one first, then reads the tail.
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError>;
    /// Appends to a stream that has many writers; the sequence of the first record.
    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError>;
    /// Records from a sequence on; none at the tail. Never waits.
    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError>;
    /// The sequence that the next record will have; 0 for a stream that has none.
    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError>;
    /// Waits until the record with this sequence exists; false when the time is over.
    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError>;
    /// The streams that have records.
    async fn streams(&self) -> Result<Vec<StreamName>, LogError>;
}

/// The one writer of a stream.
#[async_trait]
pub trait StreamWriter: Send {
    /// The sequence of the next record.
    fn next_sequence(&self) -> u64;
    /// Appends all or nothing, and returns after the durable acknowledgement; the sequence of the first record.
    async fn append(&mut self, records: Vec<NewRecord>) -> Result<u64, LogError>;
}
