//! A log on a real server, groups that run on it, and the proof that what its streams say is right.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, ReadLimits, StreamName};
use souk_exchange::Engine;
use souk_schema::exchange::{CommandBody, CommandNumber, Outcome, Rejection, Source};
use souk_sequencer::{GroupConfig, GroupHandle, GroupStatus, Role, SequencerError, record, start};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::trade::{GROUP, opening, trader};

const LIMITS: ReadLimits = ReadLimits {
    max_records: 1_000,
    max_bytes: 8 << 20,
};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A Postgres with the log and the snapshots in it.
pub struct World {
    pub postgres: Postgres,
    url: String,
}

impl World {
    pub async fn new() -> World {
        let postgres = Postgres::start(&PostgresConfig::throw_away())
            .await
            .expect("Postgres starts");
        let url = postgres.create_database("souk").await.expect("made");
        World { postgres, url }
    }

    pub async fn pool(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(PATIENCE);
        pool.connect(&self.url).await.expect("connected")
    }

    /// A log of its own, such as another process has.
    pub async fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(EmbeddedLog::connect(self.pool().await).await.expect("migrated"))
    }

    pub async fn run(&self, config: GroupConfig) -> Running {
        Running::start(config, self.log().await, self.pool().await).await
    }
}

/// The usual settings of a test: hashes and snapshots often, and no time but what the test makes.
pub fn config(role: Role) -> GroupConfig {
    GroupConfig {
        role,
        hash_every: 20,
        snapshot_every: 100,
        tick_every: Duration::ZERO,
        ..GroupConfig::new(GROUP)
    }
}

/// A group that runs in a task of its own.
pub struct Running {
    pub group: GroupHandle,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), SequencerError>>,
}

impl Running {
    pub async fn start(config: GroupConfig, log: Arc<dyn EventLog>, pool: PgPool) -> Running {
        let cancel = CancellationToken::new();
        let (group, running) = start(config, log, pool, cancel.clone()).await.expect("started");
        Running {
            group,
            cancel,
            task: tokio::spawn(running),
        }
    }

    /// As a killed process ends: in the middle of whatever it does.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|ended| ended.is_cancelled()));
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("no panic").expect("no error");
    }

    /// The error that it ends with by itself.
    pub async fn failure(self) -> SequencerError {
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("in time");
        ended.expect("no panic").expect_err("an error")
    }

    pub async fn until(&self, what: &str, condition: impl Fn(&GroupStatus) -> bool) -> GroupStatus {
        let mut status = self.group.status();
        let reached = tokio::time::timeout(PATIENCE, status.wait_for(|status| condition(status))).await;
        match reached {
            Ok(status) => status.expect("running").clone(),
            Err(_) => panic!("not {what}: {:?}", self.group.status().borrow()),
        }
    }

    /// Opens the group and its market, with money for traders.
    pub async fn open(&self, traders: u64) {
        let traders: Vec<_> = (0..traders).map(trader).collect();
        let (commands, deposits) = opening(&traders, 10_000);
        for outcome in self.group.submit_all(commands).await.expect("decided") {
            outcome.result.expect("accepted");
        }
        for outcome in self.group.submit_facts(deposits).await.expect("decided") {
            outcome.result.expect("accepted");
        }
    }
}

/// Every outcome in the stream of events, in order, after proving that
/// - numbers are gapless from 1, so none is there twice;
/// - each is what an engine makes of the stream of commands, states' hashes included;
/// - no position of a source took effect twice.
pub async fn audit(log: &dyn EventLog) -> Vec<Outcome> {
    let commands = StreamName::new(GROUP.command_stream()).expect("valid");
    let events = StreamName::new(GROUP.event_stream()).expect("valid");
    let mut outcomes = Vec::new();
    let mut hashes = HashMap::new();
    let mut next = 0;
    loop {
        let records = log.read(&events, next, LIMITS).await.expect("read");
        if records.is_empty() {
            break;
        }
        for stored in records {
            next = stored.sequence + 1;
            let batch = record::outcomes(&events, &stored).expect("decoded");
            assert!(!batch.outcomes.is_empty(), "a record without outcomes says nothing");
            outcomes.extend(batch.outcomes);
            if let (Some(hash), Some(last)) = (batch.state_hash, outcomes.last()) {
                hashes.insert(last.number, hash);
            }
        }
    }

    let mut engine = Engine::new();
    let mut taken = HashMap::new();
    let mut found = outcomes.iter();
    next = 0;
    loop {
        let records = log.read(&commands, next, LIMITS).await.expect("read");
        if records.is_empty() {
            break;
        }
        for stored in records {
            next = stored.sequence + 1;
            let batch = record::commands(&commands, &stored).expect("decoded");
            for command in batch.commands {
                let mut made = Vec::new();
                let result = engine.apply(&command, batch.written_at, &mut made);
                let Some(outcome) = found.next() else {
                    panic!("command {} has no outcome in the events", engine.commands());
                };
                assert_eq!(outcome.number, engine.commands(), "numbers are gapless");
                assert_eq!(outcome.source, command.source);
                assert_eq!(
                    outcome.result,
                    result.map(|()| made),
                    "outcome of command {}",
                    outcome.number
                );
                if outcome.result != Err(Rejection::Duplicate) {
                    let earlier = taken.insert(command.source, outcome.number);
                    assert_eq!(earlier, None, "{:?} took effect twice", command.source);
                }
                if let Some(hash) = hashes.remove(&outcome.number) {
                    assert_eq!(hash, engine.state_hash(), "state after command {}", outcome.number);
                }
            }
        }
    }
    assert_eq!(found.next(), None, "an outcome without a command");
    assert!(hashes.is_empty());
    outcomes
}

/// What was acknowledged is in the events, as it was acknowledged.
pub fn assert_kept(acknowledged: &[Outcome], events: &[Outcome]) {
    for outcome in acknowledged {
        let place = usize::try_from(outcome.number.0 - 1).expect("small");
        assert_eq!(
            events.get(place),
            Some(outcome),
            "acknowledged, and not so in the events"
        );
    }
}

pub fn last_number(outcomes: &[Outcome]) -> CommandNumber {
    outcomes.last().map_or(CommandNumber(0), |outcome| outcome.number)
}

/// Submits commands one after the other until one has no outcome; what was acknowledged.
pub async fn submit_while_it_runs(group: &GroupHandle, mut next: impl FnMut() -> Option<CommandBody>) -> Vec<Outcome> {
    let mut acknowledged = Vec::new();
    while let Some(body) = next() {
        match group.submit(body).await {
            Ok(outcome) => acknowledged.push(outcome),
            Err(_) => break,
        }
    }
    acknowledged
}

pub fn gateways(outcomes: &[Outcome]) -> usize {
    let ids = outcomes.iter().filter_map(|outcome| match outcome.source {
        Source::Gateway { id, .. } => Some(id),
        Source::Chain { .. } => None,
    });
    ids.collect::<std::collections::HashSet<_>>().len()
}
