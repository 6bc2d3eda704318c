//! What an asset has of its own: versions, and a fixed supply of shares.

use async_graphql::Object;
use souk_schema::observation::{Subject, SubjectKind, Wanted};
use souk_schema::{TokenRef, TokenStandard};

use super::account::Account;
use super::chain::Origin;
use super::metadata::Metadata;
use super::token::Token;
use crate::error::ApiError;
use crate::scalars::{BigInt, Bytes32, ChainId};
use crate::session::{Pin, Session};
use crate::store::assets::{ShareIssueRow, VersionRow};

/// A version of an asset.
#[derive(Clone)]
pub struct AssetVersion {
    session: Session,
    pin: Pin,
    chain: ChainId,
    asset: TokenRef,
    row: VersionRow,
}

impl AssetVersion {
    /// Makes versions of an asset of rows.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: ChainId,
        asset: TokenRef,
    ) -> impl Fn(VersionRow) -> AssetVersion + use<> {
        let session = session.clone();
        move |row| AssetVersion {
            session: session.clone(),
            pin,
            chain,
            asset,
            row,
        }
    }

    /// What was found behind its URI.
    pub(super) async fn observed(&self) -> Result<Option<Metadata>, ApiError> {
        let subject = Subject {
            chain: self.chain.0,
            kind: SubjectKind::Asset,
            key: self.asset,
        };
        let wanted = Wanted {
            subject,
            uri: self.row.metadata_uri.clone(),
            commitment: Some(self.row.content_hash.0),
        };
        Metadata::of(&self.session, wanted).await
    }
}

/// A version of an asset.
#[Object]
impl AssetVersion {
    /// Its number, from 1.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// Commitment to the content.
    async fn content_hash(&self) -> Bytes32 {
        self.row.content_hash
    }

    /// Where the metadata document is.
    async fn metadata_uri(&self) -> &str {
        &self.row.metadata_uri
    }

    /// What was found there; null where the chain names no document.
    #[graphql(complexity = "5 + child_complexity")]
    async fn metadata(&self) -> Result<Option<Metadata>, ApiError> {
        self.observed().await
    }

    /// The log that made it.
    async fn published(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}

/// The fixed share supply of an asset.
#[derive(Clone)]
pub struct ShareIssue {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) chain: ChainId,
    pub(super) row: ShareIssueRow,
}

/// The fixed share supply of an asset.
#[Object]
impl ShareIssue {
    /// The shares' own token.
    async fn token(&self) -> Token {
        Token::new(
            &self.session,
            self.pin,
            self.chain.0,
            TokenStandard::Erc1155,
            self.row.shares_key.0,
        )
    }

    /// How many there are, for ever.
    async fn supply(&self) -> BigInt {
        self.row.supply
    }

    /// Who issued them.
    async fn issuer(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.issuer,
        }
    }

    /// The log that issued them.
    async fn issued(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}
