//! Every root recomputed from the log alone (PAY-3), and compared with what was proposed and, where this installation proposed it, with the
//! entries that it published. The block that a root was computed at is compared with the log's as well: a root is of one chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use souk_eventlog::EventLog;
use souk_payouts::Entry;
use souk_payouts::merkle::{MerkleTree, differences};
use souk_schema::record::ChainRecordBody;
use souk_schema::{Address, B256, ChainId};
use souk_streams::{Reader, generations};

use crate::fold::{DistributionState, ProposedRoot};
use crate::follow::DistributionError;
use crate::store::Store;

/// What became of one root.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootReport {
    /// The registry of its deployment.
    pub registry: Address,
    /// The epoch.
    pub epoch: u64,
    /// The block that it was computed at.
    pub computed_at: u64,
    /// The hash of that block as it was proposed.
    pub computed_at_hash: B256,
    /// What the log says; `None` where it has no such block.
    pub canonical_hash: Option<B256>,
    /// The block that proposed it.
    pub proposed_in: u64,
    /// What was proposed on chain.
    pub proposed: B256,
    /// What the log gives; `None` where nothing is owed, which has no root.
    pub recomputed: Option<B256>,
    /// How many entries the log gives.
    pub entries: usize,
    /// How many of the entries that this installation published are there still; `None` where it published none, or keeps them no more.
    pub published: Option<usize>,
    /// Published entries that differ from the log's: account, token, what the log says, what was published.
    pub differing: Vec<Differing>,
}

/// An entry that differs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Differing {
    /// The account.
    pub account: Address,
    /// The ERC-20.
    pub token: Address,
    /// Base units by the log.
    pub expected: Option<String>,
    /// Base units as published.
    pub published: Option<String>,
}

/// What was found on a chain.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayoutReport {
    /// Records that were folded.
    pub records: u64,
    /// Every root that was proposed, in order.
    pub roots: Vec<RootReport>,
    /// Deployments whose payouts cannot be computed to the end, and why.
    pub refused: Vec<String>,
}

impl RootReport {
    /// Whether root, block and entries are what the log says.
    pub fn is_same(&self) -> bool {
        self.recomputed == Some(self.proposed)
            && self.canonical_hash == Some(self.computed_at_hash)
            && self.differing.is_empty()
    }

    /// What differs, a line each.
    fn complaints(&self) -> Vec<String> {
        let (epoch, proposed) = (self.epoch, self.proposed);
        let mut said = Vec::new();
        match self.recomputed {
            Some(recomputed) if recomputed == proposed => {}
            Some(recomputed) => said.push(format!("the root is {proposed}, but the log says {recomputed}")),
            None => said.push(format!("the root is {proposed}, but the log says that nothing is owed")),
        }
        let (number, hash) = (self.computed_at, self.computed_at_hash);
        match self.canonical_hash {
            Some(canonical) if canonical == hash => {}
            Some(canonical) => said.push(format!(
                "it is of block {number} ({hash}), but the log's is {canonical}"
            )),
            None => said.push(format!("it is of block {number} ({hash}), which the log does not have")),
        }
        let is_gone = self.published == Some(0);
        if is_gone {
            said.push("the entries that were published with it are gone".into());
        }
        for entry in self.differing.iter().filter(|_| !is_gone) {
            let amount = |amount: &Option<String>| amount.clone().unwrap_or_else(|| "nothing".into());
            let (account, token) = (entry.account, entry.token);
            let (expected, published) = (amount(&entry.expected), amount(&entry.published));
            said.push(format!(
                "{account} is published with {published} of {token}, but the log says {expected}"
            ));
        }
        said.iter().map(|line| format!("epoch {epoch}: {line}")).collect()
    }
}

impl PayoutReport {
    /// Whether every root is what the log says.
    pub fn is_same(&self) -> bool {
        self.refused.is_empty() && self.roots.iter().all(RootReport::is_same)
    }
}

impl std::fmt::Display for PayoutReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (records, all) = (self.records, self.roots.len());
        if all == 0 {
            write!(
                f,
                "nothing was published yet: the first {records} records tell of no payout root"
            )?;
        } else {
            let same = self.roots.iter().filter(|root| root.is_same()).count();
            write!(
                f,
                "{same} of {all} payout roots are what the first {records} records say"
            )?;
        }
        let complaints = self.roots.iter().flat_map(RootReport::complaints);
        complaints.into_iter().try_for_each(|line| write!(f, "\n{line}"))?;
        self.refused.iter().try_for_each(|refused| write!(f, "\n{refused}"))
    }
}

/// Recomputes the roots of a chain's newest generation, to the end that its stream has now.
///
/// # Errors
/// [`DistributionError`] when log or database do not answer.
pub async fn verify(
    chain: ChainId,
    log: &Arc<dyn EventLog>,
    store: &Store,
) -> Result<Option<PayoutReport>, DistributionError> {
    let Some(generation) = generations(log.as_ref(), chain).await?.pop() else {
        return Ok(None);
    };
    let mut reader = Reader::new(log, chain.stream(generation))?;
    let mut state = DistributionState::recomputing_roots();
    let mut report = PayoutReport::default();
    loop {
        let records = reader.read().await?;
        if records.is_empty() {
            break;
        }
        let mut bodies = Vec::with_capacity(records.len());
        for stored in &records {
            bodies.push(reader.chain_record(chain, stored)?);
        }
        report.records += bodies.len() as u64;
        let (folded, roots, reverted_from) = tokio::task::spawn_blocking(move || {
            let changes = state.fold(bodies)?;
            Ok::<_, DistributionError>((state, changes.roots, changes.reverted_from))
        })
        .await??;
        state = folded;
        if let Some(number) = reverted_from {
            report.roots.retain(|root| root.proposed_in < number);
        }
        for (registry, root) in roots {
            report.roots.push(compared(registry, root, store).await?);
        }
    }
    find_blocks(chain, generation, log, &mut report.roots).await?;
    for (registry, deployed) in state.deployed() {
        if let Some(refused) = &deployed.refused {
            let (block, reason) = (refused.block.number, &refused.reason);
            report
                .refused
                .push(format!("registry {registry}, block {block}: {reason}"));
        }
    }
    Ok(Some(report))
}

/// Looks in the stream for the blocks of roots that were proposed long after the block that they were computed at.
async fn find_blocks(
    chain: ChainId,
    generation: u32,
    log: &Arc<dyn EventLog>,
    roots: &mut [RootReport],
) -> Result<(), DistributionError> {
    let unknown = roots.iter().filter(|root| root.canonical_hash.is_none());
    let mut wanted: BTreeMap<u64, Option<B256>> = unknown.map(|root| (root.computed_at, None)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(log, chain.stream(generation))?;
    loop {
        let records = reader.read().await?;
        if records.is_empty() {
            break;
        }
        for stored in &records {
            match reader.chain_record(chain, stored)? {
                ChainRecordBody::BlockAppended(block) => {
                    wanted.entry(block.number).and_modify(|hash| *hash = Some(block.hash));
                }
                ChainRecordBody::BlockReverted(block) => {
                    let of = wanted.entry(block.number);
                    of.and_modify(|hash| *hash = hash.filter(|hash| *hash != block.hash));
                }
                _ => {}
            }
        }
    }
    for root in roots.iter_mut().filter(|root| root.canonical_hash.is_none()) {
        root.canonical_hash = wanted.get(&root.computed_at).copied().flatten();
    }
    Ok(())
}

async fn compared(registry: Address, root: ProposedRoot, store: &Store) -> Result<RootReport, DistributionError> {
    let kept = store.kept_root(registry, root.epoch, root.proposed).await?;
    let published = kept.and_then(|kept| kept.entries);
    let differing = match &published {
        None => Vec::new(),
        Some(published) => differences(&root.entries, published),
    };
    let amount = |entry: Option<Entry>| entry.map(|entry| entry.cumulative.to_string());
    let differing = differing.into_iter().filter_map(|(ours, theirs)| {
        let Entry { account, token, .. } = ours.or(theirs)?;
        Some(Differing {
            account,
            token,
            expected: amount(ours),
            published: amount(theirs),
        })
    });
    Ok(RootReport {
        registry,
        epoch: root.epoch,
        computed_at: root.computed_at.number,
        computed_at_hash: root.computed_at.hash,
        canonical_hash: root.hash,
        proposed_in: root.proposed_in,
        proposed: root.proposed,
        recomputed: MerkleTree::new(&root.entries).map(|tree| tree.root()),
        entries: root.entries.len(),
        published: published.map(|entries| entries.len()),
        differing: differing.collect(),
    })
}
