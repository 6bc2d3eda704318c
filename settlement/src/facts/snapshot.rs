//! What following had come to, as bytes: a restart goes on from there instead of reading the chain's streams from their beginning.
//!
//! A snapshot is never trusted more than the streams are: where its version, its check sum, what it is of, or its place in the streams is not
//! what it should be, everything is folded anew. Pure.

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use super::folder::{FactConfig, FactFolder, Folded};
use super::held::Held;

/// Of the encoding. Rises with every change of what is kept or of how records are folded.
pub(super) const VERSION: u32 = 3;

/// Where following stands, and all that it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The record that is folded next, of the generation that `folded` is in.
    pub(super) next_sequence: u64,
    /// keccak-256 of the record before it.
    pub(super) last_record: B256,
    /// The position up to which the engine had heard.
    pub(super) heard: u64,
    /// The last record of the generation whose facts are all told.
    pub(super) told_record: Option<u64>,
    /// Positions behind that record's facts that are used.
    pub(super) retries: usize,
    pub(super) folded: Folded,
    pub(super) held: Held,
}

/// A snapshot as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// Of the encoding.
    pub version: u32,
    /// keccak-256 of what it is of.
    pub config_hash: B256,
    /// keccak-256 of the body.
    pub body_hash: B256,
    /// The rest.
    pub body: Vec<u8>,
}

/// Why a snapshot is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Of another build.
    #[error("it has version {0}, this build reads {VERSION}")]
    Version(u32),
    /// Of another group, or another vault.
    #[error("it is of other contracts or other groups")]
    OtherConfig,
    /// Not what was stored.
    #[error("its check sum is wrong")]
    Damaged,
    /// Not what this build would have stored.
    #[error("its check sum is right, but it makes no sense: {0}")]
    Malformed(String),
    /// The engine is another.
    #[error("the engine has not heard all that it says was told")]
    AheadOfEngine,
    /// The stream is another.
    #[error("the stream does not have the record that it ends with")]
    OtherStream,
    /// Nothing of what it folded last is told.
    #[error("the generation was decided to end before it")]
    BeyondEnd,
}

fn config_hash(config: &FactConfig) -> B256 {
    keccak256(serde_json::to_vec(config).unwrap_or_default())
}

impl Snapshot {
    /// As it is stored.
    ///
    /// # Errors
    /// Those of JSON, which plain data does not give.
    pub fn store(&self, config: &FactConfig) -> Result<StoredSnapshot, serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        Ok(StoredSnapshot {
            version: VERSION,
            config_hash: config_hash(config),
            body_hash: keccak256(&body),
            body,
        })
    }

    /// As it was stored. `heard` is the position up to which the engine has heard by now.
    ///
    /// # Errors
    /// [`Unusable`] says why it must not be used.
    pub(super) fn read(stored: &StoredSnapshot, config: &FactConfig, heard: u64) -> Result<Snapshot, Unusable> {
        if stored.version != VERSION {
            return Err(Unusable::Version(stored.version));
        }
        if keccak256(&stored.body) != stored.body_hash {
            return Err(Unusable::Damaged);
        }
        if stored.config_hash != config_hash(config) {
            return Err(Unusable::OtherConfig);
        }
        let snapshot: Snapshot =
            serde_json::from_slice(&stored.body).map_err(|error| Unusable::Malformed(error.to_string()))?;
        if snapshot.heard > heard {
            return Err(Unusable::AheadOfEngine);
        }
        Ok(snapshot)
    }

    /// The folder that it was taken of.
    pub(super) fn folder(&self, config: FactConfig) -> FactFolder {
        FactFolder {
            config,
            state: self.folded.clone(),
        }
    }
}
