//! Lineage on a million assets and three million edges: time of "all ancestors", against a recursive CTE in Postgres on the same data in
//! the same run; memory per edge; time to load the graph from the tables.
//!
//! `cargo bench -p souk-provenance --bench lineage`, or with another number of assets as its argument. The questions and the shape come
//! from a fixed seed.

#[path = "lineage/counting.rs"]
mod counting;
#[path = "lineage/economy.rs"]
mod economy;
#[path = "lineage/peer.rs"]
mod peer;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use souk_devstack::{Postgres, PostgresConfig};
use souk_provenance::graph::{Cut, Direction, Graph, GraphHandle, NodeId};
use tokio_util::sync::CancellationToken;

use economy::{Economy, Random};

/// How many assets are asked about, and how many of them Postgres is asked about.
const QUESTIONS: usize = 5_000;
const PEER_QUESTIONS: usize = 100;

/// The limits of `make bench`.
const P99_LIMIT: Duration = Duration::from_millis(5);
const RATIO_LIMIT: f64 = 100.0;
const BYTES_LIMIT: f64 = 400.0;

#[allow(clippy::print_stdout, reason = "a benchmark's table is its output")]
fn say(line: &str) {
    println!("{line}");
}

fn verdict(holds: bool) -> &'static str {
    if holds { "ok" } else { "MISSED" }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let assets = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let economy = Economy::new(assets, 0x50_u64);
    say(&format!(
        "lineage: {assets} assets, {} edges, {} claims across chains",
        economy.edges.len(),
        economy.claims()
    ));

    let before = counting::live_bytes();
    let started = Instant::now();
    let mut graph = Graph::new();
    economy.fill(&mut graph)?;
    let filled = started.elapsed();
    let per_edge = (counting::live_bytes() - before) as f64 / economy.edges.len() as f64;
    say(&format!(
        "  built in {filled:.2?}, {} edges left out",
        graph.left_out(&Cut::head()).len()
    ));

    let asked = questions(&economy, &graph);
    let cut = economy.half_way();
    let mut now = ask(&graph, &asked, Direction::Ancestors, &Cut::head());
    let mut half_way = ask(&graph, &asked, Direction::Ancestors, &cut);
    let mut nodes: Vec<usize> = now.iter().map(|answer| answer.total).collect();
    nodes.sort_unstable();
    say(&format!(
        "  ancestors per asset: median {}, p99 {}, most {}",
        nodes[nodes.len() / 2],
        at(&nodes, 99),
        nodes[nodes.len() - 1]
    ));
    report("all ancestors", &mut now, Some(P99_LIMIT));
    report("all ancestors as of half way", &mut half_way, None);
    report("ancestors, nearest 100", &mut ask_limited(&graph, &asked), None);
    // The scratch memory of the questions counts, too.
    let with_scratch = (counting::live_bytes() - before) as f64 / economy.edges.len() as f64;
    let ok = verdict(with_scratch <= BYTES_LIMIT);
    say(&format!(
        "  memory per edge, all included: {per_edge:.0} bytes, {with_scratch:.0} after questions (limit {BYTES_LIMIT}: {ok})"
    ));

    let postgres = Postgres::start(&PostgresConfig::throw_away()).await?;
    let pool = peer::connect(&postgres).await?;
    against_postgres(&economy, &graph, &asked, &pool).await?;
    drop(graph);
    let loading = peer::fill_tables(&pool, &economy).await?;
    let started = Instant::now();
    let handle = GraphHandle::start(loading, CancellationToken::new()).await?;
    let loaded = started.elapsed();
    let status = handle.status();
    let rows = assets + economy.edges.len();
    let rate = rows as f64 / loaded.as_secs_f64();
    say(&format!(
        "  loaded from Postgres: {} nodes, {} edges in {loaded:.2?}, {rate:.0} rows/s",
        status.nodes, status.edges
    ));
    Ok(())
}

struct Answer {
    took: Duration,
    total: usize,
}

fn questions(economy: &Economy, graph: &Graph) -> Vec<(u32, NodeId)> {
    let mut random = Random::new(7);
    let mut asked = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let asset = random.below(economy.assets as u64) as u32;
        asked.extend(graph.node(&economy::asset_id(asset)).map(|node| (asset, node)));
    }
    asked
}

fn ask(graph: &Graph, asked: &[(u32, NodeId)], direction: Direction, cut: &Cut) -> Vec<Answer> {
    let time = |(_, node): &(u32, NodeId)| {
        let started = Instant::now();
        let lineage = black_box(graph.lineage(*node, direction, None, cut, usize::MAX));
        Answer {
            took: started.elapsed(),
            total: lineage.total,
        }
    };
    asked.iter().map(time).collect()
}

fn ask_limited(graph: &Graph, asked: &[(u32, NodeId)]) -> Vec<Answer> {
    let time = |(_, node): &(u32, NodeId)| {
        let started = Instant::now();
        let lineage = black_box(graph.lineage(*node, Direction::Ancestors, None, &Cut::head(), 100));
        Answer {
            took: started.elapsed(),
            total: lineage.total,
        }
    };
    asked.iter().map(time).collect()
}

fn at<T: Copy>(sorted: &[T], percent: usize) -> T {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn report(what: &str, answers: &mut [Answer], limit: Option<Duration>) {
    answers.sort_by_key(|answer| answer.took);
    let took: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    let (p50, p99, max) = (at(&took, 50), at(&took, 99), took[took.len() - 1]);
    let limit = limit.map_or(String::new(), |limit| {
        format!(" (limit of p99 {limit:?}: {})", verdict(p99 <= limit))
    });
    say(&format!("  {what}: p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}{limit}"));
}

/// The same questions to both, answered alike.
async fn against_postgres(
    economy: &Economy,
    graph: &Graph,
    asked: &[(u32, NodeId)],
    pool: &sqlx::PgPool,
) -> Result<(), Box<dyn Error>> {
    peer::fill_edges(pool, economy).await?;
    let sample = &asked[..PEER_QUESTIONS.min(asked.len())];
    let (mut ours, mut theirs, mut theirs_with_depth) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for (asset, node) in sample {
        // Each answers twice; the first time fills caches.
        let mut lineage = graph.lineage(*node, Direction::Ancestors, None, &Cut::head(), usize::MAX);
        let started = Instant::now();
        lineage.clone_from(&black_box(graph.lineage(
            *node,
            Direction::Ancestors,
            None,
            &Cut::head(),
            usize::MAX,
        )));
        ours += started.elapsed();
        peer::count_ancestors(pool, *asset).await?;
        let started = Instant::now();
        let count = peer::count_ancestors(pool, *asset).await?;
        theirs += started.elapsed();
        if count != lineage.total {
            return Err(format!("asset {asset}: {} ancestors here, {count} in Postgres", lineage.total).into());
        }
    }
    // With depths a recursive CTE visits a node once per depth, so a few questions are enough.
    let few = &sample[..sample.len() / 10];
    let mut ours_few = Duration::ZERO;
    for (asset, node) in few {
        let started = Instant::now();
        let lineage = black_box(graph.lineage(*node, Direction::Ancestors, None, &Cut::head(), usize::MAX));
        ours_few += started.elapsed();
        let started = Instant::now();
        let (count, depths) = peer::count_ancestors_with_depth(pool, *asset).await?;
        theirs_with_depth += started.elapsed();
        let sum: u64 = lineage.nodes.iter().map(|node| u64::from(node.depth)).sum();
        if (count, depths) != (lineage.total, sum) {
            return Err(format!("asset {asset}: Postgres finds other depths").into());
        }
    }
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let with_depth = theirs_with_depth.as_secs_f64() / ours_few.as_secs_f64();
    let ok = verdict(ratio >= RATIO_LIMIT);
    say(&format!(
        "  recursive CTE in Postgres, {} of the same questions: {:.1?} each against {:.1?}",
        sample.len(),
        theirs / sample.len() as u32,
        ours / sample.len() as u32
    ));
    say(&format!(
        "  ratio: {ratio:.0} times for the bare set (limit {RATIO_LIMIT}: {ok}), {with_depth:.0} times with depths, as we answer"
    ));
    Ok(())
}
