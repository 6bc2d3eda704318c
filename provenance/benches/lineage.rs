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
use std::io::Write;
use std::time::{Duration, Instant};

use souk_devstack::{Postgres, PostgresConfig};
use souk_provenance::graph::{Cut, Direction, Graph, GraphHandle, NodeId};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use economy::{Economy, Random};

/// How many assets are asked about, and how many of them Postgres is asked about.
const QUESTIONS: usize = 5_000;
const PEER_QUESTIONS: usize = 100;

/// The limits of `make bench`.
const P99_LIMIT: Duration = Duration::from_millis(5);
const RATIO_LIMIT: f64 = 100.0;
const BYTES_LIMIT: f64 = 400.0;

/// Adds a line to the table of `make bench`, where that asked for it: what was measured, its figure, the peer or limit, its figure, then
/// the ratio and what is aimed at.
fn row(cells: [&str; 4], ratio: f64, target: &str, holds: Option<bool>) -> std::io::Result<()> {
    let Some(path) = std::env::var_os("SOUK_BENCH_ROWS") else {
        return Ok(());
    };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    let ok = holds.map_or("", |holds| if holds { "ok" } else { "short" });
    writeln!(file, "lineage\t{}\t{ratio:.2}\t{target}\t{ok}", cells.join("\t"))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

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
    let p99 = report("all ancestors", &mut now, Some(P99_LIMIT));
    let size = format!("{assets} assets, {} edges", economy.edges.len());
    let cells = [
        &format!("{size}, all ancestors, p99"),
        &milliseconds(p99),
        "limit",
        &milliseconds(P99_LIMIT),
    ];
    row(
        cells,
        p99.as_secs_f64() / P99_LIMIT.as_secs_f64(),
        "≤ 1",
        Some(p99 <= P99_LIMIT),
    )?;
    report("all ancestors as of half way", &mut half_way, None);
    report("ancestors, nearest 100", &mut ask_limited(&graph, &asked), None);
    // The scratch memory of the questions counts, too.
    let with_scratch = (counting::live_bytes() - before) as f64 / economy.edges.len() as f64;
    let ok = verdict(with_scratch <= BYTES_LIMIT);
    say(&format!(
        "  memory per edge, all included: {per_edge:.0} bytes, {with_scratch:.0} after questions (limit {BYTES_LIMIT}: {ok})"
    ));
    let cells = [
        "memory of an edge",
        &format!("{with_scratch:.0} B"),
        "limit",
        &format!("{BYTES_LIMIT:.0} B"),
    ];
    row(
        cells,
        with_scratch / BYTES_LIMIT,
        "≤ 1",
        Some(with_scratch <= BYTES_LIMIT),
    )?;

    let postgres = Postgres::start(&PostgresConfig::throw_away()).await?;
    let pool = peer::connect(&postgres).await?;
    peer::fill_tables(&pool, &economy).await?;
    peer::fill_edges(&pool, &economy).await?;
    against_postgres(&graph, &asked, &pool).await?;
    drop(graph);
    let started = Instant::now();
    let handle = GraphHandle::start(pool, CancellationToken::new()).await?;
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

/// Prints the distribution and returns the 99th percentile.
fn report(what: &str, answers: &mut [Answer], limit: Option<Duration>) -> Duration {
    answers.sort_by_key(|answer| answer.took);
    let took: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    let (p50, p99, max) = (at(&took, 50), at(&took, 99), took[took.len() - 1]);
    let limit = limit.map_or(String::new(), |limit| {
        format!(" (limit of p99 {limit:?}: {})", verdict(p99 <= limit))
    });
    say(&format!("  {what}: p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}{limit}"));
    p99
}

/// The same questions to both, answered alike.
async fn against_postgres(graph: &Graph, asked: &[(u32, NodeId)], pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let sample = &asked[..PEER_QUESTIONS.min(asked.len())];
    let (mut ours, mut tables, mut pairs) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    // With depths a recursive CTE visits a node once per depth, so a few questions are enough.
    let few = sample.len() / 10;
    let (mut ours_few, mut depths) = (Duration::ZERO, Duration::ZERO);
    for (number, (asset, node)) in sample.iter().enumerate() {
        let answer = || async {
            Ok::<_, sqlx::Error>(graph.lineage(*node, Direction::Ancestors, None, &Cut::head(), usize::MAX))
        };
        let (took, lineage) = best_of_three(answer).await?;
        ours += took;
        let (took, in_tables) = best_of_three(|| peer::count_in_tables(pool, *asset)).await?;
        tables += took;
        let (took, in_pairs) = best_of_three(|| peer::count_in_pairs(pool, *asset)).await?;
        pairs += took;
        if [in_tables, in_pairs] != [lineage.total; 2] {
            return Err(format!(
                "asset {asset}: {} ancestors here, {in_tables} and {in_pairs} in Postgres",
                lineage.total
            )
            .into());
        }
        if number < few {
            ours_few += best_of_three(answer).await?.0;
            let (took, with_depths) = best_of_three(|| peer::count_with_depths(pool, *asset)).await?;
            depths += took;
            let sum: u64 = lineage.nodes.iter().map(|node| u64::from(node.depth)).sum();
            if with_depths != (lineage.total, sum) {
                return Err(format!("asset {asset}: Postgres finds other depths").into());
            }
        }
    }
    let each = |total: Duration| total / sample.len() as u32;
    let ratio = |theirs: Duration, ours: Duration| theirs.as_secs_f64() / ours.as_secs_f64();
    let ok = verdict(ratio(tables, ours) >= RATIO_LIMIT);
    let cells = [
        "all ancestors, mean",
        &milliseconds(each(ours)),
        "recursive CTE over our tables",
        &milliseconds(each(tables)),
    ];
    row(
        cells,
        ratio(tables, ours),
        "≥ 100",
        Some(ratio(tables, ours) >= RATIO_LIMIT),
    )?;
    let cells = [
        "all ancestors, mean",
        &milliseconds(each(ours)),
        "the same over bare integer pairs",
        &milliseconds(each(pairs)),
    ];
    row(cells, ratio(pairs, ours), "–", None)?;
    say(&format!(
        "  {} of the questions to Postgres as well (mean of best of three): {:.1?} here",
        sample.len(),
        each(ours)
    ));
    say(&format!(
        "    recursive CTE over our tables: {:.1?}, {:.0} times (limit {RATIO_LIMIT}: {ok})",
        each(tables),
        ratio(tables, ours)
    ));
    say(&format!(
        "    over a bare table of integer pairs: {:.1?}, {:.0} times",
        each(pairs),
        ratio(pairs, ours)
    ));
    say(&format!(
        "    over the pairs with least depths, as we answer: {:.0} times",
        ratio(depths, ours_few)
    ));
    Ok(())
}

/// The shortest of three runs, which other work on the machine disturbed least, and its answer.
async fn best_of_three<T, E, Asked>(question: impl Fn() -> Asked) -> Result<(Duration, T), Box<dyn Error>>
where
    E: Into<Box<dyn Error>>,
    Asked: Future<Output = Result<T, E>>,
{
    let mut best: Option<(Duration, T)> = None;
    for _ in 0..3 {
        let started = Instant::now();
        let answer = black_box(question().await).map_err(Into::into)?;
        let took = started.elapsed();
        if best.as_ref().is_none_or(|(least, _)| took < *least) {
            best = Some((took, answer));
        }
    }
    best.ok_or_else(|| "three runs give an answer".into())
}
