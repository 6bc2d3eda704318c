//! What settlement tells the ledger: in which transaction fills were sent to the chain. No event of the engine says so.

use alloy_primitives::B256;
use souk_schema::exchange::{FillNumber, GroupId};
use sqlx::PgExecutor;

/// Fills that were sent to the chain together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementBatch {
    /// Their group.
    pub group: GroupId,
    /// The first of them.
    pub first_fill: FillNumber,
    /// The last of them.
    pub last_fill: FillNumber,
    /// The newest transaction that carries them: a replacement with a higher fee is told as it is sent.
    pub transaction_hash: B256,
    /// The block that it is in; `None` while it waits, and again after a reorganisation dropped it.
    pub block_number: Option<u64>,
}

/// Notes where fills are settled; what was noted of any of them before is replaced. Telling it twice does no harm.
///
/// # Errors
/// Those of Postgres.
pub async fn note_settlement(executor: impl PgExecutor<'_>, batch: &SettlementBatch) -> sqlx::Result<()> {
    // Batches may be cut otherwise where the chain lost some and they are settled again.
    sqlx::query(
        "with replaced as (
             delete from exchange.settlement where group_id = $1 and first_fill > $2 and first_fill <= $3
         )
         insert into exchange.settlement values ($1, $2, $3, $4, $5)
         on conflict (group_id, first_fill) do update set
             last_fill = excluded.last_fill, transaction_hash = excluded.transaction_hash, block_number = excluded.block_number",
    )
    .bind(i64::from(batch.group.0))
    .bind(batch.first_fill.0.cast_signed())
    .bind(batch.last_fill.0.cast_signed())
    .bind(batch.transaction_hash.as_slice())
    .bind(batch.block_number.map(u64::cast_signed))
    .execute(executor)
    .await
    .map(|_| ())
}
