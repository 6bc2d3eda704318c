//! The exchange as its users meet it: the demo trades, fills settle on chain, nothing is lost when the program is killed in the middle of
//! it, and `souk verify exchange` tells true books from false ones.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::{Executor, PgPool};

use crate::program::ask;
use crate::world::{Demo, PATIENCE, run};

/// Has the demo's traders at work; how many of their orders were taken.
pub async fn trade(dir: &str, orders: &str) -> Result<u64> {
    let answer = run(&["demo", "--data-dir", dir, "--trade", "--orders", orders, "--json"]).await?;
    ensure!(answer.code == 0, "{answer:?}");
    placed(&answer.out)
}

/// How many orders were taken, as `souk demo --trade --json` says.
pub fn placed(printed: &str) -> Result<u64> {
    let said: Value = serde_json::from_str(printed.lines().last().context("it says nothing")?)?;
    said["placed"].as_u64().context("it does not count")
}

/// Waits until every fill of the group is settled and final; how many there are.
pub async fn settled(pool: &PgPool) -> Result<i64> {
    const LEFT: &str = "select count(*) filter (where fill.number > market_group.settled_through), count(*)
        from exchange.fill join exchange.market_group using (group_id)";
    let all_are = async {
        loop {
            let (left, all): (i64, i64) = sqlx::query_as(LEFT).fetch_one(pool).await?;
            if left == 0 && all > 0 {
                return Ok::<i64, anyhow::Error>(all);
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_are)
        .await
        .context("fills do not settle")?
}

/// Has engine, ledger and vault compared, which must be equal.
pub async fn verified(dir: &str) -> Result<()> {
    let answer = run(&["verify", "exchange", "--data-dir", dir]).await?;
    ensure!(answer.code == 0, "LED-2: {answer:?}");
    ensure!(answer.out.contains("with the vault, 0 differences"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn led_2_the_demo_trades_settles_and_survives_being_killed() -> Result<()> {
    let demo = Demo::prepare().await?;
    let Demo { pool, dir, .. } = &demo;
    let souk = demo.start().await?;
    let placed = trade(dir, "300").await?;
    assert!(placed > 150, "{placed} of 300 orders were taken");
    let fills = settled(pool).await?;
    assert!(fills > 20, "{fills} fills");
    verified(dir).await?;

    // Killed with orders in the book and fills on their way.
    let more = trade(dir, "200").await?;
    assert!(more > 50, "{more} of 200 orders were taken");
    souk.killed().await?;
    let souk = demo.start().await?;
    assert!(settled(pool).await? > fills);
    verified(dir).await?;

    let seen = ask(
        &souk.url,
        "{ markets(first: 10) { totalCount nodes { state trades(first: 1) { totalCount } } } }",
    )
    .await?;
    assert_eq!(seen["markets"]["totalCount"], 7, "{seen}");

    // The books are proved, not believed.
    pool.execute(
        "alter table exchange.balance disable trigger user; update exchange.balance set available = available + 1
                  where ctid = (select min(ctid) from exchange.balance where available > 0)",
    )
    .await?;
    let answer = run(&["verify", "exchange", "--data-dir", dir]).await?;
    assert_ne!(answer.code, 0, "a false balance goes unseen: {answer:?}");
    assert!(answer.out.contains("available"), "the difference is named: {answer:?}");
    souk.stop().await
}

#[tokio::test]
async fn an_operator_is_told_in_one_line_what_is_missing() -> Result<()> {
    let nowhere = [
        "--rpc",
        "http://127.0.0.1:1",
        "--deployment",
        "/nowhere.json",
        "--database-url",
        "postgres://a/b",
    ];
    let answer = run(&[&["exchange"][..], &nowhere].concat()).await?;
    assert_ne!(answer.code, 0);
    assert!(answer.err.contains("--operator-key-file"), "{answer:?}");
    let answer = run(&["market", "show"]).await?;
    assert!(answer.err.contains("no souk is running"), "{answer:?}");
    let answer = run(&["demo", "--trade"]).await?;
    assert!(answer.err.contains("no souk is running"), "{answer:?}");
    Ok(())
}
