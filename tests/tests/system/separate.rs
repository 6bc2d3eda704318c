//! `souk index`, `souk project` and `souk serve` as processes of their own, with nothing but the log and Postgres between them: each killed
//! in mid-flight, and a reorganisation on top.

use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::activity::Activity;
use crate::program::{Part, ask, run};
use crate::world::{Backend, PATIENCE, World};

/// Waits until the part that serves is at the chain's head.
async fn until_served(world: &World, url: &str) -> Result<()> {
    let served = async {
        loop {
            let head = world.head().await?;
            let chains = ask(url, "{ chains { head { hash } } }").await?;
            if chains["chains"][0]["head"]["hash"] == head.hash.to_string() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, served)
        .await
        .context("not served in time")?
}

async fn one_part_per_process(backend: Backend) -> Result<()> {
    let world = World::start(backend).await?;
    let store = world.store_arguments(&world.database_url);
    let dir = ["--data-dir".to_string(), world.data_dir("parts").display().to_string()];
    let of_index = [&store[..], &world.chain_arguments(&world.anvil.ws_url()), &dir].concat();
    let of_serve = [&store[..], &["--port".into(), "0".into()], &dir].concat();
    let of_project = [&store[..], &dir].concat();
    let mut serve = Part::start("serve", &of_serve)?;
    let mut project = Part::start("project", &of_project)?;
    let mut index = Part::start("index", &of_index)?;
    let url = serve.address().await?;
    let pool = world.pool().await?;
    Activity::seeded(&world, 1, 300).finished().await?;
    world.settled_hash(&pool).await?;
    until_served(&world, &url).await?;

    // Each is killed while transactions come, and goes on from what the others can see.
    let activity = Activity::seeded(&world, 2, 1_500);
    world.moved_on(&pool).await?;
    index = index.killed_and_restarted().await?;
    world.moved_on(&pool).await?;
    project = project.killed_and_restarted().await?;
    world.moved_on(&pool).await?;
    serve = serve.killed_and_restarted().await?;
    activity.finished().await?;
    let url = serve.address().await?;
    world.settled_hash(&pool).await?;
    until_served(&world, &url).await?;

    let _: Value = world
        .node
        .raw_request("anvil_reorg".into(), (20, Vec::<()>::new()))
        .await?;
    let hash = world.settled_hash(&pool).await?;
    until_served(&world, &url).await?;
    assert_eq!(hash, world.hash_of_indexing_once("once").await?);
    let verify = [&["verify".to_string(), "state".into()], &store[..], &dir].concat();
    let answer = run(&verify.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    ensure!(answer.code == 0, "verify state: {answer:?}");

    serve.stop().await?;
    project.stop().await?;
    index.stop().await
}

#[tokio::test]
async fn idx_1_log_2_parts_in_processes_of_their_own_are_one_system_embedded() -> Result<()> {
    one_part_per_process(Backend::Embedded).await
}

#[tokio::test]
async fn idx_1_log_2_parts_in_processes_of_their_own_are_one_system_kafka() -> Result<()> {
    one_part_per_process(Backend::Kafka).await
}
