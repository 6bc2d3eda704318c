//! `latency`: from a block mined on the dev chain until GraphQL answers with what it holds.
//!
//! The clock starts before the node is told to mine. A client asks over HTTP, again and again, for an asset that the block registers, until
//! it is there. How far the log, the tables and the graph were on the way is told beside the figure.

use std::time::{Duration, Instant};

use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use souk_provenance::graph::GraphHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::chain::BenchChain;
use super::parts::{Database, Parts, median, on_demand};
use super::pipeline::Pipeline;
use super::row::{Figure, Row, Target};
use crate::cli::HttpArgs;
use crate::dev_chain::DEV_CHAIN;
use crate::web;

const BLOCKS: u64 = 200;
const ASSETS_PER_BLOCK: u64 = 10;
const LIMIT: Duration = Duration::from_millis(250);
/// Blocks come at moments spread over the indexer's polling interval, so that none of them meets it by appointment.
const PAUSES_MS: [u64; 5] = [3, 41, 83, 127, 171];
/// Between two questions of the client.
const ASK_INTERVAL: Duration = Duration::from_millis(2);
/// When a block that nobody sees is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// When each stage had the block, since the node was told to mine it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    node: Duration,
    log: Duration,
    tables: Duration,
    graph: Duration,
    visible: Duration,
}

/// Measures.
///
/// # Errors
/// One line when a part fails.
pub async fn measure(parts: &Parts) -> Result<Vec<Row>> {
    let chain = BenchChain::start(&on_demand()).await?;
    let database = parts.database().await?;
    let mut pipeline = Pipeline::start(chain.live_source(chain.address()?.port())?, &database).await?;
    pipeline.until_tables_at(chain.head().await?).await?;
    let api = Api::start(&database, &pipeline).await?;
    let mut samples = Vec::new();
    for block in 0..BLOCKS {
        let pause = PAUSES_MS[usize::try_from(block)? % PAUSES_MS.len()];
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let sample = one(&chain, &mut pipeline, &api, block).await?;
        tracing::debug!(?sample);
        samples.push(sample);
    }
    api.stop().await?;
    pipeline.stop().await?;
    chain.stop().await;
    Ok(rows(&samples))
}

/// The server, as `souk up` runs it, and a client of it.
struct Api {
    graph: GraphHandle,
    url: String,
    client: reqwest::Client,
    serving: JoinHandle<Result<()>>,
    cancel: CancellationToken,
}

impl Api {
    async fn start(database: &Database, pipeline: &Pipeline) -> Result<Api> {
        let args = HttpArgs {
            port: 0,
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            cors_origin: Vec::new(),
            behind_proxy: false,
        };
        let cancel = CancellationToken::new();
        let graph = GraphHandle::start(database.pool.clone(), cancel.clone()).await?;
        let (log, indexers) = (pipeline.log.clone(), vec![pipeline.indexer.clone()]);
        let server = web::bind(
            &args,
            database.pool.clone(),
            graph.clone(),
            log,
            indexers,
            cancel.clone(),
        )
        .await?;
        let url = format!("{}/graphql", web::url(&server)?);
        let serving = tokio::spawn(async move { Ok(server.run().await?) });
        Ok(Api {
            graph,
            url,
            client: reqwest::Client::builder().tcp_nodelay(true).build()?,
            serving,
            cancel,
        })
    }

    /// Asks until the asset has a name; returns when.
    async fn until_visible(&self, asset: &str) -> Result<Instant> {
        let question = json!({ "query": format!(r#"{{ asset(id: "{asset}") {{ name }} }}"#) }).to_string();
        let given_up = Instant::now() + PATIENCE;
        loop {
            let request = self.client.post(&self.url).header("content-type", "application/json");
            let answer = request.body(question.clone()).send().await?.bytes().await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            if answer["data"]["asset"]["name"].is_string() {
                return Ok(Instant::now());
            }
            if Instant::now() > given_up {
                bail!("GraphQL does not show {asset} after {} s: {answer}", PATIENCE.as_secs());
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    }

    async fn stop(self) -> Result<()> {
        self.cancel.cancel();
        // Idle connections would be waited for.
        drop(self.client);
        self.serving.await?
    }
}

/// Mines one block and waits for it everywhere.
async fn one(chain: &BenchChain, pipeline: &mut Pipeline, api: &Api, block: u64) -> Result<Sample> {
    let number = chain.head().await?.number + 1;
    let transaction = chain.registration(ASSETS_PER_BLOCK, block);
    let _pending = chain.provider.send_transaction(transaction).await?;
    // Ids are given in order, from 1.
    let asset = chain.asset_id((block + 1) * ASSETS_PER_BLOCK);
    let (mut indexer, mut projection) = (pipeline.indexer.clone(), pipeline.projection.clone());
    let begun = Instant::now();
    let mined = async {
        let mined = chain.provider.anvil_mine(Some(1), None).await;
        mined.map(|()| begun.elapsed())
    };
    let in_log = async {
        let reached = indexer.wait_for(|status| status.tail.is_some_and(|tail| tail.number >= number));
        reached.await.map(|_| begun.elapsed())
    };
    let in_tables = async {
        let reached = projection.wait_for(|status| status.head.is_some_and(|head| head.number >= number));
        reached.await.map(|_| begun.elapsed())
    };
    let in_graph = async { (api.graph.wait_until(DEV_CHAIN, number).await, begun.elapsed()) };
    let all = async { tokio::join!(mined, in_log, in_tables, in_graph, api.until_visible(&asset)) };
    let (node, log, tables, (follows, graph), visible) = pipeline.meanwhile(all).await?;
    ensure!(follows, "the graph stopped following");
    let (node, log, tables, visible) = (node?, log?, tables?, visible? - begun);
    Ok(Sample {
        node,
        log,
        tables,
        graph,
        visible,
    })
}

fn rows(samples: &[Sample]) -> Vec<Row> {
    let of = |stage: fn(&Sample) -> Duration| samples.iter().map(stage).collect::<Vec<_>>();
    let mut visible = of(|sample| sample.visible);
    visible.sort_unstable();
    let at = |share: f64| at_share(&visible, share);
    let middle = |stage| Figure::Time(median(of(stage)));
    let stages = format!(
        "mined {}, log {}, tables {}, graph {}",
        middle(|sample| sample.node),
        middle(|sample| sample.log),
        middle(|sample| sample.tables),
        middle(|sample| sample.graph),
    );
    let row = |measured: String, figure, target| Row {
        name: "latency",
        measured,
        figure: Figure::Time(figure),
        peer: "limit".into(),
        peer_figure: Figure::Time(LIMIT),
        target,
    };
    let blocks = samples.len();
    vec![
        row(
            format!("mined to GraphQL, {blocks} blocks, p99"),
            at(0.99),
            Target::TimesLimit(1.0),
        ),
        row(format!("p50 ({stages})"), at(0.5), Target::ForComparison),
        row("max".into(), at(1.0), Target::ForComparison),
    ]
}

/// The smallest of sorted times that this share of them does not exceed.
pub fn at_share(sorted: &[Duration], share: f64) -> Duration {
    sorted.get(rank(sorted.len(), share)).copied().unwrap_or_default()
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
