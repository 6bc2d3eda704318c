//! Parts whose node is away when they start, and goes away for long while they run: they wait and say so, and need no restart.

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use anyhow::{Result, ensure};
use souk_contracts::{RevenueRouter, TestUSD};
use souk_devstack::{Anvil, AnvilConfig, Gate};

use crate::apart::{Apart, FINALITY};
use crate::program::Part;
use crate::world::{Backend, World, chain_config, send_as, until};

/// Waits until a part says that it waits for its node, which must not end it.
async fn waits(part: &mut Part, who: &str) -> Result<()> {
    let said = part.logged(who).await?;
    ensure!(said.contains("waits for the node"), "{who}{said}");
    Ok(())
}

/// Pays for the first asset, so that somebody is owed something new.
async fn pay(world: &World) -> Result<()> {
    let (payer, amount) = (world.node.get_accounts().await?[9], U256::from(1_000_000));
    let (router, token) = (
        world.deployment.addresses.revenue_router,
        world.deployment.addresses.test_usd,
    );
    let (asset, spender) = (U256::ONE, router);
    let pay = RevenueRouter::payCall {
        assetId: asset,
        token,
        amount,
        reason: 1,
        r#ref: B256::ZERO,
    };
    let approve = TestUSD::approveCall { spender, value: amount };
    ensure!(send_as(&world.node, payer, token, TestUSD::mintCall { to: payer, amount }).await?);
    ensure!(send_as(&world.node, payer, token, approve).await?);
    ensure!(send_as(&world.node, payer, router, pay).await?);
    Ok(())
}

#[tokio::test]
async fn parts_start_without_their_node_and_outlive_its_outages() -> Result<()> {
    let apart = Apart::start(Backend::Embedded).await?;
    let gate = Gate::before(apart.world.anvil.port()).await?;
    gate.shut();
    let (away, rpc) = (gate.ws_url(), apart.world.anvil.http_url());
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let indexed = ["--rpc", &rpc, "--deployment", &deployment, "--finality", FINALITY];
    let index = apart.part("index", &[&indexed[..], &["--start-block", "0"]].concat())?;
    let project = apart.part("project", &[])?;

    let on_chain = ["--rpc", &away, "--deployment", &deployment];
    let settling = [&on_chain[..], &["--finality", FINALITY, "--operator-key-file", &key]].concat();
    let proposing = [&on_chain[..], &["--proposer-key-file", &key, "--epoch-secs", "1"]].concat();
    let mut exchange = apart.part("exchange", &settling)?;
    waits(&mut exchange, "market group 1").await?;
    let mut payouts = apart.part("payouts", &proposing)?;
    waits(&mut payouts, "payout roots of chain 31337").await?;
    let mut observe = apart.part("observe", &["--rpc", &away])?;
    waits(&mut observe, "what attestations say on the chain of ws://127.0.0.1").await?;
    // Whoever waits can be told to end.
    let mut another = apart.part("payouts", &proposing)?;
    waits(&mut another, "payout roots of chain 31337").await?;
    another.stop().await?;

    gate.open();
    observe.logged("the node is there").await?;
    exchange.logged("the exchange runs").await?;
    payouts.logged("payout root ").await?;
    let pool = apart.world.pool().await?;
    until(&pool, "select count(*) > 0 from exchange.fact").await?;
    let serving = ["--rpc", &away, "--cosigner-key-file", &key, "--port", "0"];
    let mut serve = apart.part("serve", &serving)?;
    serve.address().await?;
    serve.stop().await?;

    gate.shut();
    exchange.logged("settlement pauses").await?;
    payouts.logged("payout roots pause").await?;
    // Well beyond what alloy tries by itself.
    gate.turned_away(12).await;
    pay(&apart.world).await?;
    let mut serve = apart.part("serve", &serving)?;
    waits(&mut serve, "serving market group 1").await?;
    gate.open();
    exchange.logged("connected anew").await?;
    payouts.logged("payout root ").await?;
    serve.address().await?;
    serve.stop().await?;
    observe.stop().await?;
    payouts.stop().await?;
    exchange.stop().await?;
    project.stop().await?;
    index.stop().await
}

#[tokio::test]
async fn a_node_of_another_chain_ends_those_who_were_to_use_it() -> Result<()> {
    let apart = Apart::start(Backend::Embedded).await?;
    let other = Anvil::start(&AnvilConfig {
        chain_id: 5,
        ..chain_config()
    })
    .await?;
    let (rpc, wrong) = (apart.world.anvil.http_url(), other.ws_url());
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let indexed = ["--rpc", &rpc, "--deployment", &deployment, "--start-block", "0"];
    let index = apart.part("index", &indexed)?;
    let project = apart.part("project", &[])?;
    let on_chain = ["--rpc", &wrong, "--deployment", &deployment];
    for (name, own) in [("exchange", "--operator-key-file"), ("payouts", "--proposer-key-file")] {
        let part = apart.part(name, &[&on_chain[..], &[own, &key]].concat())?;
        let (code, said) = part.ended().await?;
        let told = said.contains("the node is of chain 5") && said.contains("--rpc at a node of chain 31337");
        assert!(code != 0 && told, "souk {name}: {code}: {said}");
    }
    project.stop().await?;
    index.stop().await
}
