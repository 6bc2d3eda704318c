//! Payouts in a process: what is owed is followed on every chain that the log has, and published on chain where there is a key.

use std::sync::Arc;
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};
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
use crate::projectors::{chain_of, each_chain};
use crate::waiting;

/// How often the publisher looks whether something is due.
const POLL: Duration = Duration::from_secs(1);

/// How often the log is asked whether it has a chain, and how often in vain.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 240;

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
            let store = tokio::select! {
                store = store(pool, chain) => store?,
                () = cancel.cancelled() => return Ok(()),
            };
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

/// The tables of a chain. A Postgres that is away is waited for.
async fn store(pool: PgPool, chain: ChainId) -> Result<Store> {
    let who = format!("payouts of chain {chain}");
    let store = waiting::for_postgres(&who, || Store::connect(pool.clone(), chain)).await;
    store.context("the tables of payouts")
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

/// Publishes the roots of a deployment until told to stop. A node or a Postgres that is away is waited for, and a chain for some time to appear
/// in the log.
///
/// # Errors
/// One line when the log has no such chain, the node is of another chain, or the key is not the distributor's proposer's.
pub async fn publish(
    supervisor: &mut Supervisor,
    publishing: Publishing,
    distributions: &Distributions,
    log: &dyn EventLog,
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
    appears(log, chain).await?;
    // Whoever follows the chain in this process does the same first.
    let store = store(pool.clone(), chain).await?;
    // It is followed by a task of this process, whose failure ends the waiting.
    let followed = supervisor.meanwhile(async {
        loop {
            if let Some(handle) = distributions.of(chain) {
                return Ok(handle);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let Some(payouts) = followed.await? else {
        return Ok(());
    };
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

/// Waits until the log has a chain. A log that does not answer may have it.
async fn appears(log: &dyn EventLog, chain: ChainId) -> Result<()> {
    let mut looks = 0;
    while looks < LOOKS {
        if let Ok(streams) = log.streams().await {
            if streams.iter().any(|stream| chain_of(stream.as_str()) == Some(chain)) {
                return Ok(());
            }
            looks += 1;
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the log has no chain {chain}: index it with `souk index`");
}

/// The distributor of a deployment.
///
/// # Errors
/// One line where there is none.
pub fn distributor_of(deployment: &Deployment) -> Result<Address> {
    let distributor = deployment.addresses.payout_distributor;
    distributor.context("the deployment has no payout distributor: it is older than payouts; add the economy's contracts, or leave payouts out")
}

#[cfg(test)]
mod tests {
    use souk_devstack::Postgres;
    use souk_eventlog::{EmbeddedLog, NewRecord, StreamName};
    use sqlx::postgres::PgPoolOptions;
    use tokio::io::copy_bidirectional;
    use tokio::net::{TcpListener, UnixStream};
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    const CHAIN: ChainId = ChainId(31_337);

    /// Longer than anything takes that waits here, on a busy machine too.
    const LIMIT: Duration = Duration::from_secs(120);

    /// The log is there while the tables are not, as with Kafka; with the log in Postgres, it may go away between two questions.
    #[tokio::test(flavor = "multi_thread")]
    async fn tables_that_are_away_when_payouts_start_are_waited_for() -> Result<()> {
        let postgres = Postgres::shared().await?;
        let log = EmbeddedLog::connect(PgPoolOptions::new().connect_lazy(&postgres.fresh_database().await?)?).await?;
        let log: Arc<dyn EventLog> = Arc::new(log);
        let mut writer = log.open_writer(&StreamName::new(CHAIN.stream(1))?).await?;
        let record = NewRecord {
            payload: b"no record of a chain".to_vec().into(),
            headers: Vec::new(),
        };
        writer.append(vec![record]).await?;
        appears(log.as_ref(), CHAIN).await?;

        let (tables, _late) = comes_late(&postgres.fresh_database().await?, 3).await?;
        let pool = PgPoolOptions::new().connect_lazy(&tables)?;
        Store::connect(pool.clone(), CHAIN)
            .await
            .expect_err("the first comes in vain");
        let distributions = Distributions::default();
        let lines = Lines::Elsewhere(pool);
        let mut running = tokio::spawn(run(log, lines, distributions.clone(), CancellationToken::new()));
        let follows = async {
            while distributions.of(CHAIN).is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = follows => {}
            ended = &mut running => panic!("it did not wait: {:?}", ended?),
            () = tokio::time::sleep(LIMIT) => panic!("it does not go on"),
        }
        running.abort();
        Ok(())
    }

    /// A way to a database on which so many come in vain before anybody is let through.
    async fn comes_late(database: &str, in_vain: u32) -> Result<(String, AbortOnDropHandle<()>)> {
        let (rest, sockets) = database.split_once("?host=").context("a folder of sockets")?;
        let socket = format!("{sockets}/.s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = rest.replace("localhost:5432", &listener.local_addr()?.to_string());
        let keeper = tokio::spawn(async move {
            let mut come = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                come += 1;
                if come <= in_vain {
                    continue;
                }
                let mut server = UnixStream::connect(&socket).await.expect("Postgres is there");
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        });
        Ok((url, AbortOnDropHandle::new(keeper)))
    }
}
