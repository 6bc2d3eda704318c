//! What a sequencer costs over the log alone and over the curve alone, in one run on one server. `cargo bench -p souk-sequencer [part]…` with
//! the parts `latency`, `verified`, `replay`, `kafka`, and, where it is asked for, `restart`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../../tests/sequencer/trade.rs"]
mod trade;

mod latency;
mod replay;
mod restart;
mod verified;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use souk_devstack::{Kafka, KafkaConfig, Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, KafkaLog, KafkaOptions};
use souk_schema::exchange::{CommandBody, Side, SignedOrder};
use souk_sequencer::{GroupConfig, GroupHandle, start};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use trade::{expiry_secs, opening, order};

const TRADERS: u64 = 64;

/// Commands that are submitted together, and how many such pieces are under way at a time.
const PIECE: usize = 2_000;
const WINDOW: u32 = 8;

/// Commands a second that are asked for, of those that were verified before.
const RATE: f64 = 50_000.0;

#[tokio::main]
async fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("latency") {
        latency::measure(&Server::start().await).await;
    }
    if wanted("verified") {
        verified::measure(&Server::start().await).await;
    }
    if wanted("replay") {
        replay::measure(&Server::start().await).await;
    }
    if wanted("kafka") {
        kafka(&Server::start().await).await;
    }
    if parts.iter().any(|part| part == "restart") {
        restart::measure(&Server::start().await).await;
    }
}

/// A Postgres that waits for its disk, as a real one does.
struct Server {
    url: String,
    _postgres: Postgres,
}

impl Server {
    async fn start() -> Server {
        let config = PostgresConfig {
            fsync: true,
            settings: vec![("max_wal_size".into(), "4GB".into())],
            ..PostgresConfig::throw_away()
        };
        let postgres = Postgres::start(&config).await.expect("Postgres starts");
        let url = postgres.create_database("bench").await.expect("made");
        Server {
            url,
            _postgres: postgres,
        }
    }

    async fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(8)
            .connect(&self.url)
            .await
            .expect("connected")
    }

    async fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(EmbeddedLog::connect(self.pool().await).await.expect("migrated"))
    }

    async fn run(&self, config: GroupConfig) -> Running {
        self.run_on(self.log().await, config).await
    }

    async fn run_on(&self, log: Arc<dyn EventLog>, config: GroupConfig) -> Running {
        let cancel = CancellationToken::new();
        let (group, running) = start(config, Arc::clone(&log), self.pool().await, cancel.clone())
            .await
            .expect("started");
        Running {
            group,
            log,
            cancel,
            task: tokio::spawn(async move { running.await.expect("no error") }),
        }
    }
}

struct Running {
    group: GroupHandle,
    log: Arc<dyn EventLog>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn open(&self, traders: &[Address], open_orders: u32) {
        let (commands, deposits) = opening(traders, open_orders);
        for outcome in self.group.submit_all(commands).await.expect("decided") {
            outcome.result.expect("accepted");
        }
        self.group.submit_facts(deposits).await.expect("decided");
    }

    /// Until everything that was decided is in the stream of events.
    async fn published(&self) {
        let mut status = self.group.status();
        let all = |status: &souk_sequencer::GroupStatus| status.published == status.command;
        status.wait_for(all).await.expect("running");
    }

    /// Submits commands piece by piece; returns how long it took until the last was acknowledged.
    async fn submit(&self, mut bodies: impl Iterator<Item = CommandBody>) -> Duration {
        let window = Arc::new(Semaphore::new(WINDOW as usize));
        let begun = Instant::now();
        loop {
            let bodies: Vec<CommandBody> = bodies.by_ref().take(PIECE).collect();
            if bodies.is_empty() {
                break;
            }
            let permit = Arc::clone(&window).acquire_owned().await.expect("open");
            let group = self.group.clone();
            tokio::spawn(async move {
                group.submit_all(bodies).await.expect("decided");
                drop(permit);
            });
        }
        let _ = window.acquire_many(WINDOW).await.expect("open");
        begun.elapsed()
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("no panic");
    }
}

fn traders() -> Vec<Address> {
    (0..TRADERS).map(trade::trader).collect()
}

/// Orders of all traders in turn: each buy meets the sell before it.
fn meeting_orders(count: usize) -> impl Iterator<Item = SignedOrder> {
    let expiry = expiry_secs();
    (0..count as u64).map(move |number| {
        let side = if number % 2 == 0 { Side::Sell } else { Side::Buy };
        order(number % TRADERS, 1 + number / TRADERS, side, 1_000, 1, expiry)
    })
}

/// Commands through one broker of Apache Kafka; snapshots stay in Postgres.
async fn kafka(server: &Server) {
    const COMMANDS: usize = 300_000;
    let broker = Kafka::start(&KafkaConfig::default()).await.expect("Kafka starts");
    let log = KafkaLog::connect(&broker.bootstrap(), KafkaOptions::default()).await;
    let running = server
        .run_on(Arc::new(log.expect("connected")), GroupConfig::new(trade::GROUP))
        .await;
    running.open(&traders(), 10_000).await;
    let begun = Instant::now();
    let took = running.submit(meeting_orders(COMMANDS).map(trade::place)).await;
    running.published().await;
    commands("Apache Kafka", COMMANDS, took, begun.elapsed());
    running.stop().await;
}

/// Tells how fast commands, verified before, went through a log: until they were acknowledged, and until their events were written.
fn commands(log: &str, count: usize, acknowledged: Duration, published: Duration) {
    let (acknowledged, published) = (rate(count, acknowledged), rate(count, published));
    println!("commands through {log}: {acknowledged:.0}/s acknowledged, {published:.0}/s with events written");
    row(
        [
            &format!("commands through {log}"),
            &format!("{published:.0}/s"),
            "limit",
            &format!("{RATE:.0}/s"),
        ],
        published / RATE,
        "≥ 1",
        published >= RATE,
    );
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Adds a line to the table of `make bench`, where that asked for it: what was measured, its figure, the peer or limit, its figure, then
/// the ratio and what is aimed at.
fn row(cells: [&str; 4], ratio: f64, target: &str, holds: bool) {
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return;
    };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let ok = if holds { "ok" } else { "short" };
    let line = format!("sequencer\t{}\t{ratio:.2}\t{target}\t{ok}\n", cells.join("\t"));
    file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
        .expect("the table can be written");
}
