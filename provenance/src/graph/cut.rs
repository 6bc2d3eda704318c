//! As of when a question is asked: a block per chain.

#![deny(clippy::disallowed_methods)]

use std::collections::BTreeMap;

use souk_schema::ChainId;

/// A block number per chain. A chain that is not named counts at its head; so does one whose block lies beyond its head.
///
/// Chains have no common clock, so a moment across several chains is one block on each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cut(BTreeMap<ChainId, u64>);

impl Cut {
    /// Every chain at its head.
    pub fn head() -> Cut {
        Cut::default()
    }

    /// One chain as of the end of a block, the others at their heads.
    pub fn at(chain: ChainId, block: u64) -> Cut {
        Cut::head().and(chain, block)
    }

    /// The same, and `chain` as of the end of `block`.
    #[must_use]
    pub fn and(mut self, chain: ChainId, block: u64) -> Cut {
        self.0.insert(chain, block);
        self
    }

    /// The block of a chain; `None` at its head.
    pub fn block(&self, chain: ChainId) -> Option<u64> {
        self.0.get(&chain).copied()
    }

    /// The chains that are not at their heads, with their blocks.
    pub fn blocks(&self) -> impl Iterator<Item = (ChainId, u64)> + '_ {
        self.0.iter().map(|(chain, block)| (*chain, *block))
    }
}
