//! Reorganisations of the whole system, the siblings' economies real: what was dropped leaves no trace, what took its place is all there.

use alloy::primitives::B256;
use alloy::providers::Provider;
use anyhow::Result;

use crate::activity::Activity;
use crate::world::{Backend, World};

async fn siblings(backend: Backend) -> Result<()> {
    let world = World::start(backend).await?;
    let souk = world.souk("reorg").await?;
    let pool = world.pool().await?;
    let mut seen: Vec<B256> = Vec::new();
    Activity::seeded(&world, 1, 600).finished().await?;
    seen.push(world.settled_hash(&pool).await?);

    // A branch that is dropped for a sibling, and then back to the first one's contents in other blocks.
    for (dropped, kept) in [(2, 20), (2, 21)] {
        let mark: String = world.node.raw_request("evm_snapshot".into(), ()).await?;
        Activity::seeded(&world, dropped, 400).finished().await?;
        seen.push(world.settled_hash(&pool).await?);
        let reverted: bool = world.node.raw_request("evm_revert".into(), [mark]).await?;
        assert!(reverted);
        // Other transactions on top of the common block, so that the new branch ends above the old one.
        Activity::seeded(&world, kept, 500).finished().await?;
        seen.push(world.settled_hash(&pool).await?);
        assert_eq!(
            seen.last(),
            Some(&world.hash_of_indexing_once(&format!("once_{kept}")).await?)
        );
    }

    // The last blocks again, without their transactions.
    let _: serde_json::Value = world
        .node
        .raw_request("anvil_reorg".into(), (20, Vec::<()>::new()))
        .await?;
    seen.push(world.settled_hash(&pool).await?);
    assert_eq!(seen.last(), Some(&world.hash_of_indexing_once("once_empty").await?));
    let distinct = seen.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(distinct, seen.len(), "every branch left a state of its own: {seen:?}");
    souk.stop().await
}

#[tokio::test]
async fn idx_1_siblings_leave_the_state_of_indexing_the_last_one_once_embedded() -> Result<()> {
    siblings(Backend::Embedded).await
}

#[tokio::test]
async fn idx_1_siblings_leave_the_state_of_indexing_the_last_one_once_kafka() -> Result<()> {
    siblings(Backend::Kafka).await
}
