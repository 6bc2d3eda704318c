//! The book layer beside the fastest order books on crates.io, on the same seeded operations: limit orders, immediate ones, cancels and moves. A book that
//! cannot move an order takes it out and adds it again, one without immediate orders adds and takes out. The peers keep no owners, balances or
//! expiries, and neither does the book layer. Times are processor times of one thread.

#[path = "../../benches/engine/book_only.rs"]
mod book_only;
#[path = "../../benches/engine/flow.rs"]
mod flow;
mod peers;

use std::hint::black_box;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use souk_schema::exchange::Side;

use book_only::BookOnly;
use flow::{ADD_CANCEL_MATCH, EXCHANGE_CORE, Flow, Op};
use peers::{LimitBook, Lobster, OrderBookRs, Peer};

/// What is asked of the book: this often as fast as the fastest peer.
const RATIO: f64 = 4.0;
const OPS: usize = 300_000;
const RUNS: usize = 3;
const SEED: u64 = 0x50_4b;

impl Peer for BookOnly {
    fn apply(&mut self, op: &Op) {
        BookOnly::apply(self, op, &mut |order| {
            black_box(order);
        });
    }
}

fn main() {
    for (name, mix) in [
        ("exchange-core mix", EXCHANGE_CORE),
        ("add, cancel, match", ADD_CANCEL_MATCH),
    ] {
        let flow = flow::flow(SEED, mix, 1, 1_000, OPS);
        let own = measure(&flow, || BookOnly::new(flow.markets as usize));
        println!(
            "{name}: {OPS} operations on a book of 1000 orders, {} levels at the end",
            levels_at_end(&flow)
        );
        println!(
            "  {:<14}{:>8.2} M/s {:>7.0} ns",
            "souk",
            OPS as f64 / own.as_secs_f64() / 1e6,
            nanoseconds(own)
        );
        let times = [
            ("orderbook-rs", measure(&flow, OrderBookRs::default)),
            ("lobster", measure(&flow, Lobster::default)),
            ("limitbook", measure(&flow, LimitBook::default)),
        ];
        for (peer, time) in times {
            let ratio = time.as_secs_f64() / own.as_secs_f64();
            println!(
                "  {peer:<14}{:>8.2} M/s {:>7.0} ns   ours is {ratio:.1} times as fast",
                OPS as f64 / time.as_secs_f64() / 1e6,
                nanoseconds(time)
            );
        }
        let (fastest, time) = times
            .into_iter()
            .min_by_key(|(_, time)| *time)
            .expect("there are peers");
        row(name, own, fastest, time);
    }
}

fn levels_at_end(flow: &Flow) -> usize {
    let mut book = BookOnly::new(flow.markets as usize);
    flow.setup
        .iter()
        .chain(&flow.ops)
        .for_each(|op| Peer::apply(&mut book, op));
    [Side::Buy, Side::Sell]
        .map(|side| book.book(0).side(side).iter().count())
        .iter()
        .sum()
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / OPS as f64
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("every thread has a clock")
        .into()
}

/// The best of some runs: what disturbs a run only ever makes it slower.
fn measure<P: Peer>(flow: &Flow, new: impl Fn() -> P) -> Duration {
    let run = || {
        let mut book = new();
        flow.setup.iter().for_each(|op| book.apply(op));
        let begun = processor_time();
        flow.ops.iter().for_each(|op| book.apply(op));
        let time = processor_time() - begun;
        black_box(&mut book);
        time
    };
    (0..RUNS).map(|_| run()).min().expect("a run")
}

/// Adds a line to the table of `make bench`, where that asked for it.
fn row(name: &str, own: Duration, peer: &str, time: Duration) {
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return;
    };
    let ratio = time.as_secs_f64() / own.as_secs_f64();
    let ok = if ratio >= RATIO { "ok" } else { "short" };
    let (own, time) = (nanoseconds(own), nanoseconds(time));
    let line = format!("exchange\t{name}: book\t{own:.0} ns\t{peer}\t{time:.0} ns\t{ratio:.2}\t≥ 4\t{ok}\n");
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
        .expect("the table can be written");
}
