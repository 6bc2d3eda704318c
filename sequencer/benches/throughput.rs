//! What a sequencer costs over the log alone and over the curve alone, in one run on one server. `cargo bench -p souk-sequencer [part]…`
//! with the parts `latency`, `verified`, `replay`, `restart`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../tests/sequencer/trade.rs"]
mod trade;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, keccak256};
use secp256k1::{Message, Secp256k1, SecretKey};
use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, ReadLimits, StreamName};
use souk_exchange::Engine;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{CommandBody, Side, SignedOrder, Venue};
use souk_sequencer::verify::{Verifier, recover};
use souk_sequencer::{GroupConfig, GroupHandle, record, start};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use trade::{CHAIN, GROUP, expiry_secs, opening, order, place, vault};

const TRADERS: u64 = 64;

#[tokio::main]
async fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("latency") {
        latency(&Server::start().await).await;
    }
    if wanted("verified") {
        verified(&Server::start().await).await;
    }
    if wanted("replay") {
        replay(&Server::start().await).await;
    }
    if wanted("restart") {
        restart(&Server::start().await).await;
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
        let cancel = CancellationToken::new();
        let log = self.log().await;
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

    async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("no panic");
    }
}

fn traders() -> Vec<Address> {
    (0..TRADERS).map(trade::trader).collect()
}

/// Orders of all traders in turn: each buy meets the sell before it.
fn meeting_orders(count: u64) -> impl Iterator<Item = SignedOrder> {
    let expiry = expiry_secs();
    (0..count).map(move |number| {
        let side = if number % 2 == 0 { Side::Sell } else { Side::Buy };
        order(number % TRADERS, 1 + number / TRADERS, side, 1_000, 1, expiry)
    })
}

/// One command at a time, durable and decided, beside one bare append to the same log.
async fn latency(server: &Server) {
    const ROUNDS: usize = 400;
    let running = server.run(GroupConfig::new(GROUP)).await;
    running.open(&traders(), 10_000).await;
    let log = Arc::clone(&running.log);
    let bare = StreamName::new("bare").expect("valid");
    let payload = NewRecord {
        headers: Vec::new(),
        payload: vec![7; 400].into(),
    };
    let (mut alone, mut submitted) = (Vec::new(), Vec::new());
    for order in meeting_orders(ROUNDS as u64) {
        // Nothing else commits meanwhile.
        running.published().await;
        let begun = Instant::now();
        log.append_shared(&bare, vec![payload.clone()]).await.expect("appended");
        alone.push(begun.elapsed());
        let begun = Instant::now();
        let outcome = running.group.submit(place(order)).await.expect("decided");
        submitted.push(begun.elapsed());
        outcome.result.expect("accepted");
    }
    alone.sort();
    submitted.sort();
    let (middle, p99) = (ROUNDS / 2, ROUNDS * 99 / 100);
    println!(
        "durable submit: p50 {:?}, p99 {:?}; bare group commit: p50 {:?}, p99 {:?}; ratio p50 {:.2}, p99 {:.2}",
        submitted[middle],
        submitted[p99],
        alone[middle],
        alone[p99],
        submitted[middle].as_secs_f64() / alone[middle].as_secs_f64(),
        submitted[p99].as_secs_f64() / alone[p99].as_secs_f64(),
    );
    running.stop().await;
}

/// Signed orders through verification, log, engine and events, beside verification alone with as many threads.
async fn verified(server: &Server) {
    const ORDERS: usize = 200_000;
    const PIECE: usize = 500;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let curve = Secp256k1::new();
    let keys: Vec<SecretKey> = (1..=TRADERS)
        .map(|number| SecretKey::from_byte_array([u8::try_from(number).expect("few"); 32]).expect("valid"))
        .collect();
    let accounts: Vec<Address> = keys.iter().map(|key| address_of(&curve, key)).collect();
    let verifier = Arc::new(Verifier::new(Venue {
        chain: CHAIN,
        vault: vault(),
    }));
    let sign = |(number, mut order): (usize, SignedOrder)| {
        let trader = number % keys.len();
        (order.account, order.signer) = (accounts[trader], accounts[trader]);
        order.signature = signature(&curve, &keys[trader], &verifier.order_digest(&order));
        order
    };
    let orders: Vec<SignedOrder> = meeting_orders(ORDERS as u64).enumerate().map(sign).collect();
    let pieces: Vec<Vec<SignedOrder>> = orders.chunks(PIECE).map(<[_]>::to_vec).collect();

    let begun = Instant::now();
    let digests: Vec<B256> = orders.iter().map(|order| verifier.order_digest(order)).collect();
    println!(
        "the digest of an order: {:?}",
        begun.elapsed() / u32::try_from(ORDERS).expect("few")
    );
    let digested: Vec<(B256, &SignedOrder)> = digests.into_iter().zip(&orders).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in digested.chunks(ORDERS.div_ceil(threads)) {
            scope.spawn(move || {
                for (digest, order) in part {
                    assert_eq!(recover(*digest, &order.signature.0), Some(order.signer));
                }
            });
        }
    });
    let bare = rate(ORDERS, begun.elapsed());

    let running = server.run(GroupConfig::new(GROUP)).await;
    running.open(&accounts, 10_000).await;
    let begun = Instant::now();
    // As many pieces are verified at a time as there are processors, and some wait for their outcomes.
    let processors = Arc::new(tokio::sync::Semaphore::new(threads));
    let window = Arc::new(tokio::sync::Semaphore::new(4 * threads));
    let mut waiting = Vec::new();
    for piece in pieces {
        let place_in_window = Arc::clone(&window).acquire_owned().await.expect("open");
        let (verifier, group, processors) = (Arc::clone(&verifier), running.group.clone(), Arc::clone(&processors));
        let verifying = async move {
            let _processor = processors.acquire_owned().await.expect("open");
            tokio::task::spawn_blocking(move || {
                let bodies = piece
                    .into_iter()
                    .filter(|order| verifier.order_signer(order) == Some(order.signer))
                    .map(place);
                bodies.collect::<Vec<CommandBody>>()
            })
            .await
            .expect("no panic")
        };
        waiting.push(tokio::spawn(async move {
            let bodies = verifying.await;
            let outcomes = group.submit_all(bodies).await.expect("decided");
            drop(place_in_window);
            outcomes.iter().filter(|outcome| outcome.result.is_ok()).count()
        }));
    }
    let mut accepted = 0;
    for piece in waiting {
        accepted += piece.await.expect("no panic");
    }
    let acknowledged = rate(ORDERS, begun.elapsed());
    running.published().await;
    let published = rate(ORDERS, begun.elapsed());
    println!(
        "signed orders: {acknowledged:.0}/s acknowledged, {published:.0}/s with events written ({accepted} accepted); bare recovery on \
         {threads} threads: {bare:.0}/s; ratio {:.2}",
        acknowledged / bare
    );
    running.stop().await;
}

/// A million commands through the log, then decided anew from it, beside the engine fed from memory.
async fn replay(server: &Server) {
    const COMMANDS: usize = 1_000_000;
    const PIECE: usize = 2_000;
    let config = GroupConfig {
        snapshot_every: 0,
        hash_every: 0,
        tick_every: Duration::ZERO,
        ..GroupConfig::new(GROUP)
    };
    let running = server.run(config.clone()).await;
    running.open(&traders(), 10_000).await;
    let begun = Instant::now();
    let took = submit_pieces(&running.group, meeting_orders(COMMANDS as u64).map(place), PIECE).await;
    running.published().await;
    println!(
        "commands verified before: {:.0}/s acknowledged, {:.0}/s with events written",
        rate(COMMANDS, took),
        rate(COMMANDS, begun.elapsed())
    );
    running.stop().await;

    let running = server.run(config).await;
    assert!(running.group.running().await);
    let recovery = running.group.status().borrow().recovery.expect("running");
    running.stop().await;
    let alone = engine_alone(&*server.log().await).await;
    println!(
        "replay of {COMMANDS} commands: {recovery:?}, {:.0}/s; decoded and decided from memory: {alone:?}; ratio {:.2}",
        rate(COMMANDS, recovery),
        alone.as_secs_f64() / recovery.as_secs_f64()
    );
}

async fn engine_alone(log: &dyn EventLog) -> Duration {
    let stream = StreamName::new(GROUP.command_stream()).expect("valid");
    let limits = ReadLimits {
        max_records: 1_000,
        max_bytes: 16 << 20,
    };
    let mut records = Vec::new();
    loop {
        let more = log.read(&stream, records.len() as u64, limits).await.expect("read");
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    let mut engine = Engine::new();
    let begun = Instant::now();
    for stored in &records {
        let batch = record::commands(&stream, stored).expect("decoded");
        for command in &batch.commands {
            let mut events = Vec::new();
            // Refusals are outcomes.
            let _ = engine.apply(command, batch.written_at, &mut events);
        }
    }
    begun.elapsed()
}

/// A restart with a million orders at rest.
async fn restart(server: &Server) {
    const ORDERS: u64 = 1_000_000;
    let config = GroupConfig {
        snapshot_every: 990_000,
        tick_every: Duration::ZERO,
        ..GroupConfig::new(GROUP)
    };
    let running = server.run(config.clone()).await;
    running.open(&traders(), 20_000).await;
    let expiry = expiry_secs();
    let resting = (0..ORDERS).map(|number| {
        let (side, price) = match number % 2 {
            0 => (Side::Buy, 1 + number / 2 % 50_000),
            _ => (Side::Sell, 60_000 + number / 2 % 50_000),
        };
        place(order(number % TRADERS, 1 + number / TRADERS, side, price, 1, expiry))
    });
    submit_pieces(&running.group, resting, 2_000).await;
    let mut status = running.group.status();
    let begun = Instant::now();
    status
        .wait_for(|status| status.snapshot.is_some())
        .await
        .expect("running");
    println!("snapshot stored {:?} after the last command", begun.elapsed());
    let begun = Instant::now();
    let copy = running.group.read(Engine::clone);
    println!("copying the engine takes {:?}", begun.elapsed());
    assert_eq!(copy.open_orders() as u64, ORDERS);
    drop(copy);
    running.stop().await;
    let begun = Instant::now();
    let running = server.run(config).await;
    assert!(running.group.running().await);
    let took = begun.elapsed();
    assert_eq!(running.group.read(Engine::open_orders) as u64, ORDERS);
    println!("restart with {ORDERS} resting orders: {took:?}");
    running.stop().await;
}

async fn submit_pieces(group: &GroupHandle, mut bodies: impl Iterator<Item = CommandBody>, piece: usize) -> Duration {
    let window = Arc::new(tokio::sync::Semaphore::new(8));
    let begun = Instant::now();
    let mut last = None;
    loop {
        let bodies: Vec<CommandBody> = bodies.by_ref().take(piece).collect();
        if bodies.is_empty() {
            break;
        }
        let permit = Arc::clone(&window).acquire_owned().await.expect("open");
        let group = group.clone();
        last = Some(tokio::spawn(async move {
            group.submit_all(bodies).await.expect("decided");
            drop(permit);
        }));
    }
    if let Some(last) = last {
        last.await.expect("no panic");
    }
    let _ = window.acquire_many(8).await.expect("open");
    begun.elapsed()
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn address_of(curve: &Secp256k1<secp256k1::All>, key: &SecretKey) -> Address {
    let hash = keccak256(&key.public_key(curve).serialize_uncompressed()[1..]);
    Address::from_slice(&hash[12..])
}

fn signature(curve: &Secp256k1<secp256k1::All>, key: &SecretKey, digest: &B256) -> Signature {
    let signature = curve.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
    let (parity, compact) = signature.serialize_compact();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&compact);
    bytes[64] = 27 + u8::try_from(i32::from(parity)).expect("0 or 1");
    Signature(bytes)
}
