//! What there is to decide on: seen under the state's lock, which everybody waits for, and summed of a copy after it is given back.
//!
//! Summing takes time in proportion to all that is owed, so nothing is summed twice: what is owed as of a final block, after the same finalised
//! root, is always the same.

use std::sync::Arc;

use souk_payouts::merkle::MerkleTree;
use souk_payouts::state::{Epoch, PendingRoot};
use souk_payouts::{Entry, State};
use souk_schema::{Address, B256, BlockRef};

use super::Seen;
use crate::follow::DistributionHandle;

/// What there is to decide on.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Block 0 of the chain that the rest is of.
    pub(super) genesis: B256,
    pub(super) seen: Seen,
    /// What a root would be of; `None` where none may be proposed.
    pub(super) owed: Option<Arc<Owed>>,
    /// The block that the pending root was computed at, where it is too old for the state to know its hash.
    pub(super) unproved: Option<BlockRef>,
}

/// What is owed as of a block.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) entries: Vec<Entry>,
    /// Their root; `None` where nothing is owed.
    pub(super) root: Option<B256>,
    /// Whether that is more than the finalised root says.
    is_more: bool,
}

/// The sums of earlier looks that later ones may need.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    last: Option<(Of, Arc<Owed>)>,
    /// How often all that is owed was summed.
    pub(super) made: u64,
}

/// What a sum is of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Of {
    genesis: B256,
    at: BlockRef,
    /// The last finalised epoch.
    finalised: (u64, Option<Epoch>),
}

/// What is seen under the lock.
struct Glance {
    genesis: B256,
    finalized: BlockRef,
    finalised: (u64, Option<Epoch>),
    pending: Option<PendingRoot>,
    would_be_spoiled: bool,
    /// The hash of the block that the pending root was computed at, if it is among the newest.
    hash: Option<B256>,
    /// What is to be summed.
    wanted: Option<Of>,
    /// What it is to be summed of, unless it was summed before.
    copy: Option<Box<State>>,
}

/// Looks; `None` before there is a final block, and where payouts cannot be computed.
pub(super) fn look(payouts: &DistributionHandle, registry: Address, is_time: bool, sums: &mut Sums) -> Option<Look> {
    let glance = glance(payouts, registry, is_time, sums)?;
    let owed = glance.wanted.map(|of| sums.of(of, glance.copy));
    let (finalised_epoch, finalised) = glance.finalised;
    let mut seen = Seen {
        finalised_epoch,
        finalised_root: finalised.as_ref().map(|epoch| epoch.root),
        finalised_block: finalised.map_or(0, |epoch| epoch.computed_at.number),
        is_false: false,
        finalized: glance.finalized,
        has_news: false,
        would_be_spoiled: glance.would_be_spoiled,
        is_time,
        pending: glance.pending,
    };
    let mut unproved = None;
    match &seen.pending {
        Some(pending) if pending.spoiled.is_empty() => {
            let (root, at) = (pending.proposed.root, pending.proposed.computed_at);
            let is_same = owed.as_ref().is_some_and(|owed| owed.root == Some(root));
            seen.is_false = !is_same || glance.hash.is_some_and(|hash| hash != at.hash);
            unproved = glance.hash.is_none().then_some(at);
        }
        _ => seen.has_news = owed.as_ref().is_some_and(|owed| owed.is_more),
    }
    Some(Look {
        genesis: glance.genesis,
        seen,
        owed,
        unproved,
    })
}

fn glance(payouts: &DistributionHandle, registry: Address, is_time: bool, sums: &Sums) -> Option<Glance> {
    payouts.read(|chain| {
        let (genesis, finalized) = (chain.genesis()?, chain.finalized()?);
        let deployed = chain.of(&registry).filter(|deployed| deployed.refused.is_none())?;
        let state = &deployed.state;
        let last = state.finalised_epoch();
        let finalised = (last, state.epoch(last).cloned());
        let pending = state.pending_root();
        let would_be_spoiled = !state.spoiled(finalized.number).is_empty();
        // Nobody needs what is owed by now while a root only waits, or none may be proposed.
        let at = match &pending {
            Some(pending) if pending.spoiled.is_empty() => Some(pending.proposed.computed_at),
            _ if would_be_spoiled || (pending.is_none() && !is_time) => None,
            _ => state.has_news(finalized.number).then_some(finalized),
        };
        let wanted = at.map(|at| Of {
            genesis,
            at,
            finalised: finalised.clone(),
        });
        // What is not final may be another block by now.
        let is_known = |of: &Of| of.at.number <= finalized.number && sums.has(of);
        let copy = wanted
            .as_ref()
            .filter(|of| !is_known(of))
            .map(|_| Box::new(state.clone()));
        let computed_at = pending.as_ref().map(|pending| pending.proposed.computed_at.number);
        Some(Glance {
            genesis,
            finalized,
            finalised,
            hash: computed_at.and_then(|number| chain.hash_of(number)),
            pending,
            would_be_spoiled,
            wanted,
            copy,
        })
    })
}

impl Sums {
    fn has(&self, of: &Of) -> bool {
        self.last.as_ref().is_some_and(|(known, _)| known == of)
    }

    /// The sum, made of the copy unless there is none because it was made before.
    fn of(&mut self, of: Of, copy: Option<Box<State>>) -> Arc<Owed> {
        if let (None, Some((_, owed))) = (&copy, &self.last) {
            return Arc::clone(owed);
        }
        let mut state = copy.expect("what was not summed before is copied");
        let entries = state.entries(of.at.number);
        let owed = Arc::new(Owed {
            root: MerkleTree::new(&entries).map(|tree| tree.root()),
            // As of a block before every revenue: what finalised roots count, and no more.
            is_more: entries != state.entries(0),
            entries,
        });
        self.made += 1;
        self.last = Some((of, Arc::clone(&owed)));
        owed
    }
}
