//! A real Postgres for all tests of this binary, and per test a database with an event log and a schema.

use std::sync::Arc;

use souk_devstack::Postgres;
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, ReadLimits, StreamName, StreamWriter};
use souk_provenance::hash::state_hash;
use souk_provenance::project::{ProjectError, ProjectorConfig, project_until};
use souk_provenance::store;
use souk_provenance::tables::Schema;
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use souk_schema::record::ChainRecord;
use souk_schema::{B256, ChainId};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

pub const CHAIN: ChainId = ChainId(31_337);

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

    pub fn config(&self, max_records: usize) -> ProjectorConfig {
        ProjectorConfig {
            batch: ReadLimits {
                max_records,
                max_bytes: 8 << 20,
            },
            idle: std::time::Duration::from_millis(20),
            ..ProjectorConfig::new(CHAIN)
        }
    }

    pub async fn writer(&self, generation: u32) -> Box<dyn StreamWriter> {
        self.log.open_writer(&stream(generation)).await.expect("a writer")
    }

    pub async fn append(&self, records: &[ChainRecord]) {
        let mut writer = self.writer(1).await;
        append(&mut *writer, records).await;
    }

    /// Projects everything that the first generation's stream holds.
    pub async fn project(&self, max_records: usize) -> Result<(), ProjectError> {
        let tail = self.log.next_sequence(&stream(1)).await.expect("the log answers");
        project_until(
            self.config(max_records),
            Arc::clone(&self.log),
            self.pool.clone(),
            1,
            tail,
        )
        .await
    }

    pub async fn hash(&self) -> B256 {
        self.hash_of(&Schema::live()).await
    }

    pub async fn hash_of(&self, schema: &Schema) -> B256 {
        state_hash(&self.pool, schema, CHAIN).await.expect("hashes")
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect("counts")
    }

    pub async fn drop_live(&self) {
        store::drop_schema(&self.pool, &Schema::live()).await.expect("drops");
    }
}

pub fn stream(generation: u32) -> StreamName {
    StreamName::new(CHAIN.stream(generation)).expect("a valid name")
}

pub async fn append(writer: &mut dyn StreamWriter, records: &[ChainRecord]) {
    for portion in records.chunks(100) {
        let record = |record| NewRecord {
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
            payload: encode(record).0,
        };
        writer
            .append(portion.iter().map(record).collect())
            .await
            .expect("appends");
    }
}
