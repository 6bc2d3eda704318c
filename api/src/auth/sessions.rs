//! Who is signed in. Tokens are random and kept as hashes only: what is read out of this process's memory signs nobody in.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use alloy_primitives::Address;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lru::LruCache;
use sha2::{Digest, Sha256};
use souk_schema::ChainId;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The chain that the session was opened for.
    pub chain: ChainId,
    /// Whose orders and balances it may see and change.
    pub account: Address,
    /// Who signed in: the account, or a trading key that it registered.
    pub signer: Address,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    viewer: Viewer,
    expires_at: u64,
}

/// Sessions by the hash of their token.
#[derive(Debug)]
pub struct Sessions(Mutex<LruCache<[u8; 32], Kept>>);

impl Sessions {
    /// None yet; at most so many.
    pub fn new(most: usize) -> Sessions {
        let most = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
        Sessions(Mutex::new(LruCache::new(most)))
    }

    /// Opens a session until `expires_at` (Unix seconds, exclusive); its token, which is not kept.
    pub fn open(&self, viewer: Viewer, expires_at: u64, now: u64) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What has ended makes room before anything that has not.
        while sessions.peek_lru().is_some_and(|(_, kept)| kept.expires_at <= now) {
            sessions.pop_lru();
        }
        sessions.put(hash(&token), Kept { viewer, expires_at });
        token
    }

    /// Whose session a token is of.
    pub fn viewer(&self, token: &str, now: u64) -> Option<Viewer> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = hash(token);
        let kept = *sessions.get(&key)?;
        if now >= kept.expires_at {
            sessions.pop(&key);
            return None;
        }
        Some(kept.viewer)
    }

    /// Ends a session; whether there was one.
    pub fn close(&self, token: &str) -> bool {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.pop(&hash(token)).is_some()
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Viewer = Viewer {
        chain: ChainId(1),
        account: Address::repeat_byte(1),
        signer: Address::repeat_byte(1),
    };

    #[test]
    fn a_session_ends_at_its_time_and_when_it_is_closed() {
        let sessions = Sessions::new(10);
        let token = sessions.open(ALICE, 100, 0);
        assert_eq!(sessions.viewer(&token, 99), Some(ALICE));
        assert_eq!(sessions.viewer(&token, 100), None);
        let other = sessions.open(ALICE, 100, 0);
        assert_ne!(token, other);
        assert!(sessions.close(&other) && !sessions.close(&other));
        assert_eq!(sessions.viewer(&other, 0), None);
        assert_eq!(sessions.viewer("", 0), None);
    }

    #[test]
    fn a_flood_of_sessions_takes_bounded_memory() {
        let sessions = Sessions::new(10);
        let first = sessions.open(ALICE, 100, 0);
        (0..10).for_each(|_| drop(sessions.open(ALICE, 100, 0)));
        assert_eq!(sessions.viewer(&first, 0), None, "the least recently used one ended");
        assert_eq!(sessions.0.lock().unwrap().len(), 10);
    }
}
