//! Deposits whose blocks are not final yet. The engine hears of a deposit at its finality; until then only the chain's tables know it.

use souk_schema::Address;
use souk_schema::event::{DomainEvent, VaultCredited};
use souk_schema::exchange::Venue;
use sqlx::FromRow;

use crate::error::ApiError;
use crate::scalars::Bytes32;
use crate::store::Reader;

/// A deposit that is not final.
#[derive(Clone, Debug)]
pub struct PendingDeposit {
    /// What, and how much.
    pub credited: VaultCredited,
    /// The block.
    pub block_number: i64,
    /// The transaction.
    pub transaction_hash: Bytes32,
}

#[derive(FromRow)]
struct Row {
    block_number: i64,
    transaction_hash: Bytes32,
    body: String,
}

/// An account's deposits in blocks above one, oldest first, at most a hundred.
///
/// # Errors
/// When the database does not answer, or an event is not what it must be.
pub async fn pending(
    reader: &Reader,
    venue: Venue,
    above: i64,
    account: Address,
) -> Result<Vec<PendingDeposit>, ApiError> {
    let query = sqlx::query(
        "select block_number, transaction_hash, body::text as body from event \
         where chain_id = $1 and block_number > $2 and contract = $3 and name = 'vault_credited' and body->>'account' = $4 \
         order by block_number, log_index limit 100",
    )
    .bind(i64::try_from(venue.chain.0).unwrap_or(i64::MAX))
    .bind(above)
    .bind(venue.vault.to_vec())
    .bind(format!("{account:#x}"));
    let rows: Vec<Row> = reader.all(query).await?;
    let deposit = |row: Row| match serde_json::from_str(&row.body) {
        Ok(DomainEvent::VaultCredited(credited)) => Ok(PendingDeposit {
            credited,
            block_number: row.block_number,
            transaction_hash: row.transaction_hash,
        }),
        Ok(_) => Err(ApiError::internal("an event of another name than its body")),
        Err(error) => Err(ApiError::internal(format!("an event's body: {error}"))),
    };
    rows.into_iter().map(deposit).collect()
}
