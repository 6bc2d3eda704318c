//! A node that lies, throttles and forgets, in front of the whole system (IDX-1, IDX-2).

use anyhow::Result;
use souk_tests::proxy::{Fault, FaultyRpc, Upstream};

use crate::activity::Activity;
use crate::world::{Backend, World};

/// How often each kind of trouble strikes. One that leaves nothing to be known while it strikes is rare.
const FAULTS: [(Fault, f64); 10] = [
    (Fault::PartialReceipts, 0.05),
    (Fault::PartialReceiptLogs, 0.1),
    (Fault::NullReceipts, 0.05),
    (Fault::NullBlocks, 0.02),
    (Fault::WrongHash, 0.02),
    (Fault::OldHead, 0.2),
    (Fault::RateLimit, 0.02),
    (Fault::Garbage, 0.03),
    (Fault::Truncated, 0.03),
    (Fault::ServerError, 0.03),
];

async fn a_lying_node(backend: Backend, seed: u64) -> Result<()> {
    let world = World::start(backend).await?;
    let upstream = Upstream {
        http: world.anvil.http_url(),
        ws: world.anvil.ws_url(),
    };
    let proxy = FaultyRpc::start(vec![upstream], seed).await?;
    let souk = world.souk_behind("lied_to", &proxy.http_url()).await?;
    for (fault, probability) in FAULTS {
        proxy.set(fault, probability);
    }
    Activity::start(&world, 3_000).finished().await?;
    let pool = world.pool().await?;
    let hash = world.settled_hash(&pool).await?;
    let struck = proxy.struck();
    assert!(
        struck.len() > FAULTS.len() / 2,
        "most kinds of trouble struck: {struck:?}"
    );
    assert_eq!(
        hash,
        world.hash_of_indexing_once("once").await?,
        "seed {seed}, {struck:?}"
    );
    souk.stop().await
}

#[tokio::test]
async fn idx_1_idx_2_a_lying_node_leaves_the_state_of_an_honest_one_embedded() -> Result<()> {
    a_lying_node(Backend::Embedded, 1).await
}

#[tokio::test]
async fn idx_1_idx_2_a_lying_node_leaves_the_state_of_an_honest_one_kafka() -> Result<()> {
    a_lying_node(Backend::Kafka, 2).await
}
