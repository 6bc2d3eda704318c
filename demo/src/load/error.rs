//! What can go wrong while an economy is loaded, and what to do about it.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::transports::TransportError;

/// Why an economy is not on the chain, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The node could not be asked, or answered with an error.
    #[error("the node did not answer: {0}; check the RPC URL and that the node is up")]
    Node(#[from] TransportError),
    /// A contract could not be asked.
    #[error(
        "a contract did not answer: {0}; check that contracts of this version of Souk are deployed on this chain; a dev chain of an older one stays in its data folder: name another"
    )]
    Contract(#[from] alloy::contract::Error),
    /// The deployment belongs to another chain.
    #[error("the contracts are on chain {expected}, the node serves chain {found}; give the URL of the right node")]
    WrongChain {
        /// Chain of the deployment.
        expected: u64,
        /// Chain of the node.
        found: u64,
    },
    /// The funder's key, or a signature with any key, failed.
    #[error("a transaction could not be signed: {0}; check the funder's key")]
    Signer(String),
    /// The funder is too poor.
    #[error("the funder {funder} has {balance} wei and needs {needed}; start the dev chain with a larger balance")]
    Funds {
        /// The funder.
        funder: Address,
        /// What it has.
        balance: U256,
        /// What all accounts need together.
        needed: U256,
    },
    /// The node took no transaction for the step.
    #[error(
        "the node refused the step `{step}`: {source}; start it with a fresh chain if others use the demo's accounts"
    )]
    Refused {
        /// Who does what.
        step: String,
        /// What the node said.
        source: TransportError,
    },
    /// A step needs more gas than a block has.
    #[error("the step `{step}` needs {gas} gas and a block of this chain has {block_gas}; raise the block gas limit")]
    TooMuchGas {
        /// Who does what.
        step: String,
        /// What the step may use.
        gas: u64,
        /// What a block has.
        block_gas: u64,
    },
    /// No receipt came in time.
    #[error("the step `{step}` ({hash}) was not mined within {} s; check that the chain makes blocks", limit.as_secs())]
    NotMined {
        /// Who does what.
        step: String,
        /// Its transaction.
        hash: B256,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The step ran and failed.
    #[error("the step `{step}` failed in block {block}: {reason}; start with a fresh chain")]
    Failed {
        /// Who does what.
        step: String,
        /// Where it failed.
        block: u64,
        /// What the contract said.
        reason: String,
    },
    /// What the step waits for is too far away.
    #[error("the step `{step}` can be done in {} s, longer than a receipt may take; load again then", until.saturating_sub(*now))]
    TooEarly {
        /// Who does what.
        step: String,
        /// From when on it can be done, in unix seconds of the chain.
        until: u64,
        /// Time of the chain.
        now: u64,
    },
    /// The step made other events than it should.
    #[error("the step `{step}` made {found} events instead of {expected}: these are not the contracts of this program")]
    OtherEvents {
        /// Who does what.
        step: String,
        /// As planned.
        expected: u64,
        /// As in the receipt.
        found: u64,
    },
    /// Somebody else registered assets meanwhile.
    #[error(
        "asset {id} is not the one that was registered as such: somebody else registers assets now; load into a quiet chain"
    )]
    OtherAsset {
        /// The id.
        id: U256,
    },
    /// An event that a step refers to is not on the chain.
    #[error("the step `{step}` refers to {what:?}, which is not on the chain; start with a fresh chain")]
    Missing {
        /// Who does what.
        step: String,
        /// What was looked for.
        what: String,
    },
}
