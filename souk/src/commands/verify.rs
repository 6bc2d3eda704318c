//! `souk verify`: exits 0 only when what Souk says is true, and names the difference otherwise.

use std::process::ExitCode;

use anyhow::{Result, bail};
use souk_adapters::WatchSet;
use souk_indexer::ChainSource;
use souk_provenance::project::ProjectorConfig;
use souk_provenance::verify as provenance;
use souk_schema::ChainId;

use crate::cli::{VerifyChainArgs, VerifyStateArgs};
use crate::commands::chains_of;
use crate::instance::DataDir;
use crate::parts::Store;

/// The exit code of a verification that found a difference; errors of any other kind exit with 1.
const DIFFERENT: u8 = 3;

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
            println!("{}", serde_json::to_string(&report)?)
        } else {
            println!("{report}")
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
            println!("{}", serde_json::to_string(&report)?)
        } else {
            println!("{report}")
        }
    }
    Ok(verdict(same))
}

fn verdict(same: bool) -> ExitCode {
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERENT)
    }
}
