//! The stored encoding of observations: Protobuf, schema in `schema/proto/souk/observation`, so that consumers in any language can read the
//! topic.
//!
//! As with chain records, each stored record carries its encoding version in the header [`VERSION_HEADER`] and old versions are upcast on
//! read; `schema/golden/observation` keeps specimens of each version.

use alloy_primitives::{B256, Bytes};
use prost::Message;

pub use crate::encoding::VERSION_HEADER;

use super::{
    Document, Failure, FailureKind, Fingerprint, Observation, Outcome, Subject, SubjectKind, Verification, Wanted,
};
use crate::id::{ChainId, TokenRef};

#[allow(missing_docs, reason = "generated from schema/proto, which is documented")]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/souk.observation.v1.rs"));
}

/// The version that [`encode`] writes.
pub const CURRENT_VERSION: u32 = 1;

/// The CloudEvents `type` of observations.
pub const OBSERVATION_TYPE: &str = "souk.observation.v1.Observation";

/// A stored observation that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer Souk.
    #[error("encoding version {0} is not known to this build, which reads up to {CURRENT_VERSION}: upgrade souk")]
    UnknownVersion(u32),
    /// Not the Protobuf message that it should be.
    #[error("the record is not a {OBSERVATION_TYPE}: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field is missing, has the wrong size or an unknown value.
    #[error("the record's field `{field}` is {problem}")]
    Field {
        /// The field's name in the schema.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Encodes an observation in the current version.
pub fn encode(observation: &Observation) -> Bytes {
    let Observation {
        wanted,
        observed_at_ms,
        tries,
        outcome,
    } = observation;
    let message = v1::Observation {
        subject: Some(v1::Subject {
            chain_id: wanted.subject.chain.0,
            kind: wanted.subject.kind as i32,
            key: wanted.subject.key.key().as_bytes().to_vec(),
        }),
        uri: wanted.uri.clone(),
        commitment: wanted.commitment.map_or_else(Vec::new, |hash| hash.to_vec()),
        observed_at_ms: *observed_at_ms,
        tries: *tries,
        outcome: Some(put_outcome(outcome)),
    };
    message.encode_to_vec().into()
}

/// Decodes an observation of any version that was ever written.
///
/// # Errors
/// [`DecodeError`] names the version or the field that is wrong.
pub fn decode(version: u32, payload: &[u8]) -> Result<Observation> {
    match version {
        1 => take(v1::Observation::decode(payload)?),
        newer => Err(DecodeError::UnknownVersion(newer)),
    }
}

fn put_outcome(outcome: &Outcome) -> v1::observation::Outcome {
    match outcome {
        Outcome::Document(document) => v1::observation::Outcome::Document(v1::Document {
            content: document.content.to_vec(),
            fingerprint: Some(put_fingerprint(&document.fingerprint)),
            verification: document.verification as i32,
        }),
        Outcome::Failed(failure) => v1::observation::Outcome::Failure(v1::Failure {
            kind: failure.kind as i32,
            detail: failure.detail.clone(),
            fingerprint: failure.fingerprint.as_ref().map(put_fingerprint),
        }),
    }
}

fn put_fingerprint(fingerprint: &Fingerprint) -> v1::Fingerprint {
    v1::Fingerprint {
        length: fingerprint.length,
        sha256: fingerprint.sha256.to_vec(),
        keccak256: fingerprint.keccak256.to_vec(),
    }
}

fn take(message: v1::Observation) -> Result<Observation> {
    let subject = required("subject", message.subject)?;
    let key = TokenRef::try_from(&subject.key[..]).map_err(|error| field("subject.key", error))?;
    let kind = SubjectKind::of_number(subject.kind).ok_or_else(|| unknown("subject.kind", subject.kind))?;
    let commitment = match message.commitment.is_empty() {
        true => None,
        false => Some(hash("commitment", &message.commitment)?),
    };
    Ok(Observation {
        wanted: Wanted {
            subject: Subject {
                chain: ChainId(subject.chain_id),
                kind,
                key,
            },
            uri: message.uri,
            commitment,
        },
        observed_at_ms: message.observed_at_ms,
        tries: message.tries,
        outcome: take_outcome(required("outcome", message.outcome)?)?,
    })
}

fn take_outcome(outcome: v1::observation::Outcome) -> Result<Outcome> {
    Ok(match outcome {
        v1::observation::Outcome::Document(document) => Outcome::Document(Document {
            content: document.content.into(),
            fingerprint: take_fingerprint(required("fingerprint", document.fingerprint)?)?,
            verification: Verification::of_number(document.verification)
                .ok_or_else(|| unknown("verification", document.verification))?,
        }),
        v1::observation::Outcome::Failure(failure) => Outcome::Failed(Failure {
            kind: FailureKind::of_number(failure.kind).ok_or_else(|| unknown("failure.kind", failure.kind))?,
            detail: failure.detail,
            fingerprint: failure.fingerprint.map(take_fingerprint).transpose()?,
        }),
    })
}

fn take_fingerprint(fingerprint: v1::Fingerprint) -> Result<Fingerprint> {
    Ok(Fingerprint {
        length: fingerprint.length,
        sha256: hash("sha256", &fingerprint.sha256)?,
        keccak256: hash("keccak256", &fingerprint.keccak256)?,
    })
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| field(name, "missing"))
}

fn hash(name: &'static str, bytes: &[u8]) -> Result<B256> {
    B256::try_from(bytes).map_err(|_| field(name, format!("{} bytes long, not 32", bytes.len())))
}

fn unknown(name: &'static str, number: i32) -> DecodeError {
    field(name, format!("unknown value {number}"))
}

fn field(field: &'static str, problem: impl std::fmt::Display) -> DecodeError {
    DecodeError::Field {
        field,
        problem: problem.to_string(),
    }
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
