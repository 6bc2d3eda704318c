//! Why a chain's indexing stopped, each in one line that says what to do. Whatever can be waited out is retried and never gets here.

use alloy_primitives::B256;
use souk_eventlog::LogError;
use souk_schema::{BlockRef, ChainId};

/// Why [`crate::run`] gave up.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A setting cannot work.
    #[error("chain {chain}: {problem}")]
    Misconfigured {
        /// The chain.
        chain: ChainId,
        /// Which setting, and what it may be.
        problem: String,
    },
    /// Every endpoint refused for good.
    #[error("chain {chain}: no endpoint can be used ({reasons}); correct the URLs or their keys")]
    NoEndpoint {
        /// The chain.
        chain: ChainId,
        /// Each endpoint and why.
        reasons: String,
    },
    /// The chain was thrown away and begun anew.
    #[error(
        "chain {chain}: the node's genesis block is {found}, but the stream was written for {expected}: the chain was reset. Point the \
         endpoints at the old chain, or set on_rewrite = \"new_generation\" to index the new one beside it"
    )]
    ChainReset {
        /// The chain.
        chain: ChainId,
        /// Genesis hash in the stream.
        expected: B256,
        /// Genesis hash of the node.
        found: B256,
    },
    /// A final block is no longer on the chain.
    #[error(
        "chain {chain}: the node's chain leaves ours at or below block {}, which was final as {}: check the endpoints; if the chain really \
         was rewritten, set on_rewrite = \"new_generation\" to index it anew, and raise the finality depth", .finalized.number, .finalized.hash
    )]
    FinalityViolated {
        /// The chain.
        chain: ChainId,
        /// The final block that the node does not have.
        finalized: BlockRef,
    },
    /// The event log refused for good, above all because another writer took the stream over.
    #[error("chain {chain}: {source}")]
    Log {
        /// The chain.
        chain: ChainId,
        /// What the event log said.
        source: LogError,
    },
    /// The stream holds what no indexer writes.
    #[error(
        "chain {chain}: stream {stream}, record {sequence}: {problem}; the stream is damaged: restore it from a backup"
    )]
    Damaged {
        /// The chain.
        chain: ChainId,
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
        /// What is wrong with it.
        problem: String,
    },
}
