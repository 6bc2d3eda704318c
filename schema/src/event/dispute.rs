//! Disputes over assets.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use super::{DisputeOutcome, DisputeTag};
use crate::id::TokenRef;

/// Somebody says, with a bond, that something is wrong with an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRaised {
    /// The dispute, by its id in its court.
    pub dispute: TokenRef,
    /// The asset.
    pub asset: TokenRef,
    /// By whom.
    pub challenger: Address,
    /// What is wrong.
    pub tag: DisputeTag,
    /// What the challenger loses if wrong, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
    /// Commitment to the evidence.
    pub evidence_hash: B256,
    /// Where the evidence is.
    pub evidence_uri: String,
}

/// A dispute was judged, for the first time or in the place of an earlier judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeJudged {
    /// The dispute.
    pub dispute: TokenRef,
    /// The asset.
    pub asset: TokenRef,
    /// By whom.
    pub judge: Address,
    /// Whether the challenger is right.
    pub upheld: bool,
    /// Unix time in seconds from which the judgement can be carried out.
    pub resolvable_at: u64,
    /// Commitment to the reasons.
    pub ruling_hash: B256,
}

/// A dispute is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeResolved {
    /// The dispute.
    pub dispute: TokenRef,
    /// The asset.
    pub asset: TokenRef,
    /// How it ended.
    pub outcome: DisputeOutcome,
    /// Who got the bond.
    pub bond_to: Address,
    /// How much that was, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
}
