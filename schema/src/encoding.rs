//! The stored encoding of records: Protobuf, schemas in `schema/proto`, so that consumers in any language can read the topics.
//!
//! Every stored record carries its encoding version in a header beside the payload ([`VERSION_HEADER`]). Old versions are upcast on
//! read: [`decode`] takes every version that was ever written and gives today's [`ChainRecord`]. The files in `schema/golden` keep one
//! specimen of each record of each version, and a test decodes them all.

use alloy_primitives::{Address, B256, Bytes};
use prost::Message;

use crate::id::{BlockRef, ChainId};
use crate::record::{Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened};

#[allow(missing_docs, reason = "generated from schema/proto, which is documented")]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/souk.chain.v1.rs"));
}

/// The version that [`encode`] writes.
pub const CURRENT_VERSION: u32 = 1;

/// Name of the record header that holds the version, in decimal digits.
pub const VERSION_HEADER: &str = "souk-encoding-version";

/// The CloudEvents `type` of chain records.
pub const CHAIN_RECORD_TYPE: &str = "souk.chain.v1.ChainRecord";

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer Souk.
    #[error("encoding version {0} is not known to this build, which reads up to {CURRENT_VERSION}: upgrade souk")]
    UnknownVersion(u32),
    /// Not the Protobuf message that it should be.
    #[error("the record is not a souk.chain.v1.ChainRecord: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field is missing or has the wrong size.
    #[error("the record's field `{field}` is {problem}")]
    Field {
        /// The field's name in the schema.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Encodes a record in the current version.
pub fn encode(record: &ChainRecord) -> Bytes {
    let body = match &record.body {
        ChainRecordBody::StreamOpened(opened) => v1::chain_record::Body::StreamOpened(v1::StreamOpened {
            generation: opened.generation,
            start_block: opened.start_block,
            watch_set_json: opened.watch_set_json.clone(),
            watch_set_hash: opened.watch_set_hash.to_vec(),
            genesis_hash: opened.genesis_hash.to_vec(),
        }),
        ChainRecordBody::BlockAppended(block) => v1::chain_record::Body::BlockAppended(encode_block(block)),
        ChainRecordBody::BlockReverted(reverted) => v1::chain_record::Body::BlockReverted(v1::BlockReverted {
            number: reverted.number,
            hash: reverted.hash.to_vec(),
            parent_hash: reverted.parent_hash.to_vec(),
        }),
        ChainRecordBody::FinalityAdvanced(block) => v1::chain_record::Body::FinalityAdvanced(v1::FinalityAdvanced {
            number: block.number,
            hash: block.hash.to_vec(),
        }),
    };
    v1::ChainRecord {
        chain_id: record.chain.0,
        body: Some(body),
    }
    .encode_to_vec()
    .into()
}

/// Decodes a record of any version that was ever written.
///
/// # Errors
/// [`DecodeError`] names the version or the field that is wrong.
pub fn decode(version: u32, payload: &[u8]) -> Result<ChainRecord, DecodeError> {
    match version {
        1 => decode_v1(v1::ChainRecord::decode(payload)?),
        newer => Err(DecodeError::UnknownVersion(newer)),
    }
}

fn encode_block(block: &Block) -> v1::BlockAppended {
    let logs = block.logs.iter().map(|log| v1::Log {
        address: log.address.to_vec(),
        topics: log.topics.iter().map(|topic| topic.to_vec()).collect(),
        data: log.data.0.clone(),
        transaction_hash: log.transaction_hash.to_vec(),
        transaction_index: log.transaction_index,
        log_index: log.log_index,
    });
    let proof = match block.proof {
        CompletenessProof::BloomExcludes => v1::CompletenessProof::BloomExcludes,
        CompletenessProof::ReceiptsRoot => v1::CompletenessProof::ReceiptsRoot,
        CompletenessProof::Weaker => v1::CompletenessProof::Weaker,
    };
    v1::BlockAppended {
        number: block.number,
        hash: block.hash.to_vec(),
        parent_hash: block.parent_hash.to_vec(),
        timestamp: block.timestamp,
        logs: logs.collect(),
        proof: proof.into(),
    }
}

fn decode_v1(record: v1::ChainRecord) -> Result<ChainRecord, DecodeError> {
    use v1::chain_record::Body;
    let body = record.body.ok_or(DecodeError::Field {
        field: "body",
        problem: "missing".into(),
    })?;
    let body = match body {
        Body::StreamOpened(opened) => ChainRecordBody::StreamOpened(StreamOpened {
            generation: opened.generation,
            start_block: opened.start_block,
            watch_set_hash: hash("watch_set_hash", &opened.watch_set_hash)?,
            genesis_hash: hash("genesis_hash", &opened.genesis_hash)?,
            watch_set_json: opened.watch_set_json,
        }),
        Body::BlockAppended(block) => ChainRecordBody::BlockAppended(decode_block(block)?),
        Body::BlockReverted(reverted) => ChainRecordBody::BlockReverted(BlockReverted {
            number: reverted.number,
            hash: hash("hash", &reverted.hash)?,
            parent_hash: hash("parent_hash", &reverted.parent_hash)?,
        }),
        Body::FinalityAdvanced(block) => ChainRecordBody::FinalityAdvanced(BlockRef {
            number: block.number,
            hash: hash("hash", &block.hash)?,
        }),
    };
    Ok(ChainRecord {
        chain: ChainId(record.chain_id),
        body,
    })
}

fn decode_block(block: v1::BlockAppended) -> Result<Block, DecodeError> {
    let proof = match block.proof() {
        v1::CompletenessProof::BloomExcludes => CompletenessProof::BloomExcludes,
        v1::CompletenessProof::ReceiptsRoot => CompletenessProof::ReceiptsRoot,
        v1::CompletenessProof::Weaker => CompletenessProof::Weaker,
        v1::CompletenessProof::Unspecified => {
            return Err(DecodeError::Field {
                field: "proof",
                problem: format!("unknown value {}", block.proof),
            });
        }
    };
    Ok(Block {
        number: block.number,
        hash: hash("hash", &block.hash)?,
        parent_hash: hash("parent_hash", &block.parent_hash)?,
        timestamp: block.timestamp,
        proof,
        logs: block.logs.into_iter().map(decode_log).collect::<Result<_, _>>()?,
    })
}

fn decode_log(log: v1::Log) -> Result<RawLog, DecodeError> {
    Ok(RawLog {
        address: Address::try_from(&log.address[..]).map_err(|_| wrong_size("address", log.address.len(), 20))?,
        topics: log
            .topics
            .iter()
            .map(|topic| hash("topics", topic))
            .collect::<Result<_, _>>()?,
        data: Bytes(log.data),
        transaction_hash: hash("transaction_hash", &log.transaction_hash)?,
        transaction_index: log.transaction_index,
        log_index: log.log_index,
    })
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<B256, DecodeError> {
    B256::try_from(bytes).map_err(|_| wrong_size(field, bytes.len(), 32))
}

fn wrong_size(field: &'static str, found: usize, expected: usize) -> DecodeError {
    DecodeError::Field {
        field,
        problem: format!("{found} bytes long, not {expected}"),
    }
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
