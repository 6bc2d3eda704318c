//! How far each chain is projected.

use sqlx::FromRow;

use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Bytes32, ChainId};

/// A row of `projection`.
#[derive(Clone, Debug, FromRow)]
pub struct ChainRow {
    /// The chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The event-log stream that is projected.
    pub stream: String,
    /// That stream's generation.
    pub generation: i32,
    /// The next record of the stream to apply: all before it are in the tables.
    pub next_sequence: i64,
    /// The first block that is indexed.
    pub start_block: i64,
    /// Hash of block 0.
    pub genesis_hash: Bytes32,
    /// Which decoder made the events.
    pub decoder_version: i32,
    /// The last projected block; none before the first.
    pub head_number: Option<i64>,
    /// Its hash.
    pub head_hash: Option<Bytes32>,
    /// Its time.
    pub head_timestamp: Option<i64>,
    /// The newest block that the chain promises to keep.
    pub finalized_number: Option<i64>,
    /// Its hash.
    pub finalized_hash: Option<Bytes32>,
}

/// All chains.
pub const SELECT: &str = "select chain_id, stream, generation, next_sequence, start_block, genesis_hash, decoder_version, head_number, \
     head_hash, head_timestamp, finalized_number, finalized_hash from projection order by chain_id";

/// How many logs of each of the chains are in quarantine.
///
/// # Errors
/// When the database does not answer.
pub async fn quarantined(reader: &Reader, chains: &[souk_schema::ChainId]) -> Result<Vec<(ChainId, i64)>, ApiError> {
    let numbers: Vec<i64> = chains.iter().copied().map(chain_number).collect();
    let query = sqlx::query("select chain_id, count(*) from quarantine where chain_id = any($1) group by chain_id")
        .bind(numbers);
    reader.all(query).await
}
