//! A real Postgres for all tests of this binary, and per test a database with an event log.

use std::sync::Arc;

use souk_devstack::Postgres;
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, ReadLimits, StreamName};
use souk_ledger::hash::ledger_hash;
use souk_ledger::project::{LedgerConfig, ProjectError, project_until};
use souk_ledger::tables::Schema;
use souk_schema::B256;
use souk_schema::exchange::encoding::{CURRENT_VERSION, VERSION_HEADER, encode_outcomes};
use souk_schema::exchange::{Outcome, OutcomeBatch};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::world::GROUP;

pub struct Stand {
    pub pool: PgPool,
    pub log: Arc<dyn EventLog>,
    _postgres: Option<Arc<Postgres>>,
}

impl Stand {
    /// A database of its own in the shared server.
    pub async fn new() -> Stand {
        let postgres = Postgres::shared().await.expect("a private Postgres starts");
        let mut stand = Stand::on(&postgres).await;
        stand._postgres = Some(postgres);
        stand
    }

    /// A database of its own with everything projected that these outcomes say.
    pub async fn with(outcomes: &[Outcome]) -> Stand {
        let stand = Stand::new().await;
        stand.append(outcomes, 7).await;
        stand.project(4).await.expect("projects");
        stand
    }

    /// A database in a server that the test may kill.
    pub async fn on(postgres: &Postgres) -> Stand {
        let url = postgres.fresh_database().await.expect("a new database");
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&url)
            .await
            .expect("connects");
        let log = EmbeddedLog::connect(pool.clone())
            .await
            .expect("the embedded log opens");
        Stand {
            pool,
            log: Arc::new(log),
            _postgres: None,
        }
    }

    pub fn config(&self, max_records: usize) -> LedgerConfig {
        LedgerConfig {
            batch: ReadLimits {
                max_records,
                max_bytes: 8 << 20,
            },
            idle: std::time::Duration::from_millis(20),
            ..LedgerConfig::new(GROUP)
        }
    }

    /// Appends outcomes, so many in each record.
    pub async fn append(&self, outcomes: &[Outcome], per_record: usize) {
        let mut writer = self.log.open_writer(&stream()).await.expect("a writer");
        for records in outcomes.chunks(per_record * 100) {
            let records = records.chunks(per_record).map(record).collect();
            writer.append(records).await.expect("appends");
        }
    }

    /// Projects everything that the stream holds.
    pub async fn project(&self, max_records: usize) -> Result<(), ProjectError> {
        let tail = self.log.next_sequence(&stream()).await.expect("the log answers");
        project_until(self.config(max_records), Arc::clone(&self.log), self.pool.clone(), tail).await
    }

    pub async fn hash(&self) -> B256 {
        ledger_hash(&self.pool, &Schema::live(), GROUP).await.expect("hashes")
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect("counts")
    }

    /// Runs a statement that the database must refuse, and returns its SQL state and message.
    pub async fn refused(&self, statement: &'static str) -> (String, String) {
        // A connection of its own, because the statement may leave it in a transaction that failed.
        let mut connection = self.pool.acquire().await.expect("connects").detach();
        let error = sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .expect_err("is refused");
        let error = error.as_database_error().expect("by the database");
        (
            error.code().unwrap_or_default().into_owned(),
            error.message().to_owned(),
        )
    }
}

pub fn stream() -> StreamName {
    StreamName::new(GROUP.event_stream()).expect("a valid name")
}

pub fn record(outcomes: &[Outcome]) -> NewRecord {
    NewRecord {
        headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
        payload: encode_outcomes(&OutcomeBatch {
            command_sequence: 0,
            outcomes: outcomes.to_vec(),
            state_hash: None,
        })
        .0,
    }
}
