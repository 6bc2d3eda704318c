//! Where in a stream somebody has read to, so that another life goes on there, if the stream is still the one that was read.

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use souk_eventlog::{EventLog, LogError, ReadLimits, StreamName};

/// The place after a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The record that is read next.
    pub next_sequence: u64,
    /// keccak-256 of the payload of the record before it; zero where there is none.
    pub last_record: B256,
}

impl Place {
    /// The place after the record with this sequence and payload.
    pub fn after(sequence: u64, payload: &[u8]) -> Place {
        Place {
            next_sequence: sequence + 1,
            last_record: keccak256(payload),
        }
    }

    /// Whether it is in a stream: at its beginning, or after the very record that it was after before.
    ///
    /// # Errors
    /// What the log says.
    pub async fn is_in(&self, log: &dyn EventLog, stream: &StreamName) -> Result<bool, LogError> {
        let one = ReadLimits {
            max_records: 1,
            max_bytes: usize::MAX,
        };
        let Some(last) = self.next_sequence.checked_sub(1) else {
            return Ok(self.last_record == B256::ZERO);
        };
        let records = log.read(stream, last, one).await?;
        Ok(records
            .first()
            .is_some_and(|record| Place::after(record.sequence, &record.payload) == *self))
    }
}
