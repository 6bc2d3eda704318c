//! The rule: how one revenue is split over an asset, those that it came from, their contributors, shareholders and owners.
//!
//! Three steps, each exact. [`Upstream`] counts paths and sums royalty shares above an asset once, in topological order: no recursion, no
//! enumeration of paths. [`Plan`] joins it with each payee's [`Recipients`] and turns an amount into lines. [`apportion`] is the only place
//! where anything is rounded.

mod apportion;
mod plan;
mod recipients;
mod upstream;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use souk_schema::event::{Relation, RoyaltyPolicy};

use crate::codec::{stored, stored_as_number};

pub use apportion::Apportioner;
pub use plan::{Plan, Share, Splitter};
pub use recipients::{Recipients, WeightsTooLarge};
pub use upstream::{LrpSplit, Part, Payee, Upstream, UpstreamBuilder};

/// 100% in parts per 100,000,000.
pub const WHOLE: u32 = 100_000_000;

/// The number that stands for every number of paths above 10⁸: counts stop growing here.
pub const MANY_PATHS: u32 = WHOLE + 1;

/// Where an asset stands in the state's table, from 0 by order of registration.
pub type AssetNo = u32;

/// How a part of a revenue reached an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The protocol's fee; the asset is the one that earned the revenue.
    ProtocolFee = 0,
    /// What the asset that earned the revenue keeps.
    Own = 1,
    /// Royalties that are a share of the revenue itself.
    RoyaltyLap = 2,
    /// Royalties that are a share of what a child received.
    RoyaltyLrp = 3,
    /// What a judged asset lost, back with the asset that earned it.
    Returned = 4,
    /// What the asset that earned the revenue lost by a judgement against itself.
    Forfeited = 5,
}

/// As what a recipient is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// As the account that protocol fees, and what nobody else may keep, go to.
    Protocol = 0,
    /// For contributions to the asset.
    Contributor = 1,
    /// For shares of the asset.
    Shareholder = 2,
    /// As the owner of an asset without shares.
    Owner = 3,
}

/// What kind of line: how the money reached the asset, and as what the recipient has it from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Kind {
    /// How it reached the asset.
    pub route: Route,
    /// As what the recipient is paid.
    pub role: Role,
}

stored_as_number!(Route {
    ProtocolFee = 0,
    Own = 1,
    RoyaltyLap = 2,
    RoyaltyLrp = 3,
    Returned = 4,
    Forfeited = 5,
});

stored!(Edge {
    parent,
    relation,
    policy,
    share,
    license,
    terms
});

/// A derivation with the terms that it was made under, which stay whatever becomes of the licence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// What the child was made from.
    pub parent: AssetNo,
    /// How.
    pub relation: Relation,
    /// How the parent takes part.
    pub policy: RoyaltyPolicy,
    /// Its part, in parts per 100,000,000.
    pub share: u32,
    /// The series that allowed the derivation; 0 where none was needed, and then the edge carries no royalty of its own.
    pub license: U256,
    /// The terms of that series; 0 without one.
    pub terms: U256,
}

/// What the rule must know of the graph above an asset.
pub trait Lineage {
    /// How many assets there are; numbers are below it.
    fn count(&self) -> usize;

    /// The asset's id, by which ties are broken.
    fn id(&self, asset: AssetNo) -> U256;

    /// More than the depth of each of its parents; 0 without parents.
    fn depth(&self, asset: AssetNo) -> u32;

    /// The derivations from the asset to its parents, each parent once.
    fn edges(&self, asset: AssetNo) -> &[Edge];

    /// The policy and share that count for an edge: its own, unless the graph asks what would be under others.
    fn royalty(&self, edge: &Edge) -> (RoyaltyPolicy, u32) {
        (edge.policy, edge.share)
    }
}

/// Royalties that come to more than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the royalties above asset {asset} come to {parts} parts per 100,000,000, which is more than the whole")]
pub struct Overspent {
    /// The asset that owes them.
    pub asset: U256,
    /// Their sum; exact unless it passes 2^64.
    pub parts: u64,
}
