//! `souk demo`: the demo economy on the dev chain, and the queries to try on it.

pub mod client;
pub mod desk;
mod markets;
mod simulated;
pub mod trade;

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Context, Result, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;
use souk_contracts::Deployment;
use souk_demo::{Economy, Family, Options, Stage, Summary, Synthetic};
use souk_schema::caip::EvmAssetId;
use souk_schema::exchange::GroupId;
use souk_schema::{ChainId, TokenRef, TokenStandard};

use crate::cli::DemoArgs;
use crate::commands::say;
use crate::config::read_deployment;
use crate::exchange::RunningGroup;
use crate::instance::{DataDir, DevChain};

/// Writes the economy that the arguments ask for.
///
/// # Errors
/// One line that names the step that failed, or what is missing.
pub async fn run(args: &DemoArgs, dir: &DataDir) -> Result<()> {
    if args.trade {
        return trade::run(args, dir).await;
    }
    let chain = match (&args.rpc, &args.deployment) {
        (Some(rpc), Some(deployment)) => DevChain {
            rpc: rpc.to_string(),
            deployment: read_deployment(deployment)?,
            group: GroupId(souk_demo::EXCHANGE_GROUP),
        },
        (Some(_), None) => {
            bail!("--rpc names a chain, but not where Souk's contracts are on it: add --deployment <FILE>")
        }
        (None, Some(_)) => bail!("--deployment names contracts, but not the node of their chain: add --rpc <URL>"),
        (None, None) => match dir.running()?.dev_chain {
            Some(chain) => chain,
            None => bail!("the running souk has no dev chain of its own: name one with --rpc and --deployment"),
        },
    };
    let summary = match args.events {
        Some(events) => {
            let stages = Synthetic::on(&chain.deployment, args.seed, events);
            let economy = stages.economy().clone();
            load(&chain, &economy, stages, Some(events)).await?
        }
        None => load_family(&chain, args.seed).await?,
    };
    report(args, &chain, &summary);
    Ok(())
}

/// Writes the family tree unless the chain has it, and returns what to look at.
///
/// # Errors
/// One line that names the step that failed.
pub async fn load_family(chain: &DevChain, seed: u64) -> Result<Summary> {
    let family = Family::embedded().context("the demo's family tree")?;
    let plan = souk_demo::plan(seed, &family)?;
    let events = plan.events().total();
    load(chain, &plan.economy.clone(), plan.stages, Some(events)).await
}

/// Opens the markets of the family's traders on the exchange, and says so.
///
/// # Errors
/// One line when the vault or the engine refuses.
pub async fn open_markets(chain: &DevChain, seed: u64, summary: &Summary, group: &RunningGroup) -> Result<()> {
    let family = Family::embedded().context("the demo's family tree")?;
    let plan = souk_demo::plan(seed, &family)?;
    let specs = markets::open(chain, &plan.economy, &plan.trading, summary.first_asset_id, group).await?;
    say(format!(
        "{} markets on the exchange; trade on them with souk demo --trade",
        specs.len()
    ));
    Ok(())
}

async fn load(
    chain: &DevChain,
    economy: &Economy,
    stages: impl IntoIterator<Item = Stage>,
    events: Option<u64>,
) -> Result<Summary> {
    let style =
        ProgressStyle::with_template("demo {bar:32} {human_pos}/{human_len} events, {per_sec}, {eta} left: {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(events.unwrap_or_default()).with_style(style);
    let mut show = |progress: &souk_demo::Progress| {
        bar.set_position(progress.events);
        if bar.message() != progress.stage {
            bar.set_message(progress.stage.clone());
        }
    };
    let summary = souk_demo::load(
        &chain.rpc,
        &chain.deployment,
        economy,
        stages,
        &Options::default(),
        &mut show,
    )
    .await;
    bar.finish_and_clear();
    Ok(summary?)
}

fn report(args: &DemoArgs, chain: &DevChain, summary: &Summary) {
    if args.json {
        let examples: Vec<_> = examples(chain.deployment, summary)
            .into_iter()
            .map(|(name, id)| json!({ "name": name, "asset": id.to_string() }))
            .collect();
        let (assets, events, transactions) = (summary.assets, summary.events, summary.transactions);
        let (already_loaded, secs) = (summary.already_loaded, summary.elapsed.as_secs_f64());
        let line = json!({
            "alreadyLoaded": already_loaded, "assets": assets, "transactions": transactions, "events": events, "secs": secs,
            "examples": examples,
        });
        say(line);
        return;
    }
    say(in_words(summary));
    for (name, id) in examples(chain.deployment, summary) {
        say(format!("  {name:<24} {id}"));
    }
}

/// What was loaded, in one line.
pub fn in_words(summary: &Summary) -> String {
    if summary.already_loaded {
        return format!("the demo economy of {} assets is on the chain already", summary.assets);
    }
    let rate = summary.events as f64 / summary.elapsed.max(Duration::from_millis(1)).as_secs_f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = HumanCount(rate as u64);
    format!(
        "wrote {} events about {} assets in {} transactions, {:.1} s ({rate} events/s)",
        HumanCount(summary.events),
        HumanCount(summary.assets),
        HumanCount(summary.transactions),
        summary.elapsed.as_secs_f64(),
    )
}

/// The assets that are worth looking at, as CAIP-19 ids.
fn examples(deployment: Deployment, summary: &Summary) -> Vec<(String, EvmAssetId)> {
    let id = |id: U256| EvmAssetId {
        chain: ChainId(deployment.chain_id),
        standard: TokenStandard::Erc721,
        token: TokenRef {
            contract: deployment.addresses.asset_registry,
            id,
        },
    };
    summary
        .examples
        .iter()
        .map(|(name, asset)| (name.clone(), id(*asset)))
        .collect()
}

/// Prints first queries for the economy, ready to be pasted.
pub fn print_queries(chain: &DevChain, summary: &Summary, url: &str) {
    let examples = examples(chain.deployment, summary);
    let (Some((child_name, child)), Some((parent_name, parent))) = (examples.first(), examples.last()) else {
        return;
    };
    let queries = [
        (
            format!("Where does {child_name} come from?"),
            format!(
                r#"{{ asset(id: "{child}") {{ name metadata {{ verification description }} lineage(direction: ANCESTORS, limit: 20) {{ totalCount nodes {{ depth asset {{ asset {{ name kind }} }} }} }} }} }}"#
            ),
        ),
        (
            format!("By which ways does it descend from {parent_name}, and which logs say so?"),
            format!(
                r#"{{ lineagePaths(from: "{child}", to: "{parent}") {{ totalCount paths {{ derivations {{ relation child {{ asset {{ name }} }} parent {{ asset {{ name }} }} declared {{ blockNumber logIndex transactionHash }} }} }} }} }}"#
            ),
        ),
        (
            "Who owns it, who contributed, what did it earn?".to_string(),
            format!(
                r#"{{ asset(id: "{child}") {{ owner {{ accountId }} contributions(first: 5) {{ nodes {{ role weight contributor {{ accountId }} }} }} revenueTotals {{ currency amount payments }} }} }}"#
            ),
        ),
    ];
    for (question, query) in queries {
        say(format!("\n{question}\n  {}", curl(url, &query)));
    }
    say(format!(
        "\nIn a browser: {url}/graphql   Beside this one: souk status, souk log chain.{}, souk verify state\n",
        chain.deployment.chain_id
    ));
}

fn curl(url: &str, query: &str) -> String {
    let body = json!({ "query": query }).to_string();
    format!("curl -s {url}/graphql -H 'content-type: application/json' -d '{body}'")
}
