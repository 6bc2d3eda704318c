//! Memory that questions use and give back, so that none has to clear or allocate an entry per node.

#![deny(clippy::disallowed_methods)]

use std::sync::{Mutex, PoisonError};

/// Marks on nodes. Starting anew costs nothing: a mark counts only if it carries the current round.
#[derive(Default)]
pub(super) struct Marks {
    rounds: Vec<u32>,
    values: Vec<u32>,
    round: u32,
}

impl Marks {
    /// Forgets all marks, for a graph with `nodes` nodes.
    pub fn start(&mut self, nodes: usize) {
        if self.rounds.len() < nodes {
            self.rounds.resize(nodes, 0);
        }
        self.round = match self.round.checked_add(1) {
            Some(round) => round,
            None => {
                self.rounds.fill(0);
                1
            }
        };
    }

    /// Marks a node; says whether it was not marked before.
    #[inline]
    pub fn mark(&mut self, node: u32) -> bool {
        let round = &mut self.rounds[node as usize];
        let new = *round != self.round;
        *round = self.round;
        new
    }

    /// Whether a node is marked.
    #[inline]
    pub fn has(&self, node: u32) -> bool {
        self.rounds[node as usize] == self.round
    }

    /// Marks a node with a value.
    pub fn set(&mut self, node: u32, value: u32) {
        if self.values.len() < self.rounds.len() {
            self.values.resize(self.rounds.len(), 0);
        }
        self.mark(node);
        self.values[node as usize] = value;
    }

    /// The value that a node was marked with by [`Marks::set`].
    pub fn get(&self, node: u32) -> Option<u32> {
        self.has(node).then(|| self.values[node as usize])
    }
}

/// A set of nodes, one bit each, so that the set for a million nodes stays in a core's own cache. Emptied by its user: bit by bit,
/// which costs as much as filling it did.
#[derive(Default)]
pub(super) struct NodeSet(Vec<u64>);

impl NodeSet {
    /// Makes room for `nodes` nodes.
    pub fn grow_to(&mut self, nodes: usize) {
        let words = nodes.div_ceil(64);
        if self.0.len() < words {
            self.0.resize(words, 0);
        }
    }

    /// Adds a node; says whether it was not there before.
    #[inline]
    pub fn insert(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether a node is in it.
    #[inline]
    pub fn has(&self, node: u32) -> bool {
        self.0[node as usize / 64] & 1 << (node % 64) != 0
    }

    /// Takes a node out, and with it some that are about to be taken out as well.
    #[inline]
    pub fn clear_around(&mut self, node: u32) {
        self.0[node as usize / 64] = 0;
    }
}

/// What one question needs.
#[derive(Default)]
pub(super) struct Scratch {
    pub first: Marks,
    pub second: Marks,
    pub reached_set: NodeSet,
    /// Nodes in the order of the answer.
    pub reached: Vec<u32>,
    /// Nodes of one level as they were met.
    pub fresh: Vec<u32>,
    pub orders: Vec<u64>,
}

/// As many scratches as there were questions at one time.
#[derive(Default)]
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// Runs a question with a scratch of its own.
    pub fn with<T>(&self, question: impl FnOnce(&mut Scratch) -> T) -> T {
        // A question that panics loses its scratch, so none is ever found half used.
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = taken.unwrap_or_default();
        let answer = question(&mut scratch);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        answer
    }
}
