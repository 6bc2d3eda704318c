//! The stored encoding of the exchange's records: Protobuf, schemas in `schema/proto/souk/exchange`, so that consumers in any language can
//! read the topics.
//!
//! As with chain records, each stored record carries its encoding version in the header [`VERSION_HEADER`] and old versions are upcast on
//! read; `schema/golden/exchange` keeps specimens of each version. Start with [`encode_commands`]; `field` turns single fields, `wire` is what is written and read without
//! the generated types, the other modules are one schema file each.

mod command;
mod event;
mod field;
mod order;
mod rejection;
mod wire;

use alloy_primitives::Bytes;
use prost::Message;

pub use crate::encoding::VERSION_HEADER;

use super::command::CommandBatch;
use super::event::OutcomeBatch;

#[allow(missing_docs, reason = "generated from schema/proto, which is documented")]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/souk.exchange.v1.rs"));
}

/// The version that [`encode_commands`] and [`encode_outcomes`] write.
///
/// Version 2 has what a chain that went back past finality took away, and hashes of states that remember what could be taken away. Version 3
/// has the third rules, by which an account repays what was borne for it.
pub const CURRENT_VERSION: u32 = 3;

/// The CloudEvents `type` of records of command streams.
pub const COMMAND_BATCH_TYPE: &str = "souk.exchange.v1.CommandBatch";

/// The CloudEvents `type` of records of event streams.
pub const OUTCOME_BATCH_TYPE: &str = "souk.exchange.v1.OutcomeBatch";

/// A stored record of the exchange that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer Souk.
    #[error("encoding version {0} is not known to this build, which reads up to {CURRENT_VERSION}: upgrade souk")]
    UnknownVersion(u32),
    /// Not the Protobuf message that it should be.
    #[error("the record is not a {expected}: {error}")]
    Malformed {
        /// The message's full name.
        expected: &'static str,
        /// What the decoder said.
        #[source]
        error: prost::DecodeError,
    },
    /// A field is missing, has the wrong size or an unknown value.
    #[error("the record's field `{field}` is {problem}")]
    Field {
        /// The field's name in the schema.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Encodes commands in the current version.
pub fn encode_commands(batch: &CommandBatch) -> Bytes {
    command::write_batch(batch).into()
}

/// Decodes commands of any version that was ever written.
///
/// # Errors
/// [`DecodeError`] names the version or the field that is wrong.
pub fn decode_commands(version: u32, payload: &[u8]) -> Result<CommandBatch, DecodeError> {
    match version {
        1..=3 => match command::read_batch(payload) {
            Some(batch) => Ok(batch),
            None => command::batch(message(COMMAND_BATCH_TYPE, payload)?),
        },
        newer => Err(DecodeError::UnknownVersion(newer)),
    }
}

/// Encodes outcomes in the current version.
pub fn encode_outcomes(batch: &OutcomeBatch) -> Bytes {
    event::write_batch(batch).into()
}

/// Decodes outcomes of any version that was ever written.
///
/// # Errors
/// [`DecodeError`] names the version or the field that is wrong.
pub fn decode_outcomes(version: u32, payload: &[u8]) -> Result<OutcomeBatch, DecodeError> {
    match version {
        // States were less then: their hashes are not those of the same states now.
        1 => Ok(OutcomeBatch {
            state_hash: None,
            ..event::batch(message(OUTCOME_BATCH_TYPE, payload)?)?
        }),
        2 | 3 => event::batch(message(OUTCOME_BATCH_TYPE, payload)?),
        newer => Err(DecodeError::UnknownVersion(newer)),
    }
}

fn message<M: Message + Default>(expected: &'static str, payload: &[u8]) -> Result<M, DecodeError> {
    // One copy of the whole, of which the message's many small fields are slices.
    let payload = bytes::Bytes::copy_from_slice(payload);
    M::decode(payload).map_err(|error| DecodeError::Malformed { expected, error })
}

#[cfg(test)]
mod specimens;
#[cfg(test)]
mod tests;
