//! One private Postgres for all tests that run at the same time, and a database for each.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use souk_devstack::{Postgres, PostgresConfig};
use sqlx::PgPool;
use tokio::sync::Mutex;

static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of one's own; the server runs for as long as the first part is held.
pub async fn database() -> (Arc<Postgres>, PgPool) {
    let mut shared = SHARED.lock().await;
    let server = match shared.upgrade() {
        Some(server) => server,
        None => {
            let server = Arc::new(Postgres::start(&PostgresConfig::throw_away()).await.unwrap());
            *shared = Arc::downgrade(&server);
            server
        }
    };
    let name = format!("settlement_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let url = server.create_database(&name).await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    (server, pool)
}
