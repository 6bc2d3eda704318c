//! Why roots pause.

use alloy::contract::Error as ContractError;
use alloy::providers::PendingTransactionError;
use alloy::transports::TransportError;
use souk_schema::{B256, ChainId};

use super::Withheld;

/// Why a step could not be made. Another may.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The node does not answer.
    #[error("the node does not answer: {0}")]
    Node(#[from] TransportError),
    /// The distributor refuses.
    #[error("the payout distributor: {0}")]
    Contract(#[from] ContractError),
    /// No receipt came.
    #[error("no receipt: {0}")]
    Receipt(#[from] PendingTransactionError),
    /// The transaction failed on chain.
    #[error("the payout distributor refused {0}")]
    Reverted(&'static str),
    /// The node is on another chain than it was.
    #[error(
        "the node's genesis block is {found}, but was {expected}: the chain was begun anew, and what is owed is of the old one; point --rpc at \
         the old chain, or index the new one and start again"
    )]
    OtherChain {
        /// As it was.
        expected: B256,
        /// As it is.
        found: B256,
    },
    /// The node is of a chain with another id.
    #[error(
        "the node is of chain {found}, but payouts are published on chain {expected}: point --rpc at a node of chain {expected}"
    )]
    WrongChain {
        /// The chain of the deployment.
        expected: ChainId,
        /// The node's.
        found: ChainId,
    },
    /// The stream is of another chain than the node's.
    #[error(
        "what is owed is of the chain whose genesis block is {owed}, but the node's is {found}: index the node's chain, or point --rpc at the \
         other one"
    )]
    OwedElsewhere {
        /// Block 0 of the chain that the stream is of.
        owed: B256,
        /// The node's.
        found: B256,
    },
    /// A transaction of the proposer was sent and is in no block.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The stream does not tell yet what the distributor has.
    #[error(
        "the pending root is {on_chain} by the payout distributor, but {told} by the stream (zero is none): wait until the chain is indexed so far"
    )]
    Untold {
        /// By the contract.
        on_chain: B256,
        /// By the stream.
        told: B256,
    },
    /// The stream does not tell of the block.
    #[error("the stream does not reach block {0}; is the chain indexed?")]
    NotIndexed(u64),
    /// Postgres does not answer.
    #[error("the tables of payouts: {0}")]
    Database(#[from] sqlx::Error),
    /// Summing what is owed panicked.
    #[error("summing what is owed: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl PublishError {
    /// Whether trying again is of no use.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self, PublishError::OtherChain { .. })
    }
}
