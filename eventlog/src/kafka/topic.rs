//! Makes topics that keep everything, and refuses those that would not.

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
    let made = admin
        .create_topics([&topic], &limits)
        .await
        .map_err(|error| classify(stream, &error))?;
    for result in made {
        match result {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(by_code(stream, code, format!("topic {name} cannot be made: {code}"))),
        }
    }
    check(admin, options, &limits, stream, &name).await
}

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
