//! Appends to streams of many writers: no transaction, so no markers, so the offset is the sequence.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::blocking;
use super::context::Context;
use super::fault::classify;
use super::pool::lock;
use super::reader::{Kind, Place};
use super::shared::Shared;
use super::writer::message_headers;
use crate::{LogError, NewRecord, StreamName};

/// The producer for all streams of many writers; made when first used, and anew after an error that ends it.
#[derive(Default)]
pub(super) struct Publisher {
    producer: Mutex<Option<FutureProducer<Context>>>,
}

/// Appends the records in order; the sequence of the first.
pub(super) async fn append(shared: &Arc<Shared>, stream: &StreamName, records: &[NewRecord]) -> Result<u64, LogError> {
    let limit = shared.options.max_message_bytes;
    if let Some(record) = records.iter().find(|record| record.payload.len() > limit) {
        return Err(LogError::TooLarge {
            stream: stream.to_string(),
            bytes: record.payload.len(),
            limit,
        });
    }
    shared.ensure_topic(stream).await?;
    let (asking, name) = (Arc::clone(shared), stream.clone());
    let kind = blocking(stream, move || match asking.known_tail(&name) {
        Some(Place { kind: Some(kind), .. }) => Ok(Some(kind)),
        _ => Ok(asking.tail(&name)?.kind),
    });
    if kind.await? == Some(Kind::Fenced) {
        return Err(LogError::WrongWriter {
            stream: stream.to_string(),
            problem: "has one fenced writer; append through that",
        });
    }
    let producer = shared.publisher.producer(shared, stream)?;
    let sent = send_all(
        &producer,
        &shared.options.topic(stream),
        records,
        shared.options.patience,
    )
    .await;
    sent.map_err(|error| {
        if producer.client().fatal_error().is_some() {
            lock(&shared.publisher.producer).take();
        }
        match classify(stream, &error) {
            // It has no transactions; whatever ended it, a new one goes on.
            LogError::Fenced { .. } => LogError::unavailable(error),
            other => other,
        }
    })
}

impl Publisher {
    fn producer(&self, shared: &Shared, stream: &StreamName) -> Result<FutureProducer<Context>, LogError> {
        let mut producer = lock(&self.producer);
        if let Some(producer) = &*producer {
            return Ok(producer.clone());
        }
        let mut config = shared.options.producer_config(&shared.bootstrap);
        config.set("delivery.timeout.ms", shared.options.patience.as_millis().to_string());
        let made: FutureProducer<Context> = config
            .create_with_context(Context::default())
            .map_err(|error| classify(stream, &error))?;
        Ok(producer.insert(made).clone())
    }
}

/// Sends in order and waits for every acknowledgement; the first offset.
async fn send_all(
    producer: &FutureProducer<Context>,
    topic: &str,
    records: &[NewRecord],
    patience: Duration,
) -> Result<u64, KafkaError> {
    let deadline = Instant::now() + patience;
    let mut acknowledgements = Vec::with_capacity(records.len());
    for record in records {
        let mut message = FutureRecord::<(), [u8]>::to(topic)
            .partition(0)
            .payload(&record.payload)
            .headers(message_headers(&record.headers));
        let acknowledgement = loop {
            message = match producer.send_result(message) {
                Ok(acknowledgement) => break acknowledgement,
                Err((error, message))
                    if error.rdkafka_error_code() == Some(Code::QueueFull) && Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    message
                }
                Err((error, _)) => return Err(error),
            };
        };
        acknowledgements.push(acknowledgement);
    }
    let mut first = None;
    for acknowledgement in acknowledgements {
        let delivery = acknowledgement.await.map_err(|_| KafkaError::Canceled)?;
        let delivery = delivery.map_err(|(error, _)| error)?;
        first.get_or_insert(delivery.offset.unsigned_abs());
    }
    first.ok_or(KafkaError::Canceled)
}
