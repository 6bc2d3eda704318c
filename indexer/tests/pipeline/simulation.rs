//! A seeded life of a chain: blocks, reorganisations, restarts, lies and dropped sockets in random order, and then the stream has to be
//! the canonical chain (IDX-1). `SOUK_SIMULATION_SEED` runs one seed; the seed is printed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use souk_indexer::Finality;

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;
use crate::proxy::{Fault, FaultyRpc, Upstream};

/// What a node may do to us at any time; more than a few percent of each only makes it slow.
const LIES: [Fault; 9] = [
    Fault::NullReceipts,
    Fault::PartialReceipts,
    Fault::PartialReceiptLogs,
    Fault::NullBlocks,
    Fault::WrongHash,
    Fault::OldHead,
    Fault::RateLimit,
    Fault::ServerError,
    Fault::Truncated,
];

const STEPS: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn idx_1_simulation() {
    let seeds = match std::env::var("SOUK_SIMULATION_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        Some(seed) => vec![seed],
        None => vec![11, 12, 13],
    };
    for seed in seeds {
        eprintln!("seed {seed}");
        simulate(seed).await;
    }
}

async fn simulate(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (_server, log) = event_log().await;
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let upstream = Upstream {
        http: chain.anvil.http_url(),
        ws: chain.anvil.ws_url(),
    };
    let proxy = FaultyRpc::start(vec![upstream], seed).await.unwrap();
    let mut source = source(&[proxy.http_url(), proxy.ws_url()], token);
    source.limits.request_timeout_secs = 1;
    source.finality = Finality::Depth(1_000);
    let mut indexer = Indexer::start(&source, &log);
    let mut marks: Vec<(Value, u64)> = Vec::new();
    for step in 0..STEPS {
        match random.random_range(0..10) {
            0 => marks.push(chain.snapshot().await),
            // A mark is used up, and so are those after it.
            1 if !marks.is_empty() => {
                let at = random.random_range(0..marks.len());
                let mark = marks.drain(at..).next().unwrap();
                chain.go_back(mark).await;
                for _ in 0..random.random_range(0..8) {
                    chain.transfers(token, random.random_range(0..4)).await;
                    chain.mine_salted(1 + u64::from(step % 8)).await;
                }
            }
            2 => {
                indexer.stop().await;
                indexer = Indexer::start(&source, &log);
            }
            3 => proxy.drop_sockets(),
            4 => proxy.set(LIES[random.random_range(0..LIES.len())], random.random_range(0.0..0.1)),
            5 => indexer.wait("anything", |status| status.tail.is_some()).await,
            _ => {
                for _ in 0..random.random_range(1..6) {
                    chain.transfers(token, random.random_range(0..5)).await;
                    chain.mine().await;
                }
            }
        }
    }
    proxy.heal();
    // Above every block there ever was, so that it is not an older head of ours.
    chain.mine_empty(1).await;
    indexer.wait_for_head(&chain).await;
    let reverted = indexer.status().totals.reverted;
    indexer.stop().await;
    let reduced = assert_canonical(&log, 1, &chain, &source).await;
    eprintln!(
        "{} records, {reverted} blocks reverted in the last run, struck: {:?}",
        reduced.records,
        proxy.struck()
    );
}
