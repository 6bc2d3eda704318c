//! Reading the log: chain streams and their generations, and the streams of a market group. Decodes records and knows no more of what they
//! mean. Start at [`Reader`]; [`retry`] is the loop that whoever follows a stream for ever lives in.

pub mod retry;

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError, ReadLimits, StoredRecord, StreamName};
use souk_schema::encoding::VERSION_HEADER;
use souk_schema::exchange::encoding::decode_outcomes;
use souk_schema::exchange::{GroupId, OutcomeBatch};
use souk_schema::observation::{self, Observation};
use souk_schema::record::ChainRecordBody;
use souk_schema::{B256, ChainId};

const LIMITS: ReadLimits = ReadLimits {
    max_records: 1_024,
    max_bytes: 8 << 20,
};

/// A stream that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The log does not give it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record is not what the stream holds.
    #[error("stream {stream}, record {sequence}: {problem}")]
    Damaged {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
        /// What is wrong.
        problem: String,
    },
}

/// Reads one stream, record after record, from its beginning on or from where an earlier reader was.
pub struct Reader {
    log: Arc<dyn EventLog>,
    stream: StreamName,
    next: u64,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} from {})", self.stream, self.next)
    }
}

impl Reader {
    /// A reader of a stream.
    ///
    /// # Errors
    /// [`LogError::InvalidName`].
    pub fn new(log: &Arc<dyn EventLog>, stream: impl Into<String>) -> Result<Reader, LogError> {
        Ok(Reader {
            log: Arc::clone(log),
            stream: StreamName::new(stream)?,
            next: 0,
        })
    }

    /// The same, to read from the record with this sequence on.
    #[must_use]
    pub fn starting_at(mut self, sequence: u64) -> Reader {
        self.next = sequence;
        self
    }

    /// The sequence of the record that is read next.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The records that are there; none at the tail.
    ///
    /// # Errors
    /// What the log says.
    pub async fn read(&mut self) -> Result<Vec<StoredRecord>, LogError> {
        let records = read_to_its_end(&self.log, &self.stream, self.next, LIMITS).await?;
        if let Some(last) = records.last() {
            self.next = last.sequence + 1;
        }
        Ok(records)
    }

    /// Waits until there is more to read; false when the time is over.
    ///
    /// # Errors
    /// What the log says.
    pub async fn wait(&self, timeout: Duration) -> Result<bool, LogError> {
        self.log.wait_beyond(&self.stream, self.next, timeout).await
    }

    /// A damaged record of this stream.
    pub fn damaged(&self, sequence: u64, problem: impl std::fmt::Display) -> StreamError {
        StreamError::Damaged {
            stream: self.stream.to_string(),
            sequence,
            problem: problem.to_string(),
        }
    }

    /// What a record of a chain's stream says.
    ///
    /// # Errors
    /// [`StreamError::Damaged`].
    pub fn chain_record(&self, chain: ChainId, stored: &StoredRecord) -> Result<ChainRecordBody, StreamError> {
        let version = self.version(stored)?;
        let record = souk_schema::encoding::decode(version, &stored.payload)
            .map_err(|error| self.damaged(stored.sequence, error))?;
        if record.chain != chain {
            return Err(self.damaged(stored.sequence, format!("it is of chain {}", record.chain)));
        }
        Ok(record.body)
    }

    /// What a record of a group's events says.
    ///
    /// # Errors
    /// [`StreamError::Damaged`].
    pub fn outcomes(&self, stored: &StoredRecord) -> Result<OutcomeBatch, StreamError> {
        let version = self.version(stored)?;
        decode_outcomes(version, &stored.payload).map_err(|error| self.damaged(stored.sequence, error))
    }

    /// What a record of the stream of observations says.
    ///
    /// # Errors
    /// [`StreamError::Damaged`].
    pub fn observation(&self, stored: &StoredRecord) -> Result<Observation, StreamError> {
        let version = self.version(stored)?;
        observation::encoding::decode(version, &stored.payload).map_err(|error| self.damaged(stored.sequence, error))
    }

    fn version(&self, stored: &StoredRecord) -> Result<u32, StreamError> {
        let header = stored.headers.iter().find(|(name, _)| name == VERSION_HEADER);
        let version = header.and_then(|(_, version)| version.parse().ok());
        version.ok_or_else(|| self.damaged(stored.sequence, format!("it has no header {VERSION_HEADER}")))
    }
}

/// Reads in a task of its own, so that a read that was begun is read to its end even when nobody waits for it any more: a log's connection
/// that is left in the middle of an answer would give it to the next who asks.
///
/// # Errors
/// What the log says.
pub async fn read_to_its_end(
    log: &Arc<dyn EventLog>,
    stream: &StreamName,
    from: u64,
    limits: ReadLimits,
) -> Result<Vec<StoredRecord>, LogError> {
    let (log, stream) = (Arc::clone(log), stream.clone());
    let reading = tokio::spawn(async move { log.read(&stream, from, limits).await });
    reading.await.map_err(|error| LogError::Unavailable {
        reason: error.to_string(),
    })?
}

/// The generations of a chain's stream that have records, rising.
///
/// # Errors
/// What the log says.
pub async fn generations(log: &dyn EventLog, chain: ChainId) -> Result<Vec<u32>, LogError> {
    let first = chain.stream(1);
    let later = format!("{first}.g");
    let generation = |name: &StreamName| match name.as_str() {
        name if name == first => Some(1),
        name => name.strip_prefix(&later)?.parse().ok(),
    };
    let mut found: Vec<u32> = log.streams().await?.iter().filter_map(generation).collect();
    found.sort_unstable();
    Ok(found)
}

/// The hash of block 0 that a generation of a chain's stream was opened for, which tells two chains with one id apart; `None` where it
/// has no record yet.
///
/// # Errors
/// [`StreamError`].
pub async fn genesis_of(log: &Arc<dyn EventLog>, chain: ChainId, generation: u32) -> Result<Option<B256>, StreamError> {
    const ONE: ReadLimits = ReadLimits {
        max_records: 1,
        max_bytes: 0,
    };
    let reader = Reader::new(log, chain.stream(generation))?;
    let records = log.read(&reader.stream, 0, ONE).await?;
    let Some(first) = records.first() else {
        return Ok(None);
    };
    match reader.chain_record(chain, first)? {
        ChainRecordBody::StreamOpened(opened) => Ok(Some(opened.genesis_hash)),
        _ => Err(reader.damaged(first.sequence, "it does not open the stream")),
    }
}

/// A reader of a group's events.
///
/// # Errors
/// [`LogError::InvalidName`], for no group.
pub fn events(log: &Arc<dyn EventLog>, group: GroupId) -> Result<Reader, LogError> {
    Reader::new(log, group.event_stream())
}
