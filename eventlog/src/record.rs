//! Records, and what is refused before any backend sees it, so that all take the same.

use bytes::Bytes;

use crate::{LogError, StreamName};

/// The largest payload of one record, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

/// The most that the names and values of one record's headers may take, in bytes.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Header names that begin so are the log's own.
pub(crate) const RESERVED: &str = "souk-log-";

/// A record to append. Headers are opaque here; writers use CloudEvents names (`ce_type`, `ce_id`, …).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Names and values, in order; a name may occur more than once.
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

/// Refuses what no backend may be asked to store.
pub(crate) fn check(stream: &StreamName, records: &[NewRecord]) -> Result<(), LogError> {
    let too_large = |bytes, limit| LogError::TooLarge {
        stream: stream.to_string(),
        bytes,
        limit,
    };
    for record in records {
        if record.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(too_large(record.payload.len(), MAX_PAYLOAD_BYTES));
        }
        let header_bytes = record
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if header_bytes > MAX_HEADER_BYTES {
            return Err(too_large(header_bytes, MAX_HEADER_BYTES));
        }
        for (name, value) in &record.headers {
            let problem = if name.is_empty() {
                "has no name"
            } else if name.starts_with(RESERVED) {
                "has a name that is the log's own"
            } else if name.contains('\0') || value.contains('\0') {
                "holds a NUL character"
            } else {
                continue;
            };
            return Err(LogError::InvalidHeader {
                stream: stream.to_string(),
                header: name.replace('\0', "\\0"),
                problem,
            });
        }
    }
    Ok(())
}
