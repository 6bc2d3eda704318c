//! How fast payouts are, beside what is asked of them and beside the slow recursion that enumerates paths: a stream of revenues over a graph, the
//! first revenue above 10,000 ancestors, a Merkle tree of a million accounts.
//! `cargo bench -p souk-payouts`. Times are processor times of one thread.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod graph;
mod recursion;

use std::hint::black_box;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use nix::time::{ClockId, clock_gettime};
use souk_payouts::fact::{BlockFacts, Fact};
use souk_payouts::merkle::{MerkleTree, leaf, verify};
use souk_payouts::{Entry, Output, State};

const RUNS: usize = 3;

/// What is asked.
const REVENUES_PER_SEC: f64 = 50_000.0;
const MANY_ANCESTORS: Duration = Duration::from_millis(5);
const TREE: Duration = Duration::from_secs(2);
const PROOF: Duration = Duration::from_millis(1);

fn main() {
    // `cargo bench -p souk-payouts -- merkle` measures what has that in its name; a number scales the stream down.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let count = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let wanted = arguments.iter().find(|argument| argument.parse::<u64>().is_err());
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| name.contains(wanted.as_str()));
    if is_wanted("stream") {
        stream(count);
    }
    if is_wanted("ancestors") {
        for shape in [graph::Shape::Row, graph::Shape::Wide, graph::Shape::Diamonds] {
            ancestors(shape);
        }
    }
    if is_wanted("merkle") {
        merkle(count as usize);
    }
}

/// Processor time of this thread: other programs on the machine do not count.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("every thread has a clock")
        .into()
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let begun = processor_time();
    let result = run();
    (processor_time() - begun, result)
}

/// The best of some runs: what disturbs a run only ever makes it slower.
fn best(mut run: impl FnMut() -> Duration) -> Duration {
    (0..RUNS).map(|_| run()).min().expect("a run")
}

fn apply(state: &mut State, block: &BlockFacts, output: &mut Output) {
    state.apply(block, output).expect("the graph is lawful");
    state.finalise(block.block.number.saturating_sub(64));
}

/// A million revenues in blocks of 100 over 100,000 assets, with shares, contributions and owners that change all the time, and a root that
/// becomes final every 1,000 blocks. What is timed is the whole fold: lines, what is owed, the journal for reorganisations.
fn stream(count: u64) {
    let economy = graph::economy(count);
    let mut state = State::new(&graph::contracts());
    let mut output = Output::default();
    for block in &economy.setup {
        apply(&mut state, block, &mut output);
    }
    let start = state;
    let mut lines = 0;
    let mut parts = (Duration::ZERO, Duration::ZERO);
    let time = best(|| {
        let mut state = start.clone();
        lines = 0;
        parts = (Duration::ZERO, Duration::ZERO);
        for block in &economy.revenues {
            let is_root = matches!(block.facts[..], [(_, Fact::RootProposed { .. }), ..]);
            let (time, ()) = timed(|| apply(&mut state, block, &mut output));
            lines += black_box(&output).lines.len();
            *(if is_root { &mut parts.1 } else { &mut parts.0 }) += time;
        }
        parts.0 + parts.1
    });
    let rate = count as f64 / time.as_secs_f64();
    println!(
        "stream: {count} revenues over {} assets, depths {}: {:.0} revenues/s, {:.2} µs and {:.1} lines each; {:.0} % of it vests {} roots",
        economy.assets,
        economy.depths,
        rate,
        time.as_secs_f64() * 1e6 / count as f64,
        lines as f64 / count as f64,
        100.0 * parts.1.as_secs_f64() / time.as_secs_f64(),
        economy.roots,
    );
    let sample = 2_000;
    let (slow, _) = timed(|| {
        economy
            .sample(sample)
            .map(|(asset, amount)| recursion::split(&start, asset, amount).len())
            .sum::<usize>()
    });
    println!(
        "  slow recursion over the same graph: {:.1} µs each, {:.1} times as long",
        slow.as_secs_f64() * 1e6 / sample as f64,
        slow.as_secs_f64() / sample as f64 / (time.as_secs_f64() / count as f64),
    );
    row(
        ["revenues a second", &format!("{rate:.0}/s"), "limit", "50000/s"],
        rate / REVENUES_PER_SEC,
        rate >= REVENUES_PER_SEC,
    );
}

/// A revenue on an asset with 10,000 ancestors: the first one, when nothing above it was ever looked at, and the next.
fn ancestors(shape: graph::Shape) {
    let (setup, source) = graph::above_10_000(shape);
    let mut fresh = State::new(&graph::contracts());
    let mut output = Output::default();
    for block in &setup {
        apply(&mut fresh, block, &mut output);
    }
    let payment = graph::payment(setup.len() as u64 + 1, 1, source, U256::from(10u64.pow(18)));
    let again = graph::payment(setup.len() as u64 + 2, 2, source, U256::from(10u64.pow(18) + 1));
    let mut next = Duration::MAX;
    let first = best(|| {
        let mut state = fresh.clone();
        let (time, ()) = timed(|| apply(&mut state, &payment, &mut output));
        next = next.min(timed(|| apply(&mut state, &again, &mut output)).0);
        time
    });
    let name = format!("{shape:?}").to_lowercase();
    println!(
        "10,000 ancestors, {name}: first revenue {:.2} ms, next {:.2} ms, {} lines",
        first.as_secs_f64() * 1e3,
        next.as_secs_f64() * 1e3,
        output.lines.len()
    );
    if shape == graph::Shape::Row {
        // Paths that are prefixes of one another are the only ones that an enumeration survives.
        let (slow, _) = timed(|| black_box(recursion::split(&fresh, source, U256::from(10u64.pow(18)))));
        println!("  slow recursion: {:.0} ms", slow.as_secs_f64() * 1e3);
    }
    row(
        [
            &format!("10,000 ancestors, {name}"),
            &format!("{:.2} ms", first.as_secs_f64() * 1e3),
            "limit",
            "5 ms",
        ],
        MANY_ANCESTORS.as_secs_f64() / first.as_secs_f64(),
        first <= MANY_ANCESTORS,
    );
}

fn merkle(count: usize) {
    let token = Address::repeat_byte(7);
    let entry = |number: u64| {
        // Scattered as addresses are.
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Entry {
            account: Address::left_padding_from(&scattered.to_be_bytes()),
            token,
            cumulative: U256::from(scattered) * U256::from(number + 1),
        }
    };
    let entries: Vec<Entry> = (0..count as u64).map(entry).collect();
    let mut tree = None;
    let built = best(|| {
        let (time, made) = timed(|| MerkleTree::new(black_box(&entries)).expect("entries"));
        tree = Some(made);
        time
    });
    let tree = tree.expect("a run");
    let mut slowest = Duration::ZERO;
    for place in (0..count).step_by(count / 1_000 + 1) {
        let (time, proof) = timed(|| tree.proof(place).expect("it is there"));
        slowest = slowest.max(time);
        assert!(verify(tree.root(), leaf(&entries[place]), &proof));
    }
    println!(
        "Merkle tree of {count} accounts: {:.2} s; slowest of 1,000 proofs {:.1} µs",
        built.as_secs_f64(),
        slowest.as_secs_f64() * 1e6
    );
    row(
        [
            "Merkle tree of 1 M accounts",
            &format!("{:.2} s", built.as_secs_f64()),
            "limit",
            "2 s",
        ],
        TREE.as_secs_f64() / built.as_secs_f64(),
        built <= TREE,
    );
    row(
        [
            "a Merkle proof",
            &format!("{:.1} µs", slowest.as_secs_f64() * 1e6),
            "limit",
            "1 ms",
        ],
        PROOF.as_secs_f64() / slowest.as_secs_f64(),
        slowest <= PROOF,
    );
}

/// Adds a line to the table of `make bench`, where that asked for it: what was measured, its figure, the peer or limit, its figure, then
/// the ratio and what is aimed at.
fn row(cells: [&str; 4], ratio: f64, holds: bool) {
    println!(
        "  {}: {} ({} {}), ratio {ratio:.2}, aim ≥ 1",
        cells[0], cells[1], cells[2], cells[3]
    );
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return;
    };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let ok = if holds { "ok" } else { "short" };
    let line = format!("payouts\t{}\t{ratio:.2}\t≥ 1\t{ok}\n", cells.join("\t"));
    file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
        .expect("the table can be written");
}
