//! One throw-away server for all who want one at the same time in one process, and a database for each of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use super::{Postgres, PostgresConfig};
use crate::Error;

/// Held weakly, so that the server's folder is removed when the last one lets it go.
static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// A throw-away server that others in this process use too, each in a database of their own: who kills or stops it starts one with
    /// [`Postgres::start`] instead. It runs for as long as anybody holds it.
    ///
    /// # Errors
    /// Those of [`Postgres::start`].
    pub async fn shared() -> Result<Arc<Postgres>, Error> {
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Postgres::start(&PostgresConfig::throw_away()).await?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// The URL of a new, empty database whose name nobody else in this process was given.
    ///
    /// # Errors
    /// [`Error::Helper`] with what the server answered.
    pub async fn fresh_database(&self) -> Result<String, Error> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        self.create_database(&format!("fresh_{number}")).await
    }
}
