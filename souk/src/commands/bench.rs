//! `souk bench`: speed and memory against a peer or a limit that is measured in the same run, on throw-away parts of its own.
//!
//! Never a test: a figure that falls short is printed as such and fails nothing. Each benchmark starts a private Postgres (with
//! `fsync`, as `souk up` does) and a dev chain; [`row`] is what they print, [`parts`] what they run on.

mod backfill;
mod book;
mod chain;
mod child;
mod cpu;
mod download;
mod gate;
mod latency;
mod memory;
mod parts;
mod pipeline;
mod reorg;
mod replay;
mod row;

use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::{BenchArgs, BenchName};
use chain::BenchChain;
use memory::Memory;
use parts::Parts;
use row::Row;

/// Every benchmark, in the order in which they run.
const ALL: [BenchName; 5] = [
    BenchName::Backfill,
    BenchName::Replay,
    BenchName::Latency,
    BenchName::Reorg,
    BenchName::Book,
];

/// The chain is written in so many parts; its memory is measured after one, after two, and at the end.
const MEMORY_PARTS: u64 = 4;

/// Measures what the arguments name, or everything, and prints one table.
///
/// # Errors
/// One line when a part does not start or a pipeline stops; never for a figure that falls short.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let asked = |name: &BenchName| args.name.is_empty() || args.name.contains(name);
    let names: Vec<BenchName> = ALL.into_iter().filter(|name| asked(name)).collect();
    let others = match &args.also {
        Some(file) => others(file).with_context(|| format!("--also {}", file.display()))?,
        None => Vec::new(),
    };
    let parts = Parts::start().await?;
    let mut rows = Vec::new();
    if names.contains(&BenchName::Backfill) || names.contains(&BenchName::Replay) {
        rows.extend(long_chain(&parts, &names, args.logs).await?);
    }
    if names.contains(&BenchName::Latency) {
        rows.extend(latency::measure(&parts).await?);
    }
    if names.contains(&BenchName::Reorg) {
        rows.extend(reorg::measure(&parts).await?);
    }
    if names.contains(&BenchName::Book) {
        rows.extend(book::measure(&parts).await?);
    }
    row::print(&others, &rows, args.json);
    parts.stop().await;
    Ok(())
}

fn others(file: &Path) -> Result<Vec<row::Cells>> {
    row::read(&std::fs::read_to_string(file)?)
}

/// What is measured on a long chain: backfill and replay, and their memory on parts of the chain and on all of it.
async fn long_chain(parts: &Parts, names: &[BenchName], logs: u64) -> Result<Vec<Row>> {
    let chain = BenchChain::start(&parts::automine()).await?;
    let part = logs / MEMORY_PARTS;
    let mut memory = Vec::new();
    for (seed, events) in (1..).zip([part, part, logs.saturating_sub(2 * part)]) {
        chain.write(seed, events).await?;
        memory.push(Memory::measure(parts, &chain).await?);
    }
    let mut rows = Vec::new();
    if names.contains(&BenchName::Backfill) {
        rows.extend(backfill::measure(parts, &chain).await?);
        rows.extend(memory::rows("backfill", &memory, Memory::backfill));
    }
    if names.contains(&BenchName::Replay) {
        rows.push(replay::measure(parts, &chain).await?);
        rows.extend(memory::rows("replay", &memory, Memory::replay));
    }
    chain.stop().await;
    Ok(rows)
}
