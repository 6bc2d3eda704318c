//! Canonical blocks, and which block a time falls in.

use std::collections::HashMap;

use sqlx::FromRow;

use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Bytes32, Long};
use souk_schema::ChainId;

/// A row of `block`.
#[derive(Clone, Debug, FromRow)]
pub struct BlockRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// Height.
    pub number: Long,
    /// Hash of the header.
    pub hash: Bytes32,
    /// Hash of the block before.
    pub parent_hash: Bytes32,
    /// Unix time in seconds.
    pub timestamp: Long,
}

/// Blocks by number; those that are not indexed are missing.
///
/// # Errors
/// When the database does not answer.
pub async fn by_number(
    reader: &Reader,
    wanted: &[(ChainId, i64)],
) -> Result<HashMap<(ChainId, i64), BlockRow>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, b.number, b.hash, b.parent_hash, b.timestamp \
         from unnest($1::int8[], $2::int8[]) with ordinality as k(chain, number, i) \
         join block b on b.chain_id = k.chain and b.number = k.number",
    );
    keyed(reader, query, wanted).await
}

/// For each time the last block that is not later; a chain whose first block is later has none.
///
/// # Errors
/// When the database does not answer.
pub async fn by_time(
    reader: &Reader,
    wanted: &[(ChainId, i64)],
) -> Result<HashMap<(ChainId, i64), BlockRow>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, x.* from unnest($1::int8[], $2::int8[]) with ordinality as k(chain, time, i) \
         cross join lateral (select b.number, b.hash, b.parent_hash, b.timestamp from block b \
         where b.chain_id = k.chain and b.timestamp <= k.time order by b.timestamp desc, b.number desc limit 1) x",
    );
    keyed(reader, query, wanted).await
}

async fn keyed(
    reader: &Reader,
    query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
    wanted: &[(ChainId, i64)],
) -> Result<HashMap<(ChainId, i64), BlockRow>, ApiError> {
    let query = query
        .bind(wanted.iter().map(|(chain, _)| chain_number(*chain)).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(_, number)| *number).collect::<Vec<_>>());
    let rows: Vec<BlockRow> = reader.all(query).await?;
    let at = |parent: i64| {
        usize::try_from(parent - 1)
            .ok()
            .and_then(|parent| wanted.get(parent))
            .copied()
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((at(row.parent)?, row)))
        .collect())
}

/// The number of the canonical block with a hash.
///
/// # Errors
/// When the database does not answer.
pub async fn number_of(reader: &Reader, chain: ChainId, hash: souk_schema::B256) -> Result<Option<i64>, ApiError> {
    let query = sqlx::query("select number from block where chain_id = $1 and hash = $2")
        .bind(chain_number(chain))
        .bind(hash.to_vec());
    let rows: Vec<(i64,)> = reader.all(query).await?;
    Ok(rows.first().map(|(number,)| *number))
}
