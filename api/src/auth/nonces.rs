//! Nonces for sign-in messages: handed out without being kept, used once.
//!
//! A nonce says when it was made and carries a mark that only this process can make, so that a flood of requests for nonces costs no
//! memory and pushes nobody's out. What is kept is those that were used, until they would be too old anyway.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceProblem {
    /// This process did not make it.
    Unknown,
    /// It was made too long ago.
    Expired,
    /// It was used.
    Used,
}

/// The nonces of one process.
pub struct Nonces {
    secret: [u8; 32],
    lifetime_secs: u64,
    /// Used ones, with the second from which on they are too old.
    used: Mutex<HashMap<String, u64>>,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nonces").finish_non_exhaustive()
    }
}

/// Hex digits of the time and of the random part, which are marked.
const MARKED: usize = 16 + 16;
/// Hex digits of the mark.
const MARK: usize = 32;

impl Nonces {
    /// Nonces that may be used for so long.
    pub fn new(lifetime: Duration) -> Nonces {
        Nonces {
            secret: rand::random(),
            lifetime_secs: lifetime.as_secs(),
            used: Mutex::default(),
        }
    }

    /// A new nonce, and the second from which on it is too old.
    pub fn issue(&self, now: u64) -> (String, u64) {
        let marked = format!("{now:016x}{:016x}", rand::random::<u64>());
        let nonce = format!("{marked}{}", self.mark(&marked));
        (nonce, now.saturating_add(self.lifetime_secs))
    }

    /// Uses a nonce up.
    ///
    /// # Errors
    /// [`NonceProblem`]; it is not used up then.
    pub fn redeem(&self, nonce: &str, now: u64) -> Result<(), NonceProblem> {
        let (marked, mark) = nonce
            .split_at_checked(MARKED)
            .filter(|(_, mark)| mark.len() == MARK)
            .ok_or(NonceProblem::Unknown)?;
        if !same(self.mark(marked).as_bytes(), mark.as_bytes()) {
            return Err(NonceProblem::Unknown);
        }
        let made = u64::from_str_radix(&marked[..16], 16).map_err(|_| NonceProblem::Unknown)?;
        let ends = made.saturating_add(self.lifetime_secs);
        if now >= ends {
            return Err(NonceProblem::Expired);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, ends| now < *ends);
        match used.insert(nonce.to_owned(), ends) {
            None => Ok(()),
            Some(_) => Err(NonceProblem::Used),
        }
    }

    /// The marked part has one length, so a hash of secret and text cannot be extended into another nonce's.
    fn mark(&self, marked: &str) -> String {
        let digest = Sha256::new().chain_update(self.secret).chain_update(marked).finalize();
        alloy_primitives::hex::encode(&digest[..MARK / 2])
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |sum, (left, right)| sum | (left ^ right))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_once_in_its_time() {
        let nonces = Nonces::new(Duration::from_secs(10));
        let (first, ends) = nonces.issue(1_000);
        assert_eq!(ends, 1_010);
        assert!(first.bytes().all(|char| char.is_ascii_alphanumeric()));
        assert_eq!(nonces.redeem(&first, 1_009), Ok(()));
        assert_eq!(nonces.redeem(&first, 1_009), Err(NonceProblem::Used));
        assert_eq!(
            nonces.redeem(&first, 1_010),
            Err(NonceProblem::Expired),
            "and it is still of no use"
        );
        let (late, _) = nonces.issue(1_000);
        assert_eq!(nonces.redeem(&late, 1_010), Err(NonceProblem::Expired));
    }

    #[test]
    fn a_nonce_of_somebody_else_is_not_taken() {
        let (mine, other) = (
            Nonces::new(Duration::from_secs(10)),
            Nonces::new(Duration::from_secs(10)),
        );
        let nonce = mine.issue(1_000).0;
        assert_eq!(other.redeem(&nonce, 1_000), Err(NonceProblem::Unknown));
        for forged in [
            nonce.replacen('0', "1", 1),
            nonce[..63].to_owned(),
            "32891756".into(),
            String::new(),
            "é".repeat(32),
        ] {
            assert_eq!(mine.redeem(&forged, 1_000), Err(NonceProblem::Unknown), "{forged}");
        }
    }
}
