//! IDX-1 and IDX-2 against a node that lies, throttles and forgets: each fault alone, all at once, on both transports.

use souk_indexer::{IndexError, ProofPolicy};

use crate::chain::Chain;
use crate::harness::{Indexer, assert_canonical, source};
use crate::postgres::event_log;
use crate::proxy::{Fault, FaultyRpc, Upstream};

fn upstream(chain: &Chain) -> Upstream {
    Upstream {
        http: chain.anvil.http_url(),
        ws: chain.anvil.ws_url(),
    }
}

/// A chain with logs in most blocks, of one token and of one that is not watched.
async fn busy_chain(blocks: u64) -> (Chain, alloy_primitives::Address) {
    let mut chain = Chain::start().await;
    let token = chain.deploy_token().await;
    let other = chain.deploy_token().await;
    for block in 0..blocks {
        chain.transfers(token, block % 3).await;
        chain.transfers(other, 1).await;
        chain.mine().await;
    }
    (chain, token)
}

/// Indexes through the proxy with this fault, some blocks of backfill and some live ones; the stream has to be right nevertheless.
async fn survive(faults: &[(Fault, f64)], proof: ProofPolicy, over_ws: bool, seed: u64) {
    eprintln!("seed {seed}, faults {faults:?}, {proof:?}");
    let (_server, log) = event_log().await;
    let (mut chain, token) = busy_chain(25).await;
    let proxy = FaultyRpc::start(vec![upstream(&chain)], seed).await.unwrap();
    for (fault, probability) in faults {
        proxy.set(*fault, *probability);
    }
    let url = if over_ws { proxy.ws_url() } else { proxy.http_url() };
    let mut source = source(&[url], token);
    source.proof = proof;
    source.limits.request_timeout_secs = 1;
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    for _ in 0..5 {
        chain.transfers(token, 2).await;
        chain.mine().await;
        indexer.wait_for_head(&chain).await;
    }
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
    let struck = proxy.struck();
    // Of many at once each is rare; alone, it has to have struck or the test shows nothing.
    let strikes: u64 = faults.iter().filter_map(|(fault, _)| struck.get(fault)).sum();
    assert!(
        strikes >= faults.len() as u64,
        "the faults hardly struck: {struck:?} in {} requests",
        proxy.requests()
    );
}

macro_rules! survives {
    ($($name:ident: $fault:ident $probability:literal $proof:ident $over_ws:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                survive(&[(Fault::$fault, $probability)], ProofPolicy::$proof, $over_ws, 7).await;
            }
        )*
    };
}

survives! {
    idx_2_null_receipts: NullReceipts 0.3 Receipts false;
    idx_2_partial_receipts: PartialReceipts 0.3 Receipts false;
    idx_2_receipts_that_lack_a_log: PartialReceiptLogs 0.3 Receipts false;
    idx_2_headers_with_wrong_hashes: WrongHash 0.15 Receipts false;
    null_blocks: NullBlocks 0.15 Receipts false;
    heads_that_go_backwards: OldHead 0.5 Receipts false;
    batch_limits_in_several_wordings: BatchLimit 1.0 Receipts false;
    rate_limits_in_several_wordings: RateLimit 0.1 Receipts false;
    a_node_without_block_receipts: NoBlockReceipts 1.0 Receipts false;
    a_node_that_hangs: Hang 0.1 Receipts false;
    garbage: Garbage 0.3 Receipts false;
    truncated_json: Truncated 0.3 Receipts false;
    server_errors: ServerError 0.3 Receipts false;
    dropped_sockets: DroppedSocket 0.05 Receipts true;
    garbage_over_a_socket: Garbage 0.05 Receipts true;
    a_node_that_hangs_over_a_socket: Hang 0.05 Receipts true;
    rate_limits_over_a_socket: RateLimit 0.05 Receipts true;
    empty_logs_that_the_bloom_gives_away: EmptyLogs 0.1 Logs false;
    logs_of_another_fork: ForeignLogs 0.3 Logs false;
    removed_logs: RemovedLogs 0.3 Logs false;
    range_limits_in_several_wordings: RangeLimit 1.0 Logs false;
}

#[tokio::test(flavor = "multi_thread")]
async fn idx_2_everything_at_once() {
    for (seed, over_ws) in [(1, false), (2, true)] {
        let mut faults = vec![
            (Fault::NullReceipts, 0.05),
            (Fault::PartialReceipts, 0.05),
            (Fault::PartialReceiptLogs, 0.1),
            (Fault::NullBlocks, 0.02),
            (Fault::WrongHash, 0.02),
            (Fault::RateLimit, 0.02),
            (Fault::OldHead, 0.2),
        ];
        if over_ws {
            faults.push((Fault::DroppedSocket, 0.02));
        } else {
            faults.extend([
                (Fault::Garbage, 0.05),
                (Fault::Truncated, 0.05),
                (Fault::ServerError, 0.05),
                (Fault::BatchLimit, 0.2),
            ]);
        }
        survive(&faults, ProofPolicy::Receipts, over_ws, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_endpoint_takes_over_and_a_wrong_chain_is_refused() {
    let (_server, log) = event_log().await;
    let (mut chain, token) = busy_chain(10).await;
    let stranger = Chain::start_with(souk_devstack::AnvilConfig {
        chain_id: 5,
        ..Default::default()
    })
    .await;
    let proxies = [
        FaultyRpc::start(vec![upstream(&chain)], 1).await.unwrap(),
        FaultyRpc::start(vec![upstream(&chain)], 2).await.unwrap(),
    ];
    let urls = [stranger.anvil.http_url(), proxies[0].http_url(), proxies[1].ws_url()];
    let source = source(&urls, token);
    let mut indexer = Indexer::start(&source, &log);
    indexer.wait_for_head(&chain).await;
    for down in [0, 1, 0, 1] {
        proxies[down].set_down(true);
        proxies[1 - down].set_down(false);
        chain.transfers(token, 1).await;
        chain.mine().await;
        indexer.wait_for_head(&chain).await;
    }
    let status = indexer.status();
    assert_eq!(
        status.endpoints[0].state,
        souk_indexer::EndpointState::Refused,
        "{status:?}"
    );
    indexer.stop().await;
    assert_canonical(&log, 1, &chain, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_all_refuse_end_it() {
    let (_server, log) = event_log().await;
    let stranger = Chain::start_with(souk_devstack::AnvilConfig {
        chain_id: 5,
        ..Default::default()
    })
    .await;
    let source = source(&[stranger.anvil.http_url()], Default::default());
    let error = Indexer::start(&source, &log).gives_up().await;
    assert!(matches!(error, IndexError::NoEndpoint { .. }), "{error}");
    assert!(error.to_string().contains("chain 5 instead of 31337"), "{error}");
}
