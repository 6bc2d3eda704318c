//! Statistics of a day, and which assets markets are of, for many markets at once.

use std::collections::HashMap;

use souk_schema::exchange::{AccountId, GroupId, MarketId};
use souk_schema::{Address, ChainId, TokenRef};
use sqlx::FromRow;

use super::Digits;
use crate::error::ApiError;
use crate::scalars::{BigInt, Key};
use crate::store::{Reader, chain_number};

/// What a market did in 24 hours.
#[derive(Clone, Debug, FromRow)]
pub struct StatsRow {
    #[sqlx(rename = "parent_index")]
    index: i64,
    /// Price of the first fill.
    pub open: Digits,
    /// Highest price.
    pub high: Digits,
    /// Lowest price.
    pub low: Digits,
    /// Price of the last fill.
    pub close: Digits,
    /// What was traded.
    pub lots: Digits,
    /// What it cost.
    pub quote: Digits,
    /// How many fills.
    pub fills: i64,
}

/// A market, and the beginning of the present minute, in seconds.
pub type StatsKey = (GroupId, MarketId, i64);

/// The statistics of markets that had a fill in the 1,440 minutes that end with the one given.
///
/// # Errors
/// When the database does not answer.
pub async fn stats(reader: &Reader, keys: &[StatsKey]) -> Result<HashMap<StatsKey, StatsRow>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, (array_agg(c.open order by c.start_secs))[1]::text as open, max(c.high)::text as high, \
         min(c.low)::text as low, (array_agg(c.close order by c.start_secs desc))[1]::text as close, sum(c.lots)::text as lots, \
         sum(c.quote)::text as quote, sum(c.fills)::bigint as fills \
         from unnest($1::int8[], $2::int8[], $3::int8[]) with ordinality as k(group_id, market, minute, i) \
         join exchange.candle c on c.group_id = k.group_id and c.market = k.market and c.secs = 60 \
         and c.start_secs > k.minute - 86400 and c.start_secs <= k.minute group by k.i",
    )
    .bind(keys.iter().map(|(group, _, _)| i64::from(group.0)).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, market, _)| i64::from(market.0)).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, _, minute)| *minute).collect::<Vec<_>>());
    let rows: Vec<StatsRow> = reader.all(query).await?;
    let key = |row: &StatsRow| usize::try_from(row.index - 1).ok().and_then(|at| keys.get(at)).copied();
    Ok(rows.into_iter().filter_map(|row| Some((key(&row)?, row))).collect())
}

/// The asset that a token is a share or a licence of.
#[derive(Clone, Debug, FromRow)]
pub struct UnderlyingRow {
    /// The token.
    pub token_key: Key,
    /// The asset.
    pub asset_key: Key,
    /// Its name.
    pub name: String,
    /// When a licence series ends, Unix seconds: 0 for ever; null for shares.
    pub expires_at: Option<BigInt>,
}

const UNDERLYING: &str = "select s.shares_key as token_key, s.asset_key, a.name, null::text as expires_at from share_issue s \
     join asset a on a.chain_id = s.chain_id and a.asset_key = s.asset_key where s.chain_id = $1 and s.valid_to is null and ";

const SERIES: &str = " union all select l.series_key, l.asset_key, a.name, l.expires_at::text from license_series l \
     join asset a on a.chain_id = l.chain_id and a.asset_key = l.asset_key where l.chain_id = $1 and ";

async fn underlying(
    reader: &Reader,
    chain: ChainId,
    (of_shares, of_series): (&str, &str),
    keys: Vec<Vec<u8>>,
) -> Result<Vec<UnderlyingRow>, ApiError> {
    let sql = format!("{UNDERLYING}{of_shares} = any($2){SERIES}{of_series} = any($2)");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(chain_number(chain))
        .bind(keys);
    reader.all(query).await
}

/// Splits keys by chain.
fn by_chain(keys: &[(ChainId, Vec<u8>)]) -> HashMap<ChainId, Vec<Vec<u8>>> {
    let mut chains: HashMap<ChainId, Vec<Vec<u8>>> = HashMap::new();
    for (chain, key) in keys {
        chains.entry(*chain).or_default().push(key.clone());
    }
    chains
}

/// What tokens are of, by token; those that are neither shares nor licences of an indexed asset are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn assets_of_tokens(
    reader: &Reader,
    keys: &[(ChainId, Vec<u8>)],
) -> Result<HashMap<(ChainId, Vec<u8>), UnderlyingRow>, ApiError> {
    let mut found = HashMap::new();
    for (chain, keys) in by_chain(keys) {
        for row in underlying(reader, chain, ("s.shares_key", "l.series_key"), keys).await? {
            found.insert((chain, row.token_key.0.key().as_bytes().to_vec()), row);
        }
    }
    Ok(found)
}

/// The shares and licence series of assets, by asset.
///
/// # Errors
/// When the database does not answer.
pub async fn tokens_of_assets(
    reader: &Reader,
    keys: &[(ChainId, Vec<u8>)],
) -> Result<HashMap<(ChainId, Vec<u8>), Vec<UnderlyingRow>>, ApiError> {
    let mut found: HashMap<_, Vec<UnderlyingRow>> = HashMap::new();
    for (chain, keys) in by_chain(keys) {
        for row in underlying(reader, chain, ("s.asset_key", "l.asset_key"), keys).await? {
            let asset = (chain, row.asset_key.0.key().as_bytes().to_vec());
            found.entry(asset).or_default().push(row);
        }
    }
    Ok(found)
}

/// Every instrument of a group, by number.
///
/// # Errors
/// When the database does not answer.
pub async fn instruments(reader: &Reader, group: GroupId) -> Result<Vec<TokenRef>, ApiError> {
    let query = sqlx::query("select token_key from exchange.instrument where group_id = $1 order by id");
    let rows: Vec<(Key,)> = reader.all(query.bind(i64::from(group.0))).await?;
    Ok(rows.into_iter().map(|(key,)| key.0).collect())
}

/// Every account of a group with its address, that of `deficit` left out.
///
/// # Errors
/// When the database does not answer.
pub async fn accounts(reader: &Reader, group: GroupId) -> Result<Vec<(AccountId, Address)>, ApiError> {
    let query = sqlx::query("select id, address from exchange.account where group_id = $1 and id > 0");
    let rows: Vec<(i64, crate::scalars::Address)> = reader.all(query.bind(i64::from(group.0))).await?;
    let account = |(id, address): (i64, crate::scalars::Address)| Some((AccountId(u32::try_from(id).ok()?), address.0));
    Ok(rows.into_iter().filter_map(account).collect())
}
