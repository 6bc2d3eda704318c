//! What a payout distributor says: roots of owed amounts, claims, the protocol's fee. Epochs count from 1, and at most one root is
//! pending at a time.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::amount::E8;
use crate::id::BlockRef;

/// A root was proposed for the epoch after the last finalised one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootProposed {
    /// The distributor.
    pub distributor: Address,
    /// The epoch.
    pub epoch: u64,
    /// The root of the cumulative amounts.
    pub root: B256,
    /// The final block that it was computed at.
    pub computed_at: BlockRef,
    /// Unix time in seconds from which it can be finalised.
    pub finalisable_at: u64,
    /// By whom.
    pub proposer: Address,
}

/// Somebody says, with a bond, that a pending root is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootDisputed {
    /// The distributor.
    pub distributor: Address,
    /// The epoch.
    pub epoch: u64,
    /// The root.
    pub root: B256,
    /// By whom.
    pub disputer: Address,
    /// What the disputer loses if wrong, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
    /// What is wrong with it.
    pub reason: String,
}

/// A dispute over a root was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootDisputeResolved {
    /// The distributor.
    pub distributor: Address,
    /// The epoch.
    pub epoch: u64,
    /// The root.
    pub root: B256,
    /// Whether the disputer was right; then the root is gone.
    pub upheld: bool,
    /// Who got the bond.
    pub bond_to: Address,
    /// How much that was, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
}

/// A pending root was taken back by its proposer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootWithdrawn {
    /// The distributor.
    pub distributor: Address,
    /// The epoch.
    pub epoch: u64,
    /// The root.
    pub root: B256,
}

/// Amounts are claimed against this root from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFinalised {
    /// The distributor.
    pub distributor: Address,
    /// The epoch.
    pub epoch: u64,
    /// The root.
    pub root: B256,
}

/// An account was paid what it was owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutClaimed {
    /// The distributor.
    pub distributor: Address,
    /// Who was paid.
    pub account: Address,
    /// The ERC-20 that it was paid in.
    pub token: Address,
    /// How much now, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
    /// How much of the token the account was ever paid, this claim included.
    #[serde(with = "crate::amount::decimal")]
    pub cumulative: U256,
}

/// A router sends revenues to another distributor from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributorChanged {
    /// The router.
    pub router: Address,
    /// The distributor that it paid before; zero before the first.
    pub previous: Address,
    /// The distributor that it pays now.
    pub current: Address,
}

/// The protocol takes another part of revenues from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolFeeChanged {
    /// The distributor.
    pub distributor: Address,
    /// The part that it took before.
    pub previous: E8,
    /// The part that it takes now.
    pub current: E8,
    /// Whose it is.
    pub fee_account: Address,
}
