//! Two writers on one stream: the later one takes over, the earlier one stops and says so (LOG-2).

use anyhow::Result;

use crate::activity::Activity;
use crate::world::{Backend, World};

async fn a_second_indexer(backend: Backend) -> Result<()> {
    let world = World::start(backend).await?;
    let first = world.souk("first").await?;
    Activity::seeded(&world, 1, 300).finished().await?;
    let second = world.souk("second").await?;
    // The first one learns of it with the next block that it has to write.
    Activity::seeded(&world, 2, 300).finished().await?;
    let code = first.ended().await?;
    assert_ne!(code, 0, "the first one ends with an error");
    let pool = world.pool().await?;
    let hash = world.settled_hash(&pool).await?;
    assert_eq!(hash, world.hash_of_indexing_once("once").await?);
    second.stop().await
}

#[tokio::test]
async fn log_2_a_second_indexer_takes_the_stream_over_embedded() -> Result<()> {
    a_second_indexer(Backend::Embedded).await
}

#[tokio::test]
async fn log_2_a_second_indexer_takes_the_stream_over_kafka() -> Result<()> {
    a_second_indexer(Backend::Kafka).await
}
