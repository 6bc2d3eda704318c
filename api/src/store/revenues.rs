//! What assets earned.

use std::collections::HashMap;

use sqlx::FromRow;

use super::listing::{SortType, listing};
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};

/// A row of `revenue`.
#[derive(Clone, Debug, FromRow)]
pub struct RevenueRow {
    /// Its token in the router.
    pub revenue_key: Key,
    /// Who paid.
    pub payer: Address,
    /// In this ERC-20.
    pub token: Address,
    /// Base units.
    pub amount: BigInt,
    /// The reason's number.
    pub reason: i16,
    /// The payer's own reference.
    pub reference: Bytes32,
    /// The block that it arrived in.
    pub valid_from: Long,
    /// The log that says so.
    pub log_index: i32,
}

listing! {
    /// The revenues of an asset, newest first.
    OfAsset of RevenueRow {
        name: "revenues",
        columns: "t.revenue_key, t.payer, t.token, t.amount::text as amount, t.reason, t.reference, t.valid_from, t.log_index",
        from: "revenue t where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)],
        descending: true,
    }
}

/// What an asset earned in one token.
#[derive(Clone, Debug, FromRow)]
pub struct TotalRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// The ERC-20.
    pub token: Address,
    /// Base units.
    pub amount: BigInt,
    /// In how many payments.
    pub payments: i64,
}

/// What each asset earned up to a block, per token.
///
/// # Errors
/// When the database does not answer.
pub async fn totals(
    reader: &Reader,
    wanted: &[(souk_schema::ChainId, Vec<u8>, i64)],
) -> Result<HashMap<(souk_schema::ChainId, Vec<u8>, i64), Vec<TotalRow>>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, t.token, sum(t.amount)::text as amount, count(*) as payments \
         from unnest($1::int8[], $2::bytea[], $3::int8[]) with ordinality as k(chain, key, at, i) \
         join revenue t on t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at \
         and (t.valid_to is null or t.valid_to > k.at) group by k.i, t.token order by k.i, t.token",
    )
    .bind(
        wanted
            .iter()
            .map(|(chain, _, _)| chain_number(*chain))
            .collect::<Vec<_>>(),
    )
    .bind(wanted.iter().map(|(_, key, _)| key.clone()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, _, at)| *at).collect::<Vec<_>>());
    let mut totals: HashMap<_, Vec<TotalRow>> = HashMap::new();
    for row in reader.all::<TotalRow>(query).await? {
        if let Some(key) = usize::try_from(row.parent - 1)
            .ok()
            .and_then(|parent| wanted.get(parent))
        {
            totals.entry(key.clone()).or_default().push(row);
        }
    }
    Ok(totals)
}
