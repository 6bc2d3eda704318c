//! Assets: what they are, their versions, owners, shares, and everything that hangs on them.
//!
//! [`Asset`] has the fields itself, save those of whole subjects: [`lineage`], [`money`], and what is done with it
//! ([`AssetEconomy`]).

mod lineage;
mod money;
mod reference;

use async_graphql::{Context, ID, Object};
use souk_schema::caip::EvmAssetId;
use souk_schema::{TokenRef, TokenStandard};

use super::account::Account;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::Contribution;
use super::economy::AssetEconomy;
use super::event::ProvenanceEvent;
use super::kinds::AssetKind;
use super::license::{AttachedTerms, LicenseSeries};
use super::metadata::Metadata;
use super::nodes::GlobalId;
use super::token::{Holder, Ownership, Token, owner_of, scope};
use super::version::{AssetVersion, ShareIssue};
pub use reference::AssetRef;

use lineage::AssetLineage;
use money::AssetMoney;

use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, ChainId};
use crate::session::{AsOf, Pin, Session};
use crate::store::assets::{AssetRow, ShareIssueRow, Versions};
use crate::store::contributions::ToAsset;
use crate::store::events::OfSubject;
use crate::store::licenses::{Attachments, SeriesOfAsset};
use crate::store::listing::{Page, Scope};
use crate::store::loaders::{AssetByKey, PageOf, ShareIssueOf};
use crate::store::tokens::{Holders, Ownerships};

/// An asset.
#[derive(Clone)]
pub struct Asset {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) row: AssetRow,
}

impl Asset {
    /// An asset by chain and token, if it was registered as of the pin.
    pub(super) async fn by_key(
        session: &Session,
        pin: Pin,
        chain: souk_schema::ChainId,
        token: TokenRef,
    ) -> Result<Option<Asset>, ApiError> {
        let Some(row) = session
            .load(AssetByKey((chain, token.key().as_bytes().to_vec())))
            .await?
        else {
            return Ok(None);
        };
        let moment = session.moment(pin, chain).await?;
        Ok((row.valid_from.0 <= moment.block).then(|| Asset {
            session: session.clone(),
            pin,
            row,
        }))
    }

    /// Makes assets of rows.
    pub(super) fn maker(session: &Session, pin: Pin) -> impl Fn(AssetRow) -> Asset + use<> {
        let session = session.clone();
        move |row| Asset {
            session: session.clone(),
            pin,
            row,
        }
    }

    /// The asset as CAIP-19.
    pub(super) fn evm_id(&self) -> EvmAssetId {
        EvmAssetId {
            chain: self.row.chain.0,
            standard: TokenStandard::Erc721,
            token: self.row.key.0,
        }
    }

    fn pinned(&self, as_of: Option<AsOf>) -> Pin {
        self.pin.or(as_of, self.row.chain.0)
    }

    fn key(&self) -> Vec<u8> {
        self.row.key.0.key().as_bytes().to_vec()
    }

    async fn scope(&self, as_of: Option<AsOf>) -> Result<Scope, ApiError> {
        scope(&self.session, self.pinned(as_of), self.row.chain.0, self.key()).await
    }

    async fn newest_version(&self, as_of: Option<AsOf>) -> Result<Option<AssetVersion>, ApiError> {
        let newest = Page {
            backward: true,
            size: 1,
            after: None,
            before: None,
        };
        let found = self
            .session
            .load(PageOf(Versions(self.scope(as_of).await?), newest))
            .await?;
        let version = AssetVersion::maker(&self.session, self.pinned(as_of), self.row.chain, self.row.key.0);
        Ok(found.and_then(|found| found.rows.first().map(|(_, row)| version(row.clone()))))
    }

    async fn share_issue(&self, as_of: Option<AsOf>) -> Result<Option<ShareIssueRow>, ApiError> {
        let at = self.scope(as_of).await?.at;
        self.session
            .load(ShareIssueOf((self.row.chain.0, self.key(), at)))
            .await
    }
}

/// A dataset, model, adapter, agent, knowledge base, compute or application: one token of a registry.
#[Object]
impl Asset {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Asset(self.evm_id().into()).write()
    }

    /// The asset as CAIP-19.
    async fn asset_id(&self) -> AssetId {
        self.evm_id().into()
    }

    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.row.chain
    }

    /// The registry that keeps it.
    async fn registry(&self) -> Address {
        Address(self.row.key.0.contract)
    }

    /// Its number in the registry.
    async fn number(&self) -> BigInt {
        self.row.key.0.id.into()
    }

    /// The asset as a token.
    async fn token(&self) -> Token {
        Token::of(&self.session, self.pin, self.evm_id())
    }

    /// What it is.
    async fn kind(&self) -> Result<AssetKind, ApiError> {
        AssetKind::from_table(self.row.kind)
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The contributors' part of what the asset keeps, in parts per 100,000,000.
    #[graphql(name = "contributorShareE8")]
    async fn contributor_share_e8(&self) -> i32 {
        self.row.contributor_share_e8
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

    /// The newest version.
    async fn version(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Option<AssetVersion>, ApiError> {
        self.newest_version(as_of).await
    }

    /// What was found behind the URI of its newest version; null where that names none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn metadata(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Option<Metadata>, ApiError> {
        match self.newest_version(as_of).await? {
            Some(version) => version.observed().await,
            None => Ok(None),
        }
    }

    /// Its versions, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn versions(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<AssetVersion>, ApiError> {
        let version = AssetVersion::maker(&self.session, self.pinned(as_of), self.row.chain, self.row.key.0);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Versions(self.scope(as_of).await?),
            version,
        )
        .await
    }

    /// Who owns it; null when its token was burned.
    async fn owner(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Option<Account>, ApiError> {
        owner_of(&self.session, self.pinned(as_of), &self.evm_id()).await
    }

    /// Every owner that it had, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn owners(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what was known then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Ownership>, ApiError> {
        let ownership = Ownership::maker(&self.session, self.pinned(as_of), self.row.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Ownerships(self.scope(as_of).await?),
            ownership,
        )
        .await
    }

    /// Its shares; null while none are issued.
    async fn shares(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Option<ShareIssue>, ApiError> {
        let row = self.share_issue(as_of).await?;
        Ok(row.map(|row| ShareIssue {
            session: self.session.clone(),
            pin: self.pinned(as_of),
            chain: self.row.chain,
            row,
        }))
    }

    /// Who holds how many of its shares, most first; empty while none are issued.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn shareholders(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Holder>, ApiError> {
        let mut scope = self.scope(as_of).await?;
        // Without an issue there is no token whose holders to list: no token has the empty key.
        scope.key = self
            .share_issue(as_of)
            .await?
            .map_or_else(Vec::new, |issue| issue.shares_key.0.key().as_bytes().to_vec());
        let holder = Holder::maker(&self.session, self.pinned(as_of), self.row.chain.0);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Holders(scope),
            holder,
        )
        .await
    }

    /// The licence terms attached to it, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn terms(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<AttachedTerms>, ApiError> {
        let terms = AttachedTerms::maker(&self.session, self.pinned(as_of), self.row.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Attachments(self.scope(as_of).await?),
            terms,
        )
        .await
    }

    /// The licence series minted of it, oldest first; expired and revoked ones included, see their `state`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn license_series(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<LicenseSeries>, ApiError> {
        let scope = self.scope(as_of).await?;
        let series = LicenseSeries::maker(&self.session, self.pinned(as_of), self.row.chain, scope.time);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            SeriesOfAsset(scope),
            series,
        )
        .await
    }

    /// The contributions to it that were not voided, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn contributions(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Contribution>, ApiError> {
        let contribution = Contribution::maker(&self.session, self.pinned(as_of), self.row.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            ToAsset(self.scope(as_of).await?),
            contribution,
        )
        .await
    }

    /// What it was made from, and what was made from it.
    #[graphql(flatten)]
    async fn derived(&self, _ctx: &Context<'_>) -> AssetLineage {
        AssetLineage(self.clone())
    }

    /// What it earns, and where it trades.
    #[graphql(flatten)]
    async fn money(&self, _ctx: &Context<'_>) -> AssetMoney {
        AssetMoney(self.clone())
    }

    /// What is done for it, with it and against it.
    #[graphql(flatten)]
    async fn economy(&self, _ctx: &Context<'_>) -> AssetEconomy {
        AssetEconomy::new(&self.session, self.pin, self.row.chain, self.row.key)
    }

    /// What happened to it, to its shares and to its licence series, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what had happened then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<ProvenanceEvent>, ApiError> {
        let (session, pin) = (self.session.clone(), self.pinned(as_of));
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            OfSubject(self.scope(as_of).await?),
            move |row| ProvenanceEvent {
                session: session.clone(),
                pin,
                row,
            },
        )
        .await
    }
}
