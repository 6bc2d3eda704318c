//! `backfill`: a whole chain from the node into Postgres, against merely downloading it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use indicatif::HumanCount;

use super::chain::BenchChain;
use super::cpu::Cpu;
use super::download::{Downloader, What};
use super::parts::{Parts, median};
use super::pipeline::Pipeline;
use super::row::{Figure, Row, Target};

/// Times that each is measured, in turns.
const ROUNDS: usize = 3;

/// Speed of the download that a backfill is to reach.
const TARGET: f64 = 0.7;

/// Measures.
///
/// # Errors
/// One line when the node or a part fails, or the download is not of the same logs.
pub async fn measure(parts: &Parts, chain: &BenchChain) -> Result<Vec<Row>> {
    let (source, head) = (chain.source()?, chain.head().await?);
    let downloader = Downloader::new(chain.http_url(), &source)?;
    let first = source.start_block;
    // Fills the caches of node and connections, and tells how many logs there are.
    let expected = downloader
        .run(What::HeadersLogsReceipts, first, head.number, head.number)
        .await?;
    let timed = async |what| -> Result<Duration> {
        let begun = Instant::now();
        let found = downloader.run(what, first, head.number, expected.logs).await?;
        let took = begun.elapsed();
        ensure!(
            found.logs == expected.logs,
            "the node gave {found:?} where it gave {expected:?} before"
        );
        Ok(took)
    };
    let (mut all, mut least, mut ours, mut to_log) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut watch = Watch::start(parts, chain)?;
        all.push(timed(What::HeadersLogsReceipts).await?);
        watch.lap("download of headers, logs, receipts", &all)?;
        ours.push(backfill(parts, chain, expected.watched).await?);
        watch.lap("backfill", &ours)?;
        least.push(timed(What::HeadersReceipts).await?);
        watch.lap("download of headers, receipts", &least)?;
        to_log.push(into_log(parts, chain).await?);
        watch.lap("into the log", &to_log)?;
    }
    let (logs, blocks) = (HumanCount(expected.watched), HumanCount(expected.blocks));
    let measured = |to: &str| format!("{logs} logs in {blocks} blocks, node to {to}, median of {ROUNDS}");
    let row = |to: &str, times: Vec<Duration>, peer: &str, peers: Vec<Duration>, target| Row {
        name: "backfill",
        measured: measured(to),
        figure: Figure::Time(median(times)),
        peer: format!("download of {peer}"),
        peer_figure: Figure::Time(median(peers)),
        target,
    };
    let (full, bare) = ("headers, logs, receipts", "headers, receipts");
    Ok(vec![
        row("tables", ours.clone(), full, all, Target::PartOfPeer(TARGET)),
        row("tables", ours, bare, least.clone(), Target::ForComparison),
        row("log alone", to_log, bare, least, Target::ForComparison),
    ])
}

/// Tells in the log lines whose processor time a measurement took.
struct Watch {
    node: u32,
    postgres: u32,
    lap: Cpu,
}

impl Watch {
    fn start(parts: &Parts, chain: &BenchChain) -> Result<Watch> {
        let (node, postgres) = (chain.pid(), parts.pid());
        let lap = Cpu::now(node, postgres)?;
        Ok(Watch { node, postgres, lap })
    }

    fn lap(&mut self, what: &str, took: &[Duration]) -> Result<()> {
        let now = Cpu::now(self.node, self.postgres)?;
        let cpu = now.since(self.lap);
        self.lap = now;
        tracing::info!(took = ?took.last(), ?cpu, "{what}");
        Ok(())
    }
}

/// One backfill into a database of its own: from the start of the parts until the tables are at the head.
async fn backfill(parts: &Parts, chain: &BenchChain, logs: u64) -> Result<Duration> {
    let (source, head) = (chain.source()?, chain.head().await?);
    let database = parts.database().await?;
    parts.settle(&database).await?;
    let begun = Instant::now();
    let mut pipeline = Pipeline::start(source, &database).await?;
    pipeline.until_tables_at(head).await?;
    let took = begun.elapsed();
    let applied = pipeline.projection.borrow().logs_applied;
    pipeline.stop().await?;
    ensure!(
        applied == logs,
        "{applied} logs came into the tables, but the node has {logs}"
    );
    Ok(took)
}

/// The first half of a backfill: until the log is at the head.
async fn into_log(parts: &Parts, chain: &BenchChain) -> Result<Duration> {
    let (source, head) = (chain.source()?, chain.head().await?);
    let database = parts.database().await?;
    parts.settle(&database).await?;
    let begun = Instant::now();
    let mut pipeline = Pipeline::index_only(source, &database).await?;
    pipeline.until_log_at(head).await?;
    let took = begun.elapsed();
    pipeline.stop().await?;
    Ok(took)
}
