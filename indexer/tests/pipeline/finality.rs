//! Finality by tag, and the cross-check of two endpoints.

use std::time::Duration;

use souk_devstack::AnvilConfig;
use souk_indexer::{Finality, Phase};

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;
use crate::proxy::{FaultyRpc, Upstream};

#[tokio::test(flavor = "multi_thread")]
async fn finality_follows_the_nodes_tag_and_never_passes_the_tail() {
    let (_server, log) = event_log().await;
    // Final is the head less four.
    let config = AnvilConfig {
        slots_in_an_epoch: 2,
        ..Default::default()
    };
    let mut chain = Chain::start_with(config).await;
    let token = chain.deploy_token().await;
    chain.mine_empty(400).await;
    let mut source = source(&[chain.anvil.http_url()], token);
    source.finality = Finality::Tag;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    let head = chain.head().await.0;
    indexer
        .wait("the node's finality", |status| {
            status.finalized.is_some_and(|block| block.number == head - 4)
        })
        .await;
    indexer.stop().await;

    // A restart needs no more than the blocks above it.
    chain.mine_empty(3).await;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    indexer
        .wait("finality to advance", |status| {
            status.finalized.is_some_and(|block| block.number == head - 1)
        })
        .await;
    assert_eq!(indexer.status().totals.blocks, 3);
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_endpoints_that_disagree_hold_the_stream_up() {
    let (_server, log) = event_log().await;
    let (mut honest, mut other) = (Chain::start().await, Chain::start().await);
    let token = honest.deploy_token().await;
    other.deploy_token().await;
    let upstreams = [&honest, &other].map(|chain| Upstream {
        http: chain.anvil.http_url(),
        ws: chain.anvil.ws_url(),
    });
    let proxy = FaultyRpc::start(upstreams.into(), 1).await.unwrap();
    let mut source = source(&[honest.anvil.http_url(), proxy.http_url()], token);
    source.cross_check = true;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&honest).await;
    let agreed = indexer.status().tail;

    proxy.switch_to(1);
    honest.transfers(token, 1).await;
    honest.mine().await;
    other.mine_salted(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        indexer.status().tail,
        agreed,
        "nothing is appended that only one of them has"
    );
    indexer
        .wait("the disagreement to be told", |status| status.phase == Phase::Retrying)
        .await;
    assert!(indexer.status().last_error.unwrap().contains("cross-checked"));

    proxy.switch_to(0);
    indexer.wait_for_head(&honest).await;
    indexer.stop().await;
    assert_canonical(&log, 1, &honest, &source).await;
}
