//! One private Postgres for all tests that run at the same time, and a database with an event log for each.

use std::sync::Arc;

use souk_devstack::Postgres;
use souk_eventlog::{EmbeddedLog, EventLog};
use sqlx::PgPool;

/// An event log of one's own; the server runs for as long as the first part is held.
pub async fn event_log() -> (Arc<Postgres>, Arc<dyn EventLog>) {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let log = EmbeddedLog::connect(PgPool::connect(&url).await.unwrap())
        .await
        .unwrap();
    (server, Arc::new(log))
}
