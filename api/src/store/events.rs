//! Decoded events and quarantined logs.

use std::collections::HashMap;

use sqlx::FromRow;

use super::listing::{SortType, listing};
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, Bytes, Bytes32, ChainId, Key, Long};

/// A row of `event`.
#[derive(Clone, Debug, FromRow)]
pub struct EventRow {
    /// The chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The block that holds its log.
    pub block_number: Long,
    /// The log's index in the block.
    pub log_index: i32,
    /// Which of the log's events.
    pub ordinal: i32,
    /// The transaction.
    pub transaction_hash: Bytes32,
    /// Who emitted the log.
    pub contract: Address,
    /// What happened.
    pub name: String,
    /// The token that it is about.
    pub subject_key: Option<Key>,
    /// Everything it says.
    pub body: serde_json::Value,
}

listing! {
    /// What happened to a token, oldest first: its own events, and for an asset those of its shares and its licence series.
    OfSubject of EventRow {
        name: "events",
        columns: "t.chain_id, t.block_number, t.log_index, t.ordinal, t.transaction_hash, t.contract, t.name, t.subject_key, t.body",
        from: "event t where t.chain_id = k.chain and t.block_number <= k.at and t.subject_key = any(array(select k.key \
               union all select s.shares_key from share_issue s where s.chain_id = k.chain and s.asset_key = k.key and s.valid_from <= k.at \
               union all select l.series_key from license_series l where l.chain_id = k.chain and l.asset_key = k.key and l.valid_from <= k.at))",
        sort: &[("t.block_number", SortType::Integer), ("t.log_index", SortType::Integer), ("t.ordinal", SortType::Integer)],
        descending: false,
    }
}

listing! {
    /// Everything that happened on a chain, newest first.
    OfChain of EventRow {
        name: "chainEvents",
        columns: "t.chain_id, t.block_number, t.log_index, t.ordinal, t.transaction_hash, t.contract, t.name, t.subject_key, t.body",
        from: "event t where t.chain_id = k.chain and t.block_number <= k.at",
        sort: &[("t.block_number", SortType::Integer), ("t.log_index", SortType::Integer), ("t.ordinal", SortType::Integer)],
        descending: true,
    }
}

/// A log's place: chain, block, index.
pub type LogPlace = (souk_schema::ChainId, i64, i32);

/// The events of each log, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn of_logs(reader: &Reader, places: &[LogPlace]) -> Result<HashMap<LogPlace, Vec<EventRow>>, ApiError> {
    let query = sqlx::query(
        "select t.chain_id, t.block_number, t.log_index, t.ordinal, t.transaction_hash, t.contract, t.name, t.subject_key, t.body \
         from unnest($1::int8[], $2::int8[], $3::int4[]) as k(chain, block, log) \
         join event t on t.chain_id = k.chain and t.block_number = k.block and t.log_index = k.log order by t.ordinal",
    )
    .bind(places.iter().map(|(chain, _, _)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, block, _)| *block).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, _, log)| *log).collect::<Vec<_>>());
    let mut events: HashMap<LogPlace, Vec<EventRow>> = HashMap::new();
    for row in reader.all::<EventRow>(query).await? {
        events
            .entry((row.chain.0, row.block_number.0, row.log_index))
            .or_default()
            .push(row);
    }
    Ok(events)
}

/// Where a follower stands: everything up to here was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The block.
    pub block: i64,
    /// The log in it.
    pub log_index: i32,
    /// The event of that log.
    pub ordinal: i32,
}

/// What happened to a token after a place, oldest first, at most `limit` events.
///
/// # Errors
/// When the database does not answer.
pub async fn following(
    reader: &Reader,
    chain: souk_schema::ChainId,
    key: &[u8],
    after: Place,
    limit: i64,
) -> Result<Vec<EventRow>, ApiError> {
    let query = sqlx::query(
        "select t.chain_id, t.block_number, t.log_index, t.ordinal, t.transaction_hash, t.contract, t.name, t.subject_key, t.body \
         from event t where t.chain_id = $1 and t.subject_key = any(array(select $2 \
         union all select s.shares_key from share_issue s where s.chain_id = $1 and s.asset_key = $2 \
         union all select l.series_key from license_series l where l.chain_id = $1 and l.asset_key = $2)) \
         and (t.block_number, t.log_index, t.ordinal) > ($3, $4, $5) order by t.block_number, t.log_index, t.ordinal limit $6",
    )
    .bind(chain_number(chain))
    .bind(key.to_vec())
    .bind(after.block)
    .bind(after.log_index)
    .bind(after.ordinal)
    .bind(limit);
    reader.all(query).await
}

/// What a payout distributor said after a place, as [`following`]: its roots, what became of them, and claims; of an account only claims.
///
/// # Errors
/// When the database does not answer.
pub async fn following_payouts(
    reader: &Reader,
    chain: souk_schema::ChainId,
    distributor: souk_schema::Address,
    account: Option<souk_schema::Address>,
    after: Place,
    limit: i64,
) -> Result<Vec<EventRow>, ApiError> {
    let query = sqlx::query(
        "select t.chain_id, t.block_number, t.log_index, t.ordinal, t.transaction_hash, t.contract, t.name, t.subject_key, t.body \
         from ((select valid_from, log_index from payout_root where chain_id = $1 and distributor = $2 and $7::bytea is null \
         and (valid_from, log_index) >= ($3, $4) order by valid_from, log_index limit $6 + 1) \
         union all (select valid_from, log_index from payout_root_change where chain_id = $1 and distributor = $2 and $7::bytea is null \
         and (valid_from, log_index) >= ($3, $4) order by valid_from, log_index limit $6 + 1) \
         union all (select valid_from, log_index from payout_claim where chain_id = $1 and distributor = $2 \
         and ($7::bytea is null or account = $7) and (valid_from, log_index) >= ($3, $4) order by valid_from, log_index limit $6 + 1)) k \
         join event t on t.chain_id = $1 and t.block_number = k.valid_from and t.log_index = k.log_index \
         where (t.block_number, t.log_index, t.ordinal) > ($3, $4, $5) order by t.block_number, t.log_index, t.ordinal limit $6",
    )
    .bind(chain_number(chain))
    .bind(distributor.as_slice().to_vec())
    .bind(after.block)
    .bind(after.log_index)
    .bind(after.ordinal)
    .bind(limit)
    .bind(account.map(|account| account.as_slice().to_vec()));
    reader.all(query).await
}

/// A row of `quarantine`.
#[derive(Clone, Debug, FromRow)]
pub struct QuarantineRow {
    /// The chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The block that holds the log.
    pub block_number: Long,
    /// Its index in the block.
    pub log_index: i32,
    /// The transaction.
    pub transaction_hash: Bytes32,
    /// Who emitted it.
    pub contract: Address,
    /// Its topics.
    pub topics: Vec<Bytes32Column>,
    /// Its data.
    pub data: Bytes,
    /// Why it could not be decoded.
    pub reason: String,
    /// By which decoder.
    pub decoder_version: i32,
}

/// A topic as a column holds it.
pub type Bytes32Column = Vec<u8>;

listing! {
    /// Watched logs of a chain that no adapter could decode, newest first.
    Quarantined of QuarantineRow {
        name: "quarantine",
        columns: "t.chain_id, t.block_number, t.log_index, t.transaction_hash, t.contract, t.topics, t.data, t.reason, t.decoder_version",
        from: "quarantine t where t.chain_id = k.chain and t.block_number <= k.at",
        sort: &[("t.block_number", SortType::Integer), ("t.log_index", SortType::Integer)],
        descending: true,
    }
}
