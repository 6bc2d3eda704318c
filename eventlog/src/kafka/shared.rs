//! What all uses of one Kafka log share: a client for questions, readers, a producer for streams of many writers, and where streams ended.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::AdminClient;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::KafkaOptions;
use super::context::Context;
use super::fault::{by_code, classify};
use super::pool::{Readers, lock};
use super::publish::Publisher;
use super::reader::{Place, Reader};
use super::{seek, topic};
use crate::{LogError, ReadLimits, StoredRecord, StreamName};

pub(super) struct Shared {
    pub bootstrap: String,
    pub options: KafkaOptions,
    client: AdminClient<Context>,
    pub publisher: Publisher,
    readers: Readers,
    /// The tails that were seen last, of the streams whose topic is known to exist.
    tails: Mutex<HashMap<StreamName, Place>>,
    /// Streams whose topic was made or checked.
    ensured: Mutex<HashSet<StreamName>>,
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
            publisher: Publisher::default(),
            readers: Readers::default(),
            tails: Mutex::default(),
            ensured: Mutex::default(),
        })
    }

    /// Makes or checks the stream's topic, once.
    pub(super) async fn ensure_topic(&self, stream: &StreamName) -> Result<(), LogError> {
        if self.options.manage_topics && !lock(&self.ensured).contains(stream) {
            topic::ensure(&self.client, &self.options, stream).await?;
            let is_first = lock(&self.ensured).is_empty();
            if is_first {
                self.say_durability(stream).await;
            }
            lock(&self.ensured).insert(stream.clone());
        }
        Ok(())
    }

    /// Says, of the first topic that is used, what the cluster's acknowledgement is worth. Not to know it is no failure.
    async fn say_durability(&self, stream: &StreamName) {
        match topic::durability(&self.client, &self.options, stream).await {
            Ok(found) => found.say(&self.options.topic(stream)),
            Err(error) => tracing::warn!(%stream, %error, "how durable Kafka keeps what it acknowledges is not known"),
        }
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
        self.readers.set_aside(reader)?;
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
        // Records that were committed since `end` was asked for may have come along, and need not be the last.
        if at_tail && reader.place().offset <= end {
            self.remember(stream, reader.place());
        }
        self.readers.let_rest(reader);
        Ok(records)
    }

    /// Waits a while; whether the record is there.
    pub(super) fn wait(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        let deadline = Instant::now() + timeout;
        let mut reader = match self.readers.resting_at(stream, sequence) {
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
        self.readers.let_rest(reader);
        Ok(there)
    }

    fn reader_at_tail(&self, stream: &StreamName, tail: Place) -> Result<Reader, LogError> {
        if let Some(reader) = self.readers.resting_at(stream, tail.sequence) {
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
        if let Some(reader) = self.readers.resting_at(stream, from) {
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
        self.readers.set_aside(reader)?;
        Ok(None)
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

    fn spare_reader(&self, stream: &StreamName) -> Result<Reader, LogError> {
        self.readers.spare(&self.bootstrap, &self.options, stream)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.patience
    }
}
