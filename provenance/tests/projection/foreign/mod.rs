//! Other protocols beside ours: what they say of our assets is in the assets' events and lineage, whatever the chain does.

mod chain;
mod node;
mod real;
mod scenario;
mod words;

use std::collections::BTreeSet;

use souk_provenance::graph::{Cut, Direction, GraphHandle};
use souk_schema::TokenRef;
use souk_schema::caip::AssetId;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::support::{CHAIN, Stand};

/// A graph of what is projected now.
async fn graph(stand: &Stand) -> (GraphHandle, DropGuard) {
    let options = stand.pool.connect_options().as_ref().clone();
    let pool: PgPool = PgPoolOptions::new()
        .max_connections(3)
        .connect_with(options.options([("search_path", "souk")]))
        .await
        .expect("connects");
    let cancel = CancellationToken::new();
    let handle = GraphHandle::start(pool, cancel.clone()).await.expect("loads");
    (handle, cancel.drop_guard())
}

/// What was made from an asset: how far away, and by which relation, as of a block.
fn descendants(graph: &GraphHandle, id: &AssetId, block: u64) -> BTreeSet<String> {
    let graph = graph.read();
    let cut = Cut::at(CHAIN, block);
    let Some(node) = graph.find(id) else {
        return BTreeSet::new();
    };
    let lineage = graph.lineage(node, Direction::Descendants, None, &cut, 100);
    let line = |edge: &souk_provenance::graph::EdgeId| {
        let edge = graph.edge(*edge);
        assert!(!edge.native, "no registry of ours checked it");
        assert!(edge.license.is_zero(), "it is lineage, and never debt");
        format!(
            "{} {} {}",
            graph.asset(edge.child),
            edge.relation.as_str(),
            graph.asset(edge.parent)
        )
    };
    lineage.edges.iter().map(line).collect()
}

/// The names of the events that are about a token, in order.
async fn events_of(stand: &Stand, token: TokenRef) -> Vec<String> {
    let query = "select name from souk.event where subject_key = $1 order by block_number, log_index, ordinal";
    let rows = sqlx::query_scalar(query).bind(token.key().as_bytes().to_vec());
    rows.fetch_all(&stand.pool).await.expect("reads the events")
}

/// One column of rows as text.
async fn texts(stand: &Stand, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(&stand.pool).await.expect("reads")
}
