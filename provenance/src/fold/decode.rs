//! From raw logs to domain events, block by block, with the contracts that factories create along the way.

use alloy_primitives::Address;
use souk_adapters::{ChildKind, Decoder, WatchSet};
use souk_schema::event::DomainEvent;
use souk_schema::record::{Block, RawLog};

use super::rows::At;

/// A block with what its logs mean.
#[derive(Debug)]
pub struct DecodedBlock {
    /// The block as it was recorded.
    pub block: Block,
    /// One entry per log of the block.
    pub logs: Vec<DecodedLog>,
}

/// What a log means.
#[derive(Debug)]
pub struct DecodedLog {
    /// Its events, or why it has none.
    pub events: Result<Vec<DomainEvent>, String>,
    /// The contract that it created.
    pub child: Option<Child>,
}

/// A contract that a factory created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its address.
    pub address: Address,
    /// What it is.
    pub kind: ChildKind,
}

/// A decoder that follows one chain: it learns contracts from blocks and forgets them when the blocks are reverted.
#[derive(Clone, Debug)]
pub struct ChainDecoder {
    decoder: Decoder,
    /// Contracts that factories created, by the block that did it, in order.
    children: Vec<(u64, Address)>,
}

impl ChainDecoder {
    /// A decoder that knows the watch set and the contracts that were created so far, in the order of their creation.
    pub fn new(watch_set: &WatchSet, children: impl IntoIterator<Item = (At, Child)>) -> ChainDecoder {
        let mut decoder = ChainDecoder {
            decoder: Decoder::new(watch_set),
            children: Vec::new(),
        };
        for (at, child) in children {
            decoder.add(at.block, child);
        }
        decoder
    }

    /// Forgets what blocks with this number or a higher one created.
    pub fn revert_from(&mut self, number: u64) {
        while let Some((_, address)) = self.children.pop_if(|(block, _)| *block >= number) {
            self.decoder.remove_child(&address);
        }
    }

    /// Decodes a block. A contract that is created in it is watched from the next log on.
    pub fn decode(&mut self, block: Block) -> DecodedBlock {
        let logs = block
            .logs
            .iter()
            .map(|log| self.decode_log(block.number, log))
            .collect();
        DecodedBlock { block, logs }
    }

    fn decode_log(&mut self, block: u64, log: &RawLog) -> DecodedLog {
        let (child, undiscovered) = match self.decoder.discover(log) {
            Ok(found) => (found.map(|(address, kind)| Child { address, kind }), None),
            Err(error) => (None, Some(error.reason)),
        };
        let child = child.filter(|child| self.add(block, *child));
        let events = match undiscovered {
            Some(reason) => Err(reason),
            None => self.decoder.decode(log).map_err(|error| error.reason),
        };
        DecodedLog { events, child }
    }

    fn add(&mut self, block: u64, child: Child) -> bool {
        let is_new = self.decoder.add_child(child.address, child.kind);
        if is_new {
            self.children.push((block, child.address));
        }
        is_new
    }
}
