//! What librdkafka calls back: its log lines, and the fate of each message sent.

use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

/// The context of every client.
#[derive(Debug, Default)]
pub(super) struct Context {
    deliveries: Mutex<Deliveries>,
}

/// What became of the messages sent since the last look.
#[derive(Clone, Debug, Default)]
pub(super) struct Deliveries {
    pub last_offset: Option<i64>,
    pub first_error: Option<KafkaError>,
}

impl Context {
    /// Hands over what is known, and forgets it.
    pub(super) fn take_deliveries(&self) -> Deliveries {
        std::mem::take(&mut *self.deliveries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, message: &str) {
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::warn!(facility, "kafka: {message}")
            }
            Level::Warning | Level::Notice => tracing::info!(facility, "kafka: {message}"),
            Level::Info | Level::Debug => tracing::debug!(facility, "kafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Whoever waits for the brokers is told by the call's own result; this is the running commentary.
        tracing::debug!(%error, "kafka: {reason}");
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => deliveries.last_offset = deliveries.last_offset.max(Some(message.offset())),
            Err((error, _)) => {
                deliveries.first_error.get_or_insert_with(|| error.clone());
            }
        }
    }
}
