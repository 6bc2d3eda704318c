//! `souk statement`: what an account earned, may claim and was paid in a period, as CSV or Parquet. [`souk_analytics`] says what that is.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use souk_analytics::load::{Deployment, LoadError, Records, deployments, load};
use souk_analytics::{Period, Statement, statement, write};
use souk_schema::{Address, ChainId};
use sqlx::PgPool;

use super::say;
use crate::cli::{EconomyArgs, StatementArgs, StatementFormat};
use crate::instance::DataDir;
use crate::parts::Store;

/// How often lines and claims are looked at until both are projected to the same record, and how long between.
const ATTEMPTS: usize = 50;
const BETWEEN: Duration = Duration::from_millis(200);

/// Writes what the arguments ask for.
///
/// # Errors
/// One line for a period that ends before it begins, or a deployment that does not exist.
pub async fn run(args: &StatementArgs, dir: &DataDir) -> Result<()> {
    let period = Period::new(args.from, args.to)?;
    ensure!(
        args.format != StatementFormat::Parquet || args.output.is_some() || !std::io::stdout().is_terminal(),
        "Parquet is not for a terminal: name a file with -o <FILE>"
    );
    let pool = Store::of_command(&args.economy.instance, dir)?.database().await?;
    let deployment = chosen(&args.economy, &deployments(&pool).await?)?;
    let Records { lines, changes, claims } = records(&pool, &deployment, args.account).await?;
    let statement = statement(&lines, &changes, &claims, args.account, period)?;
    let mut file = Vec::new();
    match args.format {
        StatementFormat::Csv => write::csv(&statement, &mut file)?,
        StatementFormat::Parquet => write::parquet(&statement, &mut file)?,
    }
    let totals = match args.economy.instance.json {
        true => as_json(&statement, &deployment).to_string(),
        false => in_words(&statement),
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, file).with_context(|| format!("{} cannot be written", path.display()))?;
            say(totals);
        }
        // Whoever stops reading has had enough.
        None if std::io::stdout().lock().write_all(&file).is_err() => {}
        None => eprintln!("{totals}"),
    }
    Ok(())
}

/// The deployment that the flags mean.
fn chosen(args: &EconomyArgs, known: &[Deployment]) -> Result<Deployment> {
    let of_chain = |deployment: &&Deployment| args.chain.is_none_or(|chain| deployment.chain == ChainId(chain));
    let of_registry = |deployment: &&Deployment| args.registry.is_none_or(|registry| deployment.registry == registry);
    let meant: Vec<&Deployment> = known.iter().filter(of_chain).filter(of_registry).collect();
    match meant[..] {
        [only] => Ok(*only),
        [] => bail!("no such deployment of Souk's contracts is indexed"),
        _ => bail!(
            "several deployments of Souk's contracts are indexed: name one with --chain <NUMBER> and --registry <ADDRESS>"
        ),
    }
}

async fn records(pool: &PgPool, deployment: &Deployment, account: Address) -> Result<Records> {
    for _ in 0..ATTEMPTS {
        match load(pool, deployment, account).await {
            Err(LoadError::Apart(_)) => tokio::time::sleep(BETWEEN).await,
            loaded => return loaded.context("the lines of payouts cannot be read"),
        }
    }
    Err(LoadError::Apart(deployment.chain)).context("see `souk status`, and try again")
}

fn as_json(statement: &Statement, deployment: &Deployment) -> Value {
    let totals: Vec<Value> = statement
        .totals
        .iter()
        .map(|total| {
            json!({
                "token": total.token, "opening": total.opening.to_string(), "earned": total.earned.to_string(),
                "recomputed": total.recomputed.to_string(), "restored": total.restored.to_string(),
                "claimed": total.claimed.to_string(), "closing": total.closing.to_string(),
                "openingClaimable": total.opening_claimable.to_string(), "vested": total.vested.to_string(),
                "closingClaimable": total.closing_claimable.to_string(),
                "openingOverpaid": total.opening_overpaid.to_string(), "closingOverpaid": total.closing_overpaid.to_string(),
            })
        })
        .collect();
    json!({
        "account": statement.account, "chain": deployment.chain, "registry": deployment.registry, "from": statement.period.from(),
        "to": statement.period.to(), "rows": statement.frame.height(), "amounts": statement.amounts.as_str(), "totals": totals,
    })
}

fn in_words(statement: &Statement) -> String {
    if statement.totals.is_empty() {
        return format!("{} had no payouts by then", statement.account);
    }
    let mut text = String::new();
    for total in &statement.totals {
        text.push_str(&format!("in base units of {}\n", total.token));
        for (name, amount) in [
            ("opening balance", total.opening),
            ("earned", total.earned),
            ("recomputed", total.recomputed),
            ("restored", total.restored),
            ("claimed", total.claimed),
            ("closing balance", total.closing),
            ("claimable before", total.opening_claimable),
            ("vested", total.vested),
            ("claimable after", total.closing_claimable),
        ] {
            text.push_str(&format!("{:>32} {name}\n", amount.to_string()));
        }
        // Only under a root that the log does not bear out, which `souk verify payouts` names.
        for (when, amount) in [
            ("before", total.opening_overpaid),
            ("by the end", total.closing_overpaid),
        ] {
            if !amount.is_zero() {
                let what = "claimed on chain beyond what the lines give";
                text.push_str(&format!("{:>32} {what} {when}\n", amount.to_string()));
            }
        }
    }
    text.trim_end().into()
}
