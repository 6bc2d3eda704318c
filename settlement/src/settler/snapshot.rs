//! What settling had come to, as bytes: a restart goes on from there instead of reading journal and events from their beginning.
//!
//! A snapshot is never trusted more than the streams are: where its version, its check sum, or its place in either stream is not what it
//! should be, or the tables know less, everything is read again. Pure.

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use super::queue::Queue;
use super::state::State;
use crate::place::Place;

/// Of the encoding. Rises with every change of what is kept or of how records are folded.
pub(super) const VERSION: u32 = 1;

/// Where settling stands, and all that it knows from its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// In the journal.
    pub(super) journal: Place,
    /// What the journal says up to there.
    pub(super) state: State,
    /// In the group's events.
    pub(super) events: Place,
    /// What the events say up to there.
    pub(super) queue: Queue,
}

/// A snapshot as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSettling {
    /// Of the encoding.
    pub version: u32,
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
    /// Not what was stored.
    #[error("its check sum is wrong")]
    Damaged,
    /// Not what this build would have stored.
    #[error("its check sum is right, but it makes no sense: {0}")]
    Malformed(String),
    /// The streams are others.
    #[error("a stream does not have the record that it ends with")]
    OtherStream,
    /// The tables are others.
    #[error("the tables do not have all transactions up to it")]
    AheadOfTables,
}

impl Snapshot {
    /// As it is stored.
    ///
    /// # Errors
    /// Those of JSON, which plain data does not give.
    pub fn store(&self) -> Result<StoredSettling, serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        Ok(StoredSettling {
            version: VERSION,
            body_hash: keccak256(&body),
            body,
        })
    }

    /// As it was stored.
    ///
    /// # Errors
    /// [`Unusable`] says why it must not be used.
    pub(super) fn read(stored: &StoredSettling) -> Result<Snapshot, Unusable> {
        if stored.version != VERSION {
            return Err(Unusable::Version(stored.version));
        }
        if keccak256(&stored.body) != stored.body_hash {
            return Err(Unusable::Damaged);
        }
        serde_json::from_slice(&stored.body).map_err(|error| Unusable::Malformed(error.to_string()))
    }
}
