//! From a chain's records to what is owed: linked, decoded, and folded into a state for each deployment of our contracts. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use souk_adapters::{ContractSet, WatchSet};
use souk_payouts::state::{Line, Output, PortionChange};
use souk_payouts::{Archived, BlockFacts, Contracts, Fact, Refused, State};
use souk_provenance::fold::{ChainDecoder, DecodedBlock, Linker, NotLinked};
use souk_schema::record::ChainRecordBody;
use souk_schema::{Address, B256, BlockRef};

use crate::positions::Positions;

/// A deployment of our contracts and what is owed by it.
#[derive(Debug)]
pub struct Deployed {
    /// Its contracts.
    pub contracts: Contracts,
    /// What is owed.
    pub state: State,
    /// What could not be folded: nothing is known from its block on. Our contracts emit no such thing, so the stream began after the
    /// contracts did, or it is not of our contracts.
    pub refused: Option<RefusedFact>,
}

/// Why a chain's records cannot be folded on. The state is useless afterwards: begin again from the first record.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// Records do not follow one another.
    #[error(transparent)]
    NotLinked(#[from] NotLinked),
    /// The stream's opening does not say what is watched.
    #[error("the stream's watch set cannot be read: {0}")]
    WatchSet(String),
    /// A reorganisation went deeper than what is kept to undo.
    #[error("block {0} was reverted after it was final")]
    BeyondFinality(u64),
}

/// What records changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Lines and changes of blocks from this one on do not count any more.
    pub reverted_from: Option<u64>,
    /// Lines that came to be, by registry and block.
    pub lines: Vec<(Address, u64, Line)>,
    /// What became of portions, by registry and block, in order.
    pub portions: Vec<(Address, u64, PortionChange)>,
    /// Revenues that were settled, by registry and block.
    pub settled: Vec<(Address, u64, Archived)>,
    /// Facts that the rule refused.
    pub refused: Vec<RefusedFact>,
    /// Roots that were proposed, with what each should be.
    pub roots: Vec<(Address, ProposedRoot)>,
}

/// A fact that the rule refused: an event that our contracts cannot emit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFact {
    /// The registry of the deployment whose payouts cannot be computed from there on.
    pub registry: Address,
    /// The block.
    pub block: BlockRef,
    /// The record of the stream that the block is in.
    pub sequence: u64,
    /// Why.
    pub reason: Refused,
}

/// A root as it was proposed, beside what the log says that it is.
#[derive(Clone, Debug)]
pub struct ProposedRoot {
    /// The epoch.
    pub epoch: u64,
    /// What was proposed.
    pub proposed: B256,
    /// The block that it was computed at, as it was proposed.
    pub computed_at: BlockRef,
    /// The hash of that block by the log; `None` where it is not among the newest few thousand.
    pub hash: Option<B256>,
    /// The block that proposed it.
    pub proposed_in: u64,
    /// What the log says.
    pub entries: Vec<souk_payouts::Entry>,
}

/// What is owed on one chain, as of the newest record that was folded.
#[derive(Debug, Default)]
pub struct DistributionState {
    linker: Linker,
    decoder: Option<ChainDecoder>,
    watch_set: Option<WatchSet>,
    /// Block 0 of the chain.
    genesis: Option<B256>,
    positions: Positions,
    deployed: BTreeMap<Address, Deployed>,
    head: Option<BlockRef>,
    finalized: Option<BlockRef>,
    output: Output,
    recomputes_roots: bool,
    /// Nothing is forgotten for being final.
    keeps_undo: bool,
}

impl DistributionState {
    /// A state that keeps how to undo every block, also those that the chain has promised to keep: for streams in which a promise is broken
    /// later on. It ends with [`DistributionState::trust_finality`].
    pub fn keeping_undo() -> DistributionState {
        DistributionState {
            keeps_undo: true,
            ..DistributionState::default()
        }
    }

    /// A state that also recomputes each root as it is proposed, which takes time in proportion to all that is owed. It keeps how to undo
    /// every block.
    pub fn recomputing_roots() -> DistributionState {
        DistributionState {
            recomputes_roots: true,
            ..DistributionState::keeping_undo()
        }
    }

    /// From here on blocks that are final are not undone any more, and how to is forgotten.
    pub fn trust_finality(&mut self) {
        self.keeps_undo = false;
        self.forget_undo();
    }

    /// Goes on with what a snapshot holds, all of which is final.
    pub(crate) fn resume(
        linker: Linker,
        decoder: ChainDecoder,
        (watch_set, genesis): (WatchSet, B256),
        deployed: BTreeMap<Address, Deployed>,
        positions: Positions,
    ) -> DistributionState {
        let head = linker.recent().last();
        DistributionState {
            linker,
            decoder: Some(decoder),
            watch_set: Some(watch_set),
            genesis: Some(genesis),
            positions,
            deployed,
            head,
            finalized: head,
            ..DistributionState::default()
        }
    }

    /// The next record of the stream.
    pub fn next_sequence(&self) -> u64 {
        self.positions.next_sequence()
    }

    pub(crate) fn linker(&self) -> &Linker {
        &self.linker
    }

    pub(crate) fn positions(&self) -> &Positions {
        &self.positions
    }

    pub(crate) fn watch_set(&self) -> Option<&WatchSet> {
        self.watch_set.as_ref()
    }

    /// Hash of block 0, which tells two chains with one id apart; `None` before the first record.
    pub fn genesis(&self) -> Option<B256> {
        self.genesis
    }

    pub(crate) fn keeps_undo(&self) -> bool {
        self.keeps_undo
    }

    /// Whether it has settled revenues in memory that nothing can take back.
    pub fn has_settled(&self) -> bool {
        !self.keeps_undo
            && self
                .deployed
                .values()
                .any(|deployed| deployed.state.settled_in_memory() > 0)
    }

    /// Forgets the settled revenues that nothing can take back: they are kept elsewhere.
    pub fn forget_settled(&mut self) {
        if let Some(finalized) = self.finalized.filter(|_| !self.keeps_undo) {
            for deployed in self.deployed.values_mut() {
                deployed.state.forget_settled(finalized.number);
            }
        }
    }

    /// The deployments, by registry.
    pub fn deployed(&self) -> impl Iterator<Item = (&Address, &Deployed)> {
        self.deployed.iter()
    }

    /// The deployment whose registry this is.
    pub fn of(&self, registry: &Address) -> Option<&Deployed> {
        self.deployed.get(registry)
    }

    /// The same, for questions that use the state's memory.
    pub fn of_mut(&mut self, registry: &Address) -> Option<&mut Deployed> {
        self.deployed.get_mut(registry)
    }

    /// The newest block.
    pub fn head(&self) -> Option<BlockRef> {
        self.head
    }

    /// The newest final block.
    pub fn finalized(&self) -> Option<BlockRef> {
        self.finalized
    }

    /// Hash of the canonical block with this number; `None` for one that is older than the newest few thousand, or not there.
    pub fn hash_of(&self, number: u64) -> Option<B256> {
        let mut recent = self.linker.recent();
        recent.find(|block| block.number == number).map(|block| block.hash)
    }

    /// Folds records that come next in the stream.
    ///
    /// # Errors
    /// [`FoldError`].
    pub fn fold(&mut self, records: impl IntoIterator<Item = ChainRecordBody>) -> Result<Changes, FoldError> {
        let positions = &mut self.positions;
        let linked = self
            .linker
            .link(records.into_iter().inspect(|record| positions.note(record)))?;
        let mut changes = Changes {
            reverted_from: linked.revert_from,
            ..Changes::default()
        };
        if let Some(opened) = &linked.opened {
            let watch_set: WatchSet =
                serde_json::from_str(&opened.watch_set_json).map_err(|error| FoldError::WatchSet(error.to_string()))?;
            self.deployed = deployments(&watch_set);
            self.decoder = Some(ChainDecoder::new(&watch_set, []));
            self.watch_set = Some(watch_set);
            self.genesis = Some(opened.genesis_hash);
        }
        if let Some(number) = linked.revert_from {
            self.revert(number)?;
        }
        for block in linked.blocks {
            if let Some(decoder) = self.decoder.as_mut().filter(|_| !self.deployed.is_empty()) {
                let block = decoder.decode(block);
                self.apply(&block, &mut changes);
            }
        }
        (self.head, self.finalized) = (linked.head, linked.finalized);
        if !self.keeps_undo {
            self.forget_undo();
        }
        Ok(changes)
    }

    fn forget_undo(&mut self) {
        if let Some(finalized) = self.finalized {
            self.positions.forget_before(finalized.number);
            for deployed in self.deployed.values_mut() {
                deployed.state.finalise(finalized.number);
            }
        }
    }

    fn revert(&mut self, from: u64) -> Result<(), FoldError> {
        if let Some(decoder) = &mut self.decoder {
            decoder.revert_from(from);
        }
        for deployed in self.deployed.values_mut() {
            deployed.refused.take_if(|refused| refused.block.number >= from);
            while let Some(head) = deployed.state.head().filter(|head| head.number >= from) {
                deployed
                    .state
                    .revert(head)
                    .map_err(|_| FoldError::BeyondFinality(head.number))?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, block: &DecodedBlock, changes: &mut Changes) {
        for (registry, deployed) in &mut self.deployed {
            if deployed.refused.is_some() {
                continue;
            }
            let facts = facts_of(block, &deployed.contracts);
            if facts.facts.is_empty() {
                continue;
            }
            if let Err(refused) = deployed.state.apply(&facts, &mut self.output) {
                tracing::error!(block = facts.block.number, %registry, %refused, "payouts cannot be computed from here on");
                let after = self.positions.after_number(facts.block.number);
                let refused = RefusedFact {
                    registry: *registry,
                    block: facts.block,
                    sequence: after.map_or(0, |next| next - 1),
                    reason: refused,
                };
                changes.refused.push(refused.clone());
                deployed.refused = Some(refused);
                continue;
            }
            let number = facts.block.number;
            changes
                .lines
                .extend(self.output.lines.iter().map(|line| (*registry, number, *line)));
            let portions = self.output.changes.iter();
            changes
                .portions
                .extend(portions.map(|change| (*registry, number, *change)));
            let settled = self.output.settled.drain(..);
            changes
                .settled
                .extend(settled.map(|archived| (*registry, number, archived)));
            if self.recomputes_roots {
                let hash = |number| self.linker.recent().find(|block| block.number == number);
                let roots = proposed(&facts, &mut deployed.state)
                    .into_iter()
                    .map(|root| ProposedRoot {
                        hash: hash(root.computed_at.number).map(|block| block.hash),
                        ..root
                    });
                changes.roots.extend(roots.map(|root| (*registry, root)));
            }
        }
    }
}

/// The roots that a block proposed. They are recomputed at its end, when the roots before them are final or will never be.
fn proposed(facts: &BlockFacts, state: &mut State) -> Vec<ProposedRoot> {
    let mut roots = Vec::new();
    for (_, fact) in &facts.facts {
        if let Fact::RootProposed {
            epoch,
            root,
            computed_at,
        } = fact
        {
            roots.push(ProposedRoot {
                epoch: *epoch,
                proposed: *root,
                computed_at: *computed_at,
                hash: None,
                proposed_in: facts.block.number,
                entries: state.entries(computed_at.number),
            });
        }
    }
    roots
}

fn facts_of(block: &DecodedBlock, contracts: &Contracts) -> BlockFacts {
    let mut facts = Vec::new();
    for (log, meaning) in block.block.logs.iter().zip(&block.logs) {
        for event in meaning.events.iter().flatten() {
            facts.extend(Fact::from_event(event, contracts).map(|fact| (log.log_index, fact)));
        }
    }
    BlockFacts {
        block: block.block.block_ref(),
        timestamp: block.block.timestamp,
        facts,
    }
}

/// The deployments of our contracts in a watch set, with nothing folded, by registry.
pub(crate) fn deployments(watch_set: &WatchSet) -> BTreeMap<Address, Deployed> {
    let of_set = |set: &ContractSet| match *set {
        ContractSet::Souk {
            registry,
            licenses,
            shares,
            contributions,
            router,
            vault,
            distributor,
            tasks,
            executions,
            disputes,
            ..
        } => Some(Contracts {
            registry,
            licenses,
            shares,
            contributions,
            router,
            distributor,
            vault,
            tasks,
            disputes,
            executions,
        }),
        _ => None,
    };
    let contracts = watch_set.sets.iter().filter_map(of_set);
    contracts
        .map(|contracts| {
            let state = State::new(&contracts);
            (
                contracts.registry,
                Deployed {
                    contracts,
                    state,
                    refused: None,
                },
            )
        })
        .collect()
}
