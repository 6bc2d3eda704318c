//! Payouts as those who are owed meet them: the demo's revenues end in a root on chain, `souk verify payouts` recomputes it and notices a
//! changed leaf, and the proof that GraphQL returns is a claim that the contract pays.

use std::io::Cursor;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::ProviderBuilder;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, ensure};
use polars_core::prelude::AnyValue;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use serde_json::Value;
use souk_contracts::{PayoutDistributor, TestUSD, dev};
use sqlx::{Executor, PgPool};

use crate::apart::{Apart, FINALITY};
use crate::program::ask;
use crate::world::{Backend, Demo, PATIENCE, Souk, run};

/// Waits until a root of the chain is final and nothing newer is owed; the number of entries that were published.
async fn published(pool: &PgPool) -> Result<i64> {
    const LINES_LEFT: &str =
        "select count(*) filter (where not is_ended and holds = 0 and vested_epoch is null), count(*)
        from payouts.line_status";
    let all_are = async {
        loop {
            let (left, all): (i64, i64) = sqlx::query_as(LINES_LEFT).fetch_one(pool).await?;
            if left == 0 && all > 0 {
                let entries = sqlx::query_scalar("select count(*) from payouts.root_entry")
                    .fetch_one(pool)
                    .await?;
                return Ok::<i64, anyhow::Error>(entries);
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_are)
        .await
        .context("lines do not vest")?
}

#[tokio::test]
async fn pay_3_the_demos_roots_are_what_the_log_says_and_a_proof_from_graphql_is_paid() -> Result<()> {
    let demo = Demo::prepare().await?;
    let Demo { pool, dir, .. } = &demo;
    let souk = demo.start().await?;
    assert!(published(pool).await? > 100);

    // PAY-1 over everything: what counts sums to what came in.
    let (lines, revenues): (String, String) = sqlx::query_as(
        "select (select sum(amount)::text from payouts.line_status where not is_ended), (select sum(amount)::text from souk.revenue)",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(lines, revenues);
    let answer = run(&["verify", "payouts", "--data-dir", dir]).await?;
    ensure!(answer.code == 0, "PAY-3: {answer:?}");

    crate::exports::every_format(&souk).await?;
    let claimed = claim(&souk, dir, pool).await?;
    statements(dir, &claimed).await?;

    // A life that ends in mid-flight changes nothing that was published.
    souk.killed().await?;
    let souk = demo.start().await?;
    published(pool).await?;
    let answer = run(&["verify", "payouts", "--data-dir", dir]).await?;
    ensure!(answer.code == 0, "PAY-3 after a crash: {answer:?}");

    let changed: (i64, Vec<u8>, Vec<u8>, String) = sqlx::query_as(
        "update payouts.root_entry set cumulative = cumulative + 1 where ctid =
             (select ctid from payouts.root_entry order by epoch desc, account, token limit 1)
         returning epoch, account, token, cumulative::text",
    )
    .fetch_one(pool)
    .await?;
    let (epoch, account, token, cumulative) = changed;
    let (account, token) = (Address::try_from(&account[..])?, Address::try_from(&token[..])?);
    let answer = run(&["verify", "payouts", "--data-dir", dir]).await?;
    assert_eq!(answer.code, 3, "a changed leaf goes unseen: {answer:?}");
    let named = format!("epoch {epoch}: {account} is published with {cumulative} of {token}, but the log says ");
    assert!(answer.out.contains(&named), "the entry is named: {answer:?}");
    pool.execute("delete from payouts.root_entry").await?;
    let answer = run(&["verify", "payouts", "--data-dir", dir]).await?;
    assert_eq!(answer.code, 3, "lost entries go unseen: {answer:?}");
    questions(dir, pool).await?;
    souk.stop().await
}

/// Claims what somebody is owed with the proof that GraphQL returns, as anybody may.
async fn claim(souk: &Souk, dir: &str, pool: &PgPool) -> Result<Claimed> {
    let instance: Value = serde_json::from_slice(&std::fs::read(format!("{dir}/instance.json"))?)?;
    let rpc = instance["devChain"]["rpc"]
        .as_str()
        .or(instance["dev_chain"]["rpc"].as_str())
        .context("no node")?;
    let (account, token): (Vec<u8>, Vec<u8>) = sqlx::query_as(
        "select account, token from payouts.root_entry order by epoch desc, cumulative desc, account limit 1",
    )
    .fetch_one(pool)
    .await?;
    let (account, token) = (Address::try_from(&account[..])?, Address::try_from(&token[..])?);
    let query = format!(
        r#"{{ payouts(account: "eip155:31337:{account}", token: "{token}", first: 1) {{ nodes {{ claimable
            claim {{ distributor account token cumulative proof }} }} }} }}"#
    );
    let answer = ask(&souk.url, &query).await?;
    let owed = &answer["payouts"]["nodes"][0];
    let claim = &owed["claim"];
    let distributor: Address = text(&claim["distributor"])?.parse()?;
    let cumulative: U256 = text(&claim["cumulative"])?.parse()?;
    let proof = claim["proof"].as_array().context("no proof")?;
    let proof: Vec<B256> = proof
        .iter()
        .map(|hash| Ok(text(hash)?.parse()?))
        .collect::<Result<_>>()?;

    let anybody = EthereumWallet::from(PrivateKeySigner::from_bytes(&dev::RELAYER_KEY)?);
    let node = ProviderBuilder::new().wallet(anybody).connect(rpc).await?;
    let contract = PayoutDistributor::new(distributor, &node);
    let forged = contract
        .claim(account, token, cumulative + U256::ONE, proof.clone())
        .call()
        .await;
    assert!(forged.is_err(), "a forged amount is paid");
    let before = TestUSD::new(token, &node).balanceOf(account).call().await?;
    let receipt = contract
        .claim(account, token, cumulative, proof.clone())
        .send()
        .await?
        .get_receipt()
        .await?;
    assert!(receipt.status(), "the contract does not take the proof");
    let after = TestUSD::new(token, &node).balanceOf(account).call().await?;
    assert_eq!((after - before).to_string(), text(&owed["claimable"])?);
    let again = contract.claim(account, token, cumulative, proof).call().await;
    assert!(again.is_err(), "a claim is paid twice");
    let on_chain = contract.claimed(account, token).call().await?;
    Ok(Claimed {
        account,
        token,
        on_chain,
    })
}

/// What an account was paid, as the contract has it.
struct Claimed {
    account: Address,
    token: Address,
    on_chain: U256,
}

/// Statements of whoever claimed, as files: they say what the chain says, and their rows sum to that.
async fn statements(dir: &str, claimed: &Claimed) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let account = claimed.account.to_string();
    let write = async |format: &str| {
        let file = folder.path().join(format!("statement.{format}"));
        let path = file.display().to_string();
        let words = [
            "statement",
            "--account",
            &account,
            "--format",
            format,
            "-o",
            &path,
            "--json",
            "--data-dir",
            dir,
        ];
        let answer = run(&words).await?;
        ensure!(answer.code == 0, "{answer:?}");
        let said: Value = serde_json::from_str(answer.out.trim())?;
        let totals = said["totals"].as_array().context("no totals")?;
        let of_token = |total: &&Value| {
            total["token"]
                .as_str()
                .is_some_and(|token| token.parse() == Ok(claimed.token))
        };
        let total = totals.iter().find(of_token).cloned().unwrap_or_default();
        Ok::<_, anyhow::Error>((std::fs::read(file)?, total))
    };
    // The claim is in a block that may not be projected yet.
    let wanted = Value::from(claimed.on_chain.to_string());
    let projected = async {
        loop {
            let (csv, total) = write("csv").await?;
            if total["claimed"] == wanted {
                return Ok::<_, anyhow::Error>((csv, total));
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let (csv, total) = tokio::time::timeout(PATIENCE, projected)
        .await
        .context("the claim does not come into the statement")??;
    let (parquet, same) = write("parquet").await?;
    assert_eq!(same, total, "both formats have the same totals");
    let amount = |name: &str| text(&total[name])?.parse::<u128>().context("no amount");
    let in_and_out = [amount("opening")?, amount("earned")?, amount("restored")?];
    assert_eq!(
        in_and_out.iter().sum::<u128>(),
        amount("recomputed")? + amount("claimed")? + amount("closing")?,
        "{total}"
    );
    for column in ["earned", "vested", "claimed"] {
        let expected = amount(column)?;
        assert_eq!(sum_of_csv(&csv, claimed.token, column)?, expected, "{column} in CSV");
        assert_eq!(
            sum_of_parquet(&parquet, claimed.token, column)?,
            expected,
            "{column} in Parquet"
        );
    }
    Ok(())
}

/// What the rows of a token have in one of the last columns, which have amounts and hold no commas.
fn sum_of_csv(file: &[u8], token: Address, column: &str) -> Result<u128> {
    const AMOUNTS: usize = 8;
    let mut lines = std::str::from_utf8(file)?.lines();
    let titles = lines.next().context("no titles")?;
    let place = titles.rsplit(',').position(|title| title == column);
    let place = place.filter(|place| *place < AMOUNTS).context("no such column")?;
    let of_token = lines.filter(|line| line.split(',').nth(1).is_some_and(|cell| cell.parse() == Ok(token)));
    let cells = of_token
        .filter_map(|line| line.rsplit(',').nth(place))
        .filter(|cell| !cell.is_empty());
    cells.map(|cell| Ok(cell.parse::<u128>()?)).sum()
}

fn sum_of_parquet(file: &[u8], token: Address, column: &str) -> Result<u128> {
    let frame = ParquetReader::new(Cursor::new(file)).finish()?;
    let (tokens, amounts) = (frame.column("token")?, frame.column(column)?);
    let mut sum = 0;
    for row in 0..frame.height() {
        let is_of_token = matches!(tokens.get(row)?, AnyValue::String(cell) if cell.parse() == Ok(token));
        if let (true, AnyValue::Decimal(amount, _, 0)) = (is_of_token, amounts.get(row)?) {
            sum += u128::try_from(amount)?;
        }
    }
    Ok(sum)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("no text: {value}"))
}

/// What the command line answers about the same economy.
async fn questions(dir: &str, pool: &PgPool) -> Result<()> {
    let ask = async |words: &[&str]| run(&[words, &["--data-dir", dir]].concat()).await;
    let explained = ask(&["explain", "1", "--json"]).await?;
    ensure!(explained.code == 0, "{explained:?}");
    let lines: Vec<Value> = explained
        .out
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let recipient = lines[0]["recipient"].as_str().context("no recipient")?;
    let by_path = ask(&["explain", "1", "--recipient", recipient]).await?;
    assert!(by_path.code == 0 && by_path.out.contains("rounded by"), "{by_path:?}");
    let simulated = ask(&["simulate", "1000000", "--asset", "272", "--json"]).await?;
    ensure!(simulated.code == 0, "{simulated:?}");
    let simulated: Value = serde_json::from_str(&simulated.out)?;
    let sum = simulated["lines"].as_array().context("no lines")?.iter().map(|line| {
        let amount = line["asDeclared"]
            .as_str()
            .and_then(|amount| amount.parse::<u64>().ok());
        amount.context("no amount")
    });
    let fee: u64 = text(&simulated["fee"])?.parse()?;
    assert_eq!(sum.sum::<Result<u64>>()? + fee, 1_000_000);
    let checked = ask(&["license-check", "272", "--json"]).await?;
    let verdict: Value = serde_json::from_str(&checked.out)?;
    assert_eq!(verdict["allowed"].as_bool(), Some(checked.code == 0), "{checked:?}");
    // The time is that of the block, whatever the host's clock says.
    let (at, judged) = (&verdict["block"], &verdict["judgedAt"]);
    let time: i64 = sqlx::query_scalar("select timestamp from souk.block where number = $1")
        .bind(at.as_i64().context("no block")?)
        .fetch_one(pool)
        .await?;
    assert_eq!(judged.as_i64(), Some(time), "{checked:?}");
    let earlier = at.as_i64().context("no block")? - 1;
    let earlier = ask(&["license-check", "272", "--json", "--block", &earlier.to_string()]).await?;
    let earlier: Value = serde_json::from_str(&earlier.out)?;
    assert!(
        earlier["judgedAt"].as_i64() <= Some(time) && earlier["block"].as_i64() < at.as_i64(),
        "{earlier}"
    );
    let by_time = ask(&[
        "license-check",
        "272",
        "--json",
        "--at",
        &(time + 1_000_000).to_string(),
    ])
    .await?;
    let by_time: Value = serde_json::from_str(&by_time.out)?;
    assert_eq!(
        (by_time["judgedAt"].as_i64(), &by_time["block"]),
        (Some(time + 1_000_000), at)
    );
    for (words, complaint) in [
        (&["explain", "999999"][..], "no revenue has the number 999999"),
        (&["license-check", "999999"], "no asset has the id 999999"),
        (
            &["license-check", "272", "--block", "999999999"],
            "the log has no block 999999999 yet",
        ),
        (
            &["simulate", "5", "--asset", "272", "--terms", "5:lap:1"],
            "terms 5 were never registered",
        ),
        (
            &["simulate", "5", "--parent", "1:all:5"],
            "expected ID:lap|lrp|none:SHARE",
        ),
        (&["explain", "1", "--chain", "5"], "the log has no chain 5"),
    ] {
        let refused = ask(words).await?;
        assert!(refused.code == 1 && refused.err.contains(complaint), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn pay_3_roots_are_published_by_a_process_of_its_own_that_may_die_at_any_time() -> Result<()> {
    let apart = Apart::start(Backend::Embedded).await?;
    let rpc = apart.world.anvil.http_url();
    let (deployment, key) = (apart.deployment.display().to_string(), apart.key.display().to_string());
    let on_chain = ["--rpc", &rpc, "--deployment", &deployment];
    let index = apart.part(
        "index",
        &[&on_chain[..], &["--start-block", "0", "--finality", FINALITY]].concat(),
    )?;
    let project = apart.part("project", &[])?;
    let own = [&on_chain[..], &["--proposer-key-file", &key, "--epoch-secs", "1"]].concat();
    let mut payouts = apart.part("payouts", &own)?;
    payouts.logged("payout root").await?;
    payouts = payouts.killed_and_restarted().await?;
    let pool = apart.world.pool().await?;
    published(&pool).await?;
    let printed = apart.done("verify payouts", &apart.store).await?;
    assert!(printed.contains("payout roots are what the first"), "PAY-3: {printed}");
    payouts.stop().await?;
    project.stop().await?;
    index.stop().await
}
