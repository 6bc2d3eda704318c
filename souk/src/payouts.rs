//! Payouts in a process: what is owed is followed on every chain that the log has, and published on chain where there is a key.

use std::sync::Arc;
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, ensure};
use souk_contracts::Deployment;
use souk_distribution::publish::Publisher;
use souk_distribution::store::Store;
use souk_distribution::{Distributions, Keeping, follow};
use souk_eventlog::EventLog;
use souk_schema::{Address, ChainId};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::exchange::shown;
use crate::parts::Supervisor;
use crate::projectors::each_chain;
use crate::waiting;

/// How often the publisher looks whether something is due.
const POLL: Duration = Duration::from_secs(1);

/// How long a chain may take to appear in the log.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who tells which lines there are.
#[derive(Clone, Debug)]
pub enum Lines {
    /// This process writes them to Postgres.
    Written(PgPool),
    /// Another process does, to this Postgres.
    Elsewhere(PgPool),
}

/// Follows what is owed on every chain of the log until told to stop.
///
/// # Errors
/// That of the first chain that cannot be followed on.
pub async fn run(
    log: Arc<dyn EventLog>,
    lines: Lines,
    distributions: Distributions,
    cancel: CancellationToken,
) -> Result<()> {
    let streams = log.clone();
    each_chain(streams.as_ref(), cancel.clone(), |chain| {
        let (log, lines, distributions, cancel) = (log.clone(), lines.clone(), distributions.clone(), cancel.clone());
        async move {
            let (pool, is_written_here) = match lines {
                Lines::Written(pool) => (pool, true),
                Lines::Elsewhere(pool) => (pool, false),
            };
            let store = Store::connect(pool, chain).await.context("the tables of payouts")?;
            let keeping = match is_written_here {
                true => Keeping::Writes(store),
                false => Keeping::Reads(store),
            };
            let (handle, following) = follow(chain, log, keeping, cancel);
            distributions.insert(handle);
            Ok(following.await?)
        }
    })
    .await
}

/// Where roots are published, and by whose hand.
pub struct Publishing {
    /// The chain's node.
    pub rpc: String,
    /// The contracts on it; the distributor among them.
    pub deployment: Deployment,
    /// Proposes roots.
    pub proposer: PrivateKeySigner,
    /// At least so long between two epochs.
    pub epoch: Duration,
}

/// Publishes the roots of a deployment until told to stop. A node that is away is waited for.
///
/// # Errors
/// One line when the node is of another chain, or the key is not the distributor's proposer's.
pub async fn publish(
    supervisor: &mut Supervisor,
    publishing: Publishing,
    distributions: &Distributions,
    pool: &PgPool,
) -> Result<()> {
    let Publishing {
        rpc,
        deployment,
        proposer,
        epoch,
    } = publishing;
    let distributor = distributor_of(&deployment)?;
    let chain = ChainId(deployment.chain_id);
    let appears = async {
        loop {
            if let Some(handle) = distributions.of(chain) {
                return handle;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let payouts = tokio::time::timeout(PATIENCE, appears)
        .await
        .with_context(|| format!("the log has no chain {chain}: index it with `souk index`"))?;
    let store = Store::connect(pool.clone(), chain)
        .await
        .context("the tables of payouts")?;
    let (registry, ours) = (deployment.addresses.asset_registry, proposer.address());
    let publisher = waiting::for_node(&format!("payout roots of chain {chain}"), async || {
        let (proposer, payouts, store) = (proposer.clone(), payouts.clone(), store.clone());
        let publisher = Publisher::connect(&rpc, proposer, registry, distributor, payouts, store, epoch)
            .await
            .with_context(|| format!("the node {}", shown(&rpc)))?;
        let theirs = publisher.proposer().await?;
        ensure!(
            theirs == ours,
            "the distributor takes roots from {theirs}, but the key given is that of {ours}: give the right one with --proposer-key-file"
        );
        Ok(publisher)
    })
    .await?;
    let cancel = supervisor.cancel().clone();
    supervisor.run(format!("payout roots of chain {chain}"), async move {
        Ok(publisher.run(POLL, cancel).await?)
    });
    Ok(())
}

/// The distributor of a deployment.
///
/// # Errors
/// One line where there is none.
pub fn distributor_of(deployment: &Deployment) -> Result<Address> {
    let distributor = deployment.addresses.payout_distributor;
    distributor.context("the deployment has no payout distributor: it is older than payouts; add the economy's contracts, or leave payouts out")
}
