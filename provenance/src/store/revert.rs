//! The inverse of applying blocks, one for all tables: rows that began go, rows that ended are open again (law IDX-1).

use souk_schema::ChainId;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::encode::signed;
use crate::tables::{Scope, TABLES};

/// Reverts every block with this number or a higher one.
///
/// # Errors
/// Those of Postgres.
pub async fn revert_from(connection: &mut PgConnection, chain: ChainId, number: u64) -> sqlx::Result<()> {
    for table in &TABLES {
        let (name, since) = (table.name, table.since());
        let statement = format!("delete from {name} where chain_id = $1 and {since} >= $2");
        run(connection, statement, chain, number).await?;
        if table.scope == Scope::Ending {
            let statement = format!(
                "update {name} set valid_to = null where chain_id = $1 and valid_to >= $2 and valid_to is not null"
            );
            run(connection, statement, chain, number).await?;
        }
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String, chain: ChainId, number: u64) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement))
        .bind(signed(chain.0))
        .bind(signed(number))
        .execute(connection)
        .await
        .map(|_| ())
}
