//! What an account has and did.

use sqlx::FromRow;

use super::assets::AssetRow;
use super::listing::{SortType, listing};
use super::tokens::{BalanceRow, OwnershipRow};
use crate::scalars::{BigInt, Key, Long};

listing! {
    /// The assets that an account owns, newest acquisition first.
    OwnedAssets of AssetRow {
        name: "ownedAssets",
        columns: "a.chain_id, a.asset_key, a.kind, a.name, a.contributor_share_e8, a.valid_from, a.log_index",
        from: "ownership t join asset a on a.chain_id = t.chain_id and a.asset_key = t.token_key \
               where t.chain_id = k.chain and t.owner = k.key and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.token_key", SortType::Bytes)],
        descending: true,
    }
}

listing! {
    /// The ERC-721 tokens of any contract that an account owns.
    OwnedTokens of OwnershipRow {
        name: "ownedTokens",
        columns: "t.token_key, t.owner, t.valid_from, null::int8 as valid_to, t.log_index",
        from: "ownership t where t.chain_id = k.chain and t.owner = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.token_key", SortType::Bytes)],
        descending: true,
    }
}

listing! {
    /// What an account holds of fungible tokens.
    Balances of BalanceRow {
        name: "balances",
        columns: "t.token_key, t.account, t.amount::text as amount, t.valid_from, t.log_index",
        from: "balance t where t.chain_id = k.chain and t.account = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at) and t.amount <> 0",
        sort: &[("t.token_key", SortType::Bytes)],
        descending: false,
    }
}

/// Shares of an asset that an account holds.
#[derive(Clone, Debug, FromRow)]
pub struct HoldingRow {
    /// The asset.
    pub asset_key: Key,
    /// The shares' own token.
    pub token_key: Key,
    /// How many.
    pub amount: BigInt,
    /// Of how many.
    pub supply: BigInt,
    /// Since the end of this block.
    pub valid_from: Long,
    /// By which log.
    pub log_index: i32,
}

listing! {
    /// The shares that an account holds.
    Shares of HoldingRow {
        name: "shares",
        columns: "s.asset_key, t.token_key, t.amount::text as amount, s.supply::text as supply, t.valid_from, t.log_index",
        from: "balance t join share_issue s on s.chain_id = t.chain_id and s.shares_key = t.token_key and s.valid_from <= k.at \
               and (s.valid_to is null or s.valid_to > k.at) \
               where t.chain_id = k.chain and t.account = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at) and t.amount <> 0",
        sort: &[("t.token_key", SortType::Bytes)],
        descending: false,
    }
}
