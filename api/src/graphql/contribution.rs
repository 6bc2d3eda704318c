//! What accounts did for assets, and what assets earned.

use async_graphql::Object;
use souk_schema::caip::EvmAssetId;
use souk_schema::{TokenRef, TokenStandard, U256};

use super::account::Account;
use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::kinds::{ContributionRole, RevenueReason};
use super::payout::line::PayoutLine;
use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, Bytes32, ChainId, Long};
use crate::session::{Pin, Session};
use crate::store::contributions::ContributionRow;
use crate::store::revenues::{RevenueRow, TotalRow};

/// What an account did for an asset.
#[derive(Clone)]
pub struct Contribution {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: ContributionRow,
}

impl Contribution {
    /// Makes contributions of rows.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: ChainId,
    ) -> impl Fn(ContributionRow) -> Contribution + use<> {
        let session = session.clone();
        move |row| Contribution {
            session: session.clone(),
            pin,
            chain,
            row,
        }
    }
}

/// What an account did for an asset.
#[Object]
impl Contribution {
    /// The contribution book that keeps it.
    async fn book(&self) -> Address {
        Address(self.row.contribution_key.0.contract)
    }

    /// Its number in the book.
    async fn number(&self) -> BigInt {
        self.row.contribution_key.0.id.into()
    }

    /// What it was made to.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        Asset::by_key(&self.session, self.pin, self.chain.0, self.row.asset_key.0).await
    }

    /// Who made it.
    async fn contributor(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.contributor,
        }
    }

    /// In which role.
    async fn role(&self) -> Result<ContributionRole, ApiError> {
        ContributionRole::from_table(self.row.role)
    }

    /// Its weight among the asset's contributions.
    async fn weight(&self) -> BigInt {
        self.row.weight
    }

    /// Commitment to the evidence.
    async fn evidence_hash(&self) -> Bytes32 {
        self.row.evidence_hash
    }

    /// Who recorded it.
    async fn recorded_by(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.recorded_by,
        }
    }

    /// The log that recorded it.
    async fn recorded(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}

/// A payment that arrived for an asset.
#[derive(Clone)]
pub struct Revenue {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: RevenueRow,
}

impl Revenue {
    /// Makes revenues of rows.
    pub(super) fn maker(session: &Session, pin: Pin, chain: ChainId) -> impl Fn(RevenueRow) -> Revenue + use<> {
        let session = session.clone();
        move |row| Revenue {
            session: session.clone(),
            pin,
            chain,
            row,
        }
    }
}

fn erc20(chain: ChainId, contract: Address) -> AssetId {
    EvmAssetId {
        chain: chain.0,
        standard: TokenStandard::Erc20,
        token: TokenRef::new(contract.0, U256::ZERO),
    }
    .into()
}

/// A payment that arrived for an asset.
#[Object]
impl Revenue {
    /// The router that took it.
    async fn router(&self) -> Address {
        Address(self.row.revenue_key.0.contract)
    }

    /// Its number in the router.
    async fn number(&self) -> BigInt {
        self.row.revenue_key.0.id.into()
    }

    /// Who paid.
    async fn payer(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.payer,
        }
    }

    /// The ERC-20 that it was paid in, as CAIP-19.
    async fn currency(&self) -> AssetId {
        erc20(self.chain, self.row.token)
    }

    /// How much, in base units of the currency.
    async fn amount(&self) -> BigInt {
        self.row.amount
    }

    /// For what.
    async fn reason(&self) -> Result<RevenueReason, ApiError> {
        RevenueReason::from_table(self.row.reason)
    }

    /// The payer's own reference.
    async fn reference(&self) -> Bytes32 {
        self.row.reference
    }

    /// The log that says so.
    async fn received(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
    /// What it is split into, in the order of the split; the lines sum to it, but for those that were recomputed.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn payout_lines(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let token = self.row.revenue_key.0;
        let revenue = (self.chain.0, Some(Address(token.contract)), token.id);
        PayoutLine::of_revenue(&self.session, self.pin, revenue, arguments).await
    }
}

/// What an asset earned in one token.
#[derive(Clone)]
pub struct RevenueTotal {
    chain: ChainId,
    row: TotalRow,
}

impl RevenueTotal {
    /// From a row.
    pub(super) fn new(chain: ChainId, row: TotalRow) -> RevenueTotal {
        RevenueTotal { chain, row }
    }
}

/// What an asset earned in one token.
#[Object]
impl RevenueTotal {
    /// The ERC-20, as CAIP-19.
    async fn currency(&self) -> AssetId {
        erc20(self.chain, self.row.token)
    }

    /// How much in all, in base units.
    async fn amount(&self) -> BigInt {
        self.row.amount
    }

    /// In how many payments.
    async fn payments(&self) -> Long {
        Long(self.row.payments)
    }
}
