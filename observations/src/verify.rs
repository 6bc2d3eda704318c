//! Whether bytes are what the chain commits to. Pure.

use sha2::{Digest, Sha256};
use souk_schema::observation::{Fingerprint, Verification};
use souk_schema::{B256, keccak256};

use crate::cid::Proof;

/// The length and the hashes of bytes.
pub fn fingerprint(content: &[u8]) -> Fingerprint {
    Fingerprint {
        length: content.len() as u64,
        sha256: B256::from_slice(&Sha256::digest(content)),
        keccak256: keccak256(content),
    }
}

/// Judges a document by the content hash on chain, or, where there is none, by what the CID in its URI proves. A content hash is the
/// stricter of the two: a document that it does not commit to is false, whatever names it.
pub fn verification(found: &Fingerprint, commitment: Option<B256>, by_cid: Option<Proof>) -> Verification {
    match commitment.filter(|hash| !hash.is_zero()) {
        Some(hash) if hash == found.keccak256 => Verification::Keccak256,
        Some(hash) if hash == found.sha256 => Verification::Sha256,
        Some(_) => Verification::Mismatch,
        None => match by_cid {
            Some(Proof::Proved) => Verification::Cid,
            Some(Proof::Open | Proof::Refuted) => Verification::Unverified,
            None => Verification::NoCommitment,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_hash_of_either_kind_decides() {
        let found = fingerprint(b"{}");
        let other = fingerprint(b"{ }");
        for (commitment, expected) in [
            (Some(found.keccak256), Verification::Keccak256),
            (Some(found.sha256), Verification::Sha256),
            (Some(other.keccak256), Verification::Mismatch),
            (Some(B256::ZERO), Verification::NoCommitment),
            (None, Verification::NoCommitment),
        ] {
            assert_eq!(verification(&found, commitment, None), expected);
        }
        let proved = Some(Proof::Proved);
        assert_eq!(verification(&found, None, proved), Verification::Cid);
        assert_eq!(verification(&found, Some(other.sha256), proved), Verification::Mismatch);
        assert_eq!(verification(&found, None, Some(Proof::Open)), Verification::Unverified);
    }

    /// FIPS 180-2's and the Keccak team's own test vectors for the empty message.
    #[test]
    fn hashes_are_those_of_their_standards() {
        let empty = fingerprint(b"");
        assert_eq!(
            format!("{:x}", empty.sha256),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            format!("{:x}", empty.keccak256),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
    }
}
