//! Why a block's facts were not folded. Contracts of ours emit none of this; the state is as it was before the block.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use super::HoldKey;
use crate::fact::Holding;
use crate::rule::Overspent;

/// A fact that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refused {
    /// Blocks come in rising order.
    #[error("block {number} does not come after block {head}")]
    NotAfterHead {
        /// The block.
        number: u64,
        /// The head.
        head: u64,
    },
    /// Only the head is reverted, and only while it is not final.
    #[error("block {number} is not the head, or it is final")]
    NotTheHead {
        /// The block.
        number: u64,
    },
    /// Nothing registered the asset.
    #[error("asset {0} was never registered")]
    UnknownAsset(U256),
    /// It was registered before.
    #[error("asset {0} is registered already")]
    AssetExists(U256),
    /// An asset would be its own ancestor.
    #[error("asset {child} cannot have {parent} as a parent: it would be its own ancestor")]
    SelfAncestor {
        /// The child.
        child: U256,
        /// The parent.
        parent: U256,
    },
    /// Something was derived from it already.
    #[error("asset {0} has children and declares no parents any more")]
    HasChildren(U256),
    /// The parent was declared before.
    #[error("asset {child} has {parent} as a parent already")]
    DuplicateParent {
        /// The child.
        child: U256,
        /// The parent.
        parent: U256,
    },
    /// Royalties pass the whole.
    #[error(transparent)]
    RoyaltyStackTooHigh(#[from] Overspent),
    /// Nothing minted the series.
    #[error("series {0} was never minted")]
    UnknownSeries(U256),
    /// The series is of another asset, or was minted as another.
    #[error("series {series} is not of asset {asset}")]
    SeriesOfAnotherAsset {
        /// The series.
        series: U256,
        /// The asset.
        asset: U256,
    },
    /// Nothing registered the terms.
    #[error("terms {0} were never registered")]
    UnknownTerms(U256),
    /// A what-if says two things of them.
    #[error("terms {0} are supposed twice")]
    TermsTwice(U256),
    /// It has too little.
    #[error("account {account} gives {amount} of {what:?}, which is more than it has")]
    InsufficientHolding {
        /// Of what.
        what: Holding,
        /// The account.
        account: Address,
        /// What it gives.
        amount: U256,
    },
    /// Holdings, or weights of contributions, of one asset pass 2^256 (10⁸ times less for weights).
    #[error("the holdings or weights of {0} are too large to be split by")]
    TooLarge(U256),
    /// Shares are issued once.
    #[error("shares of asset {0} were issued already")]
    SharesExist(U256),
    /// Nothing recorded the contribution.
    #[error("contribution {0} was never recorded")]
    UnknownContribution(U256),
    /// It was recorded, or voided, before.
    #[error("contribution {0} was recorded or voided already")]
    ContributionExists(U256),
    /// The revenue arrived before.
    #[error("revenue {0} arrived already")]
    RevenueExists(U256),
    /// Nothing said whom the router paid.
    #[error(
        "revenue {0} went to a distributor that the stream does not name: index the chain anew, from the first block of its contracts"
    )]
    UnknownDistributor(U256),
    /// It was posted before.
    #[error("task {0} was posted already")]
    TaskExists(U256),
    /// It was raised before.
    #[error("{0:?} was raised already")]
    HoldExists(HoldKey),
    /// It was not raised, or is over.
    #[error("{0:?} is not open")]
    HoldNotOpen(HoldKey),
    /// No such root is pending.
    #[error("no such root of epoch {0} is pending")]
    NoPendingRoot(u64),
}
