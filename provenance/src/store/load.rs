//! What a batch needs to know before it decides: the open rows under the keys that it touches, all of a kind in one statement.
//!
//! Every statement looks each key up in a lateral subquery with a limit, which the planner cannot turn round: with statistics of a table
//! that was empty a moment ago it would read the whole table and, for each row, all the keys.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use souk_schema::amount::Balance;
use souk_schema::{BlockRef, ChainId, TokenRef};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::encode::signed;
use super::{foreign, vault};
use crate::fold::{At, Child, Lifetime, Thing, WorkingSet};

/// A value in a table that no Souk wrote there.
pub(super) fn damaged(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(
        format!("{what}: the derived tables were changed by hand; `souk replay` makes them anew").into(),
    )
}

pub(super) fn key(token: &TokenRef) -> Vec<u8> {
    token.key().as_bytes().to_vec()
}

pub(super) fn token(key: &[u8]) -> sqlx::Result<TokenRef> {
    TokenRef::try_from(key).map_err(|_| damaged("a key that no token has"))
}

pub(super) fn address(bytes: &[u8]) -> sqlx::Result<Address> {
    Address::try_from(bytes).map_err(|_| damaged("an account is no address"))
}

pub(super) fn balance(amount: &str) -> sqlx::Result<Balance> {
    Balance::from_dec_str(amount).map_err(|_| damaged("a balance is no whole number"))
}

/// Fills in what the tables hold for every key of the working set.
///
/// # Errors
/// Those of Postgres.
pub async fn load(connection: &mut PgConnection, chain: ChainId, set: &mut WorkingSet) -> sqlx::Result<()> {
    owners(connection, chain, set).await?;
    balances(connection, chain, set).await?;
    let assets = set.assets.iter_mut();
    lifetimes(connection, chain, assets, once("asset", "asset_key", FOR_EVER)).await?;
    let (contributions, series) = (set.contributions.iter_mut(), set.series.iter_mut());
    let statement = once("contribution", "contribution_key", UNTIL_CLOSED);
    lifetimes(connection, chain, contributions, statement).await?;
    // A series that was revoked before it was seen minted has no row of its own.
    let statement = "select k.place, t.is_open from unnest($2::bytea[]) with ordinality k(key, place)
         cross join lateral (
             (select false as is_open from license_revocation where chain_id = $1 and series_key = k.key limit 1)
             union all
             (select valid_to is null from license_series where chain_id = $1 and series_key = k.key limit 1)
             limit 1
         ) t";
    lifetimes(connection, chain, series, statement.into()).await?;
    terms(connection, chain, set).await?;
    things(connection, chain, set).await?;
    vault::load(connection, chain, &mut set.vaults).await?;
    foreign::load(connection, chain, &mut set.foreign).await
}

/// The assets of the things that are in the tables, a statement for each kind of thing.
async fn things(connection: &mut PgConnection, chain: ChainId, set: &mut WorkingSet) -> sqlx::Result<()> {
    let mut by_kind: BTreeMap<Thing, Vec<(&TokenRef, &mut Option<TokenRef>)>> = BTreeMap::new();
    for ((thing, key), asset) in &mut set.things {
        by_kind.entry(*thing).or_default().push((key, asset));
    }
    for (thing, mut things) in by_kind {
        let (table, column) = thing.table();
        let statement = format!(
            "select k.place, t.asset_key from unnest($2::bytea[]) with ordinality k(key, place)
             cross join lateral (select asset_key from {table} where chain_id = $1 and {column} = k.key limit 1) t"
        );
        let keys: Vec<Vec<u8>> = things.iter().map(|(token, _)| key(token)).collect();
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(signed(chain.0))
            .bind(keys)
            .fetch_all(&mut *connection)
            .await?;
        for (place, asset) in rows {
            *things[index(place)].1 = Some(token(&asset)?);
        }
    }
    Ok(())
}

async fn owners(connection: &mut PgConnection, chain: ChainId, set: &mut WorkingSet) -> sqlx::Result<()> {
    if set.owners.is_empty() {
        return Ok(());
    }
    let mut held: Vec<_> = set.owners.iter_mut().collect();
    let keys: Vec<Vec<u8>> = held.iter().map(|(token, _)| key(token)).collect();
    // The newest row of a key is the open one, if there is one: one step in the primary key, however long the history.
    let rows: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(
        "select k.place, o.owner, o.valid_from from unnest($2::bytea[]) with ordinality k(key, place)
         cross join lateral (
             select owner, valid_from, valid_to from ownership
             where chain_id = $1 and token_key = k.key order by valid_from desc limit 1
         ) o
         where o.valid_to is null",
    )
    .bind(signed(chain.0))
    .bind(keys)
    .fetch_all(connection)
    .await?;
    for (place, owner, from) in rows {
        held[index(place)].1.load(address(&owner)?, from.cast_unsigned());
    }
    Ok(())
}

async fn balances(connection: &mut PgConnection, chain: ChainId, set: &mut WorkingSet) -> sqlx::Result<()> {
    if set.balances.is_empty() {
        return Ok(());
    }
    let mut held: Vec<_> = set.balances.iter_mut().collect();
    let keys: Vec<Vec<u8>> = held.iter().map(|((token, _), _)| key(token)).collect();
    let accounts: Vec<&[u8]> = held.iter().map(|((_, account), _)| account.as_slice()).collect();
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(
        "select k.place, b.amount::text, b.valid_from
         from unnest($2::bytea[], $3::bytea[]) with ordinality k(key, account, place)
         cross join lateral (
             select amount, valid_from, valid_to from balance
             where chain_id = $1 and token_key = k.key and account = k.account order by valid_from desc limit 1
         ) b
         where b.valid_to is null",
    )
    .bind(signed(chain.0))
    .bind(keys)
    .bind(accounts)
    .fetch_all(connection)
    .await?;
    for (place, amount, from) in rows {
        held[index(place)].1.load(balance(&amount)?, from.cast_unsigned());
    }
    Ok(())
}

/// A row is open as long as it is there.
pub(super) const FOR_EVER: &str = "true";

/// A row is open until it is closed.
pub(super) const UNTIL_CLOSED: &str = "valid_to is null";

/// The statement of [`lifetimes`] for a table that has one row for each key, which is in `column`; `is_open` is one of the constants above.
pub(super) fn once(table: &'static str, column: &'static str, is_open: &'static str) -> String {
    format!(
        "select k.place, t.is_open from unnest($2::bytea[]) with ordinality k(key, place)
         cross join lateral (select {is_open} as is_open from {table} where chain_id = $1 and {column} = k.key limit 1) t"
    )
}

/// Runs a statement that gives the place of each key that has a row, and whether that row is open.
pub(super) async fn lifetimes<'a>(
    connection: &mut PgConnection,
    chain: ChainId,
    lifetimes: impl Iterator<Item = (&'a TokenRef, &'a mut Lifetime)>,
    statement: String,
) -> sqlx::Result<()> {
    let mut lifetimes: Vec<_> = lifetimes.collect();
    if lifetimes.is_empty() {
        return Ok(());
    }
    let keys: Vec<Vec<u8>> = lifetimes.iter().map(|(token, _)| key(token)).collect();
    let query = sqlx::query_as(AssertSqlSafe(statement))
        .bind(signed(chain.0))
        .bind(keys);
    fill(query.fetch_all(connection).await?, &mut lifetimes);
    Ok(())
}

async fn terms(connection: &mut PgConnection, chain: ChainId, set: &mut WorkingSet) -> sqlx::Result<()> {
    if set.terms.is_empty() {
        return Ok(());
    }
    let mut lifetimes: Vec<_> = set.terms.iter_mut().collect();
    let registries: Vec<&[u8]> = lifetimes.iter().map(|(terms, _)| terms.contract.as_slice()).collect();
    let ids: Vec<String> = lifetimes.iter().map(|(terms, _)| terms.id.to_string()).collect();
    let query = sqlx::query_as(
        "select k.place, true from unnest($2::bytea[], $3::numeric[]) with ordinality k(registry, id, place)
         cross join lateral (
             select from license_terms where chain_id = $1 and registry = k.registry and terms_id = k.id limit 1
         ) t",
    )
    .bind(signed(chain.0))
    .bind(registries)
    .bind(ids);
    fill(query.fetch_all(connection).await?, &mut lifetimes);
    Ok(())
}

fn fill(rows: Vec<(i64, bool)>, lifetimes: &mut [(&TokenRef, &mut Lifetime)]) {
    for (place, is_open) in rows {
        *lifetimes[index(place)].1 = if is_open { Lifetime::Stored } else { Lifetime::Ended };
    }
}

/// `with ordinality` counts from 1.
pub(super) fn index(place: i64) -> usize {
    usize::try_from(place - 1).expect("Postgres counts from 1")
}

/// The newest canonical blocks, oldest first, at most `limit`.
///
/// # Errors
/// Those of Postgres.
pub async fn recent_blocks(connection: &mut PgConnection, chain: ChainId, limit: usize) -> sqlx::Result<Vec<BlockRef>> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select number, hash from block where chain_id = $1 order by number desc limit $2")
            .bind(signed(chain.0))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?;
    let block = |(number, hash): (i64, Vec<u8>)| {
        Ok(BlockRef {
            number: number.cast_unsigned(),
            hash: B256::try_from(&hash[..]).map_err(|_| damaged("a block's hash is not 32 bytes long"))?,
        })
    };
    rows.into_iter().rev().map(block).collect()
}

/// The contracts that factories created and that are watched, in the order of their creation.
///
/// # Errors
/// Those of Postgres.
pub async fn children(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<Vec<(At, Child)>> {
    let rows: Vec<(Vec<u8>, String, i64, i32)> = sqlx::query_as(
        "select address, standard, valid_from, log_index from contract
         where chain_id = $1 and valid_to is null order by valid_from, log_index",
    )
    .bind(signed(chain.0))
    .fetch_all(connection)
    .await?;
    let child = |(address, kind, block, log_index): (Vec<u8>, String, i64, i32)| {
        let at = At {
            block: block.cast_unsigned(),
            log_index: log_index.cast_unsigned(),
        };
        let address = Address::try_from(&address[..]).map_err(|_| damaged("a contract is no address"))?;
        let kind = kind.parse().map_err(|_| damaged("what a contract is, is not known"))?;
        Ok((at, Child { address, kind }))
    };
    rows.into_iter().map(child).collect()
}

/// How many logs are in quarantine.
///
/// # Errors
/// Those of Postgres.
pub async fn quarantined(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<u64> {
    let count: i64 = sqlx::query_scalar("select count(*) from quarantine where chain_id = $1")
        .bind(signed(chain.0))
        .fetch_one(connection)
        .await?;
    Ok(count.cast_unsigned())
}
