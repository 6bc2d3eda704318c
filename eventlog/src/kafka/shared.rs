//! What all uses of one Kafka log share: a client for questions, a producer for shared streams, resting readers, and where streams ended.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::AdminClient;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::KafkaOptions;
use super::context::Context;
use super::fault::{by_code, classify};
use super::reader::{Kind, Place, Reader};
use super::writer::message_headers;
use super::{seek, topic};
use crate::{LogError, NewRecord, ReadLimits, StoredRecord, StreamName};

/// Readers that rest at their place for whoever reads on. Each may hold some 16 MiB read ahead.
const MAX_RESTING: usize = 8;
const MAX_REST: Duration = Duration::from_secs(120);
const MAX_SPARE: usize = 4;

pub(super) struct Shared {
    pub bootstrap: String,
    pub options: KafkaOptions,
    client: AdminClient<Context>,
    /// For streams of many writers; made when first used, and anew after an error that ends it.
    producer: Mutex<Option<FutureProducer<Context>>>,
    resting: Mutex<Vec<Reader>>,
    /// Readers without a place.
    spare: Mutex<Vec<Reader>>,
    /// The tails that were seen last, of the streams whose topic is known to exist.
    tails: Mutex<HashMap<StreamName, Place>>,
    /// Streams whose topic was made or checked.
    ensured: Mutex<HashMap<StreamName, ()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(bootstrap: &str, options: KafkaOptions) -> Result<Shared, LogError> {
        let client = options
            .client_config(bootstrap)
            .create_with_context(Context::default())
            .map_err(|error| LogError::Misconfigured {
                reason: error.to_string(),
            })?;
        Ok(Shared {
            bootstrap: bootstrap.into(),
            options,
            client,
            producer: Mutex::default(),
            resting: Mutex::default(),
            spare: Mutex::default(),
            tails: Mutex::default(),
            ensured: Mutex::default(),
        })
    }

    /// Makes or checks the stream's topic, once.
    pub(super) async fn ensure_topic(&self, stream: &StreamName) -> Result<(), LogError> {
        if self.options.manage_topics && !lock(&self.ensured).contains_key(stream) {
            topic::ensure(&self.client, &self.options, stream).await?;
            lock(&self.ensured).insert(stream.clone(), ());
        }
        Ok(())
    }

    /// The first offset that a topic still has, and the end below which everything is decided. The client reads committed, so an open
    /// transaction is beyond the end.
    pub(super) fn end(&self, stream: &StreamName) -> Result<(i64, i64), LogError> {
        self.client
            .inner()
            .fetch_watermarks(&self.options.topic(stream), 0, self.options.patience)
            .map_err(|error| classify(stream, &error))
    }

    /// Whether the stream has a topic, which then has one partition.
    fn exists(&self, stream: &StreamName) -> Result<bool, LogError> {
        if lock(&self.tails).contains_key(stream) {
            return Ok(true);
        }
        let name = self.options.topic(stream);
        let metadata = self
            .client
            .inner()
            .fetch_metadata(Some(&name), self.options.patience)
            .map_err(|error| classify(stream, &error))?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
            return Ok(false);
        };
        match topic.error().map(Code::from) {
            None => {}
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition) => return Ok(false),
            Some(code) => return Err(by_code(stream, code, format!("topic {name}: {code}"))),
        }
        match topic.partitions().len() {
            1 => Ok(true),
            count => Err(LogError::Corrupt {
                stream: stream.to_string(),
                problem: format!("topic {name} has {count} partitions; a stream's order needs exactly one"),
            }),
        }
    }

    /// The place behind the last record.
    pub(super) fn tail(&self, stream: &StreamName) -> Result<Place, LogError> {
        if !self.exists(stream)? {
            return Ok(Place {
                sequence: 0,
                offset: 0,
                kind: None,
            });
        }
        let (low, end) = self.end(stream)?;
        if let Some(known) = self.known_tail(stream)
            && !known.may_follow(end)
        {
            return Ok(known);
        }
        let mut reader = self.spare_reader(stream)?;
        let tail = seek::tail(&mut reader, low, end, self.deadline())?;
        self.remember(stream, tail);
        self.set_aside(reader)?;
        Ok(tail)
    }

    pub(super) fn known_tail(&self, stream: &StreamName) -> Option<Place> {
        lock(&self.tails).get(stream).copied()
    }

    /// Notes a place behind which nothing was when it was seen.
    pub(super) fn remember(&self, stream: &StreamName, tail: Place) {
        let mut tails = lock(&self.tails);
        let known = tails.entry(stream.clone()).or_insert(tail);
        if (tail.sequence, tail.offset) > (known.sequence, known.offset) {
            *known = tail;
        }
    }

    pub(super) fn read(
        &self,
        stream: &StreamName,
        from: u64,
        limits: ReadLimits,
    ) -> Result<Vec<StoredRecord>, LogError> {
        if !self.exists(stream)? {
            return Ok(Vec::new());
        }
        let (low, end) = self.end(stream)?;
        if let Some(tail) = self.known_tail(stream)
            && from >= tail.sequence
            && !tail.may_follow(end)
        {
            return Ok(Vec::new());
        }
        let deadline = self.deadline();
        let Some(mut reader) = self.reader_at(stream, from, low, deadline)? else {
            return Ok(Vec::new());
        };
        let mut records = Vec::new();
        let mut bytes = 0_usize;
        let at_tail = loop {
            let Some(record) = reader.next(end, deadline)? else {
                break true;
            };
            bytes = bytes.saturating_add(record.payload.len());
            if !records.is_empty() && bytes > limits.max_bytes {
                reader.put_back(record);
                break false;
            }
            records.push(record);
            if records.len() >= limits.max_records {
                break false;
            }
        };
        if at_tail {
            self.remember(stream, reader.place());
        }
        self.let_rest(reader);
        Ok(records)
    }

    /// Waits a while; whether the record is there.
    pub(super) fn wait(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        let deadline = Instant::now() + timeout;
        let mut reader = match self.resting_at(stream, sequence) {
            Some(reader) => reader,
            None => {
                let tail = self.tail(stream)?;
                if tail.sequence > sequence {
                    return Ok(true);
                }
                if tail.kind.is_none() {
                    // There may be no topic to wait on yet.
                    std::thread::sleep(timeout.min(Duration::from_millis(50)));
                    return Ok(false);
                }
                self.reader_at_tail(stream, tail)?
            }
        };
        reader.wait(deadline)?;
        let there = reader.ahead() >= Some(sequence);
        self.let_rest(reader);
        Ok(there)
    }

    fn reader_at_tail(&self, stream: &StreamName, tail: Place) -> Result<Reader, LogError> {
        if let Some(reader) = self.resting_at(stream, tail.sequence) {
            return Ok(reader);
        }
        let mut reader = self.spare_reader(stream)?;
        reader.go_to(tail)?;
        Ok(reader)
    }

    /// A reader whose next record is `from`; `None` when there is no such record.
    fn reader_at(
        &self,
        stream: &StreamName,
        from: u64,
        low: i64,
        deadline: Instant,
    ) -> Result<Option<Reader>, LogError> {
        if let Some(reader) = self.resting_at(stream, from) {
            return Ok(Some(reader));
        }
        if let Some(tail) = self.known_tail(stream)
            && tail.kind.is_some()
            && tail.sequence == from
        {
            return self.reader_at_tail(stream, tail).map(Some);
        }
        let tail = self.tail(stream)?;
        let mut reader = self.spare_reader(stream)?;
        let found = seek::seek(&mut reader, from, low, tail, deadline)?;
        if found {
            return Ok(Some(reader));
        }
        self.set_aside(reader)?;
        Ok(None)
    }

    fn spare_reader(&self, stream: &StreamName) -> Result<Reader, LogError> {
        let mut spare = lock(&self.spare);
        if let Some(at) = spare.iter().position(|reader| reader.stream() == stream) {
            return Ok(spare.swap_remove(at));
        }
        drop(spare);
        Reader::new(&self.bootstrap, &self.options, stream)
    }

    fn set_aside(&self, mut reader: Reader) -> Result<(), LogError> {
        reader.leave()?;
        let mut spare = lock(&self.spare);
        spare.push(reader);
        let leaving = (spare.len() > MAX_SPARE).then(|| spare.remove(0));
        // Destroyed after the lock is free: that takes a moment.
        drop(spare);
        drop(leaving);
        Ok(())
    }

    fn resting_at(&self, stream: &StreamName, sequence: u64) -> Option<Reader> {
        let mut resting = lock(&self.resting);
        let at = resting
            .iter()
            .position(|reader| reader.stream() == stream && reader.place().sequence == sequence)?;
        Some(resting.swap_remove(at))
    }

    fn let_rest(&self, mut reader: Reader) {
        reader.rest();
        let mut resting = lock(&self.resting);
        resting.push(reader);
        let mut leaving = resting
            .extract_if(.., |reader| reader.idle_for() > MAX_REST)
            .collect::<Vec<_>>();
        if resting.len() > MAX_RESTING {
            leaving.extend(
                (0..resting.len())
                    .max_by_key(|&at| resting[at].idle_for())
                    .map(|at| resting.swap_remove(at)),
            );
        }
        // They are destroyed after the lock is free: that takes a moment.
        drop(resting);
        drop(leaving);
    }

    /// The topics that could be streams; answers as soon as any broker does.
    pub(super) fn topics(&self) -> Result<Vec<StreamName>, LogError> {
        let all = StreamName::new("all")?;
        let metadata = self
            .client
            .inner()
            .fetch_metadata(None, self.options.patience)
            .map_err(|error| classify(&all, &error))?;
        let names = metadata
            .topics()
            .iter()
            .filter_map(|topic| topic.name().strip_prefix(&self.options.topic_prefix));
        Ok(names.filter_map(|name| StreamName::new(name).ok()).collect())
    }

    pub(super) fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        let mut streams = Vec::new();
        for stream in self.topics()? {
            match self.tail(&stream) {
                Ok(tail) if tail.sequence == 0 => {}
                Ok(_) => streams.push(stream),
                Err(error) if error.retryable() => return Err(error),
                Err(error) => tracing::warn!(%error, "a topic is no stream of this log"),
            }
        }
        streams.sort();
        Ok(streams)
    }

    /// Appends to a stream of many writers: no transaction, so no markers, so the offset is the sequence.
    pub(super) async fn append(
        self: &std::sync::Arc<Self>,
        stream: &StreamName,
        records: &[NewRecord],
    ) -> Result<u64, LogError> {
        let limit = self.options.max_message_bytes;
        if let Some(record) = records.iter().find(|record| record.payload.len() > limit) {
            return Err(LogError::TooLarge {
                stream: stream.to_string(),
                bytes: record.payload.len(),
                limit,
            });
        }
        self.ensure_topic(stream).await?;
        let (shared, name) = (std::sync::Arc::clone(self), stream.clone());
        let kind = super::blocking(stream, move || match shared.known_tail(&name) {
            Some(Place { kind: Some(kind), .. }) => Ok(Some(kind)),
            _ => Ok(shared.tail(&name)?.kind),
        });
        if kind.await? == Some(Kind::Fenced) {
            return Err(LogError::WrongWriter {
                stream: stream.to_string(),
                problem: "has one fenced writer; append through that",
            });
        }
        let producer = self.producer(stream)?;
        let sent = send_all(&producer, &self.options.topic(stream), records, self.options.patience).await;
        sent.map_err(|error| {
            if producer.client().fatal_error().is_some() {
                lock(&self.producer).take();
            }
            match classify(stream, &error) {
                // It has no transactions; whatever ended it, a new one goes on.
                LogError::Fenced { .. } => LogError::unavailable(error),
                other => other,
            }
        })
    }

    fn producer(&self, stream: &StreamName) -> Result<FutureProducer<Context>, LogError> {
        let mut producer = lock(&self.producer);
        if let Some(producer) = &*producer {
            return Ok(producer.clone());
        }
        let mut config = self.options.producer_config(&self.bootstrap);
        config.set("delivery.timeout.ms", self.options.patience.as_millis().to_string());
        let made: FutureProducer<Context> = config
            .create_with_context(Context::default())
            .map_err(|error| classify(stream, &error))?;
        Ok(producer.insert(made).clone())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.patience
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
