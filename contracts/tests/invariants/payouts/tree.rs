//! A Merkle tree written the obvious way: layer by layer, sorted pairs, a node without a neighbour goes up as it is.

use alloy::primitives::{Address, B256, U256, keccak256};
use souk_contracts::payout_leaf;

/// What an account earned of a token in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub account: Address,
    pub token: Address,
    pub cumulative: U256,
}

/// A tree over entries, in their order.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub entries: Vec<Entry>,
}

impl Entry {
    fn leaf(&self) -> B256 {
        payout_leaf(self.account, self.token, self.cumulative)
    }
}

impl Tree {
    /// The root, zero where there is no entry.
    pub fn root(&self) -> B256 {
        let mut layer: Vec<B256> = self.entries.iter().map(Entry::leaf).collect();
        while layer.len() > 1 {
            layer = above(&layer);
        }
        layer.first().copied().unwrap_or_default()
    }

    /// What leads from the entry at `place` to the root.
    pub fn proof(&self, mut place: usize) -> Vec<B256> {
        let mut layer: Vec<B256> = self.entries.iter().map(Entry::leaf).collect();
        let mut proof = Vec::new();
        while layer.len() > 1 {
            proof.extend(layer.get(place ^ 1));
            layer = above(&layer);
            place /= 2;
        }
        proof
    }
}

fn above(layer: &[B256]) -> Vec<B256> {
    layer
        .chunks(2)
        .map(|nodes| match nodes {
            [left, right] => pair(*left, *right),
            [alone] => *alone,
            _ => unreachable!("chunks of two"),
        })
        .collect()
}

fn pair(a: B256, b: B256) -> B256 {
    keccak256([a.min(b), a.max(b)].concat())
}
