//! What a market group and its node have to have in common: the chain, which may have been begun anew behind the same id, the operator, and a
//! vault that no other group has.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use souk_contracts::Deployment;
use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::exchange::{CommandBody, GroupId, Source, Venue};
use souk_schema::{Address, B256, ChainId};
use souk_sequencer::{GroupHandle, record};
use souk_settlement::Node;
use souk_settlement::facts::generation_of;

use super::groups_of;
use crate::parts::Supervisor;

/// How often whoever serves a group looks whether its chain was begun anew.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Records of commands that are read at a time.
const AT_ONCE: ReadLimits = ReadLimits {
    max_records: 500,
    max_bytes: 4 << 20,
};

/// What a group's first commands say of it.
struct Beginning {
    /// What it was opened on.
    venue: Venue,
    /// The generation of the chain's stream that its first fact is of; `None` before that.
    generation: Option<u32>,
}

/// Makes sure that no other group of the log has the node's vault. Each would credit every deposit and take every exit for its own, and the
/// nonces that the vault consumes are one account's whatever the group. Of two that there are already, the one with the lower number goes on.
///
/// # Errors
/// One line that names the other group, or what does not answer.
pub(super) async fn check_alone(group: GroupId, node: &Node, log: &Arc<dyn EventLog>) -> Result<()> {
    let (chain, vault) = (ChainId(node.chain_id()), node.vault());
    let known = groups_of(log.as_ref()).await?;
    let is_open = known.contains(&group) && beginning_of(group, log).await?.is_some();
    for other in known {
        if other == group || (is_open && other > group) {
            continue;
        }
        let Some(found) = beginning_of(other, log).await? else {
            continue;
        };
        if found.venue != (Venue { chain, vault }) {
            continue;
        }
        let genesis = match found.generation {
            Some(generation) => souk_streams::genesis_of(log, chain, generation).await?,
            None => None,
        };
        // The chain was begun anew behind its id: the other group trades what is gone.
        let is_of_another_chain = genesis.is_some_and(|genesis| genesis != node.genesis());
        ensure!(
            is_of_another_chain,
            "market group {other} has the vault {vault} on chain {chain} already, and a vault has one group: both would credit every deposit. Go on \
             with --group {other}, or deploy a vault of its own for group {group} and name it with --deployment"
        );
    }
    Ok(())
}

/// Reads the first commands of a group, up to its first fact; `None` where it was not opened yet.
async fn beginning_of(group: GroupId, log: &Arc<dyn EventLog>) -> Result<Option<Beginning>> {
    let stream = StreamName::new(group.command_stream())?;
    let (mut next, mut venue) = (0, None);
    loop {
        let records = log.read(&stream, next, AT_ONCE).await?;
        let Some(last) = records.last() else {
            return Ok(venue.map(|venue| Beginning {
                venue,
                generation: None,
            }));
        };
        next = last.sequence + 1;
        for stored in &records {
            for command in record::commands(&stream, stored)?.commands {
                match (command.body, command.source, venue) {
                    (CommandBody::OpenGroup(open), _, None) => {
                        venue = Some(Venue {
                            chain: open.chain,
                            vault: open.vault,
                        });
                    }
                    (CommandBody::Fact(_), Source::Chain { chain, position }, Some(venue)) if chain == venue.chain => {
                        return Ok(Some(Beginning {
                            venue,
                            generation: Some(generation_of(position)),
                        }));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Makes sure that the group is of the node's chain: one that was begun anew has the same id, and its vault most likely the same address.
pub(super) async fn check_chain(group: &GroupHandle, node: &Node, log: &Arc<dyn EventLog>) -> Result<()> {
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

/// Whether a group settles on the chain that the log follows now and the node is on, and not on one that was begun anew since.
///
/// # Errors
/// One line when the log cannot be read, or the node does not answer.
pub async fn is_of_present_chain(group: &GroupHandle, node: &Node, log: &Arc<dyn EventLog>) -> Result<bool> {
    let Some(chain) = group.read(|engine| engine.group().map(|group| group.chain)) else {
        return Ok(true);
    };
    let Some(genesis) = genesis_of_group(group, chain, log).await? else {
        return Ok(true);
    };
    let found = node.genesis_now().await.context("the node does not tell its block 0")?;
    Ok(found == genesis)
}

/// Looks, until told to stop, whether a group that runs elsewhere is still of the present chain, and fails once it is not: what its engine
/// approves, a co-signer signs, and the vault of a chain that was begun anew would pay it, for it has the same address.
pub fn watch_chain(supervisor: &mut Supervisor, group: GroupHandle, node: Node, log: Arc<dyn EventLog>) {
    let (number, cancel) = (group.group(), supervisor.cancel().clone());
    supervisor.run(format!("the chain of market group {number}"), async move {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match is_of_present_chain(&group, &node, &log).await {
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

/// Makes sure that the node is of the chain that the contracts are on.
pub(super) fn check_deployment(node: &Node, deployment: &Deployment) -> Result<()> {
    let (expected, found) = (deployment.chain_id, node.chain_id());
    ensure!(
        found == expected,
        "the node is of chain {found}, but the deployment is on chain {expected}: point --rpc at a node of chain {expected}, or give the other \
         chain's deployment"
    );
    Ok(())
}

/// Makes sure that the key given is that of the vault's operator.
pub(super) async fn check_operator(node: &Node, ours: Address) -> Result<()> {
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
