//! Lines of payouts, and what became of them as of a block, from the schema `payouts`.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use souk_schema::{Address as RawAddress, U256};
use sqlx::FromRow;

use super::listing::{Scope, SortType, listing};
use super::loaders::Loaders;
use super::revenues::RevenueRow;
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, ChainId, Key, Long};

/// How far a chain's lines are.
#[derive(Clone, Debug, FromRow)]
pub struct TablePosition {
    /// The chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The stream that they were made from.
    pub stream: String,
    /// Its next record, which they do not know.
    pub next_sequence: Long,
}

/// How far the lines of every chain are; empty where nobody ever wrote any.
///
/// # Errors
/// When the database does not answer.
pub async fn positions(reader: &Reader) -> Result<Vec<TablePosition>, ApiError> {
    let made: Vec<(bool,)> = reader
        .all(sqlx::query("select to_regclass('payouts.position') is not null"))
        .await?;
    if made != [(true,)] {
        return Ok(Vec::new());
    }
    let query = sqlx::query("select chain_id, stream, next_sequence from payouts.position order by chain_id");
    reader.all(query).await
}

/// A line, and what became of it.
#[derive(Clone, Debug, FromRow)]
pub struct LineRow {
    /// The registry of its deployment.
    pub registry: Address,
    /// The revenue's number.
    pub revenue: BigInt,
    /// The portion's number.
    pub portion: i64,
    /// The number of the asset that it is for.
    pub asset: BigInt,
    /// The route's number.
    pub route: i16,
    /// The role's number.
    pub role: i16,
    /// Ways by that route.
    pub paths: i64,
    /// Who is paid.
    pub recipient: Address,
    /// In this ERC-20.
    pub token: Address,
    /// Base units.
    pub amount: BigInt,
    /// The block from which it counts.
    pub block_number: Long,
    /// The block that the revenue arrived in.
    pub received_block: Long,
    /// Whether it was recomputed, and did not come back.
    pub is_ended: bool,
    /// The epoch whose finalised root counts it.
    pub vested_epoch: Option<i64>,
    /// What holds it: `dispute:7`, `challenge:3`.
    pub holds: Vec<String>,
}

/// What is selected of a line `t`; what became of its portion is as of the block `k.at`. A root that vests a whole revenue names no portion, and
/// then nothing else ever became of any.
const COLUMNS: &str = "t.registry, t.revenue::text as revenue, t.portion, t.asset::text as asset, t.route, t.role, t.paths, t.recipient, t.token, \
    t.amount::text as amount, t.block_number, \
    (select f.block_number from payouts.line f where (f.chain_id, f.registry, f.revenue) = (t.chain_id, t.registry, t.revenue) \
      order by f.portion limit 1) as received_block, \
    coalesce((select c.change = 'ended' from payouts.portion_change c \
      where (c.chain_id, c.registry, c.revenue, c.portion) = (t.chain_id, t.registry, t.revenue, t.portion) \
      and c.change in ('ended', 'restored') and c.block_number <= k.at order by c.number desc limit 1), false) as is_ended, \
    coalesce((select c.epoch from payouts.portion_change c \
      where (c.chain_id, c.registry, c.revenue, c.portion) = (t.chain_id, t.registry, t.revenue, t.portion) \
      and c.change = 'vested' and c.block_number <= k.at order by c.number desc limit 1), \
      (select c.epoch from payouts.portion_change c \
      where (c.chain_id, c.registry, c.revenue) = (t.chain_id, t.registry, t.revenue) and c.portion is null \
      and c.change = 'vested' and c.block_number <= k.at order by c.number desc limit 1)) as vested_epoch, \
    array(select c.hold || ':' || c.hold_id::text from payouts.portion_change c \
      where (c.chain_id, c.registry, c.revenue, c.portion) = (t.chain_id, t.registry, t.revenue, t.portion) \
      and c.change in ('held', 'released') and c.block_number <= k.at group by c.hold, c.hold_id \
      having count(*) filter (where c.change = 'held') > count(*) filter (where c.change = 'released') order by min(c.number)) as holds";

/// The order in which lines came to be.
const SORT: &[(&str, SortType)] = &[("t.number", SortType::Integer)];

/// The key of a scope: the registry's 20 bytes, then what lines are found by.
pub fn key(registry: RawAddress, of: &[u8]) -> Vec<u8> {
    [registry.as_slice(), of].concat()
}

listing! {
    /// Lines of a deployment to an account, newest first; the key ends with the account.
    LinesOfAccount of LineRow {
        name: "payoutLinesOfAccount",
        columns: COLUMNS,
        from: "payouts.line t where t.chain_id = k.chain and t.registry = substring(k.key from 1 for 20) \
               and t.recipient = substring(k.key from 21) and t.block_number <= k.at",
        sort: SORT,
        descending: true,
    }
}

listing! {
    /// Lines for an asset, newest first; the key ends with the asset's number in decimals.
    LinesOfAsset of LineRow {
        name: "payoutLinesOfAsset",
        columns: COLUMNS,
        from: "payouts.line t where t.chain_id = k.chain and t.registry = substring(k.key from 1 for 20) \
               and t.asset = convert_from(substring(k.key from 21), 'UTF8')::numeric and t.block_number <= k.at",
        sort: SORT,
        descending: true,
    }
}

listing! {
    /// Lines of a revenue, in the order of the split; the key ends with the revenue's number in decimals.
    LinesOfRevenue of LineRow {
        name: "payoutLinesOfRevenue",
        columns: COLUMNS,
        from: "payouts.line t where t.chain_id = k.chain and t.registry = substring(k.key from 1 for 20) \
               and t.revenue = convert_from(substring(k.key from 21), 'UTF8')::numeric and t.block_number <= k.at",
        sort: SORT,
        descending: false,
    }
}

listing! {
    /// A line by its own key, at most one; the key ends with the recipient's 20 bytes and `revenue.portion.role` in decimals.
    LineByKey of LineRow {
        name: "payoutLine",
        columns: COLUMNS,
        from: "payouts.line t where t.chain_id = k.chain and t.registry = substring(k.key from 1 for 20) \
               and t.recipient = substring(k.key from 21 for 20) \
               and t.revenue = split_part(convert_from(substring(k.key from 41), 'UTF8'), '.', 1)::numeric \
               and t.portion = split_part(convert_from(substring(k.key from 41), 'UTF8'), '.', 2)::int8 \
               and t.role = split_part(convert_from(substring(k.key from 41), 'UTF8'), '.', 3)::int2 and t.block_number <= k.at",
        sort: SORT,
        descending: false,
    }
}

/// The scope of a line by its own key.
pub fn line_scope(scope: Scope, registry: RawAddress, line: &LineName) -> Scope {
    let numbers = format!("{}.{}.{}", line.revenue, line.portion, line.role);
    let rest = [line.recipient.as_slice(), numbers.as_bytes()].concat();
    Scope {
        key: key(registry, &rest),
        ..scope
    }
}

/// What names a line within its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineName {
    /// The revenue's number.
    pub revenue: U256,
    /// The portion's number.
    pub portion: u32,
    /// The role's number.
    pub role: u8,
    /// Who is paid.
    pub recipient: RawAddress,
}

/// A revenue by chain, the block that it arrived in, and its token in the router.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevenueByKey(pub (souk_schema::ChainId, i64, Vec<u8>));

/// A revenue with the asset that earned it.
#[derive(Clone, Debug, FromRow)]
pub struct EarnedRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// The asset.
    pub asset_key: Key,
    /// The revenue.
    #[sqlx(flatten)]
    pub revenue: RevenueRow,
}

impl Loader<RevenueByKey> for Loaders {
    type Value = EarnedRow;
    type Error = ApiError;

    async fn load(&self, keys: &[RevenueByKey]) -> Result<HashMap<RevenueByKey, EarnedRow>, ApiError> {
        let chains = keys.iter().map(|RevenueByKey((chain, ..))| chain_number(*chain));
        let blocks = keys.iter().map(|RevenueByKey((_, block, _))| *block);
        let tokens = keys.iter().map(|RevenueByKey((.., token))| token.clone());
        let query = sqlx::query(
            "select k.i as parent_index, t.asset_key, t.revenue_key, t.payer, t.token, t.amount::text as amount, t.reason, t.reference, \
             t.valid_from, t.log_index from unnest($1::int8[], $2::int8[], $3::bytea[]) with ordinality as k(chain, block, key, i) \
             join revenue t on t.chain_id = k.chain and t.valid_from = k.block and t.revenue_key = k.key",
        )
        .bind(chains.collect::<Vec<_>>())
        .bind(blocks.collect::<Vec<_>>())
        .bind(tokens.collect::<Vec<_>>());
        let rows: Vec<EarnedRow> = self.0.reader().await?.all(query).await?;
        let at = |row: &EarnedRow| keys.get(usize::try_from(row.parent - 1).ok()?).cloned();
        Ok(rows.into_iter().filter_map(|row| Some((at(&row)?, row))).collect())
    }
}
