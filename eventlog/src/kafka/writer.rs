//! The fenced writer: one transactional producer, one transaction for each append. LOG-2: `init_transactions` fences every earlier producer
//! of the stream before the tail is read; the broker refuses a fenced one's commits.
//!
//! An append that was interrupted is gone on with where it stood, on the same producer: what is still to be sent is sent, and a commit
//! without an answer is asked for again, which the broker answers with what became of it. Only a producer that librdkafka declares dead
//! for another reason than a fence is replaced; then the tail decides whether its last commit counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::context::Context;
use super::fault::{by_code, classify};
use super::reader::{Kind, Place};
use super::shared::Shared;
use super::{blocking, parts};
use crate::record::check;
use crate::{LogError, NewRecord, ReadLimits, StreamName, StreamWriter};

/// How long a failed append may take to clean up after itself.
const ABORT_LIMIT: Duration = Duration::from_secs(5);

/// How long to wait for readers to see what was committed.
const VISIBLE_LIMIT: Duration = Duration::from_secs(10);

/// The one writer of a stream in Kafka.
pub(super) struct KafkaWriter {
    next: u64,
    state: Arc<Mutex<State>>,
}

struct State {
    shared: Arc<Shared>,
    stream: StreamName,
    topic: String,
    producer: ThreadedProducer<Context>,
    next: u64,
    stage: Stage,
    /// The last append, as long as it is not certain that the caller knows of its success.
    untold: Option<Arc<[NewRecord]>>,
}

/// How far the producer's transaction is.
#[derive(Clone, Debug)]
enum Stage {
    /// There is none.
    Idle,
    /// Some parts of the records are with the producer.
    Sending {
        records: Arc<[NewRecord]>,
        sent_parts: usize,
    },
    /// Its commit was asked for; the answer is owing.
    Committing(Arc<[NewRecord]>),
    /// It failed, or is not wanted any more; it is still to be ended without a trace.
    Aborting,
    /// The producer is dead; its last commit, if any, may have counted.
    Dead(Option<Arc<[NewRecord]>>),
    /// This writer is over.
    Over(LogError),
}

impl KafkaWriter {
    /// Fences, then reads the tail. Blocks.
    pub(super) fn open(shared: Arc<Shared>, stream: &StreamName) -> Result<KafkaWriter, LogError> {
        let producer = fence(&shared, stream)?;
        let tail = shared.tail(stream)?;
        if tail.kind == Some(Kind::Shared) {
            return Err(LogError::WrongWriter {
                stream: stream.to_string(),
                problem: "has many writers; append to it shared",
            });
        }
        let state = State {
            topic: shared.options.topic(stream),
            shared,
            stream: stream.clone(),
            producer,
            next: tail.sequence,
            stage: Stage::Idle,
            untold: None,
        };
        Ok(KafkaWriter {
            next: tail.sequence,
            state: Arc::new(Mutex::new(state)),
        })
    }
}

/// A producer beside which no earlier one of the stream can commit.
fn fence(shared: &Shared, stream: &StreamName) -> Result<ThreadedProducer<Context>, LogError> {
    let config = shared.options.writer_config(&shared.bootstrap, stream);
    let producer: ThreadedProducer<Context> = config
        .create_with_context(Context::default())
        .map_err(|error| classify(stream, &error))?;
    producer
        .init_transactions(shared.options.patience)
        .map_err(|error| classify(stream, &error))?;
    Ok(producer)
}

#[async_trait]
impl StreamWriter for KafkaWriter {
    fn next_sequence(&self) -> u64 {
        self.next
    }

    async fn append(&mut self, records: Vec<NewRecord>) -> Result<u64, LogError> {
        // A dropped future leaves its work running; the next append waits for it here, and finds what it did.
        let state = Arc::clone(&self.state);
        let stream = lock(&self.state).stream.clone();
        check(&stream, &records)?;
        let first = blocking(&stream, move || lock(&state).append(records.into())).await?;
        let mut state = lock(&self.state);
        state.untold = None;
        self.next = state.next;
        Ok(first)
    }
}

impl Drop for KafkaWriter {
    fn drop(&mut self) {
        // Destroying a producer blocks for a moment.
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || drop(state));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn append(&mut self, records: Arc<[NewRecord]>) -> Result<u64, LogError> {
        let deadline = Instant::now() + self.shared.options.patience;
        if let Some(first) = self.settle(&records, deadline)? {
            return Ok(first);
        }
        if records.is_empty() {
            return Ok(self.next);
        }
        self.producer.context().take_deliveries();
        self.producer
            .begin_transaction()
            .map_err(|error| self.note(&error, None))?;
        self.stage = Stage::Sending { records, sent_parts: 0 };
        self.go_on(deadline)
    }

    /// Brings the previous append to its end. Returns its first sequence if it succeeded and is what is asked for again.
    fn settle(&mut self, records: &[NewRecord], deadline: Instant) -> Result<Option<u64>, LogError> {
        loop {
            match self.stage.clone() {
                Stage::Idle => break,
                Stage::Over(error) => return Err(error),
                Stage::Sending { records: begun, .. } if begun[..] == *records => {
                    return self.go_on(deadline).map(Some);
                }
                Stage::Sending { .. } => self.stage = Stage::Aborting,
                Stage::Aborting => self.abort()?,
                Stage::Dead(doubtful) => self.replace_producer(doubtful, deadline)?,
                Stage::Committing(_) => match self.commit(deadline) {
                    Err(error) if matches!(self.stage, Stage::Committing(_)) => return Err(error),
                    // Known now: committed, or not and over.
                    _ => {}
                },
            }
        }
        let Some(untold) = &self.untold else {
            return Ok(None);
        };
        let first = self.next - untold.len() as u64;
        if untold[..] == *records {
            return Ok(Some(first));
        }
        Err(LogError::WriterLost {
            stream: self.stream.to_string(),
            reason: format!("the append at {first} had succeeded after all, and these are other records"),
        })
    }

    /// Sends what is still to be sent, and commits.
    fn go_on(&mut self, deadline: Instant) -> Result<u64, LogError> {
        let Stage::Sending { records, sent_parts } = self.stage.clone() else {
            return self.commit(deadline);
        };
        let max_bytes = self.shared.options.max_message_bytes;
        let parts = (self.next..)
            .zip(&*records)
            .flat_map(|(sequence, record)| parts::split(record, sequence, max_bytes));
        for (number, (headers, payload)) in parts.enumerate().skip(sent_parts) {
            self.send_part(&headers, &payload, deadline)?;
            self.stage = Stage::Sending {
                records: Arc::clone(&records),
                sent_parts: number + 1,
            };
        }
        self.wait_until_delivered(deadline)?;
        self.stage = Stage::Committing(records);
        self.commit(deadline)
    }

    /// Waits while the producer's buffer is full: this is the back-pressure.
    fn send_part(&mut self, headers: &[(String, String)], payload: &[u8], deadline: Instant) -> Result<(), LogError> {
        loop {
            let message = BaseRecord::<(), [u8]>::to(&self.topic)
                .partition(0)
                .payload(payload)
                .headers(message_headers(headers));
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((error, _)) if error.rdkafka_error_code() == Some(Code::QueueFull) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((error, _)) => return Err(self.note(&error, None)),
            }
        }
    }

    /// Waits until the fate of each part is known; the commit tells it. (`Producer::flush` would look only every 100 ms.)
    fn wait_until_delivered(&self, deadline: Instant) -> Result<(), LogError> {
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > deadline {
                return Err(LogError::unavailable("the brokers do not take the records in time"));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(())
    }

    /// Commits what stands in `Committing`, or asks again for the answer. Leaves that stage when the outcome is known.
    fn commit(&mut self, deadline: Instant) -> Result<u64, LogError> {
        let Stage::Committing(records) = self.stage.clone() else {
            return Err(LogError::unavailable("no transaction was committing"));
        };
        let remaining = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        match self.producer.commit_transaction(remaining) {
            Ok(()) => {}
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                let cause = self.producer.context().take_deliveries().first_error;
                self.stage = Stage::Aborting;
                self.abort()?;
                return Err(classify(&self.stream, &cause.unwrap_or(KafkaError::Transaction(error))));
            }
            Err(error) => return Err(self.note(&error, Some(records))),
        }
        let first = self.next;
        self.next += records.len() as u64;
        self.untold = Some(records);
        self.stage = Stage::Idle;
        self.wait_until_visible();
        Ok(first)
    }

    /// The broker answers a commit before it has marked the records as committed; readers see them a moment later.
    fn wait_until_visible(&self) {
        let Some(last) = self.producer.context().take_deliveries().last_offset else {
            return;
        };
        let deadline = Instant::now() + VISIBLE_LIMIT;
        while Instant::now() < deadline {
            match self.shared.end(&self.stream) {
                Ok((_, end)) if end > last => {
                    let place = Place {
                        sequence: self.next,
                        offset: last + 1,
                        kind: Some(Kind::Fenced),
                    };
                    return self.shared.remember(&self.stream, place);
                }
                Ok(_) => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Ends the open transaction without a trace.
    fn abort(&mut self) -> Result<(), LogError> {
        match self.producer.abort_transaction(ABORT_LIMIT) {
            Ok(()) => {
                self.stage = Stage::Idle;
                Ok(())
            }
            Err(error) => Err(self.note(&error, None)),
        }
    }

    /// Fences once more and lets the tail decide. The broker had not called the dead producer fenced, so nobody has taken over; had anyone
    /// since, the tail would show it.
    fn replace_producer(&mut self, doubtful: Option<Arc<[NewRecord]>>, deadline: Instant) -> Result<(), LogError> {
        tracing::warn!(stream = %self.stream, "the Kafka producer died, making another");
        self.producer = fence(&self.shared, &self.stream)?;
        let tail = self.shared.tail(&self.stream)?.sequence;
        let landed = match &doubtful {
            Some(records) if tail == self.next + records.len() as u64 => self.stands_at_next(records, deadline)?,
            _ => false,
        };
        self.stage = Stage::Idle;
        if landed {
            self.next = tail;
            self.untold = doubtful;
        } else if tail != self.next {
            let fenced = LogError::Fenced {
                stream: self.stream.to_string(),
            };
            self.stage = Stage::Over(fenced.clone());
            return Err(fenced);
        }
        Ok(())
    }

    /// Whether the stream has these records from `next` on.
    fn stands_at_next(&self, records: &[NewRecord], deadline: Instant) -> Result<bool, LogError> {
        let mut same = 0;
        while same < records.len() && Instant::now() < deadline {
            let limits = ReadLimits {
                max_records: records.len() - same,
                max_bytes: usize::MAX,
            };
            let found = self.shared.read(&self.stream, self.next + same as u64, limits)?;
            let equal = found
                .iter()
                .zip(&records[same..])
                .all(|(found, ours)| (&found.headers, &found.payload) == (&ours.headers, &ours.payload));
            if found.is_empty() || !equal {
                return Ok(false);
            }
            same += found.len();
        }
        Ok(same == records.len())
    }

    /// What an error of the producer means. One that ends the producer also changes the stage: `doubtful` is what it was committing.
    fn note(&mut self, error: &KafkaError, doubtful: Option<Arc<[NewRecord]>>) -> LogError {
        let Some((code, reason)) = self.producer.client().fatal_error() else {
            let requires_abort = matches!(error, KafkaError::Transaction(detail) if detail.txn_requires_abort());
            if requires_abort {
                self.stage = Stage::Aborting;
            }
            return classify(&self.stream, error);
        };
        let meaning = by_code(&self.stream, code, reason);
        self.stage = if meaning.retryable() {
            Stage::Dead(doubtful)
        } else {
            Stage::Over(meaning.clone())
        };
        meaning
    }
}

pub(super) fn message_headers(headers: &[(String, String)]) -> OwnedHeaders {
    headers.iter().fold(
        OwnedHeaders::new_with_capacity(headers.len()),
        |native, (name, value)| {
            native.insert(Header {
                key: name,
                value: Some(value.as_bytes()),
            })
        },
    )
}
