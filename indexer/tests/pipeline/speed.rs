//! How long things take where somebody waits for them. The limits leave room for a busy machine; `make bench` measures.

use std::time::{Duration, Instant};

use souk_indexer::Finality;

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;

#[tokio::test(flavor = "multi_thread")]
async fn a_mined_block_is_in_the_log_within_a_tenth_of_a_second() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let mut source = source(&[chain.anvil.ws_url()], token);
    // Only the announcement can be that quick.
    source.poll_interval_ms = 5_000;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    let mut times = Vec::new();
    for _ in 0..50 {
        chain.transfers(token, 1).await;
        chain.mine().await;
        let mined = Instant::now();
        indexer.wait_for_head(&chain).await;
        times.push(mined.elapsed());
    }
    times.sort();
    eprintln!("median {:?}, slowest {:?}", times[25], times[49]);
    assert!(times[45] < Duration::from_millis(100), "{times:?}");
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_of_64_blocks_with_ten_thousand_logs_is_absorbed_in_two_seconds() {
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
    let begun = Instant::now();
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    let took = begun.elapsed();
    eprintln!("64 blocks with {} logs took {took:?}", 65 * 160);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(indexer.status().totals.reverted, 64);
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}
