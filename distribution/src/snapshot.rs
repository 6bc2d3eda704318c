//! What is owed on a chain as of its newest final block, as bytes, and back: so that a process goes on there and does not fold the stream from
//! its first record.
//!
//! The bytes are a heading, sealed, and a sealed state for each deployment, each after its length. A position that later records take back
//! cannot be in it: it is that of a final block, and whatever the stream says after it is folded again. Where a deployment's payouts cannot be
//! computed up to that block, its state is that before the fact that was refused, and the heading has the fact: nothing is folded into it again.

use serde::{Deserialize, Serialize};
use souk_adapters::WatchSet;
use souk_payouts::snapshot::{seal, unseal};
use souk_payouts::{SnapshotError, State};
use souk_provenance::fold::{ChainDecoder, Linker};
use souk_schema::{Address, B256, BlockRef};

use crate::fold::{DistributionState, RefusedFact, deployments};
use crate::positions::Positions;

const MAGIC: &[u8] = b"souk.payouts.chain";
/// Raised also when the rule changes, or what it refuses: states and refused facts are what the rule of that version made of the stream.
const VERSION: u16 = 3;

/// What a snapshot says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Heading {
    /// The next record.
    next_sequence: u64,
    /// The block that it is as of.
    block: BlockRef,
    start_block: u64,
    /// The newest canonical blocks up to that one, oldest first.
    recent: Vec<BlockRef>,
    watch_set: WatchSet,
    /// Block 0 of the chain.
    genesis: B256,
    /// Registries of the states that follow.
    registries: Vec<Address>,
    /// What the rule refused, at most one fact of a registry.
    refused: Vec<RefusedFact>,
}

/// A copy of what is owed as of a final block.
#[derive(Debug)]
pub struct Cut {
    heading: Heading,
    states: Vec<State>,
}

/// Why a snapshot is not gone on from.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Its bytes are not what they should be.
    #[error(transparent)]
    Bytes(#[from] SnapshotError),
    /// Pieces of it are missing.
    #[error("the snapshot is not whole")]
    Incomplete,
    /// The log has another record where the snapshot's block should be, or none.
    #[error("the log does not have block {} ({}) as the record before {next_sequence}", .block.number, .block.hash)]
    NotInTheLog {
        /// The block that it is as of.
        block: BlockRef,
        /// The record that it goes on with.
        next_sequence: u64,
    },
    /// The tables know less than the snapshot, so somebody would have to write what is before it.
    #[error("the snapshot goes on with record {next_sequence}, but the tables end before record {written}")]
    AheadOfTables {
        /// The record that it goes on with.
        next_sequence: u64,
        /// The record that the tables go on with.
        written: u64,
    },
}

impl Cut {
    /// The next record.
    pub fn next_sequence(&self) -> u64 {
        self.heading.next_sequence
    }

    /// The bytes of [`DistributionState::restore`].
    pub fn encode(&self) -> Vec<u8> {
        let heading = serde_json::to_vec(&self.heading).expect("a heading can be written as JSON");
        let mut bytes = Vec::new();
        let mut put = |part: Vec<u8>| {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&part);
        };
        put(seal(MAGIC, VERSION, &heading));
        self.states.iter().for_each(|state| put(state.snapshot()));
        bytes
    }
}

fn part<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], SnapshotError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(SnapshotError::Damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| SnapshotError::Damaged)?;
    let (part, rest) = rest.split_at_checked(length).ok_or(SnapshotError::Damaged)?;
    *bytes = rest;
    Ok(part)
}

impl DistributionState {
    /// A copy as of the newest final block; `None` before there is one, and while final blocks may still be taken back.
    pub fn cut(&self) -> Option<Cut> {
        let block = self.finalized().filter(|_| !self.keeps_undo())?;
        let next_sequence = self.positions().after(block)?;
        let mut heading = Heading {
            next_sequence,
            block,
            start_block: self.linker().start_block()?,
            recent: self
                .linker()
                .recent()
                .take_while(|recent| recent.number <= block.number)
                .collect(),
            watch_set: self.watch_set()?.clone(),
            genesis: self.genesis()?,
            registries: Vec::new(),
            refused: Vec::new(),
        };
        if heading.recent.last() != Some(&block) {
            return None;
        }
        let mut states = Vec::new();
        for (registry, deployed) in self.deployed() {
            // A later one is refused again when its block is folded again.
            let refused = deployed
                .refused
                .iter()
                .filter(|refused| refused.block.number <= block.number);
            heading.refused.extend(refused.cloned());
            heading.registries.push(*registry);
            states.push(deployed.state.as_of(block.number)?);
        }
        Some(Cut { heading, states })
    }

    /// The state that a snapshot was taken of: it goes on with the record of [`DistributionState::next_sequence`], and every block in it is
    /// final.
    ///
    /// # Errors
    /// [`SnapshotError`]; fold the stream from its first record instead.
    pub fn restore(mut bytes: &[u8]) -> Result<DistributionState, SnapshotError> {
        let heading = unseal(MAGIC, VERSION, part(&mut bytes)?)?;
        let heading: Heading = serde_json::from_slice(heading).map_err(|_| SnapshotError::Damaged)?;
        let mut deployed = deployments(&heading.watch_set);
        if !deployed.keys().eq(&heading.registries) {
            return Err(SnapshotError::OtherContracts);
        }
        for deployed in deployed.values_mut() {
            deployed.state = State::restore(&deployed.contracts, part(&mut bytes)?)?;
        }
        if !bytes.is_empty() {
            return Err(SnapshotError::Damaged);
        }
        for refused in heading.refused {
            let of = deployed
                .get_mut(&refused.registry)
                .ok_or(SnapshotError::OtherContracts)?;
            of.refused = Some(refused);
        }
        let Heading {
            next_sequence,
            block,
            start_block,
            recent,
            watch_set,
            genesis,
            ..
        } = heading;
        // What factories created is not in it: none of it is one of our contracts, and nothing else is heard of here.
        Ok(DistributionState::resume(
            Linker::resume(start_block, Some(block), recent),
            ChainDecoder::new(&watch_set, []),
            (watch_set, genesis),
            deployed,
            Positions::resume(next_sequence, start_block, block),
        ))
    }
}
