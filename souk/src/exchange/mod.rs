//! The exchange of a process: a market group's engine on its streams, its ledger, and what stands between it and the chain.
//!
//! Start at [`start`] for all of a group's parts, at [`stand_by`] for a process that takes over from another, at [`follow`] for one that only
//! reads and submits. [`lead`] is what a primary alone does, [`chain`] what a group and its node have to have in common.

mod chain;
mod lead;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use souk_api::exchange::decimal::MOST_DECIMALS;
use souk_contracts::{Deployment, TestUSD};
use souk_eventlog::EventLog;
use souk_exchange::Engine;
use souk_ledger::reconcile::EngineBalance;
use souk_schema::Address;
use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::{CommandNumber, GroupId, Venue};
use souk_sequencer::{Clock, GroupConfig, GroupHandle, Role};
use souk_settlement::vault_log::Contracts;
use souk_settlement::{Finality, Node, OperatorSigner, Store};
use sqlx::PgPool;
use url::Url;

use crate::parts::Supervisor;
use crate::waiting;
pub use chain::{is_of_present_chain, watch_chain};
use lead::Lead;

/// Where a group settles, and by whose hand.
#[derive(Clone)]
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
    /// Whether this process runs the chain itself, and began the group with it: groups of the log that had the vault before are of chains that
    /// are gone.
    pub own_chain: bool,
}

/// A group with all its parts.
pub struct RunningGroup {
    /// Its engine.
    pub handle: GroupHandle,
    /// The node that it settles through.
    pub node: Node,
    /// As it was opened.
    pub opened: OpenGroup,
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

/// Who waits for a node, in the words of the log.
fn who(group: GroupId) -> String {
    format!("market group {group}")
}

/// Starts a group's engine as primary, its ledger, the facts that its chain tells and its settlement; opens the group if it is new. Where another
/// process takes the role, the group ends here. A node that is away is waited for.
///
/// # Errors
/// One line when the vault, the log or the database does not answer, the node is of another chain, the operator's key is not the vault's, or
/// the vault has another group.
pub async fn start(
    supervisor: &mut Supervisor,
    group: GroupId,
    settling: Settling,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<RunningGroup> {
    let config = GroupConfig::new(group);
    let lead = prepare(supervisor, config, settling, log, pool).await?;
    let opened = waiting::for_node(&who(group), async || lead.open().await).await?;
    let (handle, node) = (lead.handle.clone(), lead.node.clone());
    let cancel = supervisor.cancel().clone();
    supervisor.run(format!("market group {group}"), lead.while_primary(cancel));
    Ok(RunningGroup { handle, node, opened })
}

/// Starts a group's engine as a standby. Once the primary has written no outcome for so long, though there were some to write, it takes over and
/// does all that a primary does, until another takes over from it. It does not open a group that is new.
///
/// # Errors
/// As [`start`].
pub async fn stand_by(
    supervisor: &mut Supervisor,
    group: GroupId,
    takeover_after: Duration,
    settling: Settling,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<()> {
    let config = GroupConfig {
        role: Role::Standby,
        takeover_after: Some(takeover_after),
        ..GroupConfig::new(group)
    };
    let lead = prepare(supervisor, config, settling, log, pool).await?;
    tracing::info!(%group, takeover_after_secs = takeover_after.as_secs(), "the exchange stands by");
    let cancel = supervisor.cancel().clone();
    supervisor.run(format!("market group {group}"), lead.whenever_primary(cancel));
    Ok(())
}

/// Starts a group's engine, and has ready what it does as primary.
async fn prepare(
    supervisor: &mut Supervisor,
    config: GroupConfig,
    settling: Settling,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<Lead> {
    let (group, contracts) = (config.group, contracts_of(&settling.deployment)?);
    let node = waiting::for_node(&who(group), async || {
        let node = connected(&settling.rpc, contracts.vault).await?;
        chain::check_deployment(&node, &settling.deployment)?;
        chain::check_operator(&node, settling.operator.address()).await?;
        Ok(node)
    })
    .await?;
    if !settling.own_chain {
        chain::check_alone(group, &node, log).await?;
    }
    migrate(pool).await?;
    let store = Store::connect(pool.clone()).await.context("settlement's tables")?;
    let clock = settling.clock.clone();
    let handle = sequencer(supervisor, GroupConfig { clock, ..config }, log, pool).await?;
    ensure!(
        handle.running().await,
        "the engine of market group {group} did not get ready; see the log lines above"
    );
    let lead = Lead {
        handle,
        node,
        contracts,
        settling,
        store,
        log: log.clone(),
        pool: pool.clone(),
    };
    lead.check_chain().await?;
    Ok(lead)
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
    migrate(pool).await?;
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

/// What an engine says of all balances, and after which command.
pub fn engine_balances(engine: &Engine) -> (CommandNumber, Vec<EngineBalance>) {
    let mut all = Vec::new();
    for account in engine.accounts() {
        all.extend(account.balances().map(|(instrument, balance)| EngineBalance {
            account: account.id(),
            instrument,
            available: balance.available,
            held: balance.held,
            pending_in: balance.pending_in,
            pending_out: balance.pending_out,
        }));
    }
    (engine.commands(), all)
}

/// Symbol and decimals of an ERC-20, as it says itself.
///
/// # Errors
/// One line when it does not say, or more decimals than can be written.
pub async fn token_name(node: &Node, token: Address) -> Result<(String, u8)> {
    let contract = TestUSD::new(token, node.provider());
    let asked = || format!("the token {token}");
    let symbol = contract.symbol().call().await.with_context(asked)?;
    let decimals = contract.decimals().call().await.with_context(asked)?;
    ensure!(
        decimals <= MOST_DECIMALS,
        "the token {token} says that it has {decimals} decimals: at most {MOST_DECIMALS} can be written"
    );
    Ok((symbol, decimals))
}

async fn migrate(pool: &PgPool) -> Result<()> {
    let migrated = souk_ledger::store::migrate(pool, &souk_ledger::tables::Schema::live()).await;
    migrated.context("the exchange's tables")
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
