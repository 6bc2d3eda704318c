//! Licence terms and the series minted under them.

use async_graphql::{ID, Object};
use souk_schema::TokenStandard;
use souk_schema::caip::EvmAssetId;

use super::account::Account;
use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::kinds::{LicenseState, RoyaltyPolicy};
use super::nodes::GlobalId;
use super::token::{Holder, scope};
use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, ChainId, Long};
use crate::session::{AsOf, Pin, Session};
use crate::store::licenses::{AttachmentRow, HeldSeriesRow, SeriesByKey, SeriesRow, TermsRow};
use crate::store::listing::Page;
use crate::store::loaders::{PageOf, TermsById};
use crate::store::tokens::Holders;

/// Immutable licence terms.
#[derive(Clone)]
pub struct LicenseTerms {
    session: Session,
    pin: Pin,
    chain: ChainId,
    registry: Address,
    number: BigInt,
    row: TermsRow,
}

impl LicenseTerms {
    /// Terms by their number.
    pub(super) async fn load(
        session: &Session,
        pin: Pin,
        chain: ChainId,
        registry: Address,
        number: BigInt,
    ) -> Result<Option<LicenseTerms>, ApiError> {
        let Some(id) = number.unsigned() else { return Ok(None) };
        let row = session.load(TermsById((chain.0, registry.0, id))).await?;
        Ok(row.map(|row| LicenseTerms {
            session: session.clone(),
            pin,
            chain,
            registry,
            number,
            row,
        }))
    }
}

/// Immutable licence terms.
#[Object]
impl LicenseTerms {
    /// The licence registry that keeps them.
    async fn registry(&self) -> Address {
        self.registry
    }

    /// Their number in the registry.
    async fn number(&self) -> BigInt {
        self.number
    }

    /// The asset may be used to earn money.
    async fn commercial_use(&self) -> bool {
        self.row.commercial_use
    }

    /// The asset may be derived from.
    async fn derivatives_allowed(&self) -> bool {
        self.row.derivatives_allowed
    }

    /// Derivatives must carry the same terms.
    async fn reciprocal(&self) -> bool {
        self.row.reciprocal
    }

    /// Licences may change hands.
    async fn transferable(&self) -> bool {
        self.row.transferable
    }

    /// How the licensor takes part in derivatives' revenue.
    async fn royalty_policy(&self) -> Result<RoyaltyPolicy, ApiError> {
        RoyaltyPolicy::from_table(self.row.royalty_policy)
    }

    /// The licensor's part of derivatives' revenue, in parts per 100,000,000.
    #[graphql(name = "revenueShareE8")]
    async fn revenue_share_e8(&self) -> i32 {
        self.row.revenue_share_e8
    }

    /// Price of a licence, in base units of `currency`.
    async fn minting_fee(&self) -> BigInt {
        self.row.minting_fee
    }

    /// The ERC-20 that the fee is paid in; the zero address where there is no fee.
    async fn currency(&self) -> Address {
        self.row.currency
    }

    /// How long a licence lasts, in seconds; 0 for ever.
    async fn duration_secs(&self) -> BigInt {
        self.row.duration_secs
    }

    /// How many licences may be minted per asset; 0 for any number.
    async fn supply_cap(&self) -> BigInt {
        self.row.supply_cap
    }

    /// Where the full text is.
    async fn uri(&self) -> &str {
        &self.row.uri
    }

    /// SPDX licence id; null where none fits.
    async fn spdx_id(&self) -> Option<&str> {
        Some(self.row.spdx_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The log that registered them.
    async fn registered(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}

/// Terms that an asset is licensed under.
#[derive(Clone)]
pub struct AttachedTerms {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: AttachmentRow,
}

impl AttachedTerms {
    /// Makes attachments of rows.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: ChainId,
    ) -> impl Fn(AttachmentRow) -> AttachedTerms + use<> {
        let session = session.clone();
        move |row| AttachedTerms {
            session: session.clone(),
            pin,
            chain,
            row,
        }
    }
}

/// Terms that an asset is licensed under.
#[Object]
impl AttachedTerms {
    /// The terms; null where their registration was not seen.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        LicenseTerms::load(
            &self.session,
            self.pin,
            self.chain,
            self.row.registry,
            self.row.terms_id,
        )
        .await
    }

    /// The terms' number in their registry.
    async fn number(&self) -> BigInt {
        self.row.terms_id
    }

    /// The log that attached them.
    async fn attached(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}

/// A licence series.
#[derive(Clone)]
pub struct LicenseSeries {
    session: Session,
    pin: Pin,
    chain: ChainId,
    /// By which expiry is judged.
    time: i64,
    row: SeriesRow,
}

impl LicenseSeries {
    /// Makes series of rows, whose expiry is judged at a Unix time in seconds.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: ChainId,
        time: i64,
    ) -> impl Fn(SeriesRow) -> LicenseSeries + use<> {
        let session = session.clone();
        move |row| LicenseSeries {
            session: session.clone(),
            pin,
            chain,
            time,
            row,
        }
    }

    /// A series by its id, if it was minted as of the pin.
    pub(super) async fn load(session: &Session, pin: Pin, id: &EvmAssetId) -> Result<Option<LicenseSeries>, ApiError> {
        let scope = scope(session, pin, id.chain, id.token.key().as_bytes().to_vec()).await?;
        let series = LicenseSeries::maker(session, pin, ChainId(id.chain), scope.time);
        let found = session
            .load(PageOf(
                SeriesByKey(scope),
                Page {
                    backward: false,
                    size: 1,
                    after: None,
                    before: None,
                },
            ))
            .await?;
        Ok(found.and_then(|found| found.rows.first().map(|(_, row)| series(row.clone()))))
    }

    fn evm_id(&self) -> EvmAssetId {
        EvmAssetId {
            chain: self.chain.0,
            standard: TokenStandard::Erc1155,
            token: self.row.series_key.0,
        }
    }
}

/// A licence series: terms of an asset with one absolute expiry. Its units are fungible.
#[Object]
impl LicenseSeries {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Series(self.evm_id().into()).write()
    }

    /// The series as CAIP-19: an ERC-1155 token of the licence registry.
    async fn series_id(&self) -> AssetId {
        self.evm_id().into()
    }

    /// The licensed asset.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        Asset::by_key(&self.session, self.pin, self.chain.0, self.row.asset_key.0).await
    }

    /// Its terms; null where their registration was not seen.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        let registry = Address(self.row.series_key.0.contract);
        LicenseTerms::load(&self.session, self.pin, self.chain, registry, self.row.terms_id).await
    }

    /// Unix time in seconds at which it ends; null for ever.
    async fn expires_at(&self) -> Option<BigInt> {
        Some(self.row.expires_at).filter(|expiry| !expiry.0.is_zero())
    }

    /// Whether it can be relied on, as of what holds around this field: a revocation counts from its block, expiry by the block's time.
    async fn state(&self) -> LicenseState {
        let now = BigInt::from(souk_schema::U256::from(self.time.max(0).unsigned_abs()));
        if self.row.revoked_by.is_some() {
            LicenseState::Revoked
        } else if !self.row.expires_at.0.is_zero() && self.row.expires_at <= now {
            LicenseState::Expired
        } else {
            LicenseState::Active
        }
    }

    /// The log of its first mint.
    async fn minted(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }

    /// Its revocation; null if it was not revoked.
    async fn revocation(&self) -> Option<LicenseRevocation> {
        let (by, reason) = (self.row.revoked_by?, self.row.revoked_reason.clone()?);
        let origin = Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.revoked_block?,
            log_index: self.row.revoked_log_index?,
        };
        Some(LicenseRevocation { by, reason, origin })
    }

    /// Who holds how many units of it, most first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn holders(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Holder>, ApiError> {
        let pin = self.pin.or(as_of, self.chain.0);
        let scope = scope(
            &self.session,
            pin,
            self.chain.0,
            self.row.series_key.0.key().as_bytes().to_vec(),
        )
        .await?;
        let holder = Holder::maker(&self.session, pin, self.chain.0);
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
}

/// The revocation of a whole licence series.
#[derive(Clone)]
pub struct LicenseRevocation {
    by: Address,
    reason: String,
    origin: Origin,
}

/// The revocation of a whole licence series.
#[Object]
impl LicenseRevocation {
    /// Who revoked it.
    async fn by(&self) -> Account {
        Account {
            session: self.origin.session.clone(),
            pin: self.origin.pin,
            chain: self.origin.chain,
            address: self.by,
        }
    }

    /// Why, in the words of who revoked it.
    async fn reason(&self) -> &str {
        &self.reason
    }

    /// The log that says so.
    async fn revoked(&self) -> &Origin {
        &self.origin
    }
}

/// Units of a series that an account holds.
#[derive(Clone)]
pub struct HeldLicense {
    series: LicenseSeries,
    amount: BigInt,
}

impl HeldLicense {
    /// Makes holdings of rows, whose expiry is judged at a Unix time in seconds.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: ChainId,
        time: i64,
    ) -> impl Fn(HeldSeriesRow) -> HeldLicense + use<> {
        let series = LicenseSeries::maker(session, pin, chain, time);
        move |row| HeldLicense {
            series: series(row.series),
            amount: row.amount,
        }
    }
}

/// Units of a licence series that an account holds.
#[Object]
impl HeldLicense {
    /// The series.
    async fn series(&self) -> &LicenseSeries {
        &self.series
    }

    /// How many units.
    async fn amount(&self) -> BigInt {
        self.amount
    }

    /// The block that first minted the series.
    async fn minted_block(&self) -> Long {
        self.series.row.valid_from
    }
}
