//! Proves that the live tables are what the log says: projects the stream again, into a schema of its own, to where the live tables are,
//! and compares table by table. A difference is named with its rows.

use std::cmp::Ordering;
use std::sync::Arc;

use alloy_primitives::B256;
use futures::TryStreamExt;
use serde::Serialize;
use souk_eventlog::EventLog;
use souk_schema::ChainId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::hash::{combine, table_hashes};
use crate::project::{ProjectError, ProjectorConfig, project_until};
use crate::store;

/// So many differing rows are shown of each table.
const SHOWN: usize = 3;

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The chain.
    pub chain: ChainId,
    /// The live tables hold the records before this one.
    pub sequence: u64,
    /// State hash of the live tables.
    pub live: B256,
    /// State hash of the same records projected again.
    pub replayed: B256,
    /// Rows that were compared.
    pub rows: u64,
    /// Tables that differ.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether the live tables are what the log says.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

/// How a table differs.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// How many rows the live table has that the log does not make.
    pub only_live: u64,
    /// How many rows the log makes that the live table does not have.
    pub only_replayed: u64,
    /// The first of them.
    pub rows: Vec<RowDifference>,
}

/// A row that is on one side only.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowDifference {
    /// The row is in the live table, as JSON.
    OnlyLive(String),
    /// The log makes the row, as JSON.
    OnlyReplayed(String),
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { chain, sequence, .. } = self;
        if self.is_same() {
            return write!(
                f,
                "chain {chain}: {} rows are what the first {sequence} records say, state hash {}",
                self.rows, self.live
            );
        }
        write!(
            f,
            "chain {chain}: the tables are not what the first {sequence} records say"
        )?;
        for difference in &self.differences {
            let Difference {
                table,
                only_live,
                only_replayed,
                rows,
            } = difference;
            write!(
                f,
                "\n{table}: {only_live} rows only in the table, {only_replayed} only in the log"
            )?;
            for row in rows {
                match row {
                    RowDifference::OnlyLive(row) => write!(f, "\n  table {row}")?,
                    RowDifference::OnlyReplayed(row) => write!(f, "\n  log   {row}")?,
                }
            }
        }
        Ok(())
    }
}

/// Verifies the live tables of a chain, while its projector goes on. `None` when the chain has no tables yet.
///
/// # Errors
/// [`ProjectError`] when the stream cannot be projected or Postgres fails.
pub async fn state(
    config: ProjectorConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
) -> Result<Option<Report>, ProjectError> {
    let chain = config.chain;
    store::migrate(&pool, &config.schema).await?;
    let beside = config.schema.beside("verify", chain);
    let mut live = store::connect(&pool, &config.schema).await?;
    if !store::lock(&mut live, &beside).await? {
        return Err(ProjectError::RebuildRuns(chain));
    }
    // One snapshot of the live tables for as long as it takes.
    let mut live = live.begin().await?;
    live.execute("set transaction isolation level repeatable read, read only")
        .await?;
    let Some(projection) = store::read_projection(&mut live, chain).await? else {
        return Ok(None);
    };
    store::drop_schema(&pool, &beside).await?;
    let scratch = ProjectorConfig {
        schema: beside.clone(),
        ..config
    };
    let sequence = projection.next_sequence;
    project_until(scratch, log, pool.clone(), projection.generation, sequence).await?;
    let mut replayed = store::connect(&pool, &beside).await?;
    let report = compare(&mut live, &mut replayed, chain, sequence).await?;
    store::drop_schema(&pool, &beside).await?;
    Ok(Some(report))
}

async fn compare(
    live: &mut PgConnection,
    replayed: &mut PgConnection,
    chain: ChainId,
    sequence: u64,
) -> sqlx::Result<Report> {
    let of_live = table_hashes(live, chain).await?;
    let of_replayed = table_hashes(replayed, chain).await?;
    let mut differences = Vec::new();
    // What a projection's row says of the chain; when and by whom it was written is not of the log.
    let row = "to_jsonb(t) - '{updated_at,epoch,decoder_version}'::text[]";
    differences.extend(rows_that_differ(live, replayed, chain, "projection", row).await?);
    for (one, other) in of_live.iter().zip(&of_replayed) {
        if one.hash != other.hash {
            differences.extend(rows_that_differ(live, replayed, chain, one.table, "to_jsonb(t)").await?);
        }
    }
    Ok(Report {
        chain,
        sequence,
        live: combine(&of_live),
        replayed: combine(&of_replayed),
        rows: of_live.iter().map(|table| table.rows).sum(),
        differences,
    })
}

/// Reads a table on both sides in one order and keeps what only one of them has.
async fn rows_that_differ(
    live: &mut PgConnection,
    replayed: &mut PgConnection,
    chain: ChainId,
    table: &'static str,
    row: &str,
) -> sqlx::Result<Option<Difference>> {
    let statement =
        format!("select ({row})::text from {table} t where chain_id = {chain} order by ({row})::text collate \"C\"");
    let mut live = sqlx::query_scalar::<_, String>(AssertSqlSafe(statement.clone())).fetch(live);
    let mut replayed = sqlx::query_scalar::<_, String>(AssertSqlSafe(statement)).fetch(replayed);
    let mut found = Difference {
        table,
        only_live: 0,
        only_replayed: 0,
        rows: Vec::new(),
    };
    let (mut one, mut other) = (live.try_next().await?, replayed.try_next().await?);
    loop {
        let order = match (&one, &other) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.as_bytes().cmp(other.as_bytes()),
        };
        if order.is_lt() {
            found.only_live += 1;
            found.rows.extend(one.take().map(RowDifference::OnlyLive));
        } else if order.is_gt() {
            found.only_replayed += 1;
            found.rows.extend(other.take().map(RowDifference::OnlyReplayed));
        }
        found.rows.truncate(2 * SHOWN);
        if order.is_le() {
            one = live.try_next().await?;
        }
        if order.is_ge() {
            other = replayed.try_next().await?;
        }
    }
    Ok((found.only_live + found.only_replayed > 0).then_some(found))
}
