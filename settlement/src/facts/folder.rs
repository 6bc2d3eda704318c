//! Records of a chain's stream in, facts out. Pure; its state is a function of the records that it was given.
//!
//! Start at [`FactFolder::fold`].

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::BlockRef;
use souk_schema::exchange::GroupId;
use souk_schema::exchange::command::Fact;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody};

use super::chain::{Chain, Unfinal};
use super::told::Told;
use crate::vault_log::{Contracts, VaultEvent, read};

/// Facts of one record; what is more waits for the next record. The rest of a record's 65,536 positions is for what the follower tells
/// again.
pub(super) const FACTS_PER_RECORD: usize = 0xF000;

/// Whom facts are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactConfig {
    /// The group whose engine is told.
    pub group: GroupId,
    /// What it listens to.
    pub contracts: Contracts,
    /// The groups that share the vault with it. What names none of them and not this group either is for the one with the lowest number:
    /// a vault pays out of one balance per account, so somebody has to know.
    pub others: Vec<GroupId>,
}

impl FactConfig {
    /// A group that has the vault for itself.
    pub fn alone(group: GroupId, contracts: Contracts) -> FactConfig {
        FactConfig {
            group,
            contracts,
            others: Vec::new(),
        }
    }

    pub(super) fn is_ours(&self, named: GroupId) -> bool {
        named == self.group || (self.takes_strays() && !self.others.contains(&named))
    }

    pub(super) fn takes_strays(&self) -> bool {
        self.others.iter().all(|other| *other > self.group)
    }
}

/// A fact with its place among all that a chain said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactAt {
    /// As in [`souk_schema::exchange::Source::Chain`].
    pub position: u64,
    /// What happened.
    pub fact: Fact,
}

/// A stream that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A record does not fit to those before it.
    #[error("block {number} does not fit to the blocks before it in the stream")]
    Unlinked {
        /// The block of which the record speaks.
        number: u64,
    },
    /// Positions have room for 255 generations and 2^40 records.
    #[error("generation {generation}, record {sequence}: more than positions of facts have room for")]
    PositionOverflow {
        /// The generation.
        generation: u32,
        /// The record.
        sequence: u64,
    },
}

/// The position of a fact: the generation, then the record, then the place in it. `None` where it has no room.
pub(super) fn position(generation: u32, sequence: u64, index: usize) -> Option<u64> {
    let generation = u8::try_from(generation).ok()?;
    let sequence = (sequence < 1 << 40).then_some(sequence)?;
    let index = u16::try_from(index).ok()?;
    Some(u64::from(generation) << 56 | sequence << 16 | u64::from(index))
}

/// The generation of its chain's stream that a fact with this position is of.
pub fn generation_of(position: u64) -> u32 {
    // What is left are eight bits.
    u32::try_from(position >> 56).unwrap_or(u32::MAX)
}

/// The last position that any fact of a record can have.
///
/// # Errors
/// [`FoldError::PositionOverflow`].
pub fn last_position(generation: u32, sequence: u64) -> Result<u64, FoldError> {
    position(generation, sequence, usize::from(u16::MAX)).ok_or(FoldError::PositionOverflow { generation, sequence })
}

/// Folds the streams of a chain into facts for one group.
#[derive(Clone, Debug)]
pub struct FactFolder {
    pub(super) config: FactConfig,
    pub(super) state: Folded,
}

/// What the records so far add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folded {
    pub(super) generation: u32,
    pub(super) chain: Chain,
    pub(super) told: Told,
    /// While below it, an earlier generation knew more: its head.
    pub(super) catching_up_to: Option<u64>,
    /// Deposits told of final blocks of an earlier generation, by block number, until the present one is final there.
    pub(super) unconfirmed: BTreeMap<u64, Vec<(B256, u64)>>,
    /// Final blocks of an earlier generation that said something, until the present one is final there.
    pub(super) doubtful: BTreeMap<u64, B256>,
    /// Facts that had no room in their record.
    pub(super) waiting: VecDeque<Fact>,
}

impl FactFolder {
    /// A folder that was told nothing yet.
    pub fn new(config: FactConfig) -> FactFolder {
        FactFolder {
            config,
            state: Folded::default(),
        }
    }

    /// The generation that is being folded.
    pub fn generation(&self) -> u32 {
        self.state.generation
    }

    /// Takes the next record of the present generation's stream, or the first one of the next generation's; returns what it makes known.
    ///
    /// # Errors
    /// [`FoldError`]; the folder is of no use afterwards.
    pub fn fold(&mut self, sequence: u64, body: &ChainRecordBody) -> Result<Vec<FactAt>, FoldError> {
        let mut facts = std::mem::take(&mut self.state.waiting);
        match body {
            ChainRecordBody::StreamOpened(opened) => self.open(opened.generation),
            ChainRecordBody::BlockAppended(block) => self.append(block, &mut facts)?,
            ChainRecordBody::BlockReverted(reverted) => self.revert(reverted, &mut facts)?,
            ChainRecordBody::FinalityAdvanced(block) => self.finalize(*block, &mut facts)?,
        }
        if facts.len() > FACTS_PER_RECORD {
            self.state.waiting = facts.split_off(FACTS_PER_RECORD);
        }
        let placed = facts.into_iter().enumerate().map(|(index, fact)| {
            let position = position(self.state.generation, sequence, index).ok_or(FoldError::PositionOverflow {
                generation: self.state.generation,
                sequence,
            })?;
            Ok(FactAt { position, fact })
        });
        placed.collect()
    }

    fn open(&mut self, generation: u32) {
        let before = std::mem::take(&mut self.state.chain);
        self.state.generation = generation;
        self.state.catching_up_to = self.state.catching_up_to.max(before.head().map(|head| head.number));
        self.state.doubtful = self.state.told.blocks();
        self.state.unconfirmed.clear();
        for (&deposit_id, deposit) in &self.state.told.deposits {
            let at = self.state.unconfirmed.entry(deposit.block.number).or_default();
            at.push((deposit.block.hash, deposit_id));
        }
    }

    fn append(&mut self, block: &Block, facts: &mut VecDeque<Fact>) -> Result<(), FoldError> {
        let events = read(&self.config.contracts, &block.logs);
        let unfinal = Unfinal {
            block: block.block_ref(),
            secs: block.timestamp,
            events: events.into_iter().map(|(_, event)| event.without_amounts()).collect(),
        };
        let events = unfinal.events.clone();
        self.state.chain.append(unfinal, block.parent_hash)?;
        for event in &events {
            self.at_head(event, facts);
        }
        if self.state.catching_up_to.is_some_and(|head| block.number >= head) {
            self.state.catching_up_to = None;
            self.compare_states(facts);
        }
        Ok(())
    }

    /// What counts as soon as it is seen.
    fn at_head(&mut self, event: &VaultEvent, facts: &mut VecDeque<Fact>) {
        match *event {
            VaultEvent::ExitRequested { exit_id, account } if self.state.catching_up_to.is_none() => {
                self.tell_exit(exit_id, account, facts);
            }
            VaultEvent::Key { account, key, .. } if self.state.catching_up_to.is_none() => {
                self.compare_key(account, key, facts);
            }
            VaultEvent::NoncesInvalidated { account, below, single } => {
                let known = self.state.told.nonces_below.entry(account).or_default();
                let rises = below > *known;
                *known = below.max(*known);
                let is_new = single.is_some_and(|nonce| self.state.told.nonces.insert((account, nonce)));
                if rises || is_new {
                    facts.push_back(Fact::NoncesInvalidated { account, below, single });
                }
            }
            VaultEvent::SeriesRevoked { token } if self.state.told.series.insert(token) => {
                facts.push_back(Fact::SeriesRevoked { token });
            }
            _ => {}
        }
    }

    fn revert(&mut self, reverted: &BlockReverted, facts: &mut VecDeque<Fact>) -> Result<(), FoldError> {
        let block = BlockRef {
            number: reverted.number,
            hash: reverted.hash,
        };
        let gone = self.state.chain.revert(block)?;
        if self.state.catching_up_to.is_some() {
            return Ok(());
        }
        for event in gone.events.iter().rev() {
            match *event {
                VaultEvent::ExitRequested { exit_id, account } if self.state.told.exits.remove(&exit_id).is_some() => {
                    facts.push_back(Fact::ExitCancelled { account, exit_id });
                }
                VaultEvent::Key { account, key, .. } => self.compare_key(account, key, facts),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn tell_exit(&mut self, exit_id: u64, account: Address, facts: &mut VecDeque<Fact>) {
        match self.state.told.exits.insert(exit_id, account) {
            Some(told) if told == account => return,
            // The vault counts exits: on another chain somebody else's has the number.
            Some(told) => facts.push_back(Fact::ExitCancelled { account: told, exit_id }),
            None => {}
        }
        facts.push_back(Fact::ExitRequested { account, exit_id });
    }

    /// Tells whether a key signs, where the engine thinks otherwise.
    fn compare_key(&mut self, account: Address, key: Address, facts: &mut VecDeque<Fact>) {
        let signs = self.state.chain.signs(account, key);
        if signs && self.state.told.keys.insert((account, key)) {
            facts.push_back(Fact::KeyRegistered { account, key });
        } else if !signs && self.state.told.keys.remove(&(account, key)) {
            facts.push_back(Fact::KeyRevoked { account, key });
        }
    }

    /// The present generation has caught up: what it says of keys and exits holds.
    pub(super) fn compare_states(&mut self, facts: &mut VecDeque<Fact>) {
        let waiting = self.state.chain.waiting_exits();
        let gone: Vec<(u64, Address)> = self
            .state
            .told
            .exits
            .iter()
            .filter(|(exit_id, _)| !waiting.contains_key(exit_id))
            .map(|(&exit_id, &account)| (exit_id, account))
            .collect();
        for (exit_id, account) in gone {
            self.state.told.exits.remove(&exit_id);
            facts.push_back(Fact::ExitCancelled { account, exit_id });
        }
        for (exit_id, account) in waiting {
            if !self.state.told.exits_executed.contains_key(&exit_id) {
                self.tell_exit(exit_id, account, facts);
            }
        }
        let mut keys = self.state.chain.known_keys();
        keys.extend(self.state.told.keys.iter().copied());
        for (account, key) in keys {
            self.compare_key(account, key, facts);
        }
    }
}
