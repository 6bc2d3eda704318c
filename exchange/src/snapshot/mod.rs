//! The whole state of an engine as bytes, and its hash.
//!
//! A snapshot is `souk.engine`, a version in two bytes, the *body*, and the body's Keccak-256. The body is a function of the logical state alone: two
//! engines that would do the same from here on have the same body, whatever slots their orders lie in and however they came there. So the
//! hash at the end is at once the check sum and [`Engine::state_hash`].
//!
//! The body is sections, each a four-letter tag, a count (u64) and that many items. Numbers are little-endian and of fixed width; what is rare and
//! large (the group, market listings, withdrawals) is the JSON of its type, with its length. Order: accounts by id, each with its balances by instrument
//! (those of nothing left out), its keys by address and its open orders by id; then the queues of each book.

mod decode;
mod encode;

use alloy_primitives::{B256, Keccak256, keccak256};

use crate::engine::Engine;
use encode::{Encoder, Sink};

const MAGIC: &[u8] = b"souk.engine";
const VERSION: u16 = 1;

/// Why bytes are not an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They are something else.
    #[error("these bytes are not a snapshot of an engine")]
    NotASnapshot,
    /// They were written by another version of the program; replay the commands instead.
    #[error("the snapshot has version {0}, this program reads {VERSION}: replay the commands instead")]
    Version(u16),
    /// They are damaged; take an older snapshot.
    #[error("the snapshot is damaged: its check sum is wrong")]
    Damaged,
    /// Their check sum is right, but they make no sense.
    #[error("the snapshot makes no sense at {0}")]
    Malformed(&'static str),
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for Keccak256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Engine {
    /// The hash of the logical state: everything that could ever change an outcome. It costs a pass over all of it.
    pub fn state_hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        Encoder::new(&mut hasher).engine(self);
        hasher.finalize()
    }

    /// The whole state as bytes, for [`Engine::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let start = bytes.len();
        Encoder::new(&mut bytes).engine(self);
        let hash = keccak256(&bytes[start..]);
        bytes.extend_from_slice(hash.as_slice());
        bytes
    }

    /// The engine that a snapshot was taken of: same state hash, same outcomes from here on.
    ///
    /// # Errors
    ///
    /// Where the bytes are no snapshot, of another version, or damaged.
    pub fn restore(bytes: &[u8]) -> Result<Engine, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotASnapshot)?;
        let (version, rest) = rest.split_first_chunk().ok_or(SnapshotError::NotASnapshot)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let (body, hash) = rest.split_last_chunk::<32>().ok_or(SnapshotError::Damaged)?;
        if keccak256(body) != *hash {
            return Err(SnapshotError::Damaged);
        }
        decode::engine(body)
    }
}
