//! The fenced writer: one transactional producer, one transaction for each append. LOG-2: `init_transactions` fences every earlier producer
//! of the stream before the tail is read; the broker refuses a fenced one's commits.
//!
//! A commit without an answer is taken up again on the same producer, which the broker answers with what became of it. A new producer
//! would fence whoever took over meanwhile, so this one is never replaced: what it cannot settle, [`LogError::WriterLost`] reports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::context::Context;
use super::fault::{by_code, classify};
use super::reader::{Kind, Place};
use super::{Shared, blocking, parts};
use crate::record::check;
use crate::{LogError, NewRecord, StreamName, StreamWriter};

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
#[derive(Debug)]
enum Stage {
    /// There is none.
    Idle,
    /// Begun, and not to be committed any more.
    Open,
    /// Its commit was asked for; the answer is owing.
    Committing(Arc<[NewRecord]>),
    /// The producer is of no more use.
    Lost(LogError),
}

impl KafkaWriter {
    /// Fences, then reads the tail. Blocks.
    pub(super) fn open(shared: Arc<Shared>, stream: &StreamName) -> Result<KafkaWriter, LogError> {
        let failed = |error: KafkaError| classify(stream, &error);
        let producer: ThreadedProducer<Context> = shared
            .options
            .writer_config(&shared.bootstrap, stream)
            .create_with_context(Context::default())
            .map_err(failed)?;
        producer.init_transactions(shared.options.patience).map_err(failed)?;
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
        self.producer.begin_transaction().map_err(|error| self.failed(&error))?;
        self.stage = Stage::Open;
        if let Err(error) = self.send(&records, deadline) {
            self.abort();
            return Err(self.lost().unwrap_or(error));
        }
        self.stage = Stage::Committing(records);
        self.commit(deadline)
    }

    /// Brings the previous append to its end. Returns its first sequence if it succeeded and is what is asked for again.
    fn settle(&mut self, records: &[NewRecord], deadline: Instant) -> Result<Option<u64>, LogError> {
        match &self.stage {
            Stage::Idle => {}
            Stage::Lost(error) => return Err(error.clone()),
            Stage::Open => {
                self.abort();
                match &self.stage {
                    Stage::Idle => {}
                    Stage::Lost(error) => return Err(error.clone()),
                    _ => {
                        return Err(LogError::unavailable(
                            "the brokers do not end the transaction that failed",
                        ));
                    }
                }
            }
            Stage::Committing(_) => match self.commit(deadline) {
                Ok(_) => {}
                // Settled as not written: the transaction was aborted.
                Err(_) if matches!(self.stage, Stage::Idle) => {}
                Err(error) => return Err(error),
            },
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

    /// Hands all parts to the producer and waits until the broker has them.
    fn send(&mut self, records: &[NewRecord], deadline: Instant) -> Result<(), LogError> {
        let max_bytes = self.shared.options.max_message_bytes;
        for (sequence, record) in (self.next..).zip(records) {
            for (headers, payload) in parts::split(record, sequence, max_bytes) {
                self.send_part(&headers, &payload, deadline)?;
            }
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        self.producer.flush(remaining).map_err(|error| self.failed(&error))
    }

    /// Waits while the producer's buffer is full: this is the back-pressure.
    fn send_part(&self, headers: &[(String, String)], payload: &[u8], deadline: Instant) -> Result<(), LogError> {
        let native = message_headers(headers);
        let mut message = BaseRecord::<(), [u8]>::to(&self.topic)
            .partition(0)
            .payload(payload)
            .headers(native);
        loop {
            message = match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((error, message))
                    if error.rdkafka_error_code() == Some(Code::QueueFull) && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(2));
                    message
                }
                Err((error, _)) => return Err(self.failed(&error)),
            };
        }
    }

    /// Commits what stands in `Committing`, or asks again for the answer. Leaves `Idle` when the outcome is known.
    fn commit(&mut self, deadline: Instant) -> Result<u64, LogError> {
        let remaining = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        match self.producer.commit_transaction(remaining) {
            Ok(()) => {}
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                let delivery = self.producer.context().take_deliveries().first_error;
                self.stage = Stage::Open;
                self.abort();
                let reason = delivery.map_or_else(
                    || LogError::unavailable(error.string()),
                    |delivery| classify(&self.stream, &delivery),
                );
                return Err(self.lost().unwrap_or(reason));
            }
            Err(error) => {
                let error = self.failed(&error);
                if !error.retryable() {
                    self.stage = Stage::Lost(error.clone());
                }
                return Err(error);
            }
        }
        let Stage::Committing(records) = std::mem::replace(&mut self.stage, Stage::Idle) else {
            return Err(LogError::unavailable("no transaction was committing"));
        };
        let first = self.next;
        self.next += records.len() as u64;
        self.untold = Some(records);
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

    /// Ends the open transaction without a trace; it stays `Open` when the broker does not answer.
    fn abort(&mut self) {
        match self.producer.abort_transaction(ABORT_LIMIT) {
            Ok(()) => self.stage = Stage::Idle,
            Err(error) => {
                let error = self.failed(&error);
                if !error.retryable() {
                    self.stage = Stage::Lost(error);
                }
            }
        }
    }

    fn lost(&self) -> Option<LogError> {
        match &self.stage {
            Stage::Lost(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// What an error of the producer means; one that ends the producer is told from one that passes.
    fn failed(&self, error: &KafkaError) -> LogError {
        let Some((code, reason)) = self.producer.client().fatal_error() else {
            return classify(&self.stream, error);
        };
        match by_code(&self.stream, code, reason.clone()) {
            LogError::Unavailable { .. } => LogError::WriterLost {
                stream: self.stream.to_string(),
                reason,
            },
            known => known,
        }
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
