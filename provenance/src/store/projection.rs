//! The row of `projection`: how far a chain is projected. It is written in the transaction that writes the rows that it counts (LOG-2).

use alloy_primitives::B256;
use souk_adapters::WatchSet;
use souk_schema::record::StreamOpened;
use souk_schema::{BlockRef, ChainId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Row, types::Json};

use super::encode::signed;

/// How far a chain is projected.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The stream that it reads.
    pub stream: String,
    /// The stream's generation.
    pub generation: u32,
    /// The next record to apply.
    pub next_sequence: u64,
    /// The first block of the stream.
    pub start_block: u64,
    /// Hash of the chain's block 0.
    pub genesis_hash: B256,
    /// What the stream watches.
    pub watch_set: WatchSet,
    /// The decoder that made the rows.
    pub decoder_version: u32,
    /// The newest block.
    pub head: Option<BlockRef>,
    /// The newest final block.
    pub finalized: Option<BlockRef>,
    /// How often the rows were replaced as a whole, from 1.
    pub epoch: u64,
}

fn from_row(row: &PgRow) -> sqlx::Result<Projection> {
    let natural = |column: &str| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    let block = |number: &str, hash: &str| -> sqlx::Result<Option<BlockRef>> {
        let number: Option<i64> = row.try_get(number)?;
        let hash: Option<&[u8]> = row.try_get(hash)?;
        let block = number.zip(hash).and_then(|(number, hash)| {
            Some(BlockRef {
                number: number.cast_unsigned(),
                hash: B256::try_from(hash).ok()?,
            })
        });
        Ok(block)
    };
    let Json(watch_set) = row.try_get::<Json<WatchSet>, _>("watch_set")?;
    Ok(Projection {
        stream: row.try_get("stream")?,
        generation: row.try_get::<i32, _>("generation")?.cast_unsigned(),
        next_sequence: natural("next_sequence")?,
        start_block: natural("start_block")?,
        genesis_hash: row.try_get::<&[u8], _>("genesis_hash")?.try_into().unwrap_or_default(),
        watch_set,
        decoder_version: row.try_get::<i32, _>("decoder_version")?.cast_unsigned(),
        head: block("head_number", "head_hash")?,
        finalized: block("finalized_number", "finalized_hash")?,
        epoch: natural("epoch")?,
    })
}

/// Reads a chain's row.
///
/// # Errors
/// Those of Postgres, and of a row that no Souk wrote.
pub async fn read_projection(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<Option<Projection>> {
    let row = sqlx::query("select * from projection where chain_id = $1")
        .bind(signed(chain.0))
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(from_row).transpose()
}

/// Locks a chain's row until the transaction ends and gives its next sequence and epoch: a second projector of the chain waits here, and
/// then sees that it was overtaken.
///
/// # Errors
/// Those of Postgres.
pub async fn lock_projection(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<Option<(u64, u64)>> {
    let row: Option<(i64, i64)> =
        sqlx::query_as("select next_sequence, epoch from projection where chain_id = $1 for update")
            .bind(signed(chain.0))
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(next, epoch)| (next.cast_unsigned(), epoch.cast_unsigned())))
}

/// Makes a chain's row when its stream is opened, unless another projector made it first.
///
/// # Errors
/// Those of Postgres.
pub async fn insert_projection(
    connection: &mut PgConnection,
    chain: ChainId,
    stream: &str,
    generation: u32,
    opened: &StreamOpened,
    decoder_version: u32,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into projection
             (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set, decoder_version)
         values ($1, $2, $3, 0, $4, $5, $6::jsonb, $7)
         on conflict (chain_id) do nothing",
    )
    .bind(signed(chain.0))
    .bind(stream)
    .bind(generation.cast_signed())
    .bind(signed(opened.start_block))
    .bind(opened.genesis_hash.as_slice())
    .bind(&opened.watch_set_json)
    .bind(decoder_version.cast_signed())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Moves a chain's row on to `next_sequence` and to the head and finality after a batch.
///
/// # Errors
/// Those of Postgres.
pub async fn advance(
    connection: &mut PgConnection,
    chain: ChainId,
    next_sequence: u64,
    head: Option<BlockRef>,
    finalized: Option<BlockRef>,
) -> sqlx::Result<()> {
    let number = |block: Option<BlockRef>| block.map(|block| signed(block.number));
    sqlx::query(
        "update projection set
             next_sequence = $2,
             head_number = $3,
             head_hash = $4,
             head_timestamp = (select timestamp from block where chain_id = $1 and number = $3),
             finalized_number = $5,
             finalized_hash = $6,
             updated_at = now()
         where chain_id = $1",
    )
    .bind(signed(chain.0))
    .bind(signed(next_sequence))
    .bind(number(head))
    .bind(head.as_ref().map(|block| block.hash.as_slice()))
    .bind(number(finalized))
    .bind(finalized.as_ref().map(|block| block.hash.as_slice()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Says that the rows are as today's decoder makes them.
///
/// # Errors
/// Those of Postgres.
pub async fn set_decoder_version(connection: &mut PgConnection, chain: ChainId, version: u32) -> sqlx::Result<()> {
    sqlx::query("update projection set decoder_version = $2 where chain_id = $1")
        .bind(signed(chain.0))
        .bind(version.cast_signed())
        .execute(connection)
        .await?;
    Ok(())
}
