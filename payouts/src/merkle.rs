//! The Merkle tree of what accounts may claim: what a root on chain commits to, and what a claim proves.
//!
//! A leaf is `keccak256(keccak256(abi.encode(account, token, cumulative)))`; pairs are hashed in rising order, so a proof says nothing about
//! sides and OpenZeppelin's `MerkleProof` verifies it. The shape is that of OpenZeppelin's `StandardMerkleTree`: a complete binary tree in an
//! array, root first, leaves at the end by falling hash. Entries that are equal as a set have equal roots (PAY-3).

use alloy_primitives::{Address, B256, U256, keccak256};

use crate::state::Entry;

/// A tree over the entries of one epoch. Its proofs are read off; nothing is hashed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerkleTree {
    /// Children of node `i` are `2i + 1` and `2i + 2`.
    nodes: Vec<B256>,
    /// Node of each entry's leaf, in the order of the entries.
    places: Vec<u32>,
}

impl MerkleTree {
    /// The tree over entries, in whatever order; `None` over none, which have no root.
    ///
    /// # Panics
    /// Above 2^31 entries.
    pub fn new(entries: &[Entry]) -> Option<MerkleTree> {
        if entries.is_empty() {
            return None;
        }
        let count = u32::try_from(entries.len())
            .ok()
            .filter(|count| *count <= 1 << 31)
            .expect("at most 2^31 entries");
        let mut leaves: Vec<(B256, u32)> = entries.iter().map(leaf).zip(0..count).collect();
        leaves.sort_unstable();
        let last = 2 * entries.len() - 2;
        let mut nodes = vec![B256::ZERO; last + 1];
        let mut places = vec![0; entries.len()];
        for (rank, (leaf, entry)) in leaves.into_iter().enumerate() {
            nodes[last - rank] = leaf;
            places[entry as usize] = (last - rank) as u32;
        }
        for node in (0..entries.len() - 1).rev() {
            nodes[node] = pair(&nodes[2 * node + 1], &nodes[2 * node + 2]);
        }
        Some(MerkleTree { nodes, places })
    }

    /// What goes on chain.
    pub fn root(&self) -> B256 {
        self.nodes[0]
    }

    /// The proof of the entry with this index among those that the tree was made of: siblings from the leaf up.
    pub fn proof(&self, entry: usize) -> Option<Vec<B256>> {
        let mut node = *self.places.get(entry)? as usize;
        let mut proof = Vec::with_capacity(32);
        while node != 0 {
            let sibling = if node % 2 == 1 { node + 1 } else { node - 1 };
            proof.push(self.nodes[sibling]);
            node = (node - 1) / 2;
        }
        Some(proof)
    }
}

/// The leaf of an entry.
pub fn leaf(entry: &Entry) -> B256 {
    leaf_of(entry.account, entry.token, entry.cumulative)
}

/// The leaf of an account's cumulative amount of a token.
pub fn leaf_of(account: Address, token: Address, cumulative: U256) -> B256 {
    let mut encoded = [0; 96];
    encoded[12..32].copy_from_slice(account.as_slice());
    encoded[44..64].copy_from_slice(token.as_slice());
    encoded[64..].copy_from_slice(&cumulative.to_be_bytes::<32>());
    keccak256(keccak256(encoded))
}

/// Whether the proof leads from the leaf to the root, as the distributor computes it.
pub fn verify(root: B256, leaf: B256, proof: &[B256]) -> bool {
    proof.iter().fold(leaf, |node, sibling| pair(&node, sibling)) == root
}

/// The entries by which two sets that should have one root differ: `(ours, theirs)` for each account and token, by rising account and token.
/// Both are sorted as [`crate::State::entries`] sorts them.
pub fn differences(ours: &[Entry], theirs: &[Entry]) -> Vec<(Option<Entry>, Option<Entry>)> {
    let key = |entry: &Entry| (entry.account, entry.token);
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let mut found = Vec::new();
    loop {
        let pair = match (ours.peek(), theirs.peek()) {
            (None, None) => return found,
            (Some(our), Some(their)) if key(our) == key(their) => (ours.next(), theirs.next()),
            (Some(our), Some(their)) if key(our) < key(their) => (ours.next(), None),
            (Some(_), None) => (ours.next(), None),
            _ => (None, theirs.next()),
        };
        if pair.0 != pair.1 {
            found.push((pair.0.copied(), pair.1.copied()));
        }
    }
}

fn pair(a: &B256, b: &B256) -> B256 {
    let mut both = [0; 64];
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    both[..32].copy_from_slice(low.as_slice());
    both[32..].copy_from_slice(high.as_slice());
    keccak256(both)
}
