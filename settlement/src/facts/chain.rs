//! The chain of the present generation, as far as facts need it: its blocks above finality, and what the final ones add up to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::BlockRef;

use super::folder::FoldError;
use crate::vault_log::VaultEvent;

/// A block above finality.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unfinal {
    pub(super) block: BlockRef,
    pub(super) secs: u64,
    pub(super) events: Vec<VaultEvent>,
}

/// The chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chain {
    /// Oldest first.
    unfinal: VecDeque<Unfinal>,
    last_final: Option<BlockRef>,
    /// Exits that wait, by the final blocks.
    exits: BTreeMap<u64, Address>,
    /// Keys that sign, by the final blocks.
    keys: BTreeSet<(Address, Address)>,
}

impl Chain {
    /// The newest block.
    pub(super) fn head(&self) -> Option<BlockRef> {
        self.unfinal.back().map(|unfinal| unfinal.block).or(self.last_final)
    }

    pub(super) fn append(&mut self, block: Unfinal, parent: B256) -> Result<(), FoldError> {
        let follows = self
            .head()
            .is_none_or(|head| head.number + 1 == block.block.number && head.hash == parent);
        if !follows {
            return Err(FoldError::Unlinked {
                number: block.block.number,
            });
        }
        self.unfinal.push_back(block);
        Ok(())
    }

    /// Takes the newest block off.
    pub(super) fn revert(&mut self, block: BlockRef) -> Result<Unfinal, FoldError> {
        let is_head = self.unfinal.back().is_some_and(|head| head.block == block);
        self.unfinal
            .pop_back_if(|_| is_head)
            .ok_or(FoldError::Unlinked { number: block.number })
    }

    /// The blocks that become final, oldest first.
    pub(super) fn finalize(&mut self, block: BlockRef) -> Result<Vec<Unfinal>, FoldError> {
        let place = self.unfinal.iter().position(|unfinal| unfinal.block == block);
        let place = place.ok_or(FoldError::Unlinked { number: block.number })?;
        self.last_final = Some(block);
        let finalized: Vec<Unfinal> = self.unfinal.drain(..=place).collect();
        for event in finalized.iter().flat_map(|unfinal| &unfinal.events) {
            self.settle_state(event);
        }
        Ok(finalized)
    }

    fn settle_state(&mut self, event: &VaultEvent) {
        match event {
            VaultEvent::ExitRequested { exit_id, account } => {
                self.exits.insert(*exit_id, *account);
            }
            VaultEvent::ExitExecuted { exit_id, .. } | VaultEvent::ExitCancelled { exit_id } => {
                self.exits.remove(exit_id);
            }
            VaultEvent::Key { account, key, signs } => {
                if *signs {
                    self.keys.insert((*account, *key));
                } else {
                    self.keys.remove(&(*account, *key));
                }
            }
            _ => {}
        }
    }

    /// Whether a key signs, at the head.
    pub(super) fn signs(&self, account: Address, key: Address) -> bool {
        let newest_first = self
            .unfinal
            .iter()
            .rev()
            .flat_map(|unfinal| unfinal.events.iter().rev());
        let latest = newest_first
            .filter_map(|event| match event {
                VaultEvent::Key {
                    account: of,
                    key: named,
                    signs,
                } if (*of, *named) == (account, key) => Some(*signs),
                _ => None,
            })
            .next();
        latest.unwrap_or_else(|| self.keys.contains(&(account, key)))
    }

    /// Every key of which the chain says anything.
    pub(super) fn known_keys(&self) -> BTreeSet<(Address, Address)> {
        let in_unfinal = self.unfinal.iter().flat_map(|unfinal| &unfinal.events);
        let in_unfinal = in_unfinal.filter_map(|event| match event {
            VaultEvent::Key { account, key, .. } => Some((*account, *key)),
            _ => None,
        });
        self.keys.iter().copied().chain(in_unfinal).collect()
    }

    /// The exits that wait: requested at head, and neither executed nor given up in a final block.
    pub(super) fn waiting_exits(&self) -> BTreeMap<u64, Address> {
        let mut waiting = self.exits.clone();
        for event in self.unfinal.iter().flat_map(|unfinal| &unfinal.events) {
            if let VaultEvent::ExitRequested { exit_id, account } = event {
                waiting.insert(*exit_id, *account);
            }
        }
        waiting
    }
}
