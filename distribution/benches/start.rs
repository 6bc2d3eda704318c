//! How long payouts take to start, and how much memory they have then: folded from the first record with everything in memory, and from a snapshot.
//!
//! `cargo bench -p souk-distribution`; `SOUK_REVENUES` says how long the history is (200,000). Each start is a process of its own.

#![allow(clippy::print_stdout)]

#[expect(dead_code, reason = "the tests take a root back, and the bench does not")]
#[path = "../tests/distribution/chain.rs"]
mod chain;

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_devstack::{Postgres, PostgresConfig};
use souk_distribution::store::Store;
use souk_distribution::{DistributionState, Keeping, follow};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_payouts::merkle::MerkleTree;
use souk_schema::Address;
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

use chain::{ALICE, CHAIN, Chain, Deed, REGISTRY};

/// Which start a process is to measure; and where the log is.
const START: &str = "SOUK_BENCH_START";
const DATABASE: &str = "SOUK_BENCH_DATABASE";

/// Revenues of a block, and blocks between two epochs.
const REVENUES: u64 = 100;
const EPOCH: u64 = 200;

/// Assets, and as many owners.
const ASSETS: u64 = 1_000;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match std::env::var(START) {
        Ok(start) => runtime.block_on(measure(&start)),
        Err(_) => runtime.block_on(compare()),
    }
}

async fn pool(url: &str) -> PgPool {
    let options = PgPoolOptions::new().max_connections(4);
    options.connect(url).await.expect("Postgres answers")
}

/// Fills a log, and has each start measured.
async fn compare() {
    let revenues = std::env::var("SOUK_REVENUES").ok().and_then(|text| text.parse().ok());
    let revenues: u64 = revenues.unwrap_or(200_000);
    let postgres = Postgres::start(&PostgresConfig::throw_away())
        .await
        .expect("Postgres starts");
    let url = postgres.create_database("start").await.expect("a database");
    let records = fill(&pool(&url).await, revenues).await;
    println!("{revenues} revenues of {ASSETS} assets in {records} records");
    for start in ["nothing", "writing", "snapshot", "reader"] {
        let program = std::env::current_exe().expect("this program");
        let status = std::process::Command::new(program)
            .env(START, start)
            .env(DATABASE, &url)
            .status();
        assert!(status.expect("it runs").success(), "{start}");
    }
}

/// A history with a dispute, a reorganisation now and then, and an epoch every [`EPOCH`] blocks; how many records it has.
async fn fill(pool: &PgPool, revenues: u64) -> u64 {
    let log = EmbeddedLog::connect(pool.clone()).await.expect("the log opens");
    let (mut chain, mut state, mut written) = (Chain::new(1), DistributionState::default(), 0);
    let stream = StreamName::new(CHAIN.stream(chain.generation)).expect("a name");
    let mut writer = log.open_writer(&stream).await.expect("a writer");
    let owner = |asset: u64| match asset {
        1 => ALICE,
        _ => Address::left_padding_from(&(asset + 1_000).to_be_bytes()),
    };
    for first in (1..=ASSETS).step_by(100) {
        let deeds: Vec<Deed> = (first..first + 100)
            .map(|asset| Deed::Register(asset, owner(asset)))
            .collect();
        chain.block(&deeds);
    }
    chain.block(&[Deed::Dispute(1, ASSETS)]);
    let (blocks, mut epoch) = (revenues / REVENUES, 0);
    for number in 1..=blocks {
        let deeds: Vec<Deed> = (1..=REVENUES)
            .map(|place| Deed::Pay(1 + (number * 37 + place) % ASSETS, place))
            .collect();
        chain.block(&deeds);
        if number % EPOCH == EPOCH / 2 {
            chain.revert(1);
            chain.block(&deeds);
        }
        if number % EPOCH == 0 {
            chain.finalise();
        }
        let new: Vec<_> = chain.new.drain(..).collect();
        state
            .fold(new.iter().map(|record| record.body.clone()))
            .expect("a lawful chain");
        state.forget_settled();
        let mut all = new;
        if number % EPOCH == 0 {
            let at = chain.head();
            let deployed = state.of_mut(&REGISTRY).expect("it is watched");
            let root = MerkleTree::new(&deployed.state.entries(at.number))
                .expect("something is owed")
                .root();
            epoch += 1;
            chain.block(&[Deed::Propose(epoch, root, at)]);
            chain.block(&[Deed::Finalise(epoch, root)]);
            chain.finalise();
            let new: Vec<_> = chain.new.drain(..).collect();
            state
                .fold(new.iter().map(|record| record.body.clone()))
                .expect("a lawful chain");
            all.extend(new);
        }
        written += all.len() as u64;
        let records = all.iter().map(|record| NewRecord {
            payload: encode(record).0,
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
        });
        writer.append(records.collect()).await.expect("appends");
    }
    written
}

/// Starts once, and says how long that took and how much memory it has.
async fn measure(start: &str) {
    let url = std::env::var(DATABASE).expect("where the log is");
    let pool = pool(&url).await;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(pool.clone()).await.expect("the log opens"));
    let store = Store::connect(pool, CHAIN).await.expect("the tables are made");
    let keeping = match start {
        "nothing" => Keeping::Nothing,
        "reader" => Keeping::Reads(store),
        _ => Keeping::Writes(store.with_snapshots_after(500)),
    };
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let (handle, following) = follow(CHAIN, log, keeping, cancel.clone());
    let task = tokio::spawn(following);
    assert!(handle.live().await, "it ended");
    let took = began.elapsed();
    let settled = handle.read(|state| {
        let state = &state.of(&REGISTRY).expect("it is watched").state;
        (state.settled_in_memory(), state.settled_count())
    });
    let locked = Instant::now();
    let bytes = handle.read(|state| state.cut().map(|cut| (locked.elapsed(), cut.encode().len())));
    println!(
        "{start:>9}: live after {:.2} s, {} MiB resident, {} of {} settled revenues in memory{}",
        took.as_secs_f64(),
        resident() >> 20,
        settled.0,
        settled.1,
        bytes.map_or_else(String::new, |(locked, bytes)| format!(
            "; a snapshot takes {:.1} ms of the lock and {} KiB",
            locked.as_secs_f64() * 1e3,
            bytes >> 10
        ))
    );
    // Who writes leaves a snapshot for those that come next.
    while start == "writing" && handle.status().snapshot.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cancel.cancel();
    task.await.expect("it does not panic").expect("it ends well");
}

/// Bytes of memory that the process has now.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    kib.unwrap_or(0u64) << 10
}
