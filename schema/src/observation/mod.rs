//! Observations: what was fetched from outside the chains, as the stream [`STREAM`] keeps it.
//!
//! A chain says where a document is and, sometimes, what it hashes to; of an attestation it says only its uid, which its contents hash to.
//! What was found, or why nothing was, is appended to the log before anything derived changes, so that a replay needs no network. Start
//! with [`Observation`]; [`Wanted::key`] tells observations apart.

pub mod encoding;

use alloy_primitives::{B256, Bytes, Keccak256};

use crate::id::{ChainId, TokenRef};

/// The stream of all observations.
pub const STREAM: &str = "observations";

/// What an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A version of an asset of a registry of ours.
    Asset = 1,
    /// A thing of another protocol: an agent, an IP, a data NFT.
    Thing = 2,
    /// An attestation of EAS; its id is its uid as a number.
    Attestation = 3,
}

impl SubjectKind {
    /// The kind of a number in tables and records.
    pub fn of_number(number: i32) -> Option<SubjectKind> {
        [SubjectKind::Asset, SubjectKind::Thing, SubjectKind::Attestation]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }
}

/// The asset or thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The chain that names it.
    pub chain: ChainId,
    /// Of which kind it is.
    pub kind: SubjectKind,
    /// The contract that keeps it, and its id there.
    pub key: TokenRef,
}

/// Something to fetch. An asset's further version, or the same URI with another commitment, is another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Whose it is.
    pub subject: Subject,
    /// Where it is, as the chain says it.
    pub uri: String,
    /// The content hash that the chain keeps beside the URI; a hash of zeros is none.
    pub commitment: Option<B256>,
}

impl Wanted {
    /// What an attestation says: its contract's storage is asked for it, its uid is the commitment to it.
    pub fn attestation(chain: ChainId, key: TokenRef) -> Wanted {
        let uid = B256::from(key.id);
        Wanted {
            subject: Subject {
                chain,
                kind: SubjectKind::Attestation,
                key,
            },
            uri: format!("eas:{:#x}/{uid:#x}", key.contract),
            commitment: Some(uid),
        }
    }

    /// What tells it apart from everything else that is wanted: the keccak-256 of its parts, each of fixed length but the last.
    pub fn key(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(b"souk observation 1");
        hasher.update(self.subject.chain.0.to_be_bytes());
        hasher.update([self.subject.kind as u8]);
        hasher.update(self.subject.key.contract);
        hasher.update(self.subject.key.id.to_be_bytes::<32>());
        hasher.update(self.commitment.unwrap_or_default());
        hasher.update(self.uri.as_bytes());
        hasher.finalize()
    }
}

/// What was found of something that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What was wanted.
    pub wanted: Wanted,
    /// When the outcome was certain, in milliseconds since 1970.
    pub observed_at_ms: u64,
    /// How often it was tried.
    pub tries: u32,
    /// What was found.
    pub outcome: Outcome,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A document.
    Document(Document),
    /// Nothing that can be used.
    Failed(Failure),
}

/// A document that is a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub content: Bytes,
    /// Their length and hashes.
    pub fingerprint: Fingerprint,
    /// Whether it is what the chain commits to.
    pub verification: Verification,
}

/// The length and the hashes of bytes that were read to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many bytes.
    pub length: u64,
    /// SHA-256.
    pub sha256: B256,
    /// Keccak-256.
    pub keccak256: B256,
}

/// Whether a document is what the chain commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Its keccak-256 is the content hash on chain.
    Keccak256 = 1,
    /// Its SHA-256 is the content hash on chain.
    Sha256 = 2,
    /// The chain keeps no content hash, and the bytes are those that the CID in the URI names.
    Cid = 3,
    /// It is not what the content hash on chain commits to.
    Mismatch = 4,
    /// The chain commits to nothing.
    NoCommitment = 5,
    /// A CID names it in a way that its bytes alone cannot prove.
    Unverified = 6,
    /// It is what an attestation says, and hashes to its uid, as its schema does to the schema's.
    Uid = 7,
}

impl Verification {
    /// All, by rising number.
    pub const ALL: [Verification; 7] = [
        Verification::Keccak256,
        Verification::Sha256,
        Verification::Cid,
        Verification::Mismatch,
        Verification::NoCommitment,
        Verification::Unverified,
        Verification::Uid,
    ];

    /// That of a number in tables and records.
    pub fn of_number(number: i32) -> Option<Verification> {
        Verification::ALL.into_iter().find(|known| *known as i32 == number)
    }

    /// Whether the document is proved to be what the chain commits to.
    pub fn is_match(self) -> bool {
        match self {
            Verification::Keccak256 | Verification::Sha256 | Verification::Cid | Verification::Uid => true,
            Verification::Mismatch | Verification::NoCommitment | Verification::Unverified => false,
        }
    }
}

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In a word.
    pub kind: FailureKind,
    /// For a person.
    pub detail: String,
    /// Of what was read, where it was read to its end.
    pub fingerprint: Option<Fingerprint>,
}

/// Why there is no document, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No URI of a kind that is fetched.
    Unsupported = 1,
    /// The URI is not what its scheme demands.
    Malformed = 2,
    /// Its host has no address, does not answer or does not speak HTTP.
    Unreachable = 3,
    /// It took too long.
    TimedOut = 4,
    /// Its host, or where it was redirected to, is at an address that is not public.
    ForbiddenAddress = 5,
    /// Redirected too often, or to what is not fetched.
    Redirected = 6,
    /// The server answered that it is not there.
    Missing = 7,
    /// The server refused or failed.
    Refused = 8,
    /// Longer than is taken.
    TooLarge = 9,
    /// It ended before its end.
    Truncated = 10,
    /// Encoded in a way that is not read.
    Encoding = 11,
    /// Not UTF-8.
    NotUtf8 = 12,
    /// Not a JSON object.
    NotJson = 13,
    /// Nested too deeply.
    TooDeep = 14,
    /// Not what the CID in the URI names.
    WrongCid = 15,
    /// A node's answer about an attestation does not hash to its uid, or its schema's.
    WrongUid = 16,
}

impl FailureKind {
    /// All, by rising number.
    pub const ALL: [FailureKind; 16] = [
        FailureKind::Unsupported,
        FailureKind::Malformed,
        FailureKind::Unreachable,
        FailureKind::TimedOut,
        FailureKind::ForbiddenAddress,
        FailureKind::Redirected,
        FailureKind::Missing,
        FailureKind::Refused,
        FailureKind::TooLarge,
        FailureKind::Truncated,
        FailureKind::Encoding,
        FailureKind::NotUtf8,
        FailureKind::NotJson,
        FailureKind::TooDeep,
        FailureKind::WrongCid,
        FailureKind::WrongUid,
    ];

    /// That of a number in tables and records.
    pub fn of_number(number: i32) -> Option<FailureKind> {
        FailureKind::ALL.into_iter().find(|known| *known as i32 == number)
    }

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Unsupported => "unsupported",
            FailureKind::Malformed => "malformed",
            FailureKind::Unreachable => "unreachable",
            FailureKind::TimedOut => "timed_out",
            FailureKind::ForbiddenAddress => "forbidden_address",
            FailureKind::Redirected => "redirected",
            FailureKind::Missing => "missing",
            FailureKind::Refused => "refused",
            FailureKind::TooLarge => "too_large",
            FailureKind::Truncated => "truncated",
            FailureKind::Encoding => "encoding",
            FailureKind::NotUtf8 => "not_utf8",
            FailureKind::NotJson => "not_json",
            FailureKind::TooDeep => "too_deep",
            FailureKind::WrongCid => "wrong_cid",
            FailureKind::WrongUid => "wrong_uid",
        }
    }
}
