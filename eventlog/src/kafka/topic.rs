//! Makes topics that keep everything, refuses those that would not, and says what an acknowledgement of the others is worth.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::KafkaOptions;
use super::context::Context;
use super::fault::{by_code, classify};
use crate::{LogError, StreamName};

/// Without these a topic loses records.
const KEEP_ALL: [(&str, &str); 3] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
];

/// Makes the stream's topic if it is missing, and checks that it keeps everything.
pub(super) async fn ensure(
    admin: &AdminClient<Context>,
    options: &KafkaOptions,
    stream: &StreamName,
) -> Result<(), LogError> {
    let name = options.topic(stream);
    let limits = AdminOptions::new()
        .request_timeout(Some(options.patience))
        .operation_timeout(Some(options.patience));
    let mut topic = NewTopic::new(&name, 1, TopicReplication::Fixed(options.replication));
    for (property, value) in KEEP_ALL {
        topic = topic.set(property, value);
    }
    for (property, value) in &options.topic {
        topic = topic.set(property, value);
    }
    let deadline = Instant::now() + options.patience;
    loop {
        let made = admin
            .create_topics([&topic], &limits)
            .await
            .map_err(|error| classify(stream, &error))?;
        match made.into_iter().next() {
            None | Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => break,
            // Also said while brokers come back: only those that serve are counted.
            Some(Err((_, Code::InvalidReplicationFactor))) if Instant::now() < deadline => {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            Some(Err((_, code))) => {
                return Err(by_code(stream, code, format!("topic {name} cannot be made: {code}")));
            }
        }
    }
    check(admin, options, &limits, stream, &name).await
}

/// How often a topic is tried to be made while there are too few brokers for it.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How long a look at a topic's brokers may take.
const LOOK: Duration = Duration::from_secs(2);

/// How often a broker that does not know a new topic's settings yet is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

async fn check(
    admin: &AdminClient<Context>,
    options: &KafkaOptions,
    limits: &AdminOptions,
    stream: &StreamName,
    name: &str,
) -> Result<(), LogError> {
    let deadline = Instant::now() + options.patience;
    while Instant::now() < deadline {
        let described = admin
            .describe_configs([&ResourceSpecifier::Topic(name)], limits)
            .await
            .map_err(|error| classify(stream, &error))?;
        match described.into_iter().next() {
            Some(Ok(settings)) if !settings.entries.is_empty() => return keeps_all(&settings, stream, name),
            Some(Ok(_)) | Some(Err(Code::UnknownTopicOrPartition)) | None => {}
            Some(Err(code)) => return Err(by_code(stream, code, format!("topic {name}: {code}"))),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Err(LogError::unavailable(format!(
        "no broker tells the settings of topic {name}"
    )))
}

fn keeps_all(settings: &ConfigResource, stream: &StreamName, name: &str) -> Result<(), LogError> {
    for (property, wanted) in KEEP_ALL {
        let value = settings.get(property).and_then(|entry| entry.value.as_deref());
        if value != Some(wanted) {
            return Err(LogError::Corrupt {
                stream: stream.to_string(),
                problem: format!(
                    "topic {name} would lose records: set {property} to {wanted} (it is {})",
                    value.unwrap_or("unset")
                ),
            });
        }
    }
    Ok(())
}

/// What decides what an acknowledgement is worth: the brokers' settings, not Souk's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Durability {
    /// Brokers that keep the topic.
    replicas: usize,
    /// How many of them have a record when it is acknowledged, at least.
    min_in_sync: u64,
    /// Records from one fsync to the next.
    flush_every: u64,
}

impl Durability {
    /// Whether a record that was acknowledged is on two brokers, or on the disk of one.
    fn is_enough(self) -> bool {
        (self.replicas > 1 && self.min_in_sync > 1) || self.flush_every == 1
    }

    /// Says it.
    pub(super) fn say(self, topic: &str) {
        let Durability {
            replicas,
            min_in_sync,
            flush_every,
        } = self;
        let fsync_of_each = flush_every == 1;
        if self.is_enough() {
            tracing::info!(
                topic,
                replicas,
                min_in_sync,
                fsync_of_each,
                "Kafka keeps what it acknowledges"
            );
        } else {
            tracing::warn!(
                topic,
                replicas,
                min_in_sync,
                fsync_of_each,
                "Kafka acknowledges what is on no disk and on no second broker yet: a power cut can take it. Replicate topics three times with \
                 min.insync.replicas=2, or set flush.messages=1"
            );
        }
    }
}

/// Asks what the stream's topic is worth.
pub(super) async fn durability(
    admin: &AdminClient<Context>,
    options: &KafkaOptions,
    stream: &StreamName,
) -> Result<Durability, LogError> {
    let name = options.topic(stream);
    let limits = AdminOptions::new().request_timeout(Some(options.patience));
    let described = admin
        .describe_configs([&ResourceSpecifier::Topic(&name)], &limits)
        .await
        .map_err(|error| classify(stream, &error))?;
    let settings = match described.into_iter().next() {
        Some(Ok(settings)) => settings,
        Some(Err(code)) => return Err(by_code(stream, code, format!("topic {name}: {code}"))),
        None => {
            return Err(LogError::unavailable(format!(
                "no broker tells the settings of topic {name}"
            )));
        }
    };
    let number = |property: &str, usual: u64| {
        let value = settings.get(property).and_then(|entry| entry.value.as_deref());
        value.and_then(|value| value.parse().ok()).unwrap_or(usual)
    };
    // The brokers have just answered, so this does not hold up a thread for long.
    let metadata = admin
        .inner()
        .fetch_metadata(Some(&name), options.patience.min(LOOK))
        .map_err(|error| classify(stream, &error))?;
    let partition = metadata.topics().first().and_then(|topic| topic.partitions().first());
    Ok(Durability {
        replicas: partition.map_or(0, |partition| partition.replicas().len()),
        min_in_sync: number("min.insync.replicas", 1),
        flush_every: number("flush.messages", u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_worth_a_second_broker_or_a_disk() {
        let of = |replicas, min_in_sync, flush_every| Durability {
            replicas,
            min_in_sync,
            flush_every,
        };
        assert!(of(3, 2, u64::MAX).is_enough());
        assert!(of(1, 1, 1).is_enough());
        assert!(!of(1, 1, u64::MAX).is_enough());
        assert!(!of(3, 1, u64::MAX).is_enough(), "one of three may be all that has it");
        assert!(!of(1, 2, 10_000).is_enough(), "nothing could be written at all");
    }
}
