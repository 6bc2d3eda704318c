//! One try of something wanted, as an outcome: [`judge`] is what bytes come to, [`attempt`] fetches them first.

use souk_schema::B256;
use souk_schema::observation::{Document, Failure, FailureKind, Outcome, SubjectKind, Wanted};

use crate::attestation;
use crate::cid::Proof;
use crate::document;
use crate::fetch::{Fetcher, Policy, Trouble};
use crate::nodes::Nodes;
use crate::retry;
use crate::uri::Source;
use crate::verify::{fingerprint, verification};

/// The longest detail of a failure, in characters: it may quote a server.
const MAX_DETAIL_CHARS: usize = 300;

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The outcome is certain.
    Observed(Outcome),
    /// It is tried again after a while.
    Again {
        /// Why.
        failure: Failure,
        /// After how long.
        wait: std::time::Duration,
    },
    /// This installation does not fetch it.
    Withheld(&'static str),
}

/// What comes of a try for which nobody has to be asked: of a `data:` URI, of one that is none, of one that is not fetched here. Pure.
///
/// # Errors
/// The source that has to be asked.
pub fn instant(policy: &Policy, wanted: &Wanted) -> Result<Attempt, Source> {
    let source = match Source::parse(&wanted.uri, policy.max_bytes) {
        Ok(source) => source,
        Err(invalid) => return Ok(Attempt::Observed(failed(invalid.kind, &invalid.detail))),
    };
    if let Some(reason) = policy.withholds(&source) {
        return Ok(Attempt::Withheld(reason));
    }
    match &source {
        Source::Data(content) => Ok(Attempt::Observed(judge(wanted, &source, content.clone()))),
        Source::Web(_) | Source::Ipfs(_) => Err(source),
    }
}

/// Tries once. `tries` counts this try too.
pub async fn attempt(fetcher: &Fetcher, nodes: &Nodes, wanted: &Wanted, tries: u32) -> Attempt {
    let asked = match wanted.subject.kind {
        SubjectKind::Attestation if !nodes.has(wanted.subject.chain) => {
            return Attempt::Withheld(match nodes.unplaced().next() {
                None => "this installation names no node of the attestation's chain (--rpc)",
                Some(_) => "no node of the attestation's chain has answered yet (--rpc)",
            });
        }
        SubjectKind::Attestation => ask(nodes, wanted, fetcher.policy()).await,
        SubjectKind::Asset | SubjectKind::Thing => match instant(fetcher.policy(), wanted) {
            Ok(attempt) => return attempt,
            Err(source) => fetcher
                .fetch(&source)
                .await
                .map(|content| judge(wanted, &source, content)),
        },
    };
    let (outcome, wish) = match asked {
        Ok(outcome) => (outcome, None),
        Err(Trouble {
            kind,
            detail,
            retry_after,
        }) => (failed(kind, &detail), retry_after),
    };
    let Outcome::Failed(failure) = outcome else {
        return Attempt::Observed(outcome);
    };
    match retry::wait(failure.kind, tries, wish, &wanted.key()) {
        Some(wait) => Attempt::Again { failure, wait },
        None => Attempt::Observed(Outcome::Failed(failure)),
    }
}

/// Asks a chain's nodes what an attestation says.
async fn ask(nodes: &Nodes, wanted: &Wanted, policy: &Policy) -> Result<Outcome, Trouble> {
    let (subject, uid) = (wanted.subject, B256::from(wanted.subject.key.id));
    let answer = nodes.attestation(subject.chain, subject.key.contract, uid, policy.timeout);
    let (said, schema) = answer.await?;
    Ok(attestation::judge(wanted, &said, &schema, policy.max_bytes))
}

/// What bytes come to that a source gave. Pure.
pub fn judge(wanted: &Wanted, source: &Source, content: Vec<u8>) -> Outcome {
    let found = fingerprint(&content);
    let refuse = |kind, detail: &str| match failed(kind, detail) {
        Outcome::Failed(failure) => Outcome::Failed(Failure {
            fingerprint: Some(found),
            ..failure
        }),
        other => other,
    };
    let by_cid = match source {
        Source::Ipfs(path) if path.path.is_empty() => Some(path.cid.proof(&content)),
        Source::Ipfs(_) => Some(Proof::Open),
        Source::Web(_) | Source::Data(_) => None,
    };
    if by_cid == Some(Proof::Refuted) {
        return refuse(
            FailureKind::WrongCid,
            "the gateway gave something else than the content id names",
        );
    }
    if let Err(refused) = document::read(&content) {
        return refuse(refused.kind, &refused.detail);
    }
    Outcome::Document(Document {
        verification: verification(&found, wanted.commitment, by_cid),
        fingerprint: found,
        content: content.into(),
    })
}

pub(crate) fn failed(kind: FailureKind, detail: &str) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        detail: document::shown(detail, MAX_DETAIL_CHARS).unwrap_or_default(),
        fingerprint: None,
    })
}
