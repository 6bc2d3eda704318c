//! Attestations of EAS about an asset: who attested, whether it still counts, and what it says.

use async_graphql::{Json, Object, SimpleObject};
use souk_observations::attestation::{Contents, fields};
use souk_schema::observation::Wanted;

use super::account::Account;
use super::asset::AssetRef;
use super::chain::Origin;
use super::connection::{Connection, PageArguments};
use super::economy::Around;
use super::metadata::Metadata;
use crate::error::ApiError;
use crate::scalars::{Address, Bytes, Bytes32, ChainId, Long};
use crate::store::attestations::{AttestationRow, AttestationsAbout, AttestationsOf};
use crate::store::listing::Scope;
use crate::store::loaders::ObservedContent;
use crate::store::observations;

/// The attestations about something, as of a moment. Those which name it by their own words are among them once those words are known.
pub(super) async fn attestations(
    around: &Around,
    scope: Scope,
    arguments: PageArguments,
) -> Result<Connection<Attestation>, ApiError> {
    let (session, time) = (around.session.clone(), scope.time);
    let made = around.clone();
    let attestation = move |row| Attestation {
        around: made.clone(),
        time,
        row,
    };
    match observations::has_attestations(session.reader().await?).await? {
        true => Connection::of(&session, arguments, AttestationsAbout(scope), attestation).await,
        false => Connection::of(&session, arguments, AttestationsOf(scope), attestation).await,
    }
}

/// An attestation.
pub struct Attestation {
    around: Around,
    /// As of when it is looked at, in seconds since 1970.
    time: i64,
    row: AttestationRow,
}

impl Attestation {
    fn wanted(&self) -> Wanted {
        Wanted::attestation(self.around.chain.0, self.row.attestation_key.0)
    }
}

/// That somebody attests something about an asset. Anybody can: look at who it is.
#[Object]
impl Attestation {
    /// The chain that keeps it.
    async fn chain_id(&self) -> ChainId {
        self.around.chain
    }

    /// The contract of EAS that keeps it.
    async fn registry(&self) -> Address {
        Address(self.row.attestation_key.0.contract)
    }

    /// Its uid there.
    async fn uid(&self) -> Bytes32 {
        Bytes32(self.row.attestation_key.0.id.into())
    }

    /// The id of the schema of its data.
    async fn schema(&self) -> Bytes32 {
        self.row.schema_uid
    }

    /// Who attests.
    async fn attester(&self) -> Account {
        self.around.account(self.row.attester)
    }

    /// Of whom or what: the address of an account, an IP, a data NFT; zeros for nobody.
    async fn recipient(&self) -> Address {
        self.row.recipient
    }

    /// Whether it was revoked.
    async fn is_revoked(&self) -> bool {
        self.row.revoked_block.is_some()
    }

    /// The block in which it was revoked; null while it was not.
    async fn revoked_block(&self) -> Option<Long> {
        self.row.revoked_block
    }

    /// How it stands with its contents: the log holds only their hash, and a node is asked for them.
    #[graphql(complexity = "10 + child_complexity")]
    async fn evidence(&self) -> Result<Option<Metadata>, ApiError> {
        Metadata::of(&self.around.session, self.wanted()).await
    }

    /// What it says, proved by its uid; null until a node has told.
    #[graphql(complexity = "20 + child_complexity")]
    async fn contents(&self) -> Result<Option<AttestationContents>, ApiError> {
        let key = self.wanted().key().to_vec();
        let Some(content) = self.around.session.load(ObservedContent(key)).await? else {
            return Ok(None);
        };
        Ok(Some(AttestationContents {
            around: self.around.clone(),
            time: self.time,
            contents: Contents::read(&content).map_err(ApiError::internal)?,
        }))
    }

    /// The log that made it.
    async fn made(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}

/// What an attestation says.
pub struct AttestationContents {
    around: Around,
    time: i64,
    contents: Contents,
}

/// A field of an attestation's data.
#[derive(Clone, Debug, SimpleObject)]
pub struct AttestationField {
    /// Its name by the schema, on one line and cut; empty where the schema gives none.
    name: String,
    /// Its Solidity type.
    kind: String,
    /// Its value: numbers as decimal strings, bytes and addresses in hex, lists and tuples as lists.
    value: Json<serde_json::Value>,
}

/// What an attestation says. Its texts are a stranger's: show them as text, never as markup.
#[Object]
impl AttestationContents {
    /// When it was made, in seconds since 1970.
    async fn time(&self) -> Long {
        Long::saturating(self.contents.time)
    }

    /// When it ends, in seconds since 1970; null where it does not.
    async fn expires_at(&self) -> Option<Long> {
        self.contents.expires_at().map(Long)
    }

    /// Whether it had ended as of then.
    async fn is_expired(&self) -> bool {
        self.contents.expires_at().is_some_and(|at| at <= self.time)
    }

    /// Whether it can be revoked.
    async fn revocable(&self) -> bool {
        self.contents.revocable
    }

    /// The attestation that it refers to, by its uid; null for none.
    async fn refers_to(&self) -> Option<Bytes32> {
        Some(Bytes32(self.contents.ref_uid)).filter(|uid| !uid.0.is_zero())
    }

    /// The definition of its schema, as in `bool safe,string report`.
    async fn definition(&self) -> &str {
        &self.contents.schema.definition
    }

    /// Its data by its schema; null where they do not fit it, or it is none that is read.
    async fn fields(&self) -> Option<Vec<AttestationField>> {
        let fields = fields::of(&self.contents)?;
        let field = |field: fields::Field| AttestationField {
            name: field.name,
            kind: field.kind,
            value: Json(field.value),
        };
        Some(fields.into_iter().map(field).collect())
    }

    /// Its data as they are.
    async fn data(&self) -> Bytes {
        Bytes(self.contents.data.to_vec())
    }

    /// The assets that its fields name by their CAIP-19 ids.
    async fn about(&self) -> Vec<AssetRef> {
        let named = fields::about(&self.contents).into_iter();
        named.map(|asset| self.around.named_as(asset)).collect()
    }
}
