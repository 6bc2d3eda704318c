//! What other protocols know an asset as.

use async_graphql::{Enum, Object};
use souk_schema::event;
use souk_schema::observation::{Subject, SubjectKind, Wanted};

use super::attestation::{Attestation, attestations};
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::economy::Around;
use super::metadata::Metadata;
use crate::error::{ApiError, ErrorCode};
use crate::scalars::ChainId;
use crate::session::{Pin, Session};
use crate::store::foreign::ForeignRow;
use crate::store::loaders::{DescribedAt, ForeignById};

/// What a thing of another protocol is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// An IP of Story.
    StoryIp,
    /// An agent of ERC-8004.
    Agent,
    /// A data NFT of Ocean.
    OceanDataNft,
    /// A datatoken of Ocean.
    OceanDatatoken,
    /// A file of Vana.
    VanaFile,
}

impl From<event::ForeignKind> for ForeignKind {
    fn from(kind: event::ForeignKind) -> ForeignKind {
        match kind {
            event::ForeignKind::StoryIp => ForeignKind::StoryIp,
            event::ForeignKind::Agent => ForeignKind::Agent,
            event::ForeignKind::OceanDataNft => ForeignKind::OceanDataNft,
            event::ForeignKind::OceanDatatoken => ForeignKind::OceanDatatoken,
            event::ForeignKind::VanaFile => ForeignKind::VanaFile,
        }
    }
}

/// What another protocol knows an asset as.
pub struct ForeignIdentity {
    session: Session,
    pin: Pin,
    kind: event::ForeignKind,
    row: ForeignRow,
}

/// What another protocol knows an asset as.
#[Object]
impl ForeignIdentity {
    /// What it is there.
    async fn kind(&self) -> ForeignKind {
        self.kind.into()
    }

    /// The chain of the protocol.
    async fn chain_id(&self) -> ChainId {
        self.row.chain
    }

    /// Its name there; empty where the protocol keeps none.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// Where its description was when it was registered; empty where the protocol keeps none.
    async fn uri(&self) -> &str {
        &self.row.uri
    }

    /// What was found where it was last said to be described, of IPs, agents and data NFTs; null where nothing says where.
    #[graphql(complexity = "10 + child_complexity")]
    async fn metadata(&self) -> Result<Option<Metadata>, ApiError> {
        let (chain, key) = (self.row.chain.0, self.row.key.0);
        let at = self.session.moment(self.pin, chain).await?.block;
        let described = DescribedAt((chain, key.key().as_bytes().to_vec(), at));
        let is_described = souk_observations::store::is_described(self.kind);
        let Some(described) = self.session.load(described).await?.filter(|_| is_described) else {
            return Ok(None);
        };
        let subject = Subject {
            chain,
            kind: SubjectKind::Thing,
            key,
        };
        let wanted = Wanted {
            subject,
            uri: described.uri,
            commitment: described.commitment,
        };
        Metadata::of(&self.session, wanted).await
    }

    /// The attestations of EAS about it, newest first: of its address, or naming it by their own words. Anybody can attest anything.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn attestations(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Attestation>, ApiError> {
        let around = Around::new(&self.session, self.pin, self.row.chain);
        let scope = around.scope(self.row.key).await?;
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        attestations(&around, scope, arguments).await
    }

    /// The log that registered it.
    async fn registered(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.row.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}

/// What an asset is known as, as of the pin.
pub(super) async fn identities(session: &Session, pin: Pin, id: String) -> Result<Vec<ForeignIdentity>, ApiError> {
    let rows = session.load(ForeignById(id)).await?.unwrap_or_default();
    let mut identities = Vec::new();
    for row in rows {
        let kind = u8::try_from(row.kind).ok().and_then(|number| number.try_into().ok());
        let kind = kind.ok_or_else(|| ApiError::new(ErrorCode::Internal, "a thing of an unknown kind"))?;
        if row.valid_from.0 <= session.moment(pin, row.chain.0).await?.block {
            identities.push(ForeignIdentity {
                session: session.clone(),
                pin,
                kind,
                row,
            });
        }
    }
    Ok(identities)
}
