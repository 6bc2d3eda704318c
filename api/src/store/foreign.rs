//! What other protocols know an asset as.

use std::collections::HashMap;

use sqlx::FromRow;

use super::Reader;
use crate::error::ApiError;
use crate::scalars::{ChainId, Key, Long};

/// A row of `foreign_asset`.
#[derive(Clone, Debug, FromRow)]
pub struct ForeignRow {
    /// The CAIP-19 id of what it stands for.
    pub asset_id: String,
    /// The chain of the protocol.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The thing.
    #[sqlx(rename = "asset_key")]
    pub key: Key,
    /// The kind's number.
    pub kind: i16,
    /// Its name; empty where the protocol keeps none.
    pub name: String,
    /// Where its description is.
    pub uri: String,
    /// The block that registered it.
    pub valid_from: Long,
    /// The log that registered it.
    pub log_index: i32,
}

/// What assets are known as, in the order of the chains and their logs.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(reader: &Reader, ids: &[String]) -> Result<HashMap<String, Vec<ForeignRow>>, ApiError> {
    let query = sqlx::query(
        "select asset_id, chain_id, asset_key, kind, name, uri, valid_from, log_index from foreign_asset where asset_id = any($1) \
         order by chain_id, valid_from, log_index",
    )
    .bind(ids);
    let rows: Vec<ForeignRow> = reader.all(query).await?;
    let mut found: HashMap<String, Vec<ForeignRow>> = HashMap::new();
    for row in rows {
        found.entry(row.asset_id.clone()).or_default().push(row);
    }
    Ok(found)
}
