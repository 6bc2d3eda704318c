//! Records of the log as what they say.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use souk_eventlog::StoredRecord;
use souk_schema::encoding::{self, VERSION_HEADER};
use souk_schema::observation::{self, Observation, Outcome};
use souk_schema::record::ChainRecord;

/// The chain record that was stored, of whatever version; `None` for a record of another kind.
///
/// # Errors
/// One line that names the record when it is damaged or of a newer souk.
pub fn decode(stored: &StoredRecord) -> Result<Option<ChainRecord>> {
    let version = stored.headers.iter().find(|(name, _)| name == VERSION_HEADER);
    let Some(version) = version.and_then(|(_, version)| version.parse().ok()) else {
        return Ok(None);
    };
    let record = encoding::decode(version, &stored.payload).with_context(|| format!("record {}", stored.sequence))?;
    Ok(Some(record))
}

/// What a record of the stream of observations says, as JSON. A document is shown as the JSON that it is.
///
/// # Errors
/// One line that names the record when it is damaged or of a newer souk.
pub fn observation(stored: &StoredRecord) -> Result<Value> {
    let version = stored.headers.iter().find(|(name, _)| name == VERSION_HEADER);
    let version = version.and_then(|(_, version)| version.parse().ok()).unwrap_or(0);
    let found = observation::encoding::decode(version, &stored.payload);
    Ok(shown(&found.with_context(|| format!("record {}", stored.sequence))?))
}

fn shown(observation: &Observation) -> Value {
    let Observation {
        wanted,
        observed_at_ms,
        tries,
        outcome,
    } = observation;
    let subject = wanted.subject;
    let outcome = match outcome {
        Outcome::Document(found) => json!({
            "type": "document",
            "verification": format!("{:?}", found.verification).to_lowercase(),
            "length": found.fingerprint.length,
            "sha256": found.fingerprint.sha256,
            "keccak256": found.fingerprint.keccak256,
            "document": serde_json::from_slice::<Value>(&found.content).unwrap_or_default(),
        }),
        Outcome::Failed(failure) => json!({
            "type": "failure",
            "kind": failure.kind.as_str(),
            "detail": failure.detail,
            "length": failure.fingerprint.map(|found| found.length),
            "sha256": failure.fingerprint.map(|found| found.sha256),
            "keccak256": failure.fingerprint.map(|found| found.keccak256),
        }),
    };
    json!({
        "chain": subject.chain,
        "subject": format!("{:?}", subject.kind).to_lowercase(),
        "contract": subject.key.contract,
        "id": subject.key.id.to_string(),
        "uri": wanted.uri,
        "commitment": wanted.commitment,
        "observedAtMs": observed_at_ms,
        "tries": tries,
        "outcome": outcome,
    })
}
