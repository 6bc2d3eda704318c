//! One number for the whole content of a state, to compare states with.

use std::hash::{Hash, Hasher};

use alloy_primitives::{B256, Keccak256};

/// keccak-256 over everything that `Hash` visits. Tables are ordered, so equal contents are visited equally.
pub fn state_hash(content: &impl Hash) -> B256 {
    let mut hasher = Keccak(Keccak256::new());
    content.hash(&mut hasher);
    hasher.0.finalize()
}

struct Keccak(Keccak256);

impl Hasher for Keccak {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.clone().finalize();
        u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes"))
    }
}
