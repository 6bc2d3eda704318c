//! A dev chain that is begun anew behind the same id, and most likely the same addresses: nothing of the old one may be mixed into it.

use anyhow::{Context, Result};
use serde_json::json;
use souk_contracts::PayoutDistributor;
use souk_devstack::{Anvil, AnvilConfig};

use crate::apart::{Apart, FINALITY};
use crate::exchange::{settled, trade, verified};
use crate::program::{ask, run};
use crate::world::{Backend, Demo, chain_config, node_of, until};

/// Deposits of a group: how many, of how much in all.
const DEPOSITS: &str = "select count(*), coalesce(sum(amount), 0)::text from exchange.posting_side
    where group_id = $1 and kind = 'deposit' and account >= 0";

/// What a group has: its fills, and the last command in its tables.
const REACHED: &str = "select (select count(*) from exchange.fill where group_id = $1), last_number from exchange.projection where group_id = $1";

#[tokio::test]
async fn a_dev_chain_that_is_begun_anew_has_a_market_group_of_its_own() -> Result<()> {
    let demo = Demo::prepare().await?;
    let souk = demo.start().await?;
    trade(&demo.dir, "150").await?;
    settled(&demo.pool).await?;
    verified(&demo.dir).await?;
    souk.stop().await?;
    let old: (i64, i64) = sqlx::query_as(REACHED).bind(1_i64).fetch_one(&demo.pool).await?;

    // The chain is lost; log and tables are not.
    std::fs::remove_dir_all(format!("{}/chain", demo.dir))?;
    let souk = demo.start().await?;
    let groups = ask(
        &souk.url,
        "{ marketGroups { group } markets(first: 100) { totalCount } }",
    )
    .await?;
    assert_eq!(
        groups,
        json!({ "marketGroups": [{ "group": 2 }], "markets": { "totalCount": 7 } })
    );
    trade(&demo.dir, "150").await?;
    settled(&demo.pool).await?;
    verified(&demo.dir).await?;

    // The same economy was deposited, and nothing of the old chain with it.
    let deposits = async |group: i64| {
        let found: (i64, String) = sqlx::query_as(DEPOSITS).bind(group).fetch_one(&demo.pool).await?;
        Ok::<_, anyhow::Error>(found)
    };
    assert_eq!(deposits(2).await?, deposits(1).await?);
    let vanished: i64 =
        sqlx::query_scalar("select count(*) from exchange.posting_side where kind = 'deposit_vanished'")
            .fetch_one(&demo.pool)
            .await?;
    assert_eq!(vanished, 0, "no deposit was taken for one of the other chain");
    let now: (i64, i64) = sqlx::query_as(REACHED).bind(1_i64).fetch_one(&demo.pool).await?;
    assert_eq!(now, old, "the old group has heard nothing more");

    souk.stop().await?;
    let souk = demo.start().await?;
    let groups = ask(&souk.url, "{ marketGroups { group } }").await?;
    assert_eq!(
        groups,
        json!({ "marketGroups": [{ "group": 2 }] }),
        "a restart goes on with the new group"
    );
    verified(&demo.dir).await?;
    souk.stop().await
}

#[tokio::test]
async fn parts_that_find_another_chain_behind_their_node_say_so_and_end() -> Result<()> {
    let mut apart = Apart::start(Backend::Embedded).await?;
    let rpc = apart.world.anvil.http_url();
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let on_chain = ["--rpc", &rpc, "--deployment", &deployment, "--finality", FINALITY];
    let index = apart.part("index", &[&on_chain[..], &["--start-block", "0"]].concat())?;
    let own = [&on_chain[..], &["--operator-key-file", &key]].concat();
    let mut exchange = apart.part("exchange", &own)?;
    exchange.logged("the exchange runs").await?;
    let project = apart.part("project", &[])?;
    let proposing = [&on_chain[..4], &["--proposer-key-file", &key, "--epoch-secs", "1"]].concat();
    let mut payouts = apart.part("payouts", &proposing)?;
    payouts.logged("payout root").await?;
    let pool = apart.world.pool().await?;
    until(&pool, "select count(*) > 0 from exchange.fact").await?;
    let serving = ["--rpc", &rpc, "--cosigner-key-file", &key, "--port", "0"];
    let mut serve = apart.part("serve", &serving)?;
    serve.address().await?;

    // Another chain in its place: the same id, the same port, the same addresses.
    apart.world.anvil.stop().await;
    let port = rpc.rsplit_once(':').context("no port")?.1.parse()?;
    let config = AnvilConfig {
        port: Some(port),
        ..chain_config()
    };
    apart.world.anvil = Anvil::start(&config).await?;
    let deployer = apart.world.deployer()?;
    apart.world.node = node_of(&apart.world.anvil).await?;
    let anew = souk_contracts::deploy(&apart.world.node, deployer, None).await?;
    assert_eq!(
        anew.addresses.exchange_vault,
        apart.world.deployment.addresses.exchange_vault
    );

    let (code, said) = exchange.ended().await?;
    assert!(code != 0 && said.contains("the chain was begun anew"), "{code}: {said}");
    let (code, said) = payouts.ended().await?;
    let told = said.contains("the chain was begun anew") && said.contains("index the new one and start again");
    assert!(code != 0 && told, "{code}: {said}");
    let distributor = anew.addresses.payout_distributor.context("no distributor")?;
    let distributor = PayoutDistributor::new(distributor, &apart.world.node);
    assert!(
        distributor.pendingRoot().call().await?.root.is_zero(),
        "no root of the old chain"
    );
    let (code, said) = serve.ended().await?;
    let told = said.contains("the chain of market group 1: the chain was begun anew; start again");
    assert!(code != 0 && told, "{code}: {said}");
    let (code, said) = index.ended().await?;
    assert!(code != 0 && said.contains("the chain was reset"), "{code}: {said}");

    // Who is started now finds out too, and is told what to do.
    let (code, said) = apart.part("exchange", &own)?.ended().await?;
    let told = said.contains("market group 1 trades what chain 31337 had") && said.contains("--group");
    assert!(code != 0 && told, "{code}: {said}");
    let mut serve = apart.part("serve", &serving)?;
    serve.logged("left out: its chain was begun anew since").await?;
    serve.stop().await?;
    let mut another = apart.part("exchange", &[&own[..], &["--group", "2"]].concat())?;
    another.logged("the exchange runs").await?;
    // The log has nothing of the node's chain, so no vault is compared; nobody may take that for equal books.
    let store = apart.store.iter().map(String::as_str).collect::<Vec<_>>();
    let verify = [&["verify", "exchange", "--group", "2"][..], &on_chain[..4], &store].concat();
    let answer = run(&verify).await?;
    let told = answer.err.contains("of another chain than the node's");
    assert!(answer.code == 1 && told, "{answer:?}");
    another.stop().await?;
    project.stop().await
}
