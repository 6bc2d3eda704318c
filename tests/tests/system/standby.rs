//! What an operator does with an exchange in processes of its own: a standby takes over from a primary that is killed, a second group on the
//! same vault is refused, rules are changed, the vault is told of a token, and any server tells whether the books are equal.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use souk_contracts::TestUSD;
use souk_demo::{Family, Traded};

use crate::apart::{Apart, FINALITY};
use crate::exchange::settled;
use crate::program::{ask, run};
use crate::world::{Backend, PATIENCE, node_of};

/// The demo's seed.
const SEED: u64 = 1;

/// Asks a server until both comparisons of the books went well at a command beyond this one; the newest command that was compared.
async fn reconciled(url: &str, beyond: i64) -> Result<i64> {
    let query =
        "{ reconciliation { books isEqual commandNumber blockNumber compared differences { what } failingSince } }";
    let asking = async {
        loop {
            let found = ask(url, query).await?;
            let rows = found["reconciliation"].as_array().context("no list")?.clone();
            let done = |row: &&Value| row["isEqual"] == true && row["commandNumber"].as_i64() > Some(beyond);
            if let [engine, vault] = &rows.iter().filter(done).collect::<Vec<_>>()[..] {
                ensure!(engine["books"] == "ENGINE" && vault["blockNumber"].is_i64(), "{rows:?}");
                return Ok(engine["commandNumber"]
                    .as_i64()
                    .max(vault["commandNumber"].as_i64())
                    .unwrap_or(0));
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .context("the books were not compared")?
}

/// Rules change for every engine; the vault is told of a token once.
async fn rules_and_tokens(apart: &Apart, url: &str, key: &str) -> Result<()> {
    let rpc = apart.world.anvil.http_url();
    let deployment = apart.deployment.display().to_string();
    let shown = ask(
        url,
        "{ markets(first: 1) { nodes { marketId fees { takerPpm royaltyPpm } } } }",
    )
    .await?;
    let market = shown["markets"]["nodes"][0].clone();
    let id = market["marketId"].as_str().context("no market")?.to_string();
    let rules = [&[id, "--taker-ppm".into(), "777".into()], &apart.store[..]].concat();
    apart.done("market rules", &rules).await?;
    let changed = async {
        loop {
            let shown = ask(url, "{ markets(first: 1) { nodes { fees { takerPpm royaltyPpm } } } }").await?;
            let fees = shown["markets"]["nodes"][0]["fees"].clone();
            if fees["takerPpm"] == 777 {
                return Ok::<Value, anyhow::Error>(fees);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let fees = tokio::time::timeout(PATIENCE, changed)
        .await
        .context("the rules stay as they are")??;
    ensure!(
        fees["royaltyPpm"] == market["fees"]["royaltyPpm"],
        "what is not named stays: {fees}"
    );
    let token = apart.world.deployment.addresses.test_usd.to_string();
    let listing = [
        &[token.clone(), "--admin-key-file".into(), key.into()],
        &apart.contracts()[..],
    ]
    .concat();
    let said = apart.done("market token", &listing).await?;
    ensure!(said.contains("took") && said.contains("6 decimals"), "{said}");
    // By a node of its own: the vault's owner has sent transactions that the world's does not know of.
    let fresh = TestUSD::deploy(node_of(&apart.world.anvil).await?).await?;
    let fresh = fresh.address().to_string();
    for (said_now, words) in [("takes", "6 decimals"), ("took", "6 decimals")] {
        let listing = [
            &[fresh.clone(), "--admin-key-file".into(), key.into()],
            &apart.contracts()[..],
        ]
        .concat();
        let said = apart.done("market token", &listing).await?;
        ensure!(said.contains(said_now) && said.contains(words), "{said}");
    }
    let other = apart.world.deployment.addresses.asset_registry.to_string();
    let words = [
        &["market", "token", &other, "--admin-key-file", key][..],
        &["--rpc", &rpc, "--deployment", &deployment],
    ]
    .concat();
    let refused = run(&words).await?;
    ensure!(refused.code != 0 && refused.err.contains("the token"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn led_2_a_standby_takes_over_from_a_primary_that_is_killed_and_the_books_stay_equal() -> Result<()> {
    let apart = Apart::start(Backend::Embedded).await?;
    let rpc = apart.world.anvil.http_url();
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let on_chain = ["--rpc", &rpc, "--deployment", &deployment, "--finality", FINALITY];
    let index = apart.part("index", &[&on_chain[..], &["--start-block", "0"]].concat())?;
    let project = apart.part("project", &[])?;
    let own = [&on_chain[..], &["--operator-key-file", &key]].concat();
    let mut first = apart.part("exchange", &own)?;
    first.logged("the exchange runs").await?;

    // The vault has its group.
    let (code, said) = apart
        .part("exchange", &[&own[..], &["--group", "2"]].concat())?
        .ended()
        .await?;
    ensure!(
        code != 0 && said.contains("market group 1 has the vault"),
        "{code}: {said}"
    );

    let standing_by = [&own[..], &["--standby", "--takeover-after", "3"]].concat();
    let mut second = apart.part("exchange", &standing_by)?;
    second.logged("the exchange stands by").await?;
    let mut serve = apart.part("serve", &["--rpc", &rpc, "--cosigner-key-file", &key, "--port", "0"])?;
    let url = serve.address().await?;
    let plan = souk_demo::plan(SEED, &Family::embedded()?)?;
    let planned = plan
        .trading
        .markets
        .iter()
        .find(|planned| planned.traded == Traded::Shares);
    apart.list(planned.context("no market of shares")?).await?;
    ensure!(apart.trade(&url, "100").await? > 20);
    let pool = apart.world.pool().await?;
    let fills = settled(&pool).await?;
    let compared = reconciled(&url, 0).await?;

    // The primary dies with orders in the book; what comes meanwhile waits for nobody but the log.
    let dead = first.killed().await?;
    second.logged("the exchange runs").await?;
    ensure!(apart.trade(&url, "100").await? > 20);
    ensure!(settled(&pool).await? > fills, "the second settles");
    reconciled(&url, compared).await?;

    // Whoever comes back takes the role, and the second waits for its next turn.
    let mut first = dead.restarted()?;
    first.logged("the exchange runs").await?;
    second.logged("the exchange stands by").await?;
    ensure!(apart.trade(&url, "60").await? > 10);
    settled(&pool).await?;

    rules_and_tokens(&apart, &url, &key).await?;

    apart.verified().await?;
    serve.stop().await?;
    second.stop().await?;
    first.stop().await?;
    project.stop().await?;
    index.stop().await
}
