//! Reorganisations of a real node: to a sibling and back, deep, to a shorter chain, during backfill, in a factory's block, below finality.

use std::sync::Arc;

use alloy_primitives::Address;
use souk_adapters::{ChildPosition, ContractSet, WatchSet};
use souk_eventlog::EventLog;
use souk_indexer::{Finality, IndexError, OnRewrite, Phase};
use souk_schema::TokenStandard;
use souk_schema::record::RawLog;

use crate::chain::{Chain, TRANSFER, created};
use crate::harness::{Indexer, assert_canonical, assert_same, reduce, source};
use crate::postgres::event_log;
use crate::proxy::{Fault, FaultyRpc, Upstream};

fn upstream(chain: &Chain) -> Upstream {
    Upstream {
        http: chain.anvil.http_url(),
        ws: chain.anvil.ws_url(),
    }
}

/// Two nodes with the same first `common` blocks and then `lengths` blocks of their own.
async fn two_forks(common: u64, lengths: [u64; 2]) -> ([Chain; 2], Address) {
    let mut chains = [Chain::start().await, Chain::start().await];
    let mut token = Address::ZERO;
    for (fork, chain) in chains.iter_mut().enumerate() {
        token = chain.deploy_token().await;
        for block in 1..common {
            chain.transfers(token, block % 3).await;
            chain.mine().await;
        }
        for block in 0..lengths[fork] {
            chain.transfers(token, (block + fork as u64) % 3).await;
            chain.mine_salted(fork as u64).await;
        }
    }
    (chains, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_to_a_sibling_and_back_and_to_a_shorter_chain() {
    let (_server, log) = event_log().await;
    let (chains, token) = two_forks(10, [12, 5]).await;
    for over_ws in [false, true] {
        let proxy = FaultyRpc::start(chains.iter().map(upstream).collect(), 3)
            .await
            .unwrap();
        let url = if over_ws { proxy.ws_url() } else { proxy.http_url() };
        let source = source(&[url], token);
        let mut indexer = Indexer::start(&source, &log);
        for at in [0, 1, 0, 1] {
            proxy.switch_to(at);
            indexer.wait_for_head(&chains[at]).await;
        }
        assert_eq!(
            indexer.status().totals.reverted,
            if over_ws { 5 + 12 + 5 + 12 } else { 12 + 5 + 12 }
        );
        indexer.stop().await;
        assert_canonical(&log, 1, &chains[1], &source).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_a_reorg_of_several_hundred_blocks() {
    let (_server, log) = event_log().await;
    let (chains, token) = two_forks(5, [250, 200]).await;
    let proxy = FaultyRpc::start(chains.iter().map(upstream).collect(), 3)
        .await
        .unwrap();
    let mut source = source(&[proxy.http_url()], token);
    source.finality = Finality::Depth(1_000);
    let mut indexer = Indexer::start(&source, &log);
    for at in [0, 1] {
        proxy.switch_to(at);
        indexer.wait_for_head(&chains[at]).await;
    }
    assert_eq!(indexer.status().totals.reverted, 250);
    indexer.stop().await;
    assert_canonical(&log, 1, &chains[1], &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_two_forks_behind_one_url_end_in_the_one_that_stays() {
    let (_server, log) = event_log().await;
    let (mut chains, token) = two_forks(10, [30, 30]).await;
    let proxy = FaultyRpc::start(chains.iter().map(upstream).collect(), 4)
        .await
        .unwrap();
    proxy.set(Fault::OtherFork, 0.3);
    let source = source(&[proxy.http_url()], token);
    let mut indexer = Indexer::start(&source, &log);
    indexer
        .wait("some blocks", |status| {
            status.totals.blocks > 60 && status.totals.reverted > 0
        })
        .await;
    proxy.heal();
    chains[0].mine().await;
    indexer.wait_for_head(&chains[0]).await;
    indexer.stop().await;
    assert_canonical(&log, 1, &chains[0], &source).await;
    assert!(proxy.struck()[&Fault::OtherFork] > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_reorgs_during_the_backfill() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let mark = chain.snapshot().await;
    for block in 0..120 {
        chain.transfers(token, block % 3).await;
        chain.mine().await;
    }
    let mut source = source(&[chain.anvil.http_url()], token);
    // Small steps, so that the backfill is still going on.
    (source.limits.batch_calls, source.limits.parallel_ranges) = (2, 2);
    let mut indexer = Indexer::start(&source, &log);
    indexer
        .wait("the backfill to begin", |status| status.totals.blocks > 10)
        .await;
    chain.go_back(mark).await;
    for block in 0..130 {
        chain.transfers(token, (block + 1) % 3).await;
        chain.mine_salted(3).await;
    }
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

/// The oracle for factories: a child's logs count from the log that created it on.
async fn assert_canonical_with_children(log: &Arc<dyn EventLog>, chain: &Chain, factory: Address) {
    let mut children: Vec<Address> = Vec::new();
    let everything = chain.canonical(0, &|_, _| true).await;
    let mut expected = everything;
    for block in &mut expected {
        block.logs.retain(|log: &RawLog| {
            if log.address == factory && log.topics[0] == created() {
                children.push(Address::from_word(log.topics[1]));
                return true;
            }
            children.contains(&log.address) && log.topics[0] == TRANSFER
        });
    }
    let reduced = reduce(log, 1).await;
    assert_same(&reduced.blocks, &expected);
    assert!(
        expected
            .iter()
            .any(|block| block.logs.iter().any(|log| log.topics[0] == TRANSFER)),
        "the test has children's logs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_a_reorg_in_the_block_where_a_factory_created_a_contract() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let factory = chain.deploy_factory().await;
    let (first, second) = (chain.deploy_token().await, chain.deploy_token().await);
    let sets = vec![ContractSet::Factory {
        address: factory,
        topic0: created(),
        child_position: ChildPosition::Topic(1),
        child: TokenStandard::Erc20,
    }];
    let mut source = source(&[chain.anvil.ws_url()], factory);
    source.watch = WatchSet::new(sets).unwrap();
    // Before its creation, in the same block before and after it, and later, which the fetcher may have looked at too early.
    chain.transfers(first, 1).await;
    chain.mine().await;
    let mark = chain.snapshot().await;
    chain.transfers(first, 2).await;
    chain.create(factory, first).await;
    chain.transfers(first, 3).await;
    chain.mine().await;
    for _ in 0..40 {
        chain.transfers(first, 1).await;
        chain.transfers(second, 1).await;
        chain.mine().await;
    }
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    assert_canonical_with_children(&log, &chain, factory).await;

    // On the new branch the other contract is created, and the first is no longer watched.
    chain.go_back(mark).await;
    chain.transfers(first, 4).await;
    chain.create(factory, second).await;
    chain.transfers(second, 2).await;
    chain.mine_salted(1).await;
    for _ in 0..42 {
        chain.transfers(first, 1).await;
        chain.transfers(second, 1).await;
        chain.mine().await;
    }
    indexer.wait_for_head(&chain).await;
    assert_canonical_with_children(&log, &chain, factory).await;
    indexer.stop().await;

    // A restart finds the children in the stream.
    chain.transfers(second, 2).await;
    chain.transfers(first, 2).await;
    chain.mine().await;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;
    assert_canonical_with_children(&log, &chain, factory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_below_finality_stops_the_chain_or_begins_a_generation() {
    let (_server, log) = event_log().await;
    let (chains, token) = two_forks(10, [12, 14]).await;
    let proxy = FaultyRpc::start(chains.iter().map(upstream).collect(), 3)
        .await
        .unwrap();
    let mut source = source(&[proxy.http_url()], token);
    source.finality = Finality::Depth(5);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chains[0]).await;
    proxy.switch_to(1);
    let error = indexer.gives_up().await;
    assert!(matches!(error, IndexError::FinalityViolated { .. }), "{error}");
    assert_canonical(&log, 1, &chains[0], &source).await;

    source.on_rewrite = OnRewrite::NewGeneration;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chains[1]).await;
    assert_eq!(indexer.status().generation, 2);
    indexer.stop().await;
    assert_canonical(&log, 1, &chains[0], &source).await;
    assert_canonical(&log, 2, &chains[1], &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_older_is_waited_for() {
    let (_server, log) = event_log().await;
    // The second node has only the common part.
    let (mut chains, token) = two_forks(10, [12, 0]).await;
    let proxy = FaultyRpc::start(chains.iter().map(upstream).collect(), 3)
        .await
        .unwrap();
    let source = source(&[proxy.http_url()], token);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chains[0]).await;
    proxy.switch_to(1);
    indexer
        .wait("the node to be behind", |status| status.phase == Phase::NodeBehind)
        .await;
    assert_eq!(indexer.status().totals.reverted, 0);
    proxy.switch_to(0);
    chains[0].mine().await;
    indexer.wait_for_head(&chains[0]).await;
    assert_eq!(
        indexer.status().totals.reverted,
        0,
        "an older node is no reorganisation"
    );
    indexer.stop().await;
    assert_canonical(&log, 1, &chains[0], &source).await;
}
