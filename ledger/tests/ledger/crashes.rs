//! Projectors and servers that end in the middle of their work, and projectors that get in one another's way (LOG-2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};
use souk_ledger::project::{LedgerStatus, Phase, ProjectError, run};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::Stand;
use crate::world::{GROUP, World};

const PATIENCE: Duration = Duration::from_secs(60);

fn start(
    stand: &Stand,
    max_records: usize,
    cancel: &CancellationToken,
) -> (
    watch::Receiver<LedgerStatus>,
    tokio::task::JoinHandle<Result<(), ProjectError>>,
) {
    let (sender, status) = watch::channel(LedgerStatus::new(GROUP));
    let running = run(
        stand.config(max_records),
        Arc::clone(&stand.log),
        stand.pool.clone(),
        sender,
        cancel.clone(),
    );
    (status, tokio::spawn(running))
}

async fn arrives(status: &mut watch::Receiver<LedgerStatus>, sequence: u64) {
    let ended = |status: &LedgerStatus| status.next_sequence >= sequence || status.phase == Phase::Stopped;
    let reached = tokio::time::timeout(PATIENCE, status.wait_for(ended)).await;
    let reached = reached.expect("arrives").expect("runs").clone();
    assert!(reached.next_sequence >= sequence, "{:?}", reached.last_error);
}

#[tokio::test]
async fn log_2_projectors_of_one_group_that_run_at_once_apply_each_outcome_once() {
    let world = World::new(70).live(700);
    let (stand, once) = (Stand::new().await, Stand::with(&world.outcomes).await);
    let cancel = CancellationToken::new();
    let mut running: Vec<_> = [1, 3, 8].map(|batch| start(&stand, batch, &cancel)).into();
    stand.append(&world.outcomes, 5).await;
    let end = world.outcomes.len().div_ceil(5) as u64;
    // One that was overtaken learns where it is from the tables, so that each of them arrives.
    arrives(&mut running[0].0, end).await;
    cancel.cancel();
    for (_, task) in running {
        task.await.expect("ends").expect("is only overtaken");
    }
    assert_eq!(stand.hash().await, once.hash().await);
}

#[tokio::test]
async fn log_2_a_projector_waits_while_another_is_under_way_on_either_lane() {
    let world = World::new(74).live(200);
    let once = Stand::with(&world.outcomes).await;
    for lane in 0..2 {
        let stand = Stand::new().await;
        stand.append(&world.outcomes, 5).await;
        // What another projector holds while it writes a batch.
        let mut other = stand.pool.begin().await.expect("begins");
        sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("souk ledger exchange group {GROUP} lane {lane}"))
            .execute(&mut *other)
            .await
            .expect("locks");
        let cancel = CancellationToken::new();
        let (mut status, task) = start(&stand, 3, &cancel);
        let waits = async {
            let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                and database = (select oid from pg_database where datname = current_database())";
            while stand.count(waiting).await == 0 {
                assert_eq!(status.borrow().next_sequence, 0, "lane {lane}");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waits)
            .await
            .expect("it waits for the lock");
        assert_eq!(status.borrow().next_sequence, 0, "lane {lane}");
        other.rollback().await.expect("ends");
        arrives(&mut status, world.outcomes.len().div_ceil(5) as u64).await;
        cancel.cancel();
        task.await.expect("ends").expect("projects");
        assert_eq!(stand.hash().await, once.hash().await);
    }
}

#[tokio::test]
async fn log_2_a_projector_that_is_dropped_at_any_moment_leaves_whole_batches() {
    let world = World::new(71).live(900);
    let (stand, once) = (Stand::new().await, Stand::with(&world.outcomes).await);
    stand.append(&world.outcomes, 3).await;
    let mut lives = 0u64;
    loop {
        // Longer lives as it goes, so that it ends.
        let life = Duration::from_millis(4 + 4 * lives);
        let ended = tokio::time::timeout(life, stand.project(2)).await;
        lives += 1;
        match ended {
            Ok(Ok(())) => break,
            // The life before may have been dropped while Postgres was committing for it: then this one began too early.
            Ok(Err(error)) => assert!(error.is_retryable(), "{error}"),
            Err(_elapsed) => {}
        }
    }
    assert!(lives > 3, "it was dropped {lives} times");
    assert_eq!(stand.hash().await, once.hash().await);
}

#[tokio::test]
async fn log_2_backends_killed_between_any_two_statements_lose_and_double_nothing() {
    let world = World::new(72).live(900);
    let (stand, once) = (Stand::new().await, Stand::with(&world.outcomes).await);
    let cancel = CancellationToken::new();
    let (mut status, task) = start(&stand, 2, &cancel);
    stand.append(&world.outcomes, 3).await;
    let end = world.outcomes.len().div_ceil(3) as u64;
    let mut random = ChaCha8Rng::seed_from_u64(72);
    let mut killed = 0i64;
    while status.borrow_and_update().next_sequence < end && killed < 40 {
        // One lane, the other one, or both.
        let victims = sqlx::query_scalar::<_, i64>(
            "select count(pg_terminate_backend(pid)) from (
                 select pid from pg_stat_activity where datname = current_database() and application_name = 'souk ledger'
                 order by pid * $1 limit $2
             ) k",
        )
        .bind([-1, 1][random.random_range(0..2)])
        .bind(random.random_range(1..3i64));
        killed += victims.fetch_one(&stand.pool).await.expect("kills");
        // Some batches later it is killed again, wherever it is then.
        let before = status.borrow().next_sequence;
        arrives(&mut status, (before + random.random_range(1..12)).min(end)).await;
    }
    assert!(killed >= 10, "killed {killed} times");
    arrives(&mut status, end).await;
    cancel.cancel();
    task.await.expect("ends").expect("survives");
    assert_eq!(stand.hash().await, once.hash().await);
}

#[tokio::test]
async fn log_2_postgres_killed_and_restarted_in_mid_flight_loses_and_doubles_nothing() {
    let mut postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    let stand = Stand::on(&postgres).await;
    let world = World::new(73).live(900);
    stand.append(&world.outcomes, 3).await;
    let end = world.outcomes.len().div_ceil(3) as u64;
    let cancel = CancellationToken::new();
    let (mut status, task) = start(&stand, 2, &cancel);
    for part in 1..4 {
        arrives(&mut status, part * end / 5).await;
        postgres.kill9().await;
        postgres.restart().await.expect("recovers");
    }
    arrives(&mut status, end).await;
    cancel.cancel();
    task.await.expect("ends").expect("survives");
    let once = Stand::with(&world.outcomes).await;
    assert_eq!(stand.hash().await, once.hash().await);
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
    let log = Arc::new(Defective(Arc::clone(&stand.log)));
    let (sender, status) = watch::channel(LedgerStatus::new(GROUP));
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
