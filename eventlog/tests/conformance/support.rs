//! Small things that the tests share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};

pub const ALL: ReadLimits = ReadLimits {
    max_records: usize::MAX,
    max_bytes: usize::MAX,
};

/// A stream that no other test uses.
pub fn stream(purpose: &str) -> StreamName {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    StreamName::new(format!("{purpose}.{}-{number}", std::process::id())).expect("a valid name")
}

/// A record that is like no other: its bytes follow from its number.
pub fn record(number: u64, bytes: usize) -> NewRecord {
    let mut random = Random(number);
    let pattern: Vec<u8> = (0..64).flat_map(|_| random.next().to_le_bytes()).collect();
    let mut payload = pattern.repeat(bytes / pattern.len() + 1);
    payload.truncate(bytes);
    NewRecord {
        headers: vec![("ce_id".into(), number.to_string())],
        payload: payload.into(),
    }
}

pub fn records(numbers: std::ops::Range<u64>, bytes: usize) -> Vec<NewRecord> {
    numbers.map(|number| record(number, bytes)).collect()
}

pub fn text(payload: &'static str) -> Vec<NewRecord> {
    vec![NewRecord {
        headers: Vec::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    }]
}

/// The stored form of records that begin at a sequence.
pub fn stored(first: u64, records: &[NewRecord]) -> Vec<StoredRecord> {
    (first..)
        .zip(records)
        .map(|(sequence, record)| StoredRecord {
            sequence,
            headers: record.headers.clone(),
            payload: record.payload.clone(),
        })
        .collect()
}

/// Everything from a sequence on, read in several calls.
pub async fn read_all(log: &dyn EventLog, stream: &StreamName, from: u64) -> Vec<StoredRecord> {
    let limits = ReadLimits {
        max_records: 1000,
        max_bytes: 8 << 20,
    };
    let mut records = Vec::new();
    loop {
        let more = log
            .read(stream, from + records.len() as u64, limits)
            .await
            .expect("readable");
        if more.is_empty() {
            return records;
        }
        records.extend(more);
    }
}

/// Compares without printing megabytes.
pub fn assert_same(found: &[StoredRecord], expected: &[StoredRecord]) {
    assert_eq!(found.len(), expected.len(), "number of records");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.sequence, expected.sequence);
        assert_eq!(found.headers, expected.headers, "headers of {}", expected.sequence);
        assert!(
            found.payload == expected.payload,
            "payload of {} differs",
            expected.sequence
        );
    }
}

/// Calls again as long as the error says that this can help.
pub async fn append_until_done(writer: &mut dyn StreamWriter, records: &[NewRecord]) -> u64 {
    let begun = Instant::now();
    loop {
        match writer.append(records.to_vec()).await {
            Ok(first) => return first,
            Err(error) => wait_if_retryable(&error, begun).await,
        }
    }
}

/// Calls again as long as the error says that this can help.
pub async fn retry<T>(mut call: impl AsyncFnMut() -> Result<T, LogError>) -> T {
    let begun = Instant::now();
    loop {
        match call().await {
            Ok(value) => return value,
            Err(error) => wait_if_retryable(&error, begun).await,
        }
    }
}

async fn wait_if_retryable(error: &LogError, begun: Instant) {
    const LIMIT: Duration = Duration::from_secs(120);
    assert!(
        error.retryable() && begun.elapsed() < LIMIT,
        "after {:?}: {error}",
        begun.elapsed()
    );
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Numbers that look random, the same from the same seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
