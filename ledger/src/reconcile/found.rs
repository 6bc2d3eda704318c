//! What the last comparisons found, in a table: who compares and who is asked may be different processes.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::exchange::{CommandNumber, GroupId};
use souk_schema::{BlockRef, TokenRef};
use sqlx::{PgExecutor, PgPool};

use super::Report;
use crate::read::Cells;

/// Differences that are kept of one comparison; all are counted.
const KEPT: usize = 100;

/// What the ledger is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    /// What the engine says of balances.
    Engine,
    /// What the vault has on chain.
    Vault,
}

impl Other {
    pub(super) fn word(self) -> &'static str {
        match self {
            Other::Engine => "engine",
            Other::Vault => "vault",
        }
    }
}

/// A difference that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// Which numbers.
    pub what: String,
    /// Whose; `None` for what is of the whole vault or group.
    pub account: Option<Address>,
    /// Of what.
    pub token: TokenRef,
    /// What the other side has more than the ledger, in base units.
    pub difference: String,
}

/// What the last comparison of a group's ledger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciliationRow {
    /// The group.
    pub group: GroupId,
    /// With what it was compared.
    pub other: Other,
    /// When, in Unix seconds, the newest that there was to compare was last known to be compared; `None` before the first time.
    pub checked_at_secs: Option<u64>,
    /// The command after which it was compared.
    pub number: Option<CommandNumber>,
    /// The final block at the end of which it was compared, for a vault.
    pub block: Option<(u64, B256)>,
    /// How many numbers were compared.
    pub compared: u64,
    /// How many were not equal.
    pub difference_count: u64,
    /// The first hundred of them.
    pub differences: Vec<DifferenceRow>,
    /// Since when nothing can be compared, in Unix seconds; `None` while it can.
    pub failing_since_secs: Option<u64>,
}

/// What the last comparisons found, by group.
///
/// # Errors
/// Those of Postgres.
pub async fn reconciliations(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<ReconciliationRow>> {
    let rows = sqlx::query(
        "select group_id, books, extract(epoch from checked_at)::bigint as checked_at, number, block_number, block_hash, compared,
                difference_count, differences::text as differences, extract(epoch from failing_since)::bigint as failing_since
         from exchange.reconciliation order by group_id, books",
    )
    .fetch_all(executor)
    .await?;
    let row = |row| {
        let cells = Cells(row);
        let block = (
            cells.natural_or_null("block_number")?,
            cells.hash_or_null("block_hash")?,
        );
        let differences: &str = sqlx::Row::try_get(row, "differences")?;
        Ok(ReconciliationRow {
            group: GroupId(cells.id("group_id")?),
            other: cells.word("books")?,
            checked_at_secs: cells.natural_or_null("checked_at")?,
            number: cells.natural_or_null("number")?.map(CommandNumber),
            block: block.0.zip(block.1),
            compared: cells.natural("compared")?,
            difference_count: cells.natural("difference_count")?,
            differences: serde_json::from_str(differences).map_err(|error| sqlx::Error::Decode(error.into()))?,
            failing_since_secs: cells.natural_or_null("failing_since")?,
        })
    };
    rows.iter().map(row).collect()
}

/// Writes down what a comparison found.
pub(super) async fn keep(
    pool: &PgPool,
    group: GroupId,
    other: Other,
    block: Option<BlockRef>,
    report: &Report,
) -> sqlx::Result<()> {
    let number = report
        .at
        .iter()
        .find(|(of, _)| *of == group)
        .map(|(_, number)| number.0);
    let rows: Vec<DifferenceRow> = report
        .differences
        .iter()
        .take(KEPT)
        .map(|difference| DifferenceRow {
            what: difference.what.into(),
            account: difference.account,
            token: difference.token,
            difference: difference.difference().to_string(),
        })
        .collect();
    let rows = serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "insert into exchange.reconciliation
            (group_id, books, checked_at, number, block_number, block_hash, compared, difference_count, differences)
         values ($1, $2, now(), $3, $4, $5, $6, $7, $8::jsonb)
         on conflict (group_id, books) do update set
            checked_at = now(), number = excluded.number, block_number = excluded.block_number, block_hash = excluded.block_hash,
            compared = excluded.compared, difference_count = excluded.difference_count, differences = excluded.differences,
            failing_since = null",
    )
    .bind(i64::from(group.0))
    .bind(other.word())
    .bind(number.map(u64::cast_signed))
    .bind(block.map(|block| block.number.cast_signed()))
    .bind(block.map(|block| block.hash.to_vec()))
    .bind(report.compared.cast_signed())
    .bind(i64::try_from(report.differences.len()).unwrap_or(i64::MAX))
    .bind(rows)
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that there is nothing newer to compare than what was.
pub(super) async fn keep_unchanged(pool: &PgPool, group: GroupId, other: Other) -> sqlx::Result<()> {
    sqlx::query(
        "update exchange.reconciliation set checked_at = now(), failing_since = null where group_id = $1 and books = $2",
    )
    .bind(i64::from(group.0))
    .bind(other.word())
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that nothing can be compared.
pub(super) async fn keep_failure(pool: &PgPool, group: GroupId, other: Other) -> sqlx::Result<()> {
    sqlx::query(
        "insert into exchange.reconciliation (group_id, books, failing_since) values ($1, $2, now())
         on conflict (group_id, books) do update set failing_since = coalesce(reconciliation.failing_since, now())",
    )
    .bind(i64::from(group.0))
    .bind(other.word())
    .execute(pool)
    .await?;
    Ok(())
}
