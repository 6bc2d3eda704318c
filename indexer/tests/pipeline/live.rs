//! What the live loop owes: blocks on the announcement, not on the next poll, and a deep reorganisation in one go. `souk bench` says how
//! quick both are.

use std::time::Duration;

use souk_indexer::Finality;

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;

#[tokio::test(flavor = "multi_thread")]
async fn a_mined_block_is_in_the_log_without_waiting_for_the_next_poll() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let mut source = source(&[chain.anvil.ws_url()], token);
    // Later than the test is willing to wait for one block.
    source.poll_interval_ms = 600_000;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    for _ in 0..10 {
        chain.transfers(token, 1).await;
        chain.mine().await;
        let seen = tokio::time::timeout(Duration::from_secs(60), indexer.wait_for_head(&chain)).await;
        seen.expect("the socket announced the block");
    }
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_of_64_blocks_with_ten_thousand_logs_is_absorbed_block_by_block() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let mark = chain.snapshot().await;
    for _ in 0..64 {
        chain.transfers(token, 160).await;
        chain.mine().await;
    }
    let mut source = source(&[chain.anvil.http_url()], token);
    source.finality = Finality::Depth(200);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;
    chain.go_back(mark).await;
    for _ in 0..65 {
        chain.transfers(token, 160).await;
        chain.mine_salted(1).await;
    }
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    assert_eq!(indexer.status().totals.reverted, 64);
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}
