//! `souk verify`: exits 0 only when what Souk says is true, and names the difference otherwise.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use souk_adapters::WatchSet;
use souk_indexer::ChainSource;
use souk_ledger::reconcile::{ReconcileError, Report, Verification, engine_equals_ledger, verify_exchange};
use souk_provenance::project::ProjectorConfig;
use souk_provenance::verify as provenance;
use souk_schema::ChainId;
use souk_settlement::VaultSource;

use crate::cli::{VerifyChainArgs, VerifyExchangeArgs, VerifyPayoutsArgs, VerifyStateArgs};
use crate::commands::market::{Followed, with_group};
use crate::commands::{chains_of, say};
use crate::config::read_deployment;
use crate::exchange;
use crate::instance::DataDir;
use crate::parts::Store;

/// The exit code of a verification that found a difference; errors of any other kind exit with 1.
const DIFFERENT: u8 = 3;

/// How often the ledger is given a moment to reach what is to be compared, and how long.
const ATTEMPTS: u32 = 300;
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Compares the live tables with what the log makes.
///
/// # Errors
/// One line when it cannot be compared.
pub async fn state(args: &VerifyStateArgs, dir: &DataDir) -> Result<ExitCode> {
    let store = Store::of_command(&args.instance, dir)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut same = true;
    for chain in chains_of(log.as_ref(), args.chain.map(ChainId)).await? {
        let Some(report) = provenance::state(ProjectorConfig::new(chain), log.clone(), pool.clone()).await? else {
            bail!("chain {chain} is in the log but has no tables yet: wait until it is projected");
        };
        same &= report.is_same();
        if args.instance.json {
            say(serde_json::to_string(&report)?)
        } else {
            say(&report)
        }
    }
    Ok(verdict(same))
}

/// Compares the log with what the chains' nodes say now.
///
/// # Errors
/// One line when it cannot be compared.
pub async fn chain(args: &VerifyChainArgs, dir: &DataDir) -> Result<ExitCode> {
    let store = Store::of_command(&args.instance, dir)?;
    let nodes = if args.rpc.is_empty() {
        dir.running()?.chains
    } else {
        Vec::new()
    };
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut same = true;
    for chain in chains_of(log.as_ref(), args.chain_id.map(ChainId)).await? {
        // What is watched, and from where on, the stream says itself.
        let named = || ChainSource::new(chain, args.rpc.clone(), WatchSet::default(), 0);
        let source = nodes
            .iter()
            .find(|source| source.chain == chain)
            .cloned()
            .unwrap_or_else(named);
        if source.endpoints.is_empty() {
            bail!("no node of chain {chain} is known: name one with --rpc <URL>");
        }
        let report = souk_indexer::verify::chain(&source, log.as_ref()).await?;
        same &= report.is_same();
        if args.instance.json {
            say(serde_json::to_string(&report)?)
        } else {
            say(&report)
        }
    }
    Ok(verdict(same))
}

/// Recomputes every payout root from the log alone, and compares it with what was proposed and published.
///
/// # Errors
/// One line when it cannot be recomputed.
pub async fn payouts(args: &VerifyPayoutsArgs, dir: &DataDir) -> Result<ExitCode> {
    let store = Store::of_command(&args.instance, dir)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut same = true;
    for chain in chains_of(log.as_ref(), args.chain.map(ChainId)).await? {
        let published = souk_distribution::store::Store::connect(pool.clone(), chain).await?;
        let Some(report) = souk_distribution::verify::verify(chain, &log, &published).await? else {
            bail!("chain {chain} is in the log but has no records yet");
        };
        same &= report.is_same();
        if args.instance.json {
            say(serde_json::to_string(&report)?)
        } else {
            say(format!("chain {chain}: {report}"))
        }
    }
    Ok(verdict(same))
}

/// Compares engine, ledger and vault.
///
/// # Errors
/// One line when they cannot be compared.
pub async fn exchange(args: &VerifyExchangeArgs, dir: &DataDir) -> Result<ExitCode> {
    let dev_chain = dir.instance()?.and_then(|instance| instance.dev_chain);
    let (rpc, deployment) = match (&args.rpc, &args.deployment, dev_chain) {
        (Some(rpc), Some(deployment), _) => (rpc.to_string(), read_deployment(deployment)?),
        (_, _, Some(chain)) => (chain.rpc, chain.deployment),
        _ => bail!("name the chain that the vault is on with --rpc and --deployment"),
    };
    let contracts = exchange::contracts_of(&deployment)?;
    let node = exchange::connected(&rpc, contracts.vault).await?;
    let report = with_group(&args.group, dir, async |group| {
        let vault = VaultSource::new(group.log.clone(), node, contracts);
        compare(group, &vault).await
    })
    .await?;
    if args.group.instance.json {
        say(serde_json::to_string(&report)?)
    } else {
        say(&report)
    }
    Ok(verdict(report.is_same()))
}

/// What `souk verify exchange` found.
#[derive(Serialize)]
struct ExchangeReport {
    /// What the engine says of balances, and what the ledger says.
    engine: Report,
    /// The ledger in itself, and the vault.
    #[serde(flatten)]
    ledger: Verification,
}

impl ExchangeReport {
    fn is_same(&self) -> bool {
        self.engine.is_clean() && self.ledger.is_clean()
    }
}

impl std::fmt::Display for ExchangeReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for difference in &self.engine.differences {
            writeln!(f, "engine: {difference}")?;
        }
        let (compared, differences) = (self.engine.compared, self.engine.differences.len());
        writeln!(
            f,
            "{compared} balances of the engine compared with the ledger, {differences} differences"
        )?;
        self.ledger.fmt(f)
    }
}

/// Compares at the command that the engine has come to. Trading goes on meanwhile, so the ledger is given a moment to come to the same.
async fn compare(group: &Followed, vault: &VaultSource) -> Result<ExchangeReport> {
    let (at, balances) = group.handle.read(exchange::engine_balances);
    let number = group.handle.group();
    let engine = in_a_moment(async || engine_equals_ledger(&group.pool, number, at, balances.clone()).await);
    let report = ExchangeReport {
        engine: engine.await?,
        ledger: in_a_moment(async || verify_exchange(&group.pool, Some(vault)).await).await?,
    };
    let is_of_vault = |report: &Report| report.at.iter().any(|(of, _)| *of == number);
    ensure!(
        report.ledger.vault.as_ref().is_some_and(is_of_vault),
        "market group {number} does not settle in this vault: name its chain with --rpc and its vault with --deployment, or another group with \
         --group"
    );
    Ok(report)
}

async fn in_a_moment<T>(compared: impl AsyncFn() -> Result<T, ReconcileError>) -> Result<T, ReconcileError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match compared().await {
            Err(ReconcileError::Behind { .. }) if attempts < ATTEMPTS => tokio::time::sleep(RETRY_AFTER).await,
            compared => return compared,
        }
    }
}

fn verdict(same: bool) -> ExitCode {
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERENT)
    }
}
