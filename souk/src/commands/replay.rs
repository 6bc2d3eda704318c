//! `souk replay`: derives a chain's tables anew from its stream, beside the live ones, and swaps them in.

use anyhow::{Result, bail};
use indicatif::HumanCount;
use serde_json::json;
use souk_provenance::project::{self, ProjectionStatus, ProjectorConfig};
use souk_schema::ChainId;
use tokio::sync::watch;

use crate::cli::ReplayArgs;
use crate::commands::{chains_of, say};
use crate::instance::DataDir;
use crate::parts::Store;

/// Replays the chain that the arguments name, or every one.
///
/// # Errors
/// One line when there is nothing to replay, or it cannot be; the live tables are untouched then.
pub async fn run(args: &ReplayArgs, dir: &DataDir) -> Result<()> {
    let store = Store::of_command(&args.instance, dir)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    for chain in chains_of(log.as_ref(), args.chain.map(ChainId)).await? {
        let (status, _receiver) = watch::channel(ProjectionStatus::new(chain));
        let Some(rebuilt) = project::rebuild(ProjectorConfig::new(chain), log.clone(), pool.clone(), status).await?
        else {
            bail!("chain {chain} has no stream in the log");
        };
        let secs = rebuilt.took.as_secs_f64();
        if args.instance.json {
            say(
                json!({ "chain": chain.0, "generation": rebuilt.generation, "records": rebuilt.records, "secs": secs }),
            );
        } else {
            say(format!(
                "chain {chain}: {} records replayed and swapped in, {secs:.1} s",
                HumanCount(rebuilt.records)
            ));
        }
    }
    Ok(())
}
