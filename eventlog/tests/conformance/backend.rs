//! The backends under test, and what only a test does to them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use souk_eventlog::{EmbeddedLog, EventLog, KafkaLog, KafkaOptions, StreamName};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection};

/// A server with a log on it.
#[async_trait]
pub trait Backend: Send + Sync {
    fn name(&self) -> &'static str;
    /// What [`connect`] takes to get there.
    fn address(&self) -> String;
    /// SIGKILL.
    async fn kill(&mut self);
    /// An orderly stop.
    async fn stop(&mut self);
    /// After `kill` or `stop`, with the same data at the same address.
    async fn start_again(&mut self);
    /// Does all of an append to the stream but the commit, as a writer that then stands still; it stands until dropped.
    async fn unfinished_append(&self, stream: &StreamName, sequence: u64) -> Box<dyn Any + Send>;

    /// A connection of its own, such as another process has.
    async fn connect(&self) -> Arc<dyn EventLog> {
        connect(self.name(), &self.address()).await
    }
}

/// How long a call waits for a server that is away.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn connect(backend: &str, address: &str) -> Arc<dyn EventLog> {
    match backend {
        "kafka" => {
            let options = KafkaOptions {
                patience: PATIENCE,
                ..KafkaOptions::default()
            };
            Arc::new(KafkaLog::connect(address, options).await.expect("connected"))
        }
        _ => {
            let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(PATIENCE);
            let pool = pool.connect(address).await.expect("connected");
            Arc::new(EmbeddedLog::connect(pool).await.expect("migrated"))
        }
    }
}

pub struct Embedded {
    postgres: souk_devstack::Postgres,
    url: String,
}

impl Embedded {
    pub async fn start() -> Embedded {
        let config = souk_devstack::PostgresConfig::throw_away();
        let postgres = souk_devstack::Postgres::start(&config).await.expect("Postgres starts");
        let url = postgres.create_database("souk").await.expect("made");
        Embedded { postgres, url }
    }
}

#[async_trait]
impl Backend for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    async fn kill(&mut self) {
        self.postgres.kill9().await;
    }

    async fn stop(&mut self) {
        self.postgres.stop().await;
    }

    async fn start_again(&mut self) {
        self.postgres.restart().await.expect("starts again");
    }

    async fn unfinished_append(&self, stream: &StreamName, sequence: u64) -> Box<dyn Any + Send> {
        let mut connection = PgConnection::connect(&self.url).await.expect("connected");
        let mut statements = vec![format!(
            "BEGIN; UPDATE log.stream SET next_sequence = {} WHERE name = '{stream}'",
            sequence + 1
        )];
        statements.push(format!(
            "INSERT INTO log.record SELECT id, {sequence}, '{{}}', 'unfinished' FROM log.stream WHERE name = '{stream}'"
        ));
        for statement in statements {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("written");
        }
        Box::new(connection)
    }
}

pub struct Kafka {
    broker: souk_devstack::Kafka,
}

impl Kafka {
    pub async fn start() -> Kafka {
        let config = souk_devstack::KafkaConfig::default();
        Kafka {
            broker: souk_devstack::Kafka::start(&config).await.expect("Kafka starts"),
        }
    }
}

#[async_trait]
impl Backend for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn address(&self) -> String {
        self.broker.bootstrap()
    }

    async fn kill(&mut self) {
        self.broker.kill9().await;
    }

    async fn stop(&mut self) {
        self.broker.stop().await;
    }

    async fn start_again(&mut self) {
        self.broker.restart().await.expect("starts again");
    }

    async fn unfinished_append(&self, stream: &StreamName, sequence: u64) -> Box<dyn Any + Send> {
        let topic = format!("souk.{stream}");
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", self.address())
            .set("transactional.id", &topic)
            .create()
            .expect("configured");
        let limit = Duration::from_secs(20);
        producer.init_transactions(limit).expect("fenced");
        producer.begin_transaction().expect("begun");
        let sequence = sequence.to_string();
        let headers = OwnedHeaders::new().insert(Header {
            key: "souk-log-sequence",
            value: Some(&sequence),
        });
        let record = BaseRecord::<(), str>::to(&topic)
            .partition(0)
            .payload("unfinished")
            .headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
        producer.flush(limit).expect("written, not committed");
        Box::new(producer)
    }
}
