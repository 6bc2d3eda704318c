//! The exchange in processes of its own, with nothing but Kafka and Postgres between them: `souk index`, `souk exchange` and `souk serve`.
//! Markets are listed by an operator's commands; engine and API are killed under way; in the end the books are equal.

use anyhow::{Context, Result};
use serde_json::Value;
use souk_demo::{Family, PlannedMarket, Traded};
use souk_schema::U256;

use crate::apart::Apart;
use crate::exchange::{placed, settled};
use crate::world::Backend;

/// The demo's seed.
const SEED: u64 = 1;

impl Apart {
    /// Lists a planned market as an operator does, and opens it.
    pub async fn list(&self, planned: &PlannedMarket) -> Result<()> {
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
    pub async fn trade(&self, url: &str, orders: &str) -> Result<u64> {
        let deployment = self.deployment.display().to_string();
        let own = ["--url", url, "--deployment", &deployment, "--orders", orders, "--json"].map(String::from);
        placed(&self.done("demo --trade", &own).await?)
    }
}

#[tokio::test]
async fn led_2_the_exchange_in_processes_of_its_own_settles_and_survives_their_deaths_kafka() -> Result<()> {
    let apart = Apart::start(Backend::Kafka).await?;
    let mut parts = apart.parts().await?;

    let plan = souk_demo::plan(SEED, &Family::embedded()?)?;
    let of_shares = plan
        .trading
        .markets
        .iter()
        .filter(|planned| planned.traded == Traded::Shares);
    for planned in of_shares.take(2) {
        apart.list(planned).await?;
    }
    assert!(apart.trade(&parts.url, "200").await? > 50);
    let pool = apart.world.pool().await?;
    let fills = settled(&pool).await?;

    // Engine and API die with orders in the book and fills on their way.
    assert!(apart.trade(&parts.url, "100").await? > 20);
    parts.exchange = parts.exchange.killed_and_restarted().await?;
    parts.exchange.logged("the exchange runs").await?;
    parts.serve = parts.serve.killed_and_restarted().await?;
    parts.url = parts.serve.address().await?;
    assert!(apart.trade(&parts.url, "100").await? > 20);
    assert!(settled(&pool).await? > fills);

    apart.verified().await?;
    parts.stop().await
}
