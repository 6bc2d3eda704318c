//! Faults: Postgres that goes away, rows that make no sense, rows that changed under the graph.

use souk_provenance::graph::{Cut, Direction, GraphHandle};
use souk_schema::ChainId;
use tokio_util::sync::CancellationToken;

use super::writer::{Log, Writer, positions};
use super::{PATIENCE, Stand, asset, caught_up, picture};

fn native(child: u64, parent: u64) -> Log {
    Log::Native {
        child,
        parent,
        relation: 7,
        license: "1".into(),
    }
}

async fn has_problem(handle: &GraphHandle, expected: bool) -> String {
    let wait = async {
        while handle.status().problem.is_some() != expected {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        handle.status().problem.unwrap_or_default()
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the status changes in time")
}

#[tokio::test]
async fn postgres_may_be_killed_and_come_back_while_the_graph_keeps_answering() {
    let mut stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    writer.block(&[Log::Asset(1), Log::Asset(2), native(2, 1)]).await;
    let (handle, _following) = stand.graph().await;
    for round in 0..3 {
        stand.postgres.kill9().await;
        has_problem(&handle, true).await;
        let before = handle.read().position();
        assert_eq!(before, positions([&writer]), "it stands where it stood");
        let node = handle.read().node(&asset(1, 2)).expect("it keeps answering");
        assert_eq!(
            handle
                .read()
                .lineage(node, Direction::Ancestors, None, &Cut::head(), 9)
                .total,
            1
        );

        stand.postgres.restart().await.expect("Postgres comes back");
        if round == 1 {
            writer.reorganise(1, &[vec![Log::Asset(6)]]).await;
        }
        writer.block(&[Log::Asset(3 + round)]).await;
        caught_up(&handle, &positions([&writer])).await;
        has_problem(&handle, false).await;
        let (fresh, _loaded) = stand.graph().await;
        assert_eq!(picture(&handle.read()), picture(&fresh.read()));
    }
}

#[tokio::test]
async fn a_row_that_makes_no_sense_stops_nothing_but_following_and_is_named() {
    let stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    writer.block(&[Log::Asset(1), Log::Asset(2)]).await;
    let (handle, _following) = stand.graph().await;
    let before = positions([&writer]);

    writer
        .block(&[Log::Native {
            child: 2,
            parent: 1,
            relation: 99,
            license: "0".into(),
        }])
        .await;
    let problem = has_problem(&handle, true).await;
    assert!(
        problem.contains("chain 1: a derivation of unknown relation (block 1, log 0)"),
        "{problem}"
    );
    assert_eq!(handle.read().position(), before);

    let mend = "update derivation set relation = 1 where relation = 99";
    sqlx::query(mend).execute(&stand.pool).await.expect("mends the row");
    caught_up(&handle, &positions([&writer])).await;
    assert_eq!(has_problem(&handle, false).await, "");
    assert_eq!(handle.read().edge_count(), 1);
}

#[tokio::test]
async fn rows_that_do_not_follow_from_what_is_held_have_the_chain_loaded_anew() {
    let stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    writer
        .blocks(&[vec![Log::Asset(1)], vec![Log::Asset(2), native(2, 1)]])
        .await;
    let (handle, _following) = stand.graph().await;
    // The asset moves to another block behind the graph's back.
    let meddle = "delete from asset where valid_from = 0";
    sqlx::query(meddle).execute(&stand.pool).await.expect("meddles");
    writer.block(&[Log::Asset(1)]).await;
    caught_up(&handle, &positions([&writer])).await;
    let (fresh, _loaded) = stand.graph().await;
    assert_eq!(picture(&handle.read()), picture(&fresh.read()));
    let graph = handle.read();
    let node = graph.node(&asset(1, 1)).expect("the asset is known");
    assert_eq!(
        graph
            .registered(node, &Cut::head())
            .map(|origin| (origin.chain, origin.place.block)),
        Some((ChainId(1), 2))
    );
}

#[tokio::test]
async fn without_tables_the_first_load_says_what_to_do() {
    let stand = Stand::new().await;
    sqlx::query("drop table projection cascade")
        .execute(&stand.pool)
        .await
        .expect("drops");
    let refused = GraphHandle::start(stand.pool.clone(), CancellationToken::new())
        .await
        .err()
        .expect("it cannot load");
    assert!(
        refused
            .to_string()
            .contains("check that Postgres runs and that the migrations are applied"),
        "{refused}"
    );
}
