//! `latency`: from a block mined on the dev chain until its asset is in the graph that GraphQL answers from.
//!
//! The clock starts before the node is told to mine. How far the log and the tables were on the way is told beside the figure.

use std::time::{Duration, Instant};

use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use anyhow::{Result, ensure};
use souk_provenance::graph::GraphHandle;
use tokio_util::sync::CancellationToken;

use super::chain::BenchChain;
use super::parts::{Parts, median, on_demand};
use super::pipeline::Pipeline;
use super::row::{Figure, Row, Target};
use crate::dev_chain::DEV_CHAIN;

const BLOCKS: u64 = 200;
const ASSETS_PER_BLOCK: u64 = 10;
const LIMIT: Duration = Duration::from_millis(250);
/// Blocks come at moments spread over the indexer's polling interval, so that none of them meets it by appointment.
const PAUSES_MS: [u64; 5] = [3, 41, 83, 127, 171];

/// When each stage had the block, since the node was told to mine it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    node: Duration,
    log: Duration,
    tables: Duration,
    graph: Duration,
}

/// Measures.
///
/// # Errors
/// One line when a part fails.
pub async fn measure(parts: &Parts) -> Result<Vec<Row>> {
    let chain = BenchChain::start(&on_demand()).await?;
    let database = parts.database().await?;
    let mut pipeline = Pipeline::start(chain.live_source(chain.address()?.port())?, &database).await?;
    let cancel = CancellationToken::new();
    let graph = GraphHandle::start(database.pool.clone(), cancel.clone()).await?;
    pipeline.until_tables_at(chain.head().await?).await?;
    let mut samples = Vec::new();
    for block in 0..BLOCKS {
        let pause = PAUSES_MS[usize::try_from(block)? % PAUSES_MS.len()];
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let sample = one(&chain, &mut pipeline, &graph, block).await?;
        tracing::debug!(?sample);
        samples.push(sample);
    }
    cancel.cancel();
    pipeline.stop().await?;
    chain.stop().await;
    Ok(rows(&samples))
}

/// Mines one block and waits for it everywhere.
async fn one(chain: &BenchChain, pipeline: &mut Pipeline, graph: &GraphHandle, salt: u64) -> Result<Sample> {
    let number = chain.head().await?.number + 1;
    let transaction = chain.registration(ASSETS_PER_BLOCK, salt);
    let _pending = chain.provider.send_transaction(transaction).await?;
    let (mut indexer, mut projection) = (pipeline.indexer.clone(), pipeline.projection.clone());
    let begun = Instant::now();
    let mined = async {
        let mined = chain.provider.anvil_mine(Some(1), None).await;
        mined.map(|()| begun.elapsed())
    };
    let in_log = async {
        let reached = indexer
            .wait_for(|status| status.tail.is_some_and(|tail| tail.number >= number))
            .await;
        reached.map(|_| begun.elapsed())
    };
    let in_tables = async {
        let reached = projection
            .wait_for(|status| status.head.is_some_and(|head| head.number >= number))
            .await;
        reached.map(|_| begun.elapsed())
    };
    let in_graph = async { (graph.wait_until(DEV_CHAIN, number).await, begun.elapsed()) };
    let all = async { tokio::join!(mined, in_log, in_tables, in_graph) };
    let (node, log, tables, (follows, graph)) = pipeline.meanwhile(all).await?;
    ensure!(follows, "the graph stopped following");
    let (node, log, tables) = (node?, log?, tables?);
    Ok(Sample {
        node,
        log,
        tables,
        graph,
    })
}

fn rows(samples: &[Sample]) -> Vec<Row> {
    let of = |stage: fn(&Sample) -> Duration| samples.iter().map(stage).collect::<Vec<_>>();
    let mut visible = of(|sample| sample.graph);
    visible.sort_unstable();
    let at = |share: f64| visible.get(rank(visible.len(), share)).copied().unwrap_or_default();
    let middle = |stage| Figure::Time(median(of(stage)));
    let stages = format!(
        "median: mined {}, in the log {}, in the tables {}",
        middle(|sample| sample.node),
        middle(|sample| sample.log),
        middle(|sample| sample.tables),
    );
    let row = |measured: String, figure, target| Row {
        name: "latency",
        measured,
        figure: Figure::Time(figure),
        peer: "limit".into(),
        peer_figure: Figure::Time(LIMIT),
        target,
    };
    vec![
        row(
            format!("{} blocks, p99", samples.len()),
            at(0.99),
            Target::TimesLimit(1.0),
        ),
        row(format!("p50 ({stages})"), at(0.5), Target::ForComparison),
        row("max".into(), at(1.0), Target::ForComparison),
    ]
}

/// The place of the smallest value that this share of so many sorted values does not exceed.
fn rank(count: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count is one"
    )]
    let rank = (count as f64 * share).ceil() as usize;
    rank.clamp(1, count.max(1)) - 1
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn a_share_of_sorted_values_ends_at_its_rank() {
        assert_eq!(rank(200, 0.99), 197, "the 198th of 200");
        assert_eq!(rank(200, 0.5), 99);
        assert_eq!(rank(200, 1.0), 199);
        assert_eq!(rank(1, 0.99), 0);
        assert_eq!(rank(0, 0.99), 0, "no value, no place beyond the first");
    }
}
