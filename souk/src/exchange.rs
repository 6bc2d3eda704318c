//! The exchange of a process: a market group's engine on its streams, its ledger, and what stands between it and the chain.
//!
//! Start at [`start`] for all of a group's parts, at [`follow`] for a process that only reads and submits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use souk_contracts::{Deployment, TestUSD};
use souk_eventlog::EventLog;
use souk_ledger::project::{LedgerConfig, LedgerStatus};
use souk_ledger::reconcile::{ReconciliationStatus, watch_reconciliation};
use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::{GroupId, Venue};
use souk_schema::{Address, B256, ChainId};
use souk_sequencer::{Clock, GroupConfig, GroupHandle, Role};
use souk_settlement::facts::generation_of;
use souk_settlement::vault_log::Contracts;
use souk_settlement::{
    FactConfig, FactFollower, Finality, Node, Operator, OperatorSigner, Settler, SettlerConfig, Store, VaultSource,
    markets,
};
use sqlx::PgPool;
use tokio::sync::watch;
use url::Url;

use crate::parts::Supervisor;
use crate::waiting;

/// Most open orders of one account in a group.
const MAX_OPEN_ORDERS: u32 = 2_000;

/// How often ledger and vault are compared, where a new block is final.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

/// How often whoever serves a group looks whether its chain was begun anew.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where a group settles, and by whose hand.
pub struct Settling {
    /// The chain's node.
    pub rpc: String,
    /// The contracts on it; the vault among them.
    pub deployment: Deployment,
    /// Which blocks are final.
    pub finality: Finality,
    /// Sends what settles.
    pub operator: OperatorSigner,
    /// Royalties are passed on from this many quote base units on; `None` leaves that to anybody else.
    pub flush_from: Option<u128>,
    /// What the group takes for the time; the host's clock save on a dev chain.
    pub clock: Clock,
}

/// A group with all its parts.
pub struct RunningGroup {
    /// Its engine.
    pub handle: GroupHandle,
    /// The node that it settles through.
    pub node: Node,
    /// As it was opened.
    pub opened: OpenGroup,
    /// The test dollar, or whatever pays by default.
    pub dollars: Address,
}

impl RunningGroup {
    /// What it settles on.
    pub fn venue(&self) -> Venue {
        Venue {
            chain: self.opened.chain,
            vault: self.opened.vault,
        }
    }
}

/// The vault of a deployment.
///
/// # Errors
/// One line where there is none.
pub fn vault_of(deployment: &Deployment) -> Result<Address> {
    let vault = deployment.addresses.exchange_vault;
    vault.context("the deployment has no exchange vault: it is older than the exchange; deploy a vault, or leave the exchange out")
}

/// What a group of a deployment listens to.
///
/// # Errors
/// One line where the deployment has no vault.
pub fn contracts_of(deployment: &Deployment) -> Result<Contracts> {
    Ok(Contracts {
        vault: vault_of(deployment)?,
        licences: deployment.addresses.license_registry,
    })
}

/// Asks a vault's node which chain it is of.
///
/// # Errors
/// What the node or the connection says, with the node named.
pub async fn connected(rpc: &str, vault: Address) -> Result<Node> {
    let node = Node::connect(rpc, vault).await;
    node.with_context(|| format!("the node {}", shown(rpc)))
}

/// A node's address as it may be shown.
pub fn shown(rpc: &str) -> String {
    Url::parse(rpc).map_or_else(|_| "at --rpc".into(), |url| souk_wire::redacted(&url))
}

/// Starts a group's engine as primary, its ledger, the facts that its chain tells and its settlement; opens the group if it is new. A node
/// that is away is waited for.
///
/// # Errors
/// One line when the vault, the log or the database does not answer, the node is of another chain, or the operator's key is not the vault's.
pub async fn start(
    supervisor: &mut Supervisor,
    group: GroupId,
    settling: Settling,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<RunningGroup> {
    let contracts = contracts_of(&settling.deployment)?;
    let who = format!("market group {group}");
    let node = waiting::for_node(&who, async || {
        let node = connected(&settling.rpc, contracts.vault).await?;
        check_deployment(&node, &settling.deployment)?;
        check_operator(&node, settling.operator.address()).await?;
        Ok(node)
    })
    .await?;
    let handle = engine(supervisor, group, &settling.clock, log, pool).await?;
    ensure!(
        handle.running().await,
        "the engine of market group {group} did not get ready; see the log lines above"
    );
    check_chain(&handle, &node, log).await?;
    let opened = waiting::for_node(&who, async || {
        let opened = markets::open_group(&node, &handle, MAX_OPEN_ORDERS).await;
        opened.with_context(|| who.clone())
    })
    .await?;

    let store = Store::connect(pool.clone()).await.context("settlement's tables")?;
    let facts = FactConfig::alone(group, contracts);
    let follower = FactFollower::new(
        facts,
        (opened.chain, node.genesis()),
        handle.clone(),
        log.clone(),
        store.clone(),
    );
    let cancel = supervisor.cancel().clone();
    supervisor.run(format!("facts for market group {group}"), async move {
        Ok(follower.run(cancel).await?)
    });
    let mut config = SettlerConfig::new(group);
    config.finality = settling.finality;
    config.flush_from = settling.flush_from;
    config.clock = settling.clock;
    let operator = Operator::new(settling.operator);
    let settler = Settler::run(
        config,
        operator,
        node.clone(),
        log.clone(),
        store,
        supervisor.cancel().clone(),
    );
    supervisor.run(format!("settlement of market group {group}"), async move {
        Ok(settler.await?)
    });
    let vault = Arc::new(VaultSource::new(log.clone(), node.clone(), contracts));
    let (status, _) = watch::channel(ReconciliationStatus::default());
    let watching = watch_reconciliation(
        pool.clone(),
        vault,
        RECONCILE_EVERY,
        status,
        supervisor.cancel().clone(),
    );
    supervisor.run(format!("reconciliation of market group {group}"), async move {
        watching.await;
        Ok(())
    });
    Ok(RunningGroup {
        handle,
        node,
        opened,
        dollars: settling.deployment.addresses.test_usd,
    })
}

/// Starts an engine that follows a group which runs elsewhere: what the API reads and submits through.
///
/// # Errors
/// One line when the log or the database does not answer.
pub async fn follow(
    supervisor: &mut Supervisor,
    group: GroupId,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<GroupHandle> {
    souk_ledger::store::migrate(pool, &souk_ledger::tables::Schema::live())
        .await
        .context("the exchange's tables")?;
    sequencer(
        supervisor,
        GroupConfig {
            role: Role::Standby,
            ..GroupConfig::new(group)
        },
        log,
        pool,
    )
    .await
}

/// The market groups that the log has commands for.
///
/// # Errors
/// One line when the log cannot be read.
pub async fn groups_of(log: &dyn EventLog) -> Result<Vec<GroupId>> {
    let streams = log.streams().await?;
    let mut groups: Vec<GroupId> = streams.iter().filter_map(|stream| group_of(stream.as_str())).collect();
    groups.sort_unstable();
    Ok(groups)
}

/// A market group that the log does not know yet.
///
/// # Errors
/// One line when the log cannot be read.
pub async fn fresh_group(log: &dyn EventLog) -> Result<GroupId> {
    let newest = groups_of(log).await?.pop();
    Ok(GroupId(newest.map_or(1, |group| group.0 + 1)))
}

/// The group whose commands a stream holds, if it is one of those.
fn group_of(stream: &str) -> Option<GroupId> {
    stream.strip_prefix("exchange.commands.")?.parse().ok().map(GroupId)
}

/// Symbol and decimals of an ERC-20, as it says itself.
///
/// # Errors
/// One line when it does not say.
pub async fn token_name(node: &Node, token: Address) -> Result<(String, u8)> {
    let contract = TestUSD::new(token, node.provider());
    let asked = || format!("the token {token}");
    let symbol = contract.symbol().call().await.with_context(asked)?;
    let decimals = contract.decimals().call().await.with_context(asked)?;
    Ok((symbol, decimals))
}

async fn engine(
    supervisor: &mut Supervisor,
    group: GroupId,
    clock: &Clock,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<GroupHandle> {
    souk_ledger::store::migrate(pool, &souk_ledger::tables::Schema::live())
        .await
        .context("the exchange's tables")?;
    let config = GroupConfig {
        clock: clock.clone(),
        ..GroupConfig::new(group)
    };
    let handle = sequencer(supervisor, config, log, pool).await?;
    let (status, _) = watch::channel(LedgerStatus::new(group));
    let config = LedgerConfig::new(group);
    let projector = souk_ledger::project::run(config, log.clone(), pool.clone(), status, supervisor.cancel().clone());
    supervisor.run(format!("ledger of market group {group}"), async move {
        Ok(projector.await?)
    });
    Ok(handle)
}

async fn sequencer(
    supervisor: &mut Supervisor,
    config: GroupConfig,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<GroupHandle> {
    let group = config.group;
    let started = souk_sequencer::start(config, log.clone(), pool.clone(), supervisor.cancel().clone()).await;
    let (handle, running) = started.with_context(|| format!("the engine of market group {group}"))?;
    supervisor.run(
        format!("engine of market group {group}"),
        async move { Ok(running.await?) },
    );
    Ok(handle)
}

/// Makes sure that the node is of the chain that the contracts are on.
fn check_deployment(node: &Node, deployment: &Deployment) -> Result<()> {
    let (expected, found) = (deployment.chain_id, node.chain_id());
    ensure!(
        found == expected,
        "the node is of chain {found}, but the deployment is on chain {expected}: point --rpc at a node of chain {expected}, or give the other \
         chain's deployment"
    );
    Ok(())
}

/// Makes sure that the group is of the node's chain: one that was begun anew has the same id, and its vault most likely the same address.
async fn check_chain(group: &GroupHandle, node: &Node, log: &Arc<dyn EventLog>) -> Result<()> {
    let (chain, number) = (ChainId(node.chain_id()), group.group());
    if let Some(genesis) = genesis_of_group(group, chain, log).await? {
        let found = node.genesis();
        ensure!(
            genesis == found,
            "market group {number} trades what chain {chain} had when its genesis block was {genesis}, but the node's is {found}: the chain \
             was begun anew. Begin a new group with --group, or point --rpc at the old chain"
        );
    }
    Ok(())
}

/// Block 0 of the chain that a group's facts are of; `None` before the first.
async fn genesis_of_group(group: &GroupHandle, chain: ChainId, log: &Arc<dyn EventLog>) -> Result<Option<B256>> {
    let Some(position) = group.chain_position(chain) else {
        return Ok(None);
    };
    let genesis = souk_streams::genesis_of(log, chain, generation_of(position)).await;
    genesis.with_context(|| format!("the stream of chain {chain}"))
}

/// Whether a group settles on the chain that the log follows now and the node is on, where there is one, and not on one that was begun anew
/// since.
///
/// # Errors
/// One line when the log cannot be read, or the node does not answer.
pub async fn is_of_present_chain(group: &GroupHandle, node: Option<&Node>, log: &Arc<dyn EventLog>) -> Result<bool> {
    let Some(chain) = group.read(|engine| engine.group().map(|group| group.chain)) else {
        return Ok(true);
    };
    let Some(newest) = souk_streams::generations(log.as_ref(), chain).await?.pop() else {
        return Ok(true);
    };
    let present = souk_streams::genesis_of(log, chain, newest).await;
    let present = present.with_context(|| format!("the stream of chain {chain}"))?;
    let Some(genesis) = genesis_of_group(group, chain, log).await? else {
        return Ok(true);
    };
    if let Some(node) = node {
        let found = node.genesis_now().await.context("the node does not tell its block 0")?;
        return Ok(found == genesis);
    }
    Ok(present.is_none_or(|present| present == genesis))
}

/// Looks, until told to stop, whether a group that runs elsewhere is still of the present chain, and fails once it is not: what its engine
/// approves, a co-signer signs, and the vault of a chain that was begun anew would pay it, for it has the same address.
pub fn watch_chain(supervisor: &mut Supervisor, group: GroupHandle, node: Option<Node>, log: Arc<dyn EventLog>) {
    let (number, cancel) = (group.group(), supervisor.cancel().clone());
    supervisor.run(format!("the chain of market group {number}"), async move {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match is_of_present_chain(&group, node.as_ref(), &log).await {
                Ok(is_present) => ensure!(
                    is_present,
                    "the chain was begun anew; start again, and the group is left out"
                ),
                // What does not answer is said by those who need it.
                Err(error) => tracing::debug!(group = %number, "which chain it is cannot be told: {error:#}"),
            }
        }
    });
}

async fn check_operator(node: &Node, ours: Address) -> Result<()> {
    let theirs = node
        .contract()
        .operator()
        .call()
        .await
        .context("the vault does not say who its operator is")?;
    ensure!(
        theirs == ours,
        "the vault's operator is {theirs}, but the key given is that of {ours}: give the right one with --operator-key-file"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_known_by_their_streams() {
        assert_eq!(group_of("exchange.commands.7"), Some(GroupId(7)));
        assert_eq!(group_of("exchange.events.7"), None);
        assert_eq!(group_of("chain.7"), None);
        assert_eq!(group_of(&GroupId(12).command_stream()), Some(GroupId(12)));
    }
}
