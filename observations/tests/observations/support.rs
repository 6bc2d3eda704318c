//! A real Postgres for all tests of this binary, and per test a database with an event log, a chain's tables, and observers of it.

use std::sync::Arc;
use std::time::Duration;

use souk_devstack::Postgres;
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, ReadLimits, StreamName};
use souk_observations::address::Reach;
use souk_observations::store::{Counts, Store};
use souk_observations::{Nodes, ObservationError, Policy, run};
use souk_provenance::project::{ProjectorConfig, project_until};
use souk_provenance::tables::Schema;
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use souk_schema::observation::{self, Observation, STREAM};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::{CHAIN, Chain};

/// How long anything may take on a busy machine before the test is called stuck.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn policy() -> Policy {
    Policy {
        allows_http: true,
        reach: Reach::PublicAndLoopback,
        ..Policy::default()
    }
}

pub struct Stand {
    pub pool: PgPool,
    pub log: Arc<dyn EventLog>,
    _postgres: Arc<Postgres>,
}

impl Stand {
    pub async fn new() -> Stand {
        let postgres = Postgres::shared().await.expect("a private Postgres starts");
        let url = postgres.fresh_database().await.expect("a new database");
        let options: PgConnectOptions = url.parse().expect("a URL");
        let pool = PgPoolOptions::new()
            .max_connections(12)
            .connect_with(options.options([("search_path", Schema::live().as_str())]))
            .await
            .expect("connects");
        let log = EmbeddedLog::connect(pool.clone())
            .await
            .expect("the embedded log opens");
        Stand {
            pool,
            log: Arc::new(log),
            _postgres: postgres,
        }
    }

    /// Appends what is new on a chain, and projects it.
    pub async fn index(&self, chain: &mut Chain) {
        let stream = StreamName::new(CHAIN.stream(1)).expect("a name");
        let mut writer = self.log.open_writer(&stream).await.expect("a writer");
        let records = chain.new.drain(..).map(|record| NewRecord {
            payload: encode(&record).0,
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
        });
        writer.append(records.collect()).await.expect("appends");
        let tail = writer.next_sequence();
        let config = ProjectorConfig::new(CHAIN);
        project_until(config, Arc::clone(&self.log), self.pool.clone(), 1, tail)
            .await
            .expect("projects");
    }

    pub async fn store(&self) -> Store {
        Store::connect(self.pool.clone()).await.expect("the tables are made")
    }

    pub fn observe(&self, policy: Policy) -> Observer {
        self.observe_with(policy, Nodes::default())
    }

    /// Observes, asking nodes for what attestations say.
    pub fn observe_with(&self, policy: Policy, nodes: Nodes) -> Observer {
        let cancel = CancellationToken::new();
        let observing = run(Arc::clone(&self.log), self.pool.clone(), policy, nodes, cancel.clone());
        Observer {
            running: tokio::spawn(observing),
            cancel,
        }
    }

    /// Waits until things stand so.
    pub async fn reach(&self, expected: Counts) {
        // One store for all looks: making one looks after its tables, on a connection of its own.
        let store = self.store().await;
        let counts = async || store.counts().await.expect("counts");
        self.until(
            async || counts().await == expected,
            async || format!("{:?}", counts().await),
        )
        .await;
    }

    /// Waits until so many records are in the stream.
    pub async fn appended(&self, records: u64) {
        self.until(
            async || self.end().await == records,
            async || self.end().await.to_string(),
        )
        .await;
    }

    pub async fn until(&self, is_so: impl AsyncFn() -> bool, found: impl AsyncFn() -> String) {
        let reached = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("it did not come to this: {}", found().await);
        }
    }

    /// The end of the stream of observations.
    pub async fn end(&self) -> u64 {
        let stream = StreamName::new(STREAM).expect("a name");
        self.log.next_sequence(&stream).await.expect("the log answers")
    }

    /// What the stream of observations says.
    pub async fn observations(&self) -> Vec<Observation> {
        let stream = StreamName::new(STREAM).expect("a name");
        let limits = ReadLimits {
            max_records: 1_000,
            max_bytes: 64 << 20,
        };
        let stored = self.log.read(&stream, 0, limits).await.expect("reads");
        let version = observation::encoding::CURRENT_VERSION;
        let decode = |payload: &[u8]| observation::encoding::decode(version, payload).expect("an observation");
        stored.iter().map(|record| decode(&record.payload)).collect()
    }

    pub async fn append(&self, observation: &Observation) {
        let stream = StreamName::new(STREAM).expect("a name");
        let record = souk_observations::follow::record(observation);
        self.log.append_shared(&stream, vec![record]).await.expect("appends");
    }

    /// Why what was tried is tried again.
    pub async fn problem(&self) -> Option<String> {
        sqlx::query_scalar("select problem from observations.wanted where problem is not null")
            .fetch_optional(&self.pool)
            .await
            .expect("reads")
    }

    /// Everything that was found, as one text.
    pub async fn found(&self) -> String {
        sqlx::query_scalar("select string_agg(to_jsonb(f)::text, e'\\n' order by key) from observations.found f")
            .fetch_one(&self.pool)
            .await
            .expect("reads")
    }

    /// On a connection of its own: one that an observer was stopped on may still have an answer to come.
    pub async fn execute(&self, statement: &'static str) {
        let mut connection = PgConnection::connect_with(&self.pool.connect_options())
            .await
            .expect("connects");
        connection.execute(AssertSqlSafe(statement)).await.expect("executes");
    }
}

/// An observer under way.
pub struct Observer {
    running: JoinHandle<Result<(), ObservationError>>,
    cancel: CancellationToken,
}

impl Observer {
    pub async fn stop(self) {
        self.cancel.cancel();
        self.running.await.expect("it does not panic").expect("it ends well");
    }

    /// Ends it in the middle of whatever it does.
    pub async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}
