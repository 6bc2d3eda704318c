//! The state hash: one number that is the same wherever the same canonical chain was projected (laws LOG-1 and IDX-1).
//!
//! It covers every table of a chain in a fixed order, each ordered by its primary key. It leaves out how far the log was read and when
//! rows were written: `projection` is not part of it.

use alloy_primitives::{B256, Keccak256};
use futures::TryStreamExt;
use souk_schema::ChainId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection, Executor};

use crate::store;
use crate::tables::{Schema, TABLES, Table};

/// What a table holds of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableHash {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// keccak-256 of them.
    pub hash: B256,
}

/// The state hash of a chain.
///
/// # Errors
/// Those of Postgres.
pub async fn state_hash(pool: &PgPool, schema: &Schema, chain: ChainId) -> sqlx::Result<B256> {
    let mut connection = store::connect(pool, schema).await?;
    let mut transaction = connection.begin().await?;
    transaction
        .execute("set transaction isolation level repeatable read, read only")
        .await?;
    let tables = table_hashes(&mut transaction, chain).await?;
    Ok(combine(&tables))
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

/// Hashes every table of a chain on a connection whose search path is the schema.
///
/// # Errors
/// Those of Postgres.
pub async fn table_hashes(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<Vec<TableHash>> {
    let mut hashes = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        hashes.push(table_hash(connection, table, chain).await?);
    }
    Ok(hashes)
}

async fn table_hash(connection: &mut PgConnection, table: &Table, chain: ChainId) -> sqlx::Result<TableHash> {
    let Table { name, key, .. } = table;
    let statement = format!("copy (select * from {name} where chain_id = {chain} order by {key}) to stdout");
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
