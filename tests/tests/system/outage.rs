//! Postgres and Kafka killed and started again in mid-flight.

use std::time::Duration;

use anyhow::Result;

use crate::activity::Activity;
use crate::world::{Backend, World};

/// How often a part goes down.
const OUTAGES: usize = 3;

#[tokio::test]
async fn idx_1_log_2_a_database_that_dies_and_comes_back_loses_nothing() -> Result<()> {
    let mut world = World::start(Backend::Embedded).await?;
    let souk = world.souk("outage").await?;
    let activity = Activity::start(&world, 6_000);
    for _ in 0..OUTAGES {
        tokio::time::sleep(Duration::from_millis(700)).await;
        world.postgres.kill9().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.postgres.restart().await?;
    }
    activity.finished().await?;
    let hash = world.settled_hash(&world.pool().await?).await?;
    assert_eq!(hash, world.hash_of_indexing_once("once").await?);
    souk.stop().await
}

#[tokio::test]
async fn idx_1_log_2_a_broker_that_dies_and_comes_back_loses_nothing() -> Result<()> {
    let mut world = World::start(Backend::Kafka).await?;
    let souk = world.souk("outage").await?;
    let activity = Activity::start(&world, 6_000);
    for _ in 0..OUTAGES {
        tokio::time::sleep(Duration::from_millis(700)).await;
        if let Some(kafka) = &mut world.kafka {
            kafka.kill9().await;
            kafka.restart().await?;
        }
    }
    activity.finished().await?;
    let hash = world.settled_hash(&world.pool().await?).await?;
    assert_eq!(hash, world.hash_of_indexing_once("once").await?);
    souk.stop().await
}
