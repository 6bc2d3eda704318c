//! How the brokers are reached and the topics made.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::StreamName;

/// How the brokers are reached and the topics made. [`KafkaOptions::default`] suits a cluster with its usual limits.
#[derive(Clone)]
pub struct KafkaOptions {
    /// Before each stream's name in its topic's name and in its writer's transactional id; topics without it are not the log's.
    pub topic_prefix: String,
    /// How many brokers keep each topic; -1 for the cluster's default.
    pub replication: i32,
    /// librdkafka's own properties, for instance `security.protocol`, `sasl.mechanism`, `sasl.username`, `ssl.ca.location`.
    pub client: BTreeMap<String, String>,
    /// Topic properties on top of those without which the log would lose records, for instance `min.insync.replicas`.
    pub topic: BTreeMap<String, String>,
    /// The most bytes of payload in one Kafka message. A larger record of a fenced writer goes out in parts; a larger shared one is
    /// refused. Room for headers (up to 32 KiB) must remain below the cluster's `message.max.bytes`, usually 1,048,588.
    pub max_message_bytes: usize,
    /// Whether missing topics are made, and the settings of those found are checked. Otherwise an operator sees to both.
    pub manage_topics: bool,
    /// How long one call may wait for the brokers before it is [`Unavailable`](crate::LogError::Unavailable). Below ten minutes, the
    /// time after which the cluster ends a transaction by itself.
    pub patience: Duration,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        KafkaOptions {
            topic_prefix: "souk.".into(),
            replication: -1,
            client: BTreeMap::new(),
            topic: BTreeMap::new(),
            max_message_bytes: 900_000,
            manage_topics: true,
            patience: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for KafkaOptions {
    /// Names the client's properties without their values, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaOptions")
            .field("topic_prefix", &self.topic_prefix)
            .field("replication", &self.replication)
            .field("client", &self.client.keys())
            .field("topic", &self.topic)
            .field("max_message_bytes", &self.max_message_bytes)
            .field("manage_topics", &self.manage_topics)
            .field("patience", &self.patience)
            .finish()
    }
}

/// Bytes of message headers and framing beyond the payload.
const MESSAGE_OVERHEAD_BYTES: usize = 64 * 1024;

/// Longer than any call's patience, so that the cluster never ends the transaction of a writer that still works on it. A writer that
/// died in the middle of one delays nobody: its successor ends it at once, and nothing can stand beyond it in the meantime anyway.
const TRANSACTION_TIMEOUT_MS: &str = "600000";

impl KafkaOptions {
    pub(super) fn topic(&self, stream: &StreamName) -> String {
        format!("{}{stream}", self.topic_prefix)
    }

    /// What all clients have in common.
    pub(super) fn client_config(&self, bootstrap: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("client.id", "souk")
            .set("allow.auto.create.topics", "false")
            .set("reconnect.backoff.max.ms", "1000")
            .set("retry.backoff.ms", "20")
            .set(
                "message.max.bytes",
                (self.max_message_bytes + MESSAGE_OVERHEAD_BYTES).to_string(),
            )
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &self.client {
            config.set(name, value);
        }
        config
    }

    /// Idempotence brings `acks=all` and order. What waits to be sent is bounded; who produces more waits.
    pub(super) fn producer_config(&self, bootstrap: &str) -> ClientConfig {
        let mut config = self.client_config(bootstrap);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("queue.buffering.max.kbytes", "65536");
        config
    }

    pub(super) fn writer_config(&self, bootstrap: &str, stream: &StreamName) -> ClientConfig {
        let mut config = self.producer_config(bootstrap);
        config
            .set("transactional.id", self.topic(stream))
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS);
        config
    }

    /// librdkafka wants a group's name for an assignment by hand too; no group is joined and nothing is committed to it.
    pub(super) fn reader_config(&self, bootstrap: &str) -> ClientConfig {
        let mut config = self.client_config(bootstrap);
        config
            .set("group.id", "souk-log-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.max.messages.kbytes", "16384");
        config
    }
}
