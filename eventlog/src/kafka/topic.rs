//! Makes topics that keep everything, and refuses those that would not.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
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
    check(admin, &limits, stream, &name).await
}

async fn check(
    admin: &AdminClient<Context>,
    limits: &AdminOptions,
    stream: &StreamName,
    name: &str,
) -> Result<(), LogError> {
    let described = admin
        .describe_configs([&ResourceSpecifier::Topic(name)], limits)
        .await
        .map_err(|error| classify(stream, &error))?;
    for result in described {
        let settings = result.map_err(|code| by_code(stream, code, format!("topic {name}: {code}")))?;
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
    }
    Ok(())
}
