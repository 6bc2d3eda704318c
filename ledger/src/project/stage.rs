//! From stored records to a batch that is ready to be written: decoded, folded, encoded. All of it is computation, and runs off the async
//! threads while the batch before is being written.

use souk_eventlog::StoredRecord;
use souk_schema::exchange::encoding::{VERSION_HEADER, decode_outcomes};
use souk_schema::exchange::{CommandNumber, GroupId, OutcomeBatch};

use super::error::ProjectError;
use crate::fold::{Changes, Context};
use crate::store::{Encoded, encode};

/// Records, ready to be written as one transaction.
pub(super) struct Batch {
    pub(super) next_sequence: u64,
    pub(super) last_number: CommandNumber,
    pub(super) changes: Changes,
    pub(super) encoded: Encoded,
    /// Whether any outcome was applied: records whose outcomes were all seen before change the offset only.
    pub(super) is_news: bool,
}

/// The state that is carried from one batch to the next.
pub(super) struct Stage {
    group: GroupId,
    stream: String,
    context: Context,
}

impl Stage {
    pub(super) fn new(group: GroupId, context: Context) -> Stage {
        Stage {
            group,
            stream: group.event_stream(),
            context,
        }
    }

    /// Makes a batch of at least one record.
    pub(super) fn prepare(&mut self, records: &[StoredRecord]) -> Result<Batch, ProjectError> {
        let mut changes = Changes::default();
        let before = self.context.last_number;
        for record in records {
            for outcome in self.read(record)?.outcomes {
                let applied = self.context.apply(outcome, &mut changes);
                applied.map_err(|source| ProjectError::Outcome {
                    stream: self.stream.clone(),
                    sequence: record.sequence,
                    source,
                })?;
            }
        }
        let changes = self.context.take(&mut changes);
        Ok(Batch {
            next_sequence: records.last().map_or(0, |record| record.sequence + 1),
            last_number: self.context.last_number,
            encoded: encode(self.group, &changes),
            changes,
            is_news: self.context.last_number > before,
        })
    }

    fn read(&self, record: &StoredRecord) -> Result<OutcomeBatch, ProjectError> {
        let sequence = record.sequence;
        let version = record.headers.iter().find(|(name, _)| name == VERSION_HEADER);
        let version = version.and_then(|(_, version)| version.parse().ok());
        let version = version.ok_or_else(|| ProjectError::NoVersion {
            stream: self.stream.clone(),
            sequence,
        })?;
        decode_outcomes(version, &record.payload).map_err(|source| ProjectError::Record {
            stream: self.stream.clone(),
            sequence,
            source,
        })
    }
}
