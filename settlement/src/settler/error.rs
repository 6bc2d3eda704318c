//! What keeps settlement from going on, and whether waiting mends it.

use alloy::primitives::B256;
use alloy::transports::TransportError;
use souk_eventlog::LogError;
use souk_schema::exchange::FillNumber;
use souk_streams::StreamError;

use super::journal::JournalError;
use super::queue::QueueError;
use super::state::Inconsistent;

/// Why settlement does not go on.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The log does not take or give something.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stream is damaged.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The journal is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal contradicts itself.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
    /// The group's events do not fit together.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The node does not answer.
    #[error("the node does not answer: {0}")]
    Node(#[from] TransportError),
    /// The vault does not answer.
    #[error("the vault does not answer: {0}")]
    Vault(#[from] alloy::contract::Error),
    /// Postgres does not answer.
    #[error("settlement's tables: {0}")]
    Database(#[from] sqlx::Error),
    /// The key does not sign.
    #[error("the operator's key does not sign: {0}")]
    Signer(#[from] alloy::signers::Error),
    /// The vault refuses what settlement wants to send.
    #[error("the vault would refuse {what}: {reason}")]
    Refused {
        /// What.
        what: String,
        /// In its own words.
        reason: String,
    },
    /// One fill needs more gas than may be used.
    #[error("fill {fill} alone takes more than {limit} gas; allow more")]
    FillTooDear {
        /// The fill.
        fill: FillNumber,
        /// The bound.
        limit: u64,
    },
    /// The node is on another chain than it was.
    #[error(
        "the node's genesis block is {found}, but was {expected}: the chain was begun anew, and this market group is of the old one; point \
         --rpc at the old chain, or begin a new group with --group"
    )]
    OtherChain {
        /// As it was.
        expected: B256,
        /// As it is.
        found: B256,
    },
    /// A fill that the vault wants next is not in the group's events.
    #[error("the vault wants fill {fill} next, which the group's events do not have")]
    UnknownFill {
        /// The fill.
        fill: FillNumber,
    },
}

impl SettleError {
    /// Whether trying again is of no use.
    pub fn is_fatal(&self) -> bool {
        match self {
            SettleError::Log(error) | SettleError::Stream(StreamError::Log(error)) => {
                !error.retryable() && !matches!(error, LogError::WriterLost { .. })
            }
            SettleError::Stream(_)
            | SettleError::Journal(_)
            | SettleError::Inconsistent(_)
            | SettleError::Queue(_)
            | SettleError::OtherChain { .. }
            | SettleError::Signer(_) => true,
            _ => false,
        }
    }
}
