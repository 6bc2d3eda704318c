//! Tests of following, and what they share: a database, a writer of blocks, and a full picture of a graph.

mod faults;
mod histories;
mod writer;

use std::collections::BTreeMap;
use std::time::Duration;

use souk_devstack::{Postgres, PostgresConfig};
use souk_provenance::graph::{ChainPosition, Cut, Direction, Graph, GraphHandle, NodeId};
use souk_provenance::store;
use souk_provenance::tables::Schema;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::{Address, ChainId, TokenRef, TokenStandard};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection is tried for, as the parts of Souk try: far shorter than a test waits for what comes of it.
const CONNECTING: Duration = Duration::from_secs(10);

/// How many assets each chain has at most.
const ASSETS: u64 = 8;

/// A server of its own with the tables in schema `souk`.
struct Stand {
    postgres: Postgres,
    pool: PgPool,
}

impl Stand {
    async fn new() -> Stand {
        let postgres = Postgres::start(&PostgresConfig::throw_away())
            .await
            .expect("a private Postgres starts");
        let url = postgres.create_database("graph").await.expect("a new database");
        let options: PgConnectOptions = url.parse().expect("a valid address");
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(CONNECTING);
        let pool = pool
            .connect_with(options.options([("search_path", "souk")]))
            .await
            .expect("connects");
        store::migrate(&pool, &Schema::new("souk").expect("a schema name"))
            .await
            .expect("migrations run");
        Stand { postgres, pool }
    }

    /// A graph that is loaded now and followed until the guard is dropped.
    async fn graph(&self) -> (GraphHandle, tokio_util::sync::DropGuard) {
        let cancel = CancellationToken::new();
        let handle = GraphHandle::start(self.pool.clone(), cancel.clone())
            .await
            .expect("the graph loads");
        (handle, cancel.drop_guard())
    }
}

fn asset(chain: u64, id: u64) -> EvmAssetId {
    let token = TokenRef::new(Address::repeat_byte(0xa0 | chain as u8), souk_schema::U256::from(id));
    EvmAssetId {
        chain: ChainId(chain),
        standard: TokenStandard::Erc721,
        token,
    }
}

/// Waits until the handle stands exactly where the tables say.
async fn caught_up(handle: &GraphHandle, expected: &BTreeMap<ChainId, ChainPosition>) {
    let mut positions = handle.positions();
    let reached = tokio::time::timeout(PATIENCE, positions.wait_for(|positions| positions == expected)).await;
    assert!(
        reached.is_ok(),
        "stands at {:#?}, expected {expected:#?}, status {:?}",
        handle.position(),
        handle.status()
    );
}

/// Everything that a graph answers about the assets that tests use, as text.
fn picture(graph: &Graph) -> String {
    let foreign = (0..3).map(|number| AssetId::Other(format!("hf:{number}")));
    let tokens = (1..=3).flat_map(|chain| (0..ASSETS).map(move |id| AssetId::Evm(asset(chain, id))));
    let mut out = format!("{} nodes, {} edges\n", graph.node_count(), graph.edge_count());
    for id in tokens.chain(foreign) {
        let Some(node) = graph.find(&id) else { continue };
        out += &format!("{id} registered {:?}\n", graph.registered(node, &Cut::head()));
        for direction in [Direction::Ancestors, Direction::Descendants] {
            let lineage = graph.lineage(node, direction, None, &Cut::head(), usize::MAX);
            let nodes: Vec<_> = lineage
                .nodes
                .iter()
                .map(|n| (graph.asset(n.node).to_string(), n.depth))
                .collect();
            let edges: Vec<_> = lineage.edges.iter().map(|edge| show(graph, *edge)).collect();
            out += &format!("  {direction:?} {nodes:?}\n    {edges:?}\n");
        }
    }
    let left_out: Vec<_> = graph
        .left_out(&Cut::head())
        .into_iter()
        .map(|edge| show(graph, edge))
        .collect();
    out + &format!("left out {left_out:?}\n")
}

fn show(graph: &Graph, edge: souk_provenance::graph::EdgeId) -> String {
    let edge = graph.edge(edge);
    let name = |node: NodeId| graph.asset(node).to_string();
    let ends = (name(edge.child), name(edge.parent));
    format!(
        "{ends:?} {:?} {} {:?} {} {:?} {:?}",
        edge.relation, edge.license, edge.status, edge.native, edge.origin, edge.valid_to
    )
}
