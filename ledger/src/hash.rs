//! The ledger hash: one number that is the same wherever the same outcomes of a group were projected (law LOG-1).
//!
//! It covers every table of the group in a fixed order, each ordered by its primary key. It leaves out how far the log was read
//! (`projection`), how commits were cut (`account_activity`) and what settlement reported (`settlement`).

use alloy_primitives::{B256, Keccak256};
use futures::TryStreamExt;
use serde::Serialize;
use souk_schema::exchange::GroupId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection, Executor};

use crate::store;
use crate::tables::{Schema, TABLES, Table};

/// What a table holds of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TableHash {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// keccak-256 of them.
    pub hash: B256,
}

/// The hash of a group's ledger in a schema.
///
/// # Errors
/// Those of Postgres.
pub async fn ledger_hash(pool: &PgPool, schema: &Schema, group: GroupId) -> sqlx::Result<B256> {
    Ok(combine(&table_hashes(pool, schema, group).await?))
}

/// The hashes of every table, as one.
pub fn combine(tables: &[TableHash]) -> B256 {
    let mut hasher = Keccak256::new();
    for table in tables {
        hasher.update(table.table);
        hasher.update(table.hash);
    }
    hasher.finalize()
}

/// The hash of every table, all of one moment.
///
/// # Errors
/// Those of Postgres.
pub async fn table_hashes(pool: &PgPool, schema: &Schema, group: GroupId) -> sqlx::Result<Vec<TableHash>> {
    let mut connection = store::connect(pool, schema).await?;
    let mut transaction = connection.begin().await?;
    transaction
        .execute("set transaction isolation level repeatable read, read only")
        .await?;
    let mut hashes = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        hashes.push(table_hash(&mut transaction, table, group).await?);
    }
    Ok(hashes)
}

async fn table_hash(connection: &mut PgConnection, table: &Table, group: GroupId) -> sqlx::Result<TableHash> {
    let Table { name, key } = table;
    let statement = format!("copy (select * from {name} where group_id = {group} order by {key}) to stdout");
    let mut lines = connection.copy_out_raw(&statement).await?;
    let (mut hasher, mut rows) = (Keccak256::new(), 0);
    while let Some(chunk) = lines.try_next().await? {
        // The text format escapes line ends within values.
        rows += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        hasher.update(&chunk);
    }
    Ok(TableHash {
        table: name,
        rows,
        hash: hasher.finalize(),
    })
}
