//! Trading over a span of simulated time: the dev chain's clock is moved, the exchange's goes with it, and in the end the books are equal.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::exchange::{settled, trade, verified};
use crate::world::{Demo, run};

/// A span in which quotes expire and candles of many minutes come to be.
const SPAN_SECS: u64 = 300;

#[tokio::test]
async fn led_2_the_books_are_equal_after_a_span_of_simulated_trading() -> Result<()> {
    let demo = Demo::prepare().await?;
    let souk = demo.start().await?;
    let span = format!("{SPAN_SECS}s");
    let answer = run(&[
        "demo",
        "--data-dir",
        &demo.dir,
        "--trade",
        "--simulate",
        &span,
        "--json",
    ])
    .await?;
    ensure!(answer.code == 0, "{answer:?}");
    let said: Value = serde_json::from_str(answer.out.lines().last().context("it says nothing")?)?;
    let secs = |name: &str| said["simulated"][name].as_u64().context("it does not tell the time");
    assert!(secs("toSecs")? >= secs("fromSecs")? + SPAN_SECS, "{said}");
    assert!(said["placed"].as_u64().is_some_and(|placed| placed > 500), "{said}");
    assert!(settled(&demo.pool).await? > 100);

    // Engine time went over the whole span, and far quicker than this machine's.
    let (first, last): (i64, i64) = sqlx::query_as("select min(time), max(time) from exchange.fill")
        .fetch_one(&demo.pool)
        .await?;
    let traded_secs = (last - first).cast_unsigned() / 1_000;
    assert!(traded_secs > SPAN_SECS * 8 / 10, "fills span {traded_secs} s");
    let minutes: i64 = sqlx::query_scalar("select count(distinct time / 60000) from exchange.fill")
        .fetch_one(&demo.pool)
        .await?;
    assert!(minutes >= 4, "fills in {minutes} different minutes");
    verified(&demo.dir).await?;

    // A restart does not take the time back, and trading goes on in it.
    souk.stop().await?;
    let souk = demo.start().await?;
    assert!(trade(&demo.dir, "50").await? > 20);
    settled(&demo.pool).await?;
    let later: i64 = sqlx::query_scalar("select max(time) from exchange.fill")
        .fetch_one(&demo.pool)
        .await?;
    assert!(later >= last, "time went back from {last} to {later}");
    verified(&demo.dir).await?;
    souk.stop().await
}
