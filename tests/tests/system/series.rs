//! Licence series on the exchange, on a real chain: one that is revoked halts its market, one that ends closes it a settlement grace before.
//! Time is the dev chain's, which the exchange of `souk up` follows.

use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use souk_contracts::AssetRegistry;
use souk_contracts::LicenseRegistry::{self, revokeCall};

use crate::exchange::{settled, trade, verified};
use crate::program::{Souk, ask};
use crate::trader::{Trader, licence_market, state_of};
use crate::world::{Demo, send_as, until};

/// Seconds of settlement grace on the dev chain.
const GRACE_SECS: u64 = 3_600;

/// The dev chain behind a running demo.
struct DevChain {
    node: DynProvider,
    vault: Address,
    licences: Address,
    assets: Address,
}

impl DevChain {
    async fn of(demo: &Demo) -> Result<DevChain> {
        let instance: Value = serde_json::from_slice(&std::fs::read(format!("{}/instance.json", demo.dir))?)?;
        let chain = &instance["dev_chain"];
        let address = |name: &str| -> Result<Address> {
            let found = chain["deployment"]["addresses"][name].as_str();
            Ok(found.with_context(|| format!("no {name} in {chain}"))?.parse()?)
        };
        let rpc = chain["rpc"].as_str().context("no node")?;
        Ok(DevChain {
            node: ProviderBuilder::new().connect(rpc).await?.erased(),
            vault: address("exchange_vault")?,
            licences: address("license_registry")?,
            assets: address("asset_registry")?,
        })
    }

    /// Moves the chain's clock, and with it the exchange's.
    async fn forward(&self, secs: u64) -> Result<()> {
        let _: Value = self.node.raw_request("evm_increaseTime".into(), [secs]).await?;
        let _: Value = self.node.raw_request("evm_mine".into(), ()).await?;
        Ok(())
    }

    async fn now_secs(&self) -> Result<u64> {
        let _: Value = self.node.raw_request("evm_mine".into(), ()).await?;
        let block = self.node.get_block_by_number(Default::default()).await?;
        Ok(block.context("no block")?.header.timestamp)
    }
}

/// Waits until engine time has come so far.
async fn engine_at(souk: &Souk, secs: u64) -> Result<()> {
    let reached = async {
        loop {
            let groups = ask(&souk.url, "{ marketGroups { time } }").await?;
            let time: u64 = groups["marketGroups"][0]["time"]
                .to_string()
                .trim_matches('"')
                .parse()?;
            if time >= secs * 1_000 {
                return Ok::<(), anyhow::Error>(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, reached)
        .await
        .context("the exchange does not follow the chain's clock")?
}

async fn status_of(demo: &Demo, trader: &Trader, nonce: u64) -> Result<String> {
    let status = sqlx::query_scalar(
        "select status from exchange.exchange_order o join exchange.account a on a.group_id = o.group_id and a.id = o.account
         where a.address = $1 and o.nonce = $2::numeric",
    );
    let status = status.bind(trader.account.address().to_vec()).bind(nonce.to_string());
    Ok(status.fetch_one(&demo.pool).await?)
}

#[tokio::test]
async fn a_revoked_series_halts_its_market_and_orders_can_only_be_taken_back() -> Result<()> {
    let demo = Demo::prepare().await?;
    let souk = demo.start().await?;
    let chain = DevChain::of(&demo).await?;
    trade(&demo.dir, "150").await?;
    let (market, series, _) = licence_market(&souk.url).await?;
    let mut trader = Trader::maker(&souk.url, chain.vault, 0).await?;
    let expiry = chain.now_secs().await? + 3_000;
    let resting = trader.sell(market, market.price_ticks * 12 / 10, expiry).await?;
    let Ok(resting) = resting else {
        anyhow::bail!("not placed: {resting:?}")
    };

    let series: U256 = series.parse()?;
    let licences = LicenseRegistry::new(chain.licences, &chain.node);
    let asset = licences.seriesOf(series).call().await?.assetId;
    let owner = AssetRegistry::new(chain.assets, &chain.node)
        .ownerOf(asset)
        .call()
        .await?;
    let revoke = revokeCall {
        licenseId: series,
        reason: "breach".into(),
    };
    assert!(
        send_as(&chain.node, owner, chain.licences, revoke).await?,
        "the owner may revoke"
    );

    let of_series =
        "select state = 'halted' and state_cause = 'series_revoked' from exchange.market where kind = 'licence'";
    until(&demo.pool, of_series).await?;
    assert_eq!(state_of(&souk.url, market.units.market).await?, "HALTED");
    let open: i64 = sqlx::query_scalar("select count(*) from exchange.market where kind = 'shares' and state = 'open'")
        .fetch_one(&demo.pool)
        .await?;
    assert!(open > 1, "markets of shares trade on");

    // What rests stays, and is its account's to take back; nothing new is taken.
    assert_eq!(status_of(&demo, &trader, resting).await?, "open");
    let refused = trader.sell(market, market.price_ticks, expiry).await?;
    assert_eq!(refused, Err("MARKET_NOT_TAKING".into()));
    assert_eq!(trader.cancel(resting).await?, None, "cancels are taken");
    settled(&demo.pool).await?;
    verified(&demo.dir).await?;
    souk.stop().await
}

#[tokio::test]
async fn a_licence_market_closes_by_itself_a_settlement_grace_before_its_series_ends() -> Result<()> {
    let demo = Demo::prepare().await?;
    let souk = demo.start().await?;
    let chain = DevChain::of(&demo).await?;
    trade(&demo.dir, "100").await?;
    settled(&demo.pool).await?;
    let (market, _, ends_at) = licence_market(&souk.url).await?;
    let closes_at = ends_at - GRACE_SECS;

    // A few minutes before, it trades as ever.
    const BEFORE_SECS: u64 = 300;
    let now = chain.now_secs().await?;
    ensure!(closes_at > now + BEFORE_SECS, "the series ends too soon");
    chain.forward(closes_at - BEFORE_SECS - now).await?;
    engine_at(&souk, closes_at - BEFORE_SECS).await?;
    assert_eq!(state_of(&souk.url, market.units.market).await?, "OPEN");
    let mut trader = Trader::maker(&souk.url, chain.vault, 0).await?;
    let resting = trader
        .sell(market, market.price_ticks * 11 / 10, ends_at + 3_600)
        .await?;
    let Ok(resting) = resting else {
        anyhow::bail!("not placed: {resting:?}")
    };
    assert_eq!(state_of(&souk.url, market.units.market).await?, "OPEN");

    chain.forward(BEFORE_SECS).await?;
    let closed = "select state = 'closed' and state_cause = 'series_ends' from exchange.market where kind = 'licence'";
    until(&demo.pool, closed).await?;
    assert_eq!(state_of(&souk.url, market.units.market).await?, "CLOSED");
    assert_eq!(status_of(&demo, &trader, resting).await?, "market_closed");
    let refused = trader.sell(market, market.price_ticks, ends_at).await?;
    assert_eq!(refused, Err("MARKET_NOT_TAKING".into()));
    let open: i64 = sqlx::query_scalar("select count(*) from exchange.market where kind = 'shares' and state = 'open'")
        .fetch_one(&demo.pool)
        .await?;
    assert!(open > 1, "markets of shares trade on");
    verified(&demo.dir).await?;
    souk.stop().await
}
