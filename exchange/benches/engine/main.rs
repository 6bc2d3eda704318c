//! How fast the engine is, beside its own book layer and beside what is asked of it: throughput, latency at a given rate, allocations, bytes, replay.
//! Times are processor times but for latencies, which only a quiet machine shows as they are.
//! `cargo bench -p souk-exchange`. Other books are in `exchange/bench-peers`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod book_only;
mod counting;
mod flow;
mod full;

use std::hint::black_box;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use book_only::BookOnly;
use flow::{ADD_CANCEL_MATCH, EXCHANGE_CORE, Flow, Mix};
use full::{Full, NOW};
use souk_exchange::Engine;
use souk_schema::exchange::{Command, Event, Side};

const RUNS: usize = 3;
const SEED: u64 = 0x50_4b;

/// What is asked of the engine.
const BOOK_RATE: f64 = 5e6;
const FULL_RATIO: f64 = 0.5;
const ORDER_BYTES: f64 = 200.0;
const REPLAY: Duration = Duration::from_secs(5);

fn main() {
    let flows: [(&str, Mix, u32, u32); 3] = [
        ("exchange-core mix, one market", EXCHANGE_CORE, 1, 1_000),
        ("exchange-core mix, 1000 markets", EXCHANGE_CORE, 1_000, 100),
        ("add, cancel, match", ADD_CANCEL_MATCH, 1, 1_000),
    ];
    // `cargo bench -p souk-exchange -- one 50000` measures the flows with `one` in their name, with so many operations, and no memory.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let count = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let wanted = arguments
        .into_iter()
        .find(|argument| argument.parse::<usize>().is_err());
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()));
    for (name, mix, markets, depth) in flows.into_iter().filter(|(name, ..)| is_wanted(name)) {
        measure(name, &flow::flow(SEED, mix, markets, depth, count));
    }
    if wanted.is_none() {
        measure_memory();
    }
}

fn measure(name: &str, flow: &Flow) {
    let full = full::translate(flow);
    let (book_time, book) = run_book(flow);
    let (full_time, engine, allocations) = run_full(&full);
    check_equal(&book, &engine);
    let rate = |time: Duration| flow.ops.len() as f64 / time.as_secs_f64();
    let (book_rate, full_rate) = (rate(book_time), rate(full_time));
    println!("{name}: {} operations, {} fills", flow.ops.len(), full.fills);
    println!(
        "  book alone   {:>6.2} M/s  {:>5.0} ns   ratio to 5 M/s {:.2}",
        book_rate / 1e6,
        1e9 / book_rate,
        book_rate / BOOK_RATE
    );
    println!(
        "  whole engine {:>6.2} M/s  {:>5.0} ns   ratio to its book {:.2}",
        full_rate / 1e6,
        1e9 / full_rate,
        full_rate / book_rate
    );
    row(
        [
            &format!("{name}: book"),
            &format!("{:.2} M/s", book_rate / 1e6),
            "limit",
            "5 M/s",
        ],
        book_rate / BOOK_RATE,
        "≥ 1",
        book_rate >= BOOK_RATE,
    );
    row(
        [
            &format!("{name}: engine"),
            &format!("{:.2} M/s", full_rate / 1e6),
            "its book",
            &format!("{:.2} M/s", book_rate / 1e6),
        ],
        full_rate / book_rate,
        "≥ 0.5",
        full_rate / book_rate >= FULL_RATIO,
    );
    println!(
        "  {:.4} allocations an operation besides one for each fill's event",
        allocations as f64 / flow.ops.len() as f64
    );
    println!(
        "  replay of {} commands: {:.2} s",
        full.commands.len(),
        full_time.as_secs_f64()
    );
    row(
        [
            &format!("{name}: replay of 1 M"),
            &format!("{:.2} s", full_time.as_secs_f64()),
            "limit",
            "5 s",
        ],
        REPLAY.as_secs_f64() / full_time.as_secs_f64(),
        "≥ 1",
        full_time <= REPLAY,
    );
    latency(&full, full_rate / 2.0);
}

/// Operations that are measured in one go. Commands of so many stay in the cache after they were copied, as they would after they were
/// decoded; the time for that is the decoder's.
const BATCH: usize = 256;

/// Commands that the engine is shown before it takes them: they come in batches. The book alone takes each as it comes.
const FORESEEN: usize = 16;

/// Processor time of this thread: other programs on the machine do not count.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("every thread has a clock")
        .into()
}

/// The best of some runs: what disturbs a run only ever makes it slower.
fn run_book(flow: &Flow) -> (Duration, BookOnly) {
    let mut start = BookOnly::new(flow.markets as usize);
    flow.setup.iter().for_each(|op| start.apply(op, &mut |_| {}));
    let run = || {
        let mut book = start.clone();
        let mut time = Duration::ZERO;
        for batch in flow.ops.chunks(BATCH) {
            let batch = black_box(batch.to_vec());
            let begun = processor_time();
            for op in &batch {
                book.apply(op, &mut |order| {
                    black_box(order);
                });
            }
            time += processor_time() - begun;
        }
        (time, book)
    };
    (0..RUNS).map(|_| run()).min_by_key(|(time, _)| *time).expect("a run")
}

fn prepared(full: &Full) -> Engine {
    let mut engine = full.engine.clone();
    let mut events = Vec::new();
    full.setup
        .iter()
        .for_each(|command| apply(&mut engine, command, &mut events));
    engine
}

#[inline]
fn apply(engine: &mut Engine, command: &Command, events: &mut Vec<Event>) {
    events.clear();
    engine.apply(command, NOW, events).expect("the flow is in order");
    black_box(&events);
}

/// Time, the engine afterwards, and allocations other than those of the fills' events.
fn run_full(full: &Full) -> (Duration, Engine, usize) {
    let start = prepared(full);
    let run = || {
        let mut engine = start.clone();
        let mut events = Vec::with_capacity(1_000);
        let (mut time, mut allocations) = (Duration::ZERO, 0);
        for batch in full.commands.chunks(BATCH) {
            let batch = black_box(batch.to_vec());
            let before = counting::allocations();
            let begun = processor_time();
            for some in batch.chunks(FORESEEN) {
                engine.foresee(some);
                some.iter().for_each(|command| apply(&mut engine, command, &mut events));
            }
            time += processor_time() - begun;
            allocations += counting::allocations() - before;
        }
        (time, engine, allocations - full.fills)
    };
    (0..RUNS).map(|_| run()).min_by_key(|(time, ..)| *time).expect("a run")
}

/// Both did the same work.
fn check_equal(book: &BookOnly, engine: &Engine) {
    for (place, market) in engine.markets().enumerate() {
        for side in [Side::Buy, Side::Sell] {
            let levels = book
                .book(place)
                .side(side)
                .iter()
                .map(|level| (level.price, level.shown));
            let found = market
                .levels(side, usize::MAX)
                .map(|level| (level.price, u128::from(level.lots.0)));
            assert!(levels.eq(found), "market {place}: the books are equal");
        }
    }
}

/// Commands arrive on a schedule, whether the engine is ready or not, and each waits from its scheduled time on: a stall counts against all
/// that it delays.
fn latency(full: &Full, rate: f64) {
    let mut engine = prepared(full);
    let mut events = Vec::with_capacity(1_000);
    let mut waits = Vec::with_capacity(full.commands.len());
    let begun = Instant::now();
    for (place, command) in full.commands.iter().enumerate() {
        let due = Duration::from_secs_f64(place as f64 / rate);
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        apply(&mut engine, command, &mut events);
        waits.push(begun.elapsed() - due);
    }
    waits.sort_unstable();
    let at = |part: f64| waits[(waits.len() as f64 * part) as usize].as_secs_f64() * 1e6;
    println!(
        "  latency at {:.2} M/s: p50 {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs, p99.99 {:.2} µs",
        rate / 1e6,
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999)
    );
}

fn measure_memory() {
    let adds = Mix {
        add: 100,
        take: 0,
        cancel: 0,
    };
    let full = full::translate(&flow::flow(SEED, adds, 1, 0, 1 << 20));
    let mut engine = full.engine.clone();
    let mut events = Vec::with_capacity(1_000);
    let before = counting::live_bytes();
    full.commands
        .iter()
        .for_each(|command| apply(&mut engine, command, &mut events));
    let fills = engine.unsettled().count() * size_of::<souk_exchange::UnsettledFill>();
    let orders = engine.open_orders() as f64;
    let (all, own) = (
        (counting::live_bytes() - before - fills) as f64 / orders,
        engine.order_bytes() as f64 / orders,
    );
    println!(
        "memory: {orders} resting orders: {own:.0} bytes each in slabs, tables and books; {all:.0} in all, unsettled fills apart"
    );
    row(
        ["bytes a resting order", &format!("{own:.0}"), "limit", "200"],
        ORDER_BYTES / own,
        "≥ 1",
        own <= ORDER_BYTES,
    );
    let begun = Instant::now();
    let hash = engine.state_hash();
    let hashed = begun.elapsed();
    let begun = Instant::now();
    let snapshot = engine.snapshot();
    let saved = begun.elapsed();
    let begun = Instant::now();
    let restored = Engine::restore(&snapshot).expect("its own snapshot");
    println!(
        "snapshot of them: {:.0} MB; hash {:.2} s, save {:.2} s, restore {:.2} s",
        snapshot.len() as f64 / 1e6,
        hashed.as_secs_f64(),
        saved.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(restored.state_hash(), hash);
}

/// Adds a line to the table of `make bench`, where that asked for it: what was measured, its figure, the peer or limit, its figure, then
/// the ratio and what is aimed at.
fn row(cells: [&str; 4], ratio: f64, target: &str, holds: bool) {
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return;
    };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let ok = if holds { "ok" } else { "short" };
    let line = format!("exchange\t{}\t{ratio:.2}\t{target}\t{ok}\n", cells.join("\t"));
    file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
        .expect("the table can be written");
}
