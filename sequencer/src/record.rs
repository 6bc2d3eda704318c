//! Records of the exchange's streams: batches with their headers, to the log and back.

use souk_eventlog::{NewRecord, StoredRecord, StreamName};
use souk_schema::exchange::encoding::{
    COMMAND_BATCH_TYPE, CURRENT_VERSION, OUTCOME_BATCH_TYPE, VERSION_HEADER, decode_commands, decode_outcomes,
    encode_commands, encode_outcomes,
};
use souk_schema::exchange::{CommandBatch, GroupId, OutcomeBatch};

use crate::SequencerError;

const ID_HEADER: &str = "ce_id";

/// A record of commands. Its id names the writer and its first position, so that a record appended twice has one id.
pub fn of_commands(group: GroupId, gateway: u64, first_position: u64, batch: &CommandBatch) -> NewRecord {
    let id = format!("{gateway:016x}.{first_position}");
    new_record(group, COMMAND_BATCH_TYPE, id, encode_commands(batch))
}

/// A record of outcomes. Its id is the number of its first outcome.
pub fn of_outcomes(group: GroupId, batch: &OutcomeBatch) -> NewRecord {
    let first = batch.outcomes.first().map_or(0, |outcome| outcome.number.0);
    new_record(group, OUTCOME_BATCH_TYPE, first.to_string(), encode_outcomes(batch))
}

/// The commands of a record of `exchange.commands.<group>`.
///
/// # Errors
/// [`SequencerError::Record`] or [`SequencerError::NoVersion`], which name the record.
pub fn commands(stream: &StreamName, record: &StoredRecord) -> Result<CommandBatch, SequencerError> {
    decode_commands(version(stream, record)?, &record.payload).map_err(|source| unreadable(stream, record, source))
}

/// The outcomes of a record of `exchange.events.<group>`.
///
/// # Errors
/// [`SequencerError::Record`] or [`SequencerError::NoVersion`], which name the record.
pub fn outcomes(stream: &StreamName, record: &StoredRecord) -> Result<OutcomeBatch, SequencerError> {
    decode_outcomes(version(stream, record)?, &record.payload).map_err(|source| unreadable(stream, record, source))
}

/// The number of a record's first outcome, where it was written as this build writes; `None` where it has to be decoded to know.
pub(crate) fn first_outcome(record: &StoredRecord) -> Option<u64> {
    let header = |name: &str| {
        record
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    };
    let is_current = header(VERSION_HEADER)?.parse() == Ok(CURRENT_VERSION);
    header(ID_HEADER)?.parse().ok().filter(|_| is_current)
}

fn new_record(group: GroupId, kind: &str, id: String, payload: souk_schema::Bytes) -> NewRecord {
    let headers = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_type", kind.to_owned()),
        ("ce_source", format!("souk.exchange.{group}")),
        (ID_HEADER, id),
        ("content-type", "application/protobuf".to_owned()),
        (VERSION_HEADER, CURRENT_VERSION.to_string()),
    ];
    NewRecord {
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        payload: payload.0,
    }
}

fn version(stream: &StreamName, record: &StoredRecord) -> Result<u32, SequencerError> {
    let header = record.headers.iter().find(|(name, _)| name == VERSION_HEADER);
    header
        .and_then(|(_, version)| version.parse().ok())
        .ok_or_else(|| SequencerError::NoVersion {
            stream: stream.to_string(),
            sequence: record.sequence,
        })
}

fn unreadable(
    stream: &StreamName,
    record: &StoredRecord,
    source: souk_schema::exchange::encoding::DecodeError,
) -> SequencerError {
    SequencerError::Record {
        stream: stream.to_string(),
        sequence: record.sequence,
        source,
    }
}
