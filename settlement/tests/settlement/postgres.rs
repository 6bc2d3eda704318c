//! One private Postgres for all tests that run at the same time, and a database for each.

use std::sync::Arc;

use souk_devstack::Postgres;
use sqlx::PgPool;

/// A database of one's own; the server runs for as long as the first part is held.
pub async fn database() -> (Arc<Postgres>, PgPool) {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    (server, pool)
}
