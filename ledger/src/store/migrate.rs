//! Schemas: made, migrated, dropped, connected to.

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::tables::Schema;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/exchange");

/// A connection of its own whose unqualified names are those of the schema.
///
/// # Errors
/// Those of connecting.
pub async fn connect(pool: &PgPool, schema: &Schema) -> sqlx::Result<PgConnection> {
    options(pool, schema).connect().await
}

/// A connection for writing batches: its plans are held to index lookups. A statement that was prepared while a table was empty would
/// otherwise go on reading the whole table long after it has grown.
///
/// # Errors
/// Those of connecting.
pub async fn connect_for_batches(pool: &PgPool, schema: &Schema) -> sqlx::Result<PgConnection> {
    let lookups = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"].map(|setting| (setting, "off"));
    // The triggers look at a whole batch at once, which is then not written to temporary files.
    let memory = [("work_mem", "128MB")];
    options(pool, schema).options(lookups).options(memory).connect().await
}

fn options(pool: &PgPool, schema: &Schema) -> PgConnectOptions {
    let settings = [("search_path", schema.as_str()), ("application_name", "souk ledger")];
    pool.connect_options().as_ref().clone().options(settings)
}

/// Makes the schema if it is missing and brings its tables up to date. The table of applied migrations is in it as well.
///
/// # Errors
/// Those of connecting, and of migrations that were changed after they ran.
pub async fn migrate(pool: &PgPool, schema: &Schema) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = connect(pool, schema).await?;
    let statement = format!("create schema if not exists {schema}");
    // Two processes that make it at once: one of them is told that it exists.
    let made = connection.execute(AssertSqlSafe(statement.clone())).await;
    if made.is_err() {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    MIGRATIONS.run_direct(None, &mut connection, false).await
}

/// Drops the schema and everything in it, if it is there.
///
/// # Errors
/// Those of Postgres.
pub async fn drop_schema(pool: &PgPool, schema: &Schema) -> sqlx::Result<()> {
    let statement = format!("drop schema if exists {schema} cascade");
    pool.execute(AssertSqlSafe(statement)).await.map(|_| ())
}

/// Reserves work on a schema for this connection, until it ends. Returns false when another has it.
///
/// # Errors
/// Those of Postgres.
pub async fn lock(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
        .bind(format!("souk schema {schema}"))
        .fetch_one(connection)
        .await
}
