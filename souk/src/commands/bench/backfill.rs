//! `backfill`: a whole chain from the node into Postgres, against merely downloading it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use indicatif::HumanCount;

use super::chain::BenchChain;
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
    let (mut all, mut least, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        all.push(timed(What::HeadersLogsReceipts).await?);
        ours.push(backfill(parts, chain, expected.watched).await?);
        least.push(timed(What::HeadersReceipts).await?);
        tracing::info!(round, download = ?all[round], without_getlogs = ?least[round], backfill = ?ours[round], "backfill");
    }
    let (logs, blocks) = (HumanCount(expected.watched), HumanCount(expected.blocks));
    let measured = format!("{logs} logs in {blocks} blocks, node to tables, median of {ROUNDS}");
    let row = |peer: &str, times, target| Row {
        name: "backfill",
        measured: measured.clone(),
        figure: Figure::Time(median(ours.clone())),
        peer: peer.into(),
        peer_figure: Figure::Time(median(times)),
        target,
    };
    Ok(vec![
        row("download of headers, logs, receipts", all, Target::PartOfPeer(TARGET)),
        row("download of headers, receipts", least, Target::ForComparison),
    ])
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
