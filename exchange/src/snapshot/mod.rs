//! The whole state of an engine as bytes, and its hash.
//!
//! A snapshot is `souk.engine`, a version in two bytes, the *body*, and the body's SHA-256 (which processors have instructions
//! for). The body is a function of the logical state alone: two
//! engines that would do the same from here on have the same body, whatever slots their orders lie in and however they came there. So the
//! hash at the end is at once the check sum and [`Engine::state_hash`].
//!
//! The body is sections, each a four-letter tag, a count (u64) and that many items. Numbers are little-endian and of fixed width; what is rare and
//! large (the group, market listings, withdrawals) is the JSON of its type, with its length. Order: accounts by id, each with its balances by instrument
//! (those of nothing left out), its keys by address and its open orders by id; then the queues of each book. What only later rules
//! remember is there where the group goes by them, so that the states of older groups keep their hashes.

mod decode;
mod encode;

use alloy_primitives::B256;
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use encode::{Encoder, Sink};

const MAGIC: &[u8] = b"souk.engine";
const VERSION: u16 = 2;

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

/// Hashes what it takes, many small pieces at a time.
struct Hashing {
    hasher: Sha256,
    pieces: Vec<u8>,
}

const PIECES_BYTES: usize = 1 << 16;

impl Sink for Hashing {
    fn put(&mut self, bytes: &[u8]) {
        if self.pieces.len() + bytes.len() > PIECES_BYTES {
            self.hasher.update(&self.pieces);
            self.pieces.clear();
        }
        self.pieces.extend_from_slice(bytes);
    }
}

impl Engine {
    /// The hash of the logical state: everything that could ever change an outcome. It costs a pass over all of it.
    pub fn state_hash(&self) -> B256 {
        let mut hashing = Hashing {
            hasher: Sha256::new(),
            pieces: Vec::with_capacity(PIECES_BYTES),
        };
        Encoder::new(&mut hashing).engine(self);
        B256::new(hashing.hasher.chain_update(&hashing.pieces).finalize().into())
    }

    /// The whole state as bytes, for [`Engine::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let start = bytes.len();
        Encoder::new(&mut bytes).engine(self);
        let hash = Sha256::digest(&bytes[start..]);
        bytes.extend_from_slice(&hash);
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
        if Sha256::digest(body)[..] != hash[..] {
            return Err(SnapshotError::Damaged);
        }
        decode::engine(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_snapshot_are_refused() {
        let good = Engine::new().snapshot();
        let restore = |bytes: &[u8]| Engine::restore(bytes).map(|engine| engine.state_hash());
        assert_eq!(restore(&good), Ok(Engine::new().state_hash()));
        assert_eq!(restore(b"something"), Err(SnapshotError::NotASnapshot));
        assert_eq!(restore(MAGIC), Err(SnapshotError::NotASnapshot));
        for length in MAGIC.len() + 2..good.len() {
            assert_eq!(
                restore(&good[..length]),
                Err(SnapshotError::Damaged),
                "the first {length} bytes"
            );
        }
        let changed = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        };
        assert_eq!(restore(&changed(MAGIC.len())), Err(SnapshotError::Version(VERSION ^ 1)));
        assert_eq!(restore(&changed(MAGIC.len() + 2)), Err(SnapshotError::Damaged));
    }

    #[test]
    fn a_right_check_sum_over_nonsense_is_no_engine() {
        let good = Engine::new().snapshot();
        let start = MAGIC.len() + 2;
        let body = good[start..good.len() - 32].to_vec();
        let sealed = |body: &[u8]| [&good[..start], body, &Sha256::digest(body)[..]].concat();
        assert!(Engine::restore(&sealed(&body)).is_ok());
        let longer = [&body[..], &[0]].concat();
        assert_eq!(
            Engine::restore(&sealed(&longer)).err(),
            Some(SnapshotError::Malformed("its end"))
        );
        for length in 0..body.len() {
            let error = Engine::restore(&sealed(&body[..length])).err();
            assert!(
                matches!(error, Some(SnapshotError::Malformed(_))),
                "the first {length} bytes"
            );
        }
    }
}
