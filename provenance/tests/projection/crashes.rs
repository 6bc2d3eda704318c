//! Projectors and servers that end in the middle of their work, and projectors that get in one another's way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};
use souk_provenance::project::{Phase, ProjectError, ProjectionStatus, run};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::oracle::assert_equals_oracle;
use super::replay::busy;
use super::support::{CHAIN, Stand};

#[tokio::test]
async fn log_2_projectors_of_one_chain_that_run_at_once_apply_each_record_once() {
    let stand = Stand::new().await;
    let chain = busy(1, 150);
    let cancel = CancellationToken::new();
    let end = chain.records.len() as u64;
    let mut running = Vec::new();
    for max_records in [1, 3, 8] {
        let (sender, status) = watch::channel(ProjectionStatus::new(CHAIN));
        let (config, log) = (stand.config(max_records), Arc::clone(&stand.log));
        let task = tokio::spawn(run(config, log, stand.pool.clone(), sender, cancel.clone()));
        running.push((status, task));
    }
    for records in chain.records.chunks(5) {
        stand.append(records).await;
    }
    let reached = async {
        let (first, _) = &mut running[0];
        let ended = |status: &ProjectionStatus| status.next_sequence == end || status.phase == Phase::Stopped;
        first.wait_for(ended).await.expect("runs").clone()
    };
    // A projector that was overtaken learns where it is from the tables, so that each of them arrives.
    let status = tokio::time::timeout(Duration::from_secs(60), reached)
        .await
        .expect("arrives");
    assert_eq!(status.next_sequence, end, "{:?}", status.last_error);
    cancel.cancel();
    for (_, task) in running {
        task.await.expect("ends").expect("is only overtaken");
    }
    assert_equals_oracle(&stand, &chain.blocks, "three projectors").await;
}

#[tokio::test]
async fn log_2_a_projector_that_is_dropped_at_any_moment_leaves_whole_batches() {
    let stand = Stand::new().await;
    let chain = busy(1, 150);
    stand.append(&chain.records).await;
    let end = chain.records.len() as i64;
    let mut lives = 0u64;
    loop {
        let projecting = stand.project(2);
        // Longer lives as it goes, so that it ends.
        let life = Duration::from_millis(5 + 3 * lives);
        let ended = tokio::time::timeout(life, projecting).await;
        lives += 1;
        match ended {
            Ok(Ok(())) => break,
            // The life before may have been dropped while Postgres was committing for it: then this one began too early.
            Ok(Err(error)) => assert!(error.is_retryable(), "{error}"),
            Err(_elapsed) => {}
        }
    }
    assert!(lives > 3, "it was dropped {lives} times");
    assert_eq!(stand.count("select next_sequence from souk.projection").await, end);
    assert_equals_oracle(&stand, &chain.blocks, "many lives").await;
}

#[tokio::test]
async fn log_2_postgres_killed_and_restarted_in_mid_flight_loses_and_doubles_nothing() {
    let mut postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    let stand = Stand::on(&postgres).await;
    let chain = busy(1, 300);
    stand.append(&chain.records).await;
    let end = chain.records.len() as u64;
    let (sender, mut status) = watch::channel(ProjectionStatus::new(CHAIN));
    let cancel = CancellationToken::new();
    let task = tokio::spawn(run(
        stand.config(2),
        Arc::clone(&stand.log),
        stand.pool.clone(),
        sender,
        cancel.clone(),
    ));
    for part in 1..4u64 {
        let reached = status.wait_for(|status| status.next_sequence >= part * end / 5);
        tokio::time::timeout(Duration::from_secs(60), reached)
            .await
            .expect("goes on")
            .expect("runs");
        postgres.kill9().await;
        postgres.restart().await.expect("recovers");
    }
    let reached = status.wait_for(|status| status.next_sequence == end);
    tokio::time::timeout(Duration::from_secs(60), reached)
        .await
        .expect("arrives")
        .expect("runs");
    cancel.cancel();
    task.await.expect("ends").expect("survives");
    assert_equals_oracle(&stand, &chain.blocks, "three crashes").await;
}

/// A log that panics at its tail.
struct Defective(Arc<dyn EventLog>);

#[async_trait]
impl EventLog for Defective {
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError> {
        self.0.open_writer(stream).await
    }

    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError> {
        self.0.append_shared(stream, records).await
    }

    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.0.read(stream, from, limits).await
    }

    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError> {
        self.0.next_sequence(stream).await
    }

    async fn wait_beyond(&self, _: &StreamName, _: u64, _: Duration) -> Result<bool, LogError> {
        panic!("a defect")
    }

    async fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.0.streams().await
    }
}

/// Rather than begin anew for ever, silently.
#[tokio::test]
async fn a_reader_that_panics_ends_the_projector_which_says_so() {
    let stand = Stand::new().await;
    stand.append(&busy(1, 3).records).await;
    let log = Arc::new(Defective(Arc::clone(&stand.log)));
    let (sender, status) = watch::channel(ProjectionStatus::new(CHAIN));
    let running = run(
        stand.config(2),
        log,
        stand.pool.clone(),
        sender,
        CancellationToken::new(),
    );
    let ended = tokio::time::timeout(Duration::from_secs(60), running).await;
    let error = ended.expect("it ends").expect_err("for a reason");
    assert!(matches!(error, ProjectError::Stopped(_)), "{error}");
    assert_eq!(status.borrow().phase, Phase::Stopped);
}
