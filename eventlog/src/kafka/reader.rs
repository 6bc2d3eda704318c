//! One consumer on one topic: takes messages, gives whole records in order. Blocks; runs off the async threads.
//!
//! A transaction leaves a marker behind its records, which takes an offset and is never delivered. So where the records end is known
//! from the *end*, the offset below which everything is decided, and from librdkafka's own end-of-partition event.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::KafkaOptions;
use super::context::Context;
use super::fault::classify;
use super::parts::{Assembler, Message};
use crate::{LogError, StoredRecord, StreamName};

/// How records get into a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In transactions of the one writer.
    Fenced,
    /// By anyone, without transactions.
    Shared,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the next record.
    pub sequence: u64,
    /// Nothing of the next record stands below it.
    pub offset: i64,
    /// `None` as long as no record was seen.
    pub kind: Option<Kind>,
}

impl Place {
    /// Whether a record can stand between here and `end`: a fenced one has its marker behind it.
    pub(super) fn may_follow(&self, end: i64) -> bool {
        let markers = i64::from(self.kind == Some(Kind::Fenced));
        end - self.offset > markers
    }
}

/// A consumer, and where it stands.
pub(super) struct Reader {
    consumer: BaseConsumer<Context>,
    stream: StreamName,
    topic: String,
    place: Place,
    assembler: Assembler,
    /// Read already, not handed out yet; `place` is before it.
    ahead: Option<StoredRecord>,
    /// Whether the next end-of-partition event is younger than the `end` that the caller knows.
    fresh: bool,
    idle_since: Instant,
}

impl Reader {
    pub(super) fn new(bootstrap: &str, options: &KafkaOptions, stream: &StreamName) -> Result<Reader, LogError> {
        let consumer = options
            .reader_config(bootstrap)
            .create_with_context(Context::default())
            .map_err(|error| classify(stream, &error))?;
        Ok(Reader {
            consumer,
            stream: stream.clone(),
            topic: options.topic(stream),
            place: Place {
                sequence: 0,
                offset: 0,
                kind: None,
            },
            assembler: Assembler::default(),
            ahead: None,
            fresh: false,
            idle_since: Instant::now(),
        })
    }

    pub(super) fn stream(&self) -> &StreamName {
        &self.stream
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn idle_for(&self) -> Duration {
        self.idle_since.elapsed()
    }

    /// Notes that its user has gone.
    pub(super) fn rest(&mut self) {
        self.idle_since = Instant::now();
        self.fresh = false;
    }

    /// Stops fetching, and forgets its place.
    pub(super) fn leave(&mut self) -> Result<(), LogError> {
        self.consumer.unassign().map_err(|error| classify(&self.stream, &error))
    }

    /// The sequence of a record that it has read ahead.
    pub(super) fn ahead(&self) -> Option<u64> {
        self.ahead.as_ref().map(|record| record.sequence)
    }

    /// Goes to a place, forgetting what was read ahead.
    pub(super) fn go_to(&mut self, place: Place) -> Result<(), LogError> {
        self.place = place;
        self.ahead = None;
        self.assembler = Assembler::default();
        self.assign(place.offset)
    }

    fn assign(&mut self, offset: i64) -> Result<(), LogError> {
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&self.topic, 0, Offset::Offset(offset))
            .and_then(|()| self.consumer.assign(&assignment))
            .map_err(|error| classify(&self.stream, &error))?;
        self.fresh = true;
        Ok(())
    }

    /// The first committed message at an offset or after it; `None` when there is none. Leaves the reader without a place.
    pub(super) fn probe(&mut self, offset: i64, deadline: Instant) -> Result<Option<Message>, LogError> {
        self.assign(offset)?;
        self.poll(deadline)
    }

    /// The message after the last one probed; `None` at the end.
    pub(super) fn probe_next(&mut self, deadline: Instant) -> Result<Option<Message>, LogError> {
        self.poll(deadline)
    }

    /// The next record below `end`, if there is one. `end` must have been asked for after the last `rest`.
    pub(super) fn next(&mut self, end: i64, deadline: Instant) -> Result<Option<StoredRecord>, LogError> {
        while self.ahead.is_none() {
            if !self.place.may_follow(end) {
                return Ok(None);
            }
            match self.poll(deadline)? {
                Some(message) => self.take(message)?,
                None if self.fresh => {
                    // What stands below `end` is markers and aborted records.
                    self.place.offset = self.place.offset.max(end);
                    return Ok(None);
                }
                // The event may be from when the records ended earlier; only a new fetch can tell.
                None => self.assign(self.place.offset)?,
            }
        }
        let record = self.ahead.take();
        self.place.sequence += u64::from(record.is_some());
        Ok(record)
    }

    /// Gives a record back, to be the next again.
    pub(super) fn put_back(&mut self, record: StoredRecord) {
        self.place.sequence = record.sequence;
        self.ahead = Some(record);
    }

    /// Waits until the next record is there, at most until the deadline.
    pub(super) fn wait(&mut self, deadline: Instant) -> Result<(), LogError> {
        while self.ahead.is_none() && Instant::now() < deadline {
            let timeout = deadline.saturating_duration_since(Instant::now());
            match self.consumer.poll(timeout) {
                Some(Ok(message)) => {
                    let message = self.parse(&message)?;
                    self.take(message)?;
                }
                None | Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => self.tolerate(&error).map(drop)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), LogError> {
        self.place.offset = message.offset + 1;
        self.place.kind = Some(kind_of(&message));
        self.ahead = self.assembler.take(message).map_err(|problem| self.corrupt(problem))?;
        match &self.ahead {
            Some(record) if record.sequence != self.place.sequence => {
                let problem = format!(
                    "sequence {} stands where {} belongs",
                    record.sequence, self.place.sequence
                );
                Err(self.corrupt(problem))
            }
            _ => Ok(()),
        }
    }

    /// The next committed message; `None` at the end of the partition as librdkafka saw it.
    fn poll(&mut self, deadline: Instant) -> Result<Option<Message>, LogError> {
        let mut why = LogError::unavailable("no answer from the brokers in time");
        loop {
            let timeout = deadline.saturating_duration_since(Instant::now());
            if timeout.is_zero() {
                return Err(why);
            }
            match self.consumer.poll(timeout) {
                Some(Ok(message)) => return self.parse(&message).map(Some),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
                Some(Err(error)) => why = self.tolerate(&error)?,
                None => {}
            }
        }
    }

    /// librdkafka reconnects by itself, so only an error for good ends the wait.
    fn tolerate(&self, error: &KafkaError) -> Result<LogError, LogError> {
        let error = classify(&self.stream, error);
        if error.retryable() { Ok(error) } else { Err(error) }
    }

    fn parse(&self, message: &BorrowedMessage<'_>) -> Result<Message, LogError> {
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec());
        let headers: Result<Vec<_>, _> = message
            .headers()
            .into_iter()
            .flat_map(Headers::iter)
            .map(|header| Ok((header.key.to_owned(), text(header.value)?)))
            .collect();
        let headers = headers.map_err(|error: std::string::FromUtf8Error| error.to_string());
        let payload = Bytes::copy_from_slice(message.payload().unwrap_or_default());
        headers
            .and_then(|headers| Message::parse(message.offset(), headers, payload))
            .map_err(|problem| self.corrupt(problem))
    }

    pub(super) fn corrupt(&self, problem: String) -> LogError {
        LogError::Corrupt {
            stream: self.stream.to_string(),
            problem,
        }
    }
}

pub(super) fn kind_of(message: &Message) -> Kind {
    if message.sequence.is_some() {
        Kind::Fenced
    } else {
        Kind::Shared
    }
}
