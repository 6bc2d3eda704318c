//! The exchange in processes of its own, with nothing but Kafka and Postgres between them: `souk index`, `souk exchange` and `souk serve`.
//! Markets are listed by an operator's commands; engine and API are killed under way; in the end the books are equal.

use std::path::PathBuf;
use std::time::Duration;

use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use souk_demo::{Family, PlannedMarket, Traded};
use souk_schema::U256;
use tokio_util::task::AbortOnDropHandle;

use crate::exchange::{placed, settled};
use crate::program::{Part, run};
use crate::world::{Backend, DEPLOYER_KEY, World};

/// The demo's seed.
const SEED: u64 = 1;

/// Blocks above one that make it final here.
const FINALITY: &str = "2";

/// A world with the demo economy on its chain, and what every part is told.
struct Apart {
    world: World,
    deployment: PathBuf,
    key: PathBuf,
    store: Vec<String>,
    /// Mines, so that what was sent becomes final.
    _miner: AbortOnDropHandle<()>,
}

impl Apart {
    async fn start() -> Result<Apart> {
        let world = World::start(Backend::Kafka).await?;
        let deployment = world.folder.path().join("contracts.json");
        let key = world.folder.path().join("operator.key");
        std::fs::write(&key, DEPLOYER_KEY.to_string())?;
        let node = world.node.clone();
        let miner = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                // The node is gone at the end of the scenario.
                let _: Result<Value, _> = node.raw_request("evm_mine".into(), Vec::<()>::new()).await;
            }
        });
        let mut store = world.store_arguments(&world.database_url);
        store.extend(["--data-dir".into(), world.data_dir("apart").display().to_string()]);
        let apart = Apart {
            deployment,
            key,
            store,
            world,
            _miner: AbortOnDropHandle::new(miner),
        };
        apart.done("demo", &apart.contracts()).await?;
        Ok(apart)
    }

    /// The chain and what is on it.
    fn contracts(&self) -> Vec<String> {
        let rpc = self.world.anvil.http_url();
        ["--rpc", &rpc, "--deployment", &self.deployment.display().to_string()]
            .map(String::from)
            .to_vec()
    }

    fn part(&self, name: &str, own: &[&str]) -> Result<Part> {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        Part::start(name, &[&self.store[..], &own].concat())
    }

    /// Runs a command that has to succeed; what it printed.
    async fn done(&self, command: &str, own: &[String]) -> Result<String> {
        let words: Vec<&str> = command.split(' ').chain(own.iter().map(String::as_str)).collect();
        let answer = run(&words).await?;
        ensure!(answer.code == 0, "souk {command}: {answer:?}");
        Ok(answer.out)
    }

    /// Lists a planned market as an operator does, and opens it.
    async fn list(&self, planned: &PlannedMarket) -> Result<()> {
        let shares = self.world.deployment.addresses.asset_shares;
        // The demo's assets are the first that this chain has.
        let asset = U256::from(planned.asset) + U256::ONE;
        let base = format!("eip155:{}/erc1155:{shares}/{asset}", self.world.deployment.chain_id);
        let price = planned.price_micros.to_string();
        let key = self.key.display().to_string();
        let own = [
            "--base",
            &base,
            "--price",
            &price,
            "--auction-secs",
            "1",
            "--admin-key-file",
            &key,
        ]
        .map(String::from);
        let own = [&own[..], &self.contracts(), &self.store].concat();
        let printed = self.done("market list --json", &own).await?;
        let market: Value = serde_json::from_str(printed.trim())?;
        let id = market["market"].as_str().context("a market without an id")?;
        let own = [&[id.to_string(), "auction".into()], &self.store[..]].concat();
        self.done("market state", &own).await?;
        Ok(())
    }

    /// Has the demo's traders at work; how many of their orders were taken.
    async fn trade(&self, url: &str, orders: &str) -> Result<u64> {
        let deployment = self.deployment.display().to_string();
        let own = ["--url", url, "--deployment", &deployment, "--orders", orders, "--json"].map(String::from);
        placed(&self.done("demo --trade", &own).await?)
    }
}

#[tokio::test]
async fn led_2_the_exchange_in_processes_of_its_own_settles_and_survives_their_deaths_kafka() -> Result<()> {
    let apart = Apart::start().await?;
    let rpc = apart.world.anvil.http_url();
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let on_chain = ["--rpc", &rpc, "--deployment", &deployment, "--finality", FINALITY];
    let index = apart.part("index", &[&on_chain[..], &["--start-block", "0"]].concat())?;
    let project = apart.part("project", &[])?;
    let mut exchange = apart.part("exchange", &[&on_chain[..], &["--operator-key-file", &key]].concat())?;
    exchange.logged("the exchange runs").await?;
    let mut serve = apart.part("serve", &["--rpc", &rpc, "--cosigner-key-file", &key, "--port", "0"])?;
    let url = serve.address().await?;

    let plan = souk_demo::plan(SEED, &Family::embedded()?)?;
    let of_shares = plan
        .trading
        .markets
        .iter()
        .filter(|planned| planned.traded == Traded::Shares);
    for planned in of_shares.take(2) {
        apart.list(planned).await?;
    }
    assert!(apart.trade(&url, "200").await? > 50);
    let pool = apart.world.pool().await?;
    let fills = settled(&pool).await?;

    // The engine dies with orders in the book and fills on their way; its API goes on, and takes no order that it cannot keep.
    assert!(apart.trade(&url, "100").await? > 20);
    exchange = exchange.killed_and_restarted().await?;
    exchange.logged("the exchange runs").await?;
    serve = serve.killed_and_restarted().await?;
    let url = serve.address().await?;
    assert!(apart.trade(&url, "100").await? > 20);
    assert!(settled(&pool).await? > fills);

    let verify = [&apart.store[..], &apart.contracts()].concat();
    let printed = apart.done("verify exchange", &verify).await?;
    assert!(printed.contains("with the vault, 0 differences"), "LED-2: {printed}");
    serve.stop().await?;
    exchange.stop().await?;
    project.stop().await?;
    index.stop().await
}
