//! The stream as a thing that outlives its writers: restarts, a second writer, generations, a chain that was reset, a log that goes away.

use souk_adapters::{ContractSet, WatchSet};
use souk_devstack::{AnvilConfig, Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, LogError};
use souk_indexer::{IndexError, OnRewrite};
use sqlx::PgPool;

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_continues_at_the_tail_whatever_was_cut_off() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    for block in 0..150 {
        chain.transfers(token, block % 3).await;
        chain.mine().await;
    }
    let mut source = source(&[chain.anvil.http_url()], token);
    (source.limits.batch_calls, source.limits.append_blocks) = (4, 3);
    for stop_after in [1, 20, 40] {
        let mut indexer = Indexer::start(&source, &log);
        indexer
            .wait("some progress", |status| status.totals.blocks >= stop_after)
            .await;
        indexer.stop().await;
    }
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    let status = indexer.status();
    assert!(status.totals.blocks < 151, "it did not begin anew: {status:?}");
    indexer.stop().await;
    let reduced = assert_canonical(&log, 1, &chain, &source).await;
    assert!(
        reduced.finalized.is_some_and(|finalized| finalized.number == 51),
        "{:?}",
        reduced.finalized
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_fences_the_first() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let source = source(&[chain.anvil.http_url()], token);
    let mut first = Indexer::start(&source, &log);
    first.wait_for_head(&chain).await;
    let mut second = Indexer::start(&source, &log);
    second.wait_for_head(&chain).await;
    chain.transfers(token, 1).await;
    chain.mine().await;
    let error = first.gives_up().await;
    assert!(
        matches!(
            error,
            IndexError::Log {
                source: LogError::Fenced { .. },
                ..
            }
        ),
        "{error}"
    );
    second.wait_for_head(&chain).await;
    second.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_watch_set_is_another_generation_beside_the_old_one() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let (token, other) = (chain.deploy_token().await, chain.deploy_token().await);
    chain.transfers(token, 2).await;
    chain.transfers(other, 3).await;
    chain.mine().await;
    let one = source(&[chain.anvil.http_url()], token);
    let mut both = one.clone();
    both.watch = WatchSet::new(vec![
        ContractSet::Erc20 { address: token },
        ContractSet::Erc20 { address: other },
    ])
    .unwrap();
    for (source, generation) in [(&one, 1), (&one, 1), (&both, 2), (&both, 2)] {
        let mut indexer = Indexer::start(source, &log);
        indexer.wait_for_head(&chain).await;
        assert_eq!(indexer.status().generation, generation);
        indexer.stop().await;
    }
    assert_canonical(&log, 1, &chain, &one).await;
    assert_canonical(&log, 2, &chain, &both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_reset_is_reported_or_indexed_beside() {
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let mut source = source(&[chain.anvil.http_url()], token);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;

    // Another chain with the same id and another genesis block.
    let config = AnvilConfig {
        genesis_timestamp_secs: Some(1_700_000_000),
        ..Default::default()
    };
    let mut anew = Chain::start_with(config).await;
    anew.deploy_token().await;
    source.endpoints = vec![anew.anvil.http_url().parse().unwrap()];
    let error = Indexer::start(&source, &log).gives_up().await;
    assert!(matches!(error, IndexError::ChainReset { .. }), "{error}");
    assert!(
        error.to_string().contains("new_generation"),
        "it says what to do: {error}"
    );

    source.on_rewrite = OnRewrite::NewGeneration;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&anew).await;
    assert_eq!(indexer.status().generation, 2);
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
    assert_canonical(&log, 2, &anew, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_2_a_log_that_goes_away_and_comes_back_loses_nothing() {
    let mut server = Postgres::start(&PostgresConfig::throw_away()).await.unwrap();
    let url = server.create_database("log").await.unwrap();
    let log = EmbeddedLog::connect(PgPool::connect(&url).await.unwrap())
        .await
        .unwrap();
    let log: std::sync::Arc<dyn EventLog> = std::sync::Arc::new(log);
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let source = source(&[chain.anvil.ws_url()], token);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    for _ in 0..3 {
        server.kill9().await;
        chain.transfers(token, 2).await;
        chain.mine_empty(3).await;
        indexer.wait("trouble", |status| status.last_error.is_some()).await;
        server.restart().await.unwrap();
        indexer.wait_for_head(&chain).await;
    }
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}
