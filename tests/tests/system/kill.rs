//! `kill -9` at random points, again and again: nothing is lost, nothing is applied twice.

use std::time::Duration;

use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::activity::Activity;
use crate::world::{Backend, World, spawn_up};

/// How often the program is killed.
const KILLS: usize = 20;

async fn kill_again_and_again(backend: Backend, seed: u64) -> Result<()> {
    let world = World::start(backend).await?;
    let activity = Activity::start(&world, 6_000);
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut arguments = world.arguments(&world.database_url, &world.anvil.ws_url());
    arguments.extend(["--data-dir".into(), world.data_dir("killed").display().to_string()]);
    for _ in 0..KILLS {
        let mut child = spawn_up(&arguments)?;
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..1_500))).await;
        child.start_kill()?;
        child.wait().await?;
    }
    activity.finished().await?;
    let souk = world.souk("killed").await?;
    let pool = world.pool().await?;
    let hash = world.settled_hash(&pool).await?;
    assert_eq!(
        hash,
        world.hash_of_indexing_once("once").await?,
        "seed {seed}, {backend:?}"
    );
    souk.stop().await
}

#[tokio::test]
async fn idx_1_log_2_twenty_kills_leave_the_state_of_indexing_once_embedded() -> Result<()> {
    kill_again_and_again(Backend::Embedded, 1).await
}

#[tokio::test]
async fn idx_1_log_2_twenty_kills_leave_the_state_of_indexing_once_kafka() -> Result<()> {
    kill_again_and_again(Backend::Kafka, 2).await
}
