//! What a chain's stream holds: raw blocks, reverts, finality. [`crate::encoding`] says how they are stored.
//!
//! Logs stay raw, because a log that is kept for ever must be decodable again by a better decoder without asking a node.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::id::{BlockRef, ChainId};

/// One record of a stream `chain.<chain id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRecord {
    /// The chain that it speaks of.
    pub chain: ChainId,
    /// What it says.
    #[serde(flatten)]
    pub body: ChainRecordBody,
}

/// What a [`ChainRecord`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChainRecordBody {
    /// The first record of a stream.
    StreamOpened(StreamOpened),
    /// A block became the head.
    BlockAppended(Block),
    /// The head was dropped by a reorganisation.
    BlockReverted(BlockReverted),
    /// Blocks up to this one will not be reverted.
    FinalityAdvanced(BlockRef),
}

/// What is watched in a stream, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOpened {
    /// The stream's number among those of its chain, from 1.
    pub generation: u32,
    /// The first block that the stream holds.
    pub start_block: u64,
    /// The watch set as canonical JSON.
    pub watch_set_json: String,
    /// Identifies what is watched: `watch_set_json`, and which logs of those contracts are kept.
    pub watch_set_hash: B256,
    /// Hash of block 0, which tells two chains with one id apart.
    pub genesis_hash: B256,
}

/// A block and its watched logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Hash of the block before.
    pub parent_hash: B256,
    /// Unix time in seconds.
    pub timestamp: u64,
    /// Watched logs by rising `log_index`.
    pub logs: Vec<RawLog>,
    /// How their completeness was proved (IDX-2).
    pub proof: CompletenessProof,
}

impl Block {
    /// Number and hash.
    pub fn block_ref(&self) -> BlockRef {
        BlockRef {
            number: self.number,
            hash: self.hash,
        }
    }
}

/// A log as the node gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawLog {
    /// The contract that emitted it.
    pub address: Address,
    /// At most four topics; the first names the event unless it is anonymous.
    pub topics: Vec<B256>,
    /// ABI-encoded fields that are not indexed.
    pub data: Bytes,
    /// The transaction that emitted it.
    pub transaction_hash: B256,
    /// That transaction's index within the block.
    pub transaction_index: u32,
    /// Index within the block.
    pub log_index: u32,
}

/// How it was proved that a block's watched logs are all there (law IDX-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletenessProof {
    /// The header hashes to the block hash, and its bloom excludes every watched address or topic.
    BloomExcludes,
    /// The header hashes to the block hash, and its receipts root equals the one recomputed from the receipts.
    ReceiptsRoot,
    /// Only the configured weaker check was possible on this chain.
    Weaker,
}

/// The head of the stream was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReverted {
    /// Height of the block that was dropped.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The block that is the head now.
    pub parent_hash: B256,
}
