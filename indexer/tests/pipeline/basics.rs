//! Backfill and live, over HTTP and WebSocket, with everything that a block can be.

use souk_devstack::AnvilConfig;
use souk_indexer::{Phase, ProofPolicy};
use souk_schema::ChainId;

use crate::chain::Chain;
use crate::harness::{CHAIN, Indexer, assert_canonical, source};
use crate::postgres::event_log;

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_a_chain_is_indexed_from_its_start_and_then_followed_over_both_transports() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let other = chain.deploy_token().await;
    for block in 0..30 {
        chain.transfers(token, block % 4).await;
        chain.transfers(other, 2).await;
        chain.mine().await;
        chain.mine_empty(block % 3).await;
    }
    let urls = [chain.anvil.http_url(), chain.anvil.ws_url()];
    for (index, url) in urls.iter().enumerate() {
        let source = source(std::slice::from_ref(url), token);
        let mut indexer = Indexer::start(&source, &log);
        indexer.wait_for_head(&chain).await;
        for _ in 0..5 {
            chain.transfers(token, 3).await;
            chain.mine().await;
            indexer.wait_for_head(&chain).await;
        }
        let status = indexer.status();
        assert_eq!(status.phase, Phase::Live);
        assert!(
            status.totals.proved_by_receipts > 0 && status.totals.proved_weaker == 0,
            "{status:?}"
        );
        assert!(
            index > 0 || status.totals.proved_by_bloom > 0,
            "empty blocks need no receipts: {status:?}"
        );
        assert_eq!(status.endpoints.len(), 1);
        indexer.stop().await;
    }
    let reduced = assert_canonical(&log, 1, &chain, &source(&urls, token)).await;
    assert_eq!(reduced.reverted, [0u64; 0]);
    assert_eq!(reduced.weaker, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_with_ten_thousand_logs_and_a_start_block_in_the_middle() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    chain.transfers(token, 5).await;
    chain.mine_empty(10).await;
    let mut source = source(&[chain.anvil.http_url()], token);
    source.start_block = 6;
    for _ in 0..4 {
        chain.transfers(token, 2_500).await;
    }
    chain.mine().await;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    assert_eq!(indexer.status().totals.logs, 10_000);
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_would_be_too_large_are_asked_for_in_smaller_batches() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    for _ in 0..40 {
        chain.transfers(token, 10).await;
        chain.mine().await;
    }
    let mut source = source(&[chain.anvil.http_url()], token);
    // Room for the receipts of two blocks.
    source.limits.response_bytes = 20_000;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_chains_at_once_have_a_stream_each() {
    let (_server, log) = event_log().await;
    let config = AnvilConfig {
        chain_id: 5,
        ..Default::default()
    };
    let mut chains = [Chain::start().await, Chain::start_with(config).await];
    let mut indexers = Vec::new();
    for (chain, id) in chains.iter_mut().zip([CHAIN, ChainId(5)]) {
        let token = chain.deploy_token().await;
        let mut source = source(&[chain.anvil.ws_url()], token);
        source.chain = id;
        indexers.push(Indexer::start(&source, &log));
        chain.mine_empty(1 + id.0 % 7).await;
    }
    for (indexer, chain) in indexers.iter_mut().zip(&chains) {
        indexer.wait_for_head(chain).await;
    }
    for indexer in indexers {
        indexer.stop().await;
    }
    let mut streams: Vec<String> = log.streams().await.unwrap().iter().map(ToString::to_string).collect();
    streams.sort();
    assert_eq!(streams, ["chain.31337", "chain.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weaker_proof_is_named_as_weaker() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    for _ in 0..20 {
        chain.transfers(token, 3).await;
        chain.mine().await;
    }
    let mut source = source(&[chain.anvil.http_url()], token);
    source.proof = ProofPolicy::Logs;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    assert_eq!(indexer.status().totals.proved_weaker, 20);
    indexer.stop().await;
    assert_eq!(assert_canonical(&log, 1, &chain, &source).await.weaker, 20);
}
