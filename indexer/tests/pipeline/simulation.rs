//! A seeded life of a chain: blocks, reorganisations, restarts, lies and dropped sockets in random order, and then the stream has to be
//! the canonical chain (IDX-1). `SOUK_SIMULATION_SEED` runs one seed; the seed is printed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use souk_indexer::Finality;

use crate::chain::{Chain, SENDER};
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
    for _ in 0..STEPS {
        match random.random_range(0..12) {
            0 | 1 => marks.push(chain.snapshot().await),
            // A mark is used up, and so are those after it.
            2 | 3 if !marks.is_empty() => {
                let at = random.random_range(0..marks.len());
                let mark = marks.drain(at..).next().unwrap();
                chain.go_back(mark).await;
                // No block before was like this one, so that it is a reorganisation and not an older head of ours.
                chain.send(Some(SENDER), random.random::<[u8; 8]>().to_vec()).await;
                for _ in 0..random.random_range(1..8) {
                    chain.transfers(token, random.random_range(0..4)).await;
                    chain.mine().await;
                }
                indexer.wait_for_head(&chain).await;
            }
            4 => {
                indexer.stop().await;
                indexer = Indexer::start(&source, &log);
            }
            5 => proxy.drop_sockets(),
            6 => proxy.set(LIES[random.random_range(0..LIES.len())], random.random_range(0.0..0.1)),
            7 => indexer.wait_for_head(&chain).await,
            _ => {
                for _ in 0..random.random_range(1..6) {
                    chain.transfers(token, random.random_range(0..5)).await;
                    chain.mine().await;
                }
            }
        }
    }
    proxy.heal();
    chain.mine().await;
    indexer.wait_for_head(&chain).await;
    indexer.stop().await;
    let reduced = assert_canonical(&log, 1, &chain, &source).await;
    assert!(
        !reduced.reverted.is_empty(),
        "a life without reorganisations shows little"
    );
    eprintln!(
        "{} records, {} blocks reverted, struck: {:?}",
        reduced.records,
        reduced.reverted.len(),
        proxy.struck()
    );
}
