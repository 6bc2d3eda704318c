//! Following a chain: given the log's own tail and a branch of the node's chain, what is to be done next. A pure state machine.
//!
//! It never fetches, waits or writes: the engine shows it a branch, does what [`decide`] says (fetch more of the branch, revert, append)
//! and shows it the result. Start at [`decide`]; the tests hold it against a naive oracle.

#![deny(clippy::disallowed_methods)]

use std::collections::VecDeque;

use alloy_primitives::B256;
use souk_schema::BlockRef;
use souk_schema::record::BlockReverted;

/// The end of the stream: every block from the newest final one to the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    start: u64,
    /// Hash of the block before the first of `blocks`, where one is known.
    below: Option<B256>,
    blocks: VecDeque<BlockRef>,
    finalized: Option<BlockRef>,
}

/// What a stream cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlinked {
    /// A block that is not the child of the head.
    #[error("block {} does not follow {head:?}", .block.number)]
    NotTheNext {
        /// The block.
        block: BlockRef,
        /// The head.
        head: Option<BlockRef>,
    },
    /// A revert of something that is not the head.
    #[error("block {} is reverted but {head:?} is the head", .block.number)]
    NotTheHead {
        /// The block.
        block: BlockRef,
        /// The head.
        head: Option<BlockRef>,
    },
    /// A final block that is not in the stream, or is older than the one before.
    #[error("block {} is said to be final but is not in the stream above {finalized:?}", .block.number)]
    NotOurs {
        /// The block.
        block: BlockRef,
        /// The newest final block.
        finalized: Option<BlockRef>,
    },
}

impl Tail {
    /// The tail of an empty stream whose first block will be `start`.
    pub fn empty(start: u64) -> Tail {
        Tail {
            start,
            below: None,
            blocks: VecDeque::new(),
            finalized: None,
        }
    }

    /// The newest block.
    pub fn head(&self) -> Option<BlockRef> {
        self.blocks.back().copied()
    }

    /// The newest final block.
    pub fn finalized(&self) -> Option<BlockRef> {
        self.finalized
    }

    /// Number of the next block.
    pub fn next_number(&self) -> u64 {
        self.head().map_or(self.start, |head| head.number.saturating_add(1))
    }

    /// The block of that height, if it is not below finality.
    pub fn at(&self, number: u64) -> Option<BlockRef> {
        let first = self.blocks.front()?.number;
        self.blocks
            .get(usize::try_from(number.checked_sub(first)?).ok()?)
            .copied()
    }

    /// Number of blocks kept in memory.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether the stream has no block.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether a block with this number and parent can be appended.
    pub fn links(&self, number: u64, parent: B256) -> bool {
        let follows = self.head().is_none_or(|head| head.hash == parent);
        number == self.next_number() && follows
    }

    /// Appends a block.
    ///
    /// # Errors
    /// [`Unlinked::NotTheNext`] if its parent is not the head.
    pub fn push(&mut self, block: BlockRef, parent: B256) -> Result<(), Unlinked> {
        if !self.links(block.number, parent) {
            return Err(Unlinked::NotTheNext {
                block,
                head: self.head(),
            });
        }
        if self.blocks.is_empty() {
            self.below = Some(parent);
        }
        self.blocks.push_back(block);
        Ok(())
    }

    /// Takes the head off.
    ///
    /// # Errors
    /// [`Unlinked::NotTheHead`] if it is another block, [`Unlinked::NotOurs`] if it is final.
    pub fn pop(&mut self, block: BlockRef) -> Result<(), Unlinked> {
        if self.head() != Some(block) {
            return Err(Unlinked::NotTheHead {
                block,
                head: self.head(),
            });
        }
        if self.finalized == Some(block) {
            return Err(Unlinked::NotOurs {
                block,
                finalized: self.finalized,
            });
        }
        self.blocks.pop_back();
        Ok(())
    }

    /// Makes a block of the tail final and forgets those below.
    ///
    /// # Errors
    /// [`Unlinked::NotOurs`] if the tail does not hold it above the block that is final now.
    pub fn finalize(&mut self, block: BlockRef) -> Result<(), Unlinked> {
        let rises = self.finalized.is_none_or(|finalized| finalized.number < block.number);
        if !rises || self.at(block.number) != Some(block) {
            return Err(Unlinked::NotOurs {
                block,
                finalized: self.finalized,
            });
        }
        while self.blocks.front().is_some_and(|first| first.number < block.number) {
            self.below = self.blocks.pop_front().map(|dropped| dropped.hash);
        }
        self.finalized = Some(block);
        Ok(())
    }

    /// The reverts that make `keep` the newest block, newest first; `None` reverts everything.
    fn reverts_above(&self, keep: Option<u64>) -> Vec<BlockReverted> {
        let dropped = self
            .blocks
            .iter()
            .filter(|block| keep.is_none_or(|keep| block.number > keep));
        let parents = self.below.into_iter().chain(self.blocks.iter().map(|block| block.hash));
        let skipped = self.blocks.len() - dropped.clone().count();
        let reverts = dropped.zip(parents.skip(skipped));
        let mut reverts: Vec<BlockReverted> = reverts
            .map(|(block, parent_hash)| BlockReverted {
                number: block.number,
                hash: block.hash,
                parent_hash,
            })
            .collect();
        reverts.reverse();
        reverts
    }
}

/// Consecutive blocks of one branch of the node's chain, each the parent of the next; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    parent: B256,
    blocks: VecDeque<BlockRef>,
}

impl Branch {
    /// A branch of one block.
    pub fn new(block: BlockRef, parent: B256) -> Branch {
        Branch {
            parent,
            blocks: VecDeque::from([block]),
        }
    }

    /// The newest block.
    pub fn head(&self) -> BlockRef {
        self.blocks[self.blocks.len() - 1]
    }

    /// The oldest block.
    pub fn lowest(&self) -> BlockRef {
        self.blocks[0]
    }

    /// Hash of the block below the oldest.
    pub fn parent(&self) -> B256 {
        self.parent
    }

    /// Adds the block below the oldest; `false`, and no change, if it is not its parent.
    #[must_use]
    pub fn extend_below(&mut self, block: BlockRef, parent: B256) -> bool {
        let is_parent = block.hash == self.parent && block.number.checked_add(1) == Some(self.lowest().number);
        if is_parent {
            self.blocks.push_front(block);
            self.parent = parent;
        }
        is_parent
    }
}

/// What to do about a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the branch ends in our head, or before the first block of a stream that is still empty.
    UpToDate,
    /// Nothing yet: the branch ends in a block that we have, below our head. A node that was restarted from an older state, or one that
    /// lags behind another, is not a reorganisation.
    Wait {
        /// How many blocks it is behind.
        behind_by: u64,
    },
    /// Fetch the blocks from this number on; the first must link to our head, or it is the branch to decide about next.
    Fetch {
        /// First block, inclusive.
        from: u64,
    },
    /// Show more of the branch: the parent of its oldest block.
    Descend {
        /// The parent's number.
        number: u64,
        /// The parent's hash.
        hash: B256,
    },
    /// Append the branch from this number on.
    Extend {
        /// First block, inclusive.
        from: u64,
    },
    /// Revert these, newest first, then decide again.
    Revert(Vec<BlockReverted>),
    /// The branch leaves our chain at or below a final block: stop.
    Violated {
        /// The final block that the branch does not have.
        finalized: BlockRef,
    },
}

/// What to do next, given the stream's tail and a branch of the node's chain.
pub fn decide(tail: &Tail, branch: &Branch) -> Decision {
    let (lowest, head) = (branch.lowest(), branch.head());
    let Some(our_head) = tail.head() else {
        return match (head.number < tail.start, lowest.number <= tail.start) {
            (true, _) => Decision::UpToDate,
            (false, true) => Decision::Extend { from: tail.start },
            (false, false) => Decision::Fetch { from: tail.start },
        };
    };
    if lowest.number > tail.next_number() {
        return Decision::Fetch {
            from: tail.next_number(),
        };
    }
    // A node that ends below everything we could compare has only older blocks to show; which chain it is on, its genesis block says.
    if tail.blocks.front().is_some_and(|first| head.number < first.number) {
        return Decision::Wait {
            behind_by: our_head.number - head.number,
        };
    }
    let below = lowest.number.checked_sub(1).map(|number| BlockRef {
        number,
        hash: branch.parent,
    });
    let common = branch
        .blocks
        .iter()
        .rev()
        .copied()
        .chain(below)
        .find(|block| tail.at(block.number) == Some(*block));
    match common {
        Some(common) if common == our_head && common == head => Decision::UpToDate,
        Some(common) if common == our_head => Decision::Extend {
            from: common.number + 1,
        },
        Some(common) if common == head => Decision::Wait {
            behind_by: our_head.number - head.number,
        },
        Some(common) => Decision::Revert(tail.reverts_above(Some(common.number))),
        None => no_common_block(tail, branch),
    }
}

/// The branch is known down to its lowest block, and the tail has none of it.
fn no_common_block(tail: &Tail, branch: &Branch) -> Decision {
    let lowest = branch.lowest().number;
    match tail.finalized {
        // The parent of the lowest was compared too.
        Some(finalized) if lowest <= finalized.number.saturating_add(1) => return Decision::Violated { finalized },
        None if lowest <= tail.start => return Decision::Revert(tail.reverts_above(None)),
        _ => {}
    }
    match lowest.checked_sub(1) {
        Some(number) => Decision::Descend {
            number,
            hash: branch.parent,
        },
        None => Decision::Revert(tail.reverts_above(None)),
    }
}

#[cfg(test)]
mod tests;
