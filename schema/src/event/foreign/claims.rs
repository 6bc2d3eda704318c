//! Distributors that pay what a Merkle tree says: Morpho's and Merkl. Their `Claimed` is one event in two meanings, which only the
//! contract's address tells apart.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

/// How often a leaf of the tree is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeafHash {
    /// Once, as in Merkl.
    Single,
    /// Twice, as in Morpho's.
    Double,
}

/// Claims are proved against another root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionRootSet {
    /// The distributor.
    pub distributor: Address,
    /// How its leaves are hashed.
    pub leaf_hash: LeafHash,
    /// The root.
    pub root: B256,
    /// Commitment to the whole tree, where it is published.
    pub tree_hash: B256,
    /// Whether it only counts later, or not at all if somebody objects.
    pub pending: bool,
    /// Unix time in seconds from which it counts, where the log says so.
    pub effective_at: Option<u64>,
}

/// A root was taken back or disputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionHalted {
    /// The distributor.
    pub distributor: Address,
    /// Why, where the log says so.
    pub reason: String,
    /// Whether the dispute over it is decided, and for whom; `None` while it is not.
    pub valid: Option<bool>,
}

/// An account was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionClaimed {
    /// The distributor.
    pub distributor: Address,
    /// How its leaves are hashed.
    pub leaf_hash: LeafHash,
    /// Who was paid.
    pub account: Address,
    /// In which ERC-20.
    pub token: Address,
    /// How much now, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
}
