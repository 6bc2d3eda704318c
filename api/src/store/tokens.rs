//! Who owns tokens of any contract: ERC-721 owners, ERC-20 and ERC-1155 balances, and their history.

use sqlx::FromRow;

use super::listing::{SortType, listing};
use crate::scalars::{Address, BigInt, Key, Long};

/// A row of `ownership`.
#[derive(Clone, Debug, FromRow)]
pub struct OwnershipRow {
    /// The token.
    pub token_key: Key,
    /// Who owned it.
    pub owner: Address,
    /// From the end of this block on.
    pub valid_from: Long,
    /// Until this block, exclusive; none while it lasts.
    pub valid_to: Option<Long>,
    /// The log that made it so.
    pub log_index: i32,
}

/// A row of `balance`.
#[derive(Clone, Debug, FromRow)]
pub struct BalanceRow {
    /// The token.
    pub token_key: Key,
    /// Who held it.
    pub account: Address,
    /// Base units.
    pub amount: BigInt,
    /// From the end of this block on.
    pub valid_from: Long,
    /// The log that made it so.
    pub log_index: i32,
}

listing! {
    /// The owner of a token: at most one row.
    Owner of OwnershipRow {
        name: "owner",
        columns: "t.token_key, t.owner, t.valid_from, t.valid_to, t.log_index",
        from: "ownership t where t.chain_id = k.chain and t.token_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer)],
        descending: true,
    }
}

listing! {
    /// Every owner that a token ever had, newest first.
    Ownerships of OwnershipRow {
        name: "ownerships",
        columns: "t.token_key, t.owner, t.valid_from, case when t.valid_to <= k.at then t.valid_to end as valid_to, t.log_index",
        from: "ownership t where t.chain_id = k.chain and t.token_key = k.key and t.valid_from <= k.at",
        sort: &[("t.valid_from", SortType::Integer)],
        descending: true,
    }
}

listing! {
    /// Who holds how much of a token, most first.
    Holders of BalanceRow {
        name: "holders",
        columns: "t.token_key, t.account, t.amount::text as amount, t.valid_from, t.log_index",
        from: "balance t where t.chain_id = k.chain and t.token_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at) and t.amount <> 0",
        sort: &[("t.amount", SortType::Numeric), ("t.account", SortType::Bytes)],
        descending: true,
    }
}
