//! Who did what for which asset.

use sqlx::FromRow;

use super::listing::{SortType, listing};
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};

/// A row of `contribution`.
#[derive(Clone, Debug, FromRow)]
pub struct ContributionRow {
    /// Its token in the book.
    pub contribution_key: Key,
    /// What it was made to.
    pub asset_key: Key,
    /// By whom.
    pub contributor: Address,
    /// The role's number.
    pub role: i16,
    /// Its weight among the asset's contributions.
    pub weight: BigInt,
    /// Commitment to the evidence.
    pub evidence_hash: Bytes32,
    /// Who recorded it.
    pub recorded_by: Address,
    /// The block that recorded it.
    pub valid_from: Long,
    /// The log that recorded it.
    pub log_index: i32,
}

listing! {
    /// The contributions to an asset that count, oldest first.
    ToAsset of ContributionRow {
        name: "contributions",
        columns: "t.contribution_key, t.asset_key, t.contributor, t.role, t.weight::text as weight, t.evidence_hash, t.recorded_by, \
                  t.valid_from, t.log_index",
        from: "contribution t where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer), ("t.contribution_key", SortType::Bytes)],
        descending: false,
    }
}

listing! {
    /// The contributions of an account that count, newest first.
    OfAccount of ContributionRow {
        name: "accountContributions",
        columns: "t.contribution_key, t.asset_key, t.contributor, t.role, t.weight::text as weight, t.evidence_hash, t.recorded_by, \
                  t.valid_from, t.log_index",
        from: "contribution t where t.chain_id = k.chain and t.contributor = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer), ("t.contribution_key", SortType::Bytes)],
        descending: true,
    }
}

listing! {
    /// A contribution by its own key, if it counts: at most one row.
    ContributionByKey of ContributionRow {
        name: "contribution",
        columns: "t.contribution_key, t.asset_key, t.contributor, t.role, t.weight::text as weight, t.evidence_hash, t.recorded_by, \
                  t.valid_from, t.log_index",
        from: "contribution t where t.chain_id = k.chain and t.contribution_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer)],
        descending: false,
    }
}
