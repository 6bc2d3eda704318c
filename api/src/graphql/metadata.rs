//! What was found behind the URI of an asset: a stranger's document, and whether it is what the chain commits to.

use async_graphql::{Context, Enum, Json, Object, SimpleObject};
use souk_schema::observation::{self, FailureKind, STREAM, Wanted};

use crate::error::{ApiError, ErrorCode};
use crate::scalars::{Bytes32, Long};
use crate::session::Session;
use crate::store::loaders::{ObservationByKey, ObservedContent};
use crate::store::observations::{self, ObservationRow};

/// How it stands with a document.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataStatus {
    /// It is still to be fetched, or to be tried again: see `problem`.
    Waiting,
    /// This installation does not fetch it: see `problem`.
    Withheld,
    /// It was found: see `verification`.
    Fetched,
    /// Something was found that is not what the chain commits to.
    Mismatched,
    /// Nothing that can be used was found: see `failure`.
    Failed,
}

/// Whether a document is what the chain commits to.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataVerification {
    /// It hashes to the content hash on chain, or is what the content id in its URI names.
    Match,
    /// It does not hash to the content hash on chain.
    Mismatch,
    /// The chain commits to nothing: whoever serves the document can change it.
    NoCommitment,
    /// A content id of IPFS names it in a way that its bytes alone cannot prove.
    Unverified,
}

/// By what a document was found to be what the chain commits to.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataProof {
    /// Its keccak-256 is the content hash on chain.
    Keccak256,
    /// Its SHA-256 is the content hash on chain.
    Sha256,
    /// Its bytes are what the content id in its URI names.
    Cid,
    /// What it says of an attestation hashes to the attestation's uid.
    Uid,
}

/// Why there is no document.
#[derive(Clone, Debug, SimpleObject)]
pub struct MetadataFailure {
    /// In a word: `not_json`, `too_large`, `missing`, `forbidden_address` and so on.
    kind: String,
    /// For a person.
    detail: String,
    /// Whether it may be found another day: such failures are looked at again once a day.
    may_heal: bool,
}

/// What was found behind a URI on chain.
pub struct Metadata {
    session: Session,
    wanted: Wanted,
    row: Option<ObservationRow>,
}

impl Metadata {
    /// What was found of something wanted; none where the chain names no URI.
    pub(super) async fn of(session: &Session, wanted: Wanted) -> Result<Option<Metadata>, ApiError> {
        if wanted.uri.is_empty() {
            return Ok(None);
        }
        let row = session.load(ObservationByKey(wanted.key().to_vec())).await?;
        Ok(Some(Metadata {
            session: session.clone(),
            wanted,
            row,
        }))
    }

    fn verified(&self) -> Result<Option<observation::Verification>, ApiError> {
        let Some(number) = self.row.as_ref().and_then(|row| row.verification) else {
            return Ok(None);
        };
        let known = observation::Verification::of_number(number.into());
        known
            .map(Some)
            .ok_or_else(|| ApiError::new(ErrorCode::Internal, "a document of an unknown verification"))
    }

    /// A field that the document has. One that is false speaks for nobody.
    fn text(&self, of: impl Fn(&ObservationRow) -> &Option<String>) -> Result<Option<&str>, ApiError> {
        let is_false = self.verified()? == Some(observation::Verification::Mismatch);
        Ok(self
            .row
            .as_ref()
            .filter(|_| !is_false)
            .and_then(|row| of(row).as_deref()))
    }
}

/// What was found behind a URI on chain. Its texts are a stranger's: show them as text, never as markup.
#[Object]
impl Metadata {
    /// How it stands.
    async fn status(&self) -> Result<MetadataStatus, ApiError> {
        let Some(row) = &self.row else {
            return Ok(MetadataStatus::Waiting);
        };
        Ok(match self.verified()? {
            Some(observation::Verification::Mismatch) => MetadataStatus::Mismatched,
            Some(_) => MetadataStatus::Fetched,
            None if row.failure.is_some() => MetadataStatus::Failed,
            None if row.is_withheld == Some(true) => MetadataStatus::Withheld,
            None => MetadataStatus::Waiting,
        })
    }

    /// Where it is, as the chain says it.
    async fn uri(&self) -> &str {
        &self.wanted.uri
    }

    /// The content hash that the chain keeps beside the URI; null where it keeps none.
    async fn content_hash(&self) -> Option<Bytes32> {
        self.wanted.commitment.filter(|hash| !hash.is_zero()).map(Bytes32)
    }

    /// Whether the document is what the chain commits to; null without a document.
    async fn verification(&self) -> Result<Option<MetadataVerification>, ApiError> {
        use observation::Verification;
        Ok(self.verified()?.map(|verification| match verification {
            Verification::Keccak256 | Verification::Sha256 | Verification::Cid | Verification::Uid => {
                MetadataVerification::Match
            }
            Verification::Mismatch => MetadataVerification::Mismatch,
            Verification::NoCommitment => MetadataVerification::NoCommitment,
            Verification::Unverified => MetadataVerification::Unverified,
        }))
    }

    /// By what it was found to match; null where it was not.
    async fn verified_by(&self) -> Result<Option<MetadataProof>, ApiError> {
        use observation::Verification;
        Ok(match self.verified()? {
            Some(Verification::Keccak256) => Some(MetadataProof::Keccak256),
            Some(Verification::Sha256) => Some(MetadataProof::Sha256),
            Some(Verification::Cid) => Some(MetadataProof::Cid),
            Some(Verification::Uid) => Some(MetadataProof::Uid),
            _ => None,
        })
    }

    /// The document, a JSON object of a few hundred KiB at most; a false one too, so that it can be looked at. Null without one.
    #[graphql(complexity = 50)]
    async fn document(&self) -> Result<Option<Json<serde_json::Value>>, ApiError> {
        if self.verified()?.is_none() {
            return Ok(None);
        }
        let key = self.wanted.key().to_vec();
        let Some(content) = self.session.load(ObservedContent(key)).await? else {
            return Ok(None);
        };
        let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content);
        serde_json::from_slice(content)
            .map(|document| Some(Json(document)))
            .map_err(ApiError::internal)
    }

    /// The name that the document gives, on one line and cut; null where it gives none, or is false.
    async fn name(&self) -> Result<Option<&str>, ApiError> {
        self.text(|row| &row.name)
    }

    /// The description that the document gives, on one line and cut; null where it gives none, or is false.
    async fn description(&self) -> Result<Option<&str>, ApiError> {
        self.text(|row| &row.description)
    }

    /// The licence that the document names, on one line and cut; null where it names none, or is false. What licences hold is said by `terms`.
    async fn licence(&self) -> Result<Option<&str>, ApiError> {
        self.text(|row| &row.licence)
    }

    /// The SHA-256 of what was read; null where nothing was read to its end.
    async fn sha256(&self) -> Option<Bytes32> {
        self.row.as_ref()?.sha256
    }

    /// The keccak-256 of what was read; null where nothing was read to its end.
    async fn keccak256(&self) -> Option<Bytes32> {
        self.row.as_ref()?.keccak256
    }

    /// The length of what was read, in bytes; null where nothing was read to its end.
    async fn length(&self) -> Option<Long> {
        self.row.as_ref()?.length
    }

    /// Why there is no document; null where there is one, or it is not known yet.
    async fn failure(&self) -> Option<MetadataFailure> {
        let row = self.row.as_ref()?;
        let kind = FailureKind::of_number(row.failure?.into());
        Some(MetadataFailure {
            kind: kind.map_or("unknown", FailureKind::as_str).into(),
            detail: row.failure_detail.clone().unwrap_or_default(),
            may_heal: kind.is_some_and(souk_observations::retry::may_heal),
        })
    }

    /// Why it is tried again, or not fetched at all.
    async fn problem(&self) -> Option<&str> {
        self.row.as_ref()?.problem.as_deref()
    }

    /// When it was fetched, or failed, in seconds since 1970; null where neither happened yet.
    async fn fetched_at(&self) -> Option<Long> {
        let at = self.row.as_ref()?.observed_at_ms?;
        Some(Long(at.0.div_euclid(1_000)))
    }

    /// How often it was tried.
    async fn tries(&self) -> i32 {
        self.row.as_ref().and_then(|row| row.tries).unwrap_or(0)
    }
}

/// How many documents stand how.
#[derive(Clone, Debug, SimpleObject)]
pub struct MetadataCounts {
    /// Found, and not known to be false.
    fetched: Long,
    /// Found, and not what the chain commits to.
    mismatched: Long,
    /// Not found, or not usable.
    failed: Long,
    /// Still to be fetched.
    waiting: Long,
    /// Not fetched by this installation.
    withheld: Long,
    /// The event-log stream that they are kept in.
    stream: String,
    /// Its next record, which the answer does not know.
    next_sequence: Long,
}

/// What can be asked of documents as a whole.
pub struct MetadataQuery;

/// What can be asked of documents as a whole.
#[Object]
impl MetadataQuery {
    /// How many metadata documents were fetched, failed, or wait.
    #[graphql(complexity = "200 + child_complexity")]
    async fn metadata_counts(&self, ctx: &Context<'_>) -> Result<MetadataCounts, ApiError> {
        let counts = observations::counts(Session::of(ctx).reader().await?).await?;
        Ok(MetadataCounts {
            fetched: Long(counts.fetched),
            mismatched: Long(counts.mismatched),
            failed: Long(counts.failed),
            waiting: Long(counts.waiting),
            withheld: Long(counts.withheld),
            stream: STREAM.into(),
            next_sequence: Long(counts.next_sequence),
        })
    }
}
