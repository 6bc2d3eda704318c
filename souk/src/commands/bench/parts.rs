//! The real parts that a benchmark brings along and throws away: a private Postgres and the settings of its dev chains.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use souk_devstack::{AnvilConfig, Mining, Postgres, PostgresConfig};
use sqlx::PgPool;

use crate::dev_chain::DEV_CHAIN;
use crate::parts::Store;

/// What a block of the main network takes these days; with anvil's own limit, all of a small economy would be in a few giant blocks.
const BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Finalised is twice this below the head: further than any reorganisation here is deep.
const SLOTS_IN_AN_EPOCH: u64 = 64;

/// How often a child's progress is looked at.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The private Postgres.
pub struct Parts {
    postgres: Postgres,
    databases: AtomicU32,
}

/// A fresh database with the live tables.
pub struct Database {
    /// Where it is, as `--database-url` takes it.
    pub store: Store,
    /// Connections to it, as the program's commands make them.
    pub pool: PgPool,
}

impl Parts {
    /// Starts Postgres with the durability and the settings of `souk up`'s.
    ///
    /// # Errors
    /// One line when it is not installed or does not start.
    pub async fn start() -> Result<Parts> {
        let config = PostgresConfig {
            dir: None,
            fsync: true,
            settings: Vec::new(),
        };
        let postgres = Postgres::start(&config).await?;
        Ok(Parts {
            postgres,
            databases: AtomicU32::new(0),
        })
    }

    /// Makes a database that nothing was written to yet.
    ///
    /// # Errors
    /// One line when Postgres does not take it.
    pub async fn database(&self) -> Result<Database> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database_url = self.postgres.create_database(&format!("bench_{number}")).await?;
        let store = Store {
            database_url,
            kafka: None,
            kafka_options: Vec::new(),
        };
        let pool = store.database().await?;
        Ok(Database { store, pool })
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.postgres.pid()
    }

    /// Writes out what Postgres still holds back, so that one measurement does not pay for another.
    ///
    /// # Errors
    /// One line when Postgres does not answer.
    pub async fn settle(&self, database: &Database) -> Result<()> {
        sqlx::query("checkpoint").execute(&database.pool).await?;
        Ok(())
    }

    /// Stops Postgres; its folder goes with it.
    pub async fn stop(self) {
        self.postgres.stop().await;
    }
}

/// A dev chain that makes a block of what is sent, at once.
pub fn automine() -> AnvilConfig {
    AnvilConfig {
        chain_id: DEV_CHAIN.0,
        block_gas_limit: Some(BLOCK_GAS_LIMIT),
        slots_in_an_epoch: SLOTS_IN_AN_EPOCH,
        ..AnvilConfig::default()
    }
}

/// A dev chain that makes a block only when it is told to.
pub fn on_demand() -> AnvilConfig {
    AnvilConfig {
        mining: Mining::OnDemand,
        ..automine()
    }
}

/// The middle one, the later of two; the times need not be sorted.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
