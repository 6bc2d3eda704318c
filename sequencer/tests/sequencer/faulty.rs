//! A real log between which and its user things go wrong: appends that do not arrive, and appends whose acknowledgement does not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};

use crate::random::Random;

/// Which calls fail is drawn from a seed.
pub struct Faulty {
    log: Arc<dyn EventLog>,
    fate: Arc<Fate>,
}

struct Fate {
    random: Mutex<Random>,
    /// One of so many calls fails.
    one_of: u64,
    failed: AtomicU64,
}

#[derive(PartialEq, Eq)]
enum Draw {
    Fine,
    BeforeTheCall,
    AfterTheCall,
}

impl Faulty {
    pub fn new(log: Arc<dyn EventLog>, seed: u64, one_of: u64) -> Faulty {
        let fate = Fate {
            random: Mutex::new(Random(seed)),
            one_of,
            failed: AtomicU64::new(0),
        };
        Faulty {
            log,
            fate: Arc::new(fate),
        }
    }

    pub fn failed(&self) -> u64 {
        self.fate.failed.load(Ordering::Relaxed)
    }
}

impl Fate {
    fn draw(&self) -> Draw {
        let draw = self.random.lock().expect("no panic").below(2 * self.one_of);
        self.failed.fetch_add(u64::from(draw < 2), Ordering::Relaxed);
        match draw {
            0 => Draw::BeforeTheCall,
            1 => Draw::AfterTheCall,
            _ => Draw::Fine,
        }
    }

    async fn around<T: Send>(&self, call: impl Future<Output = Result<T, LogError>> + Send) -> Result<T, LogError> {
        let draw = self.draw();
        let failure = LogError::Unavailable { reason: "drawn".into() };
        if draw == Draw::BeforeTheCall {
            return Err(failure);
        }
        let result = call.await;
        if draw == Draw::AfterTheCall {
            Err(failure)
        } else {
            result
        }
    }
}

#[async_trait]
impl EventLog for Faulty {
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError> {
        let writer = self.fate.around(self.log.open_writer(stream)).await?;
        Ok(Box::new(FaultyWriter {
            writer,
            fate: Arc::clone(&self.fate),
        }))
    }

    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError> {
        self.fate.around(self.log.append_shared(stream, records)).await
    }

    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.fate.around(self.log.read(stream, from, limits)).await
    }

    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError> {
        self.fate.around(self.log.next_sequence(stream)).await
    }

    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        self.fate.around(self.log.wait_beyond(stream, sequence, timeout)).await
    }

    async fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.log.streams().await
    }
}

struct FaultyWriter {
    writer: Box<dyn StreamWriter>,
    fate: Arc<Fate>,
}

#[async_trait]
impl StreamWriter for FaultyWriter {
    fn next_sequence(&self) -> u64 {
        self.writer.next_sequence()
    }

    async fn append(&mut self, records: Vec<NewRecord>) -> Result<u64, LogError> {
        let draw = self.fate.draw();
        let failure = LogError::Unavailable { reason: "drawn".into() };
        if draw == Draw::BeforeTheCall {
            return Err(failure);
        }
        let result = self.writer.append(records).await;
        // A writer that is told of a failure may be called with the same records again; so may one that knows better.
        if draw == Draw::AfterTheCall && result.is_err() {
            Err(failure)
        } else {
            result
        }
    }
}
