//! May an account use an asset for a purpose as of a block, by which licence, and until when.

use async_graphql::Object;
use souk_payouts::license::{Access, NotUsable, access};
use souk_schema::U256;

use super::check::{LicenseBlocker, blockers};
use super::kinds::{AccessVerdict, LicensePurpose, LicenseUnusable};
use super::list::page_of;
use super::{Deployment, evm_asset};
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::license::{LicenseSeries, LicenseTerms};
use crate::scalars::{AccountId, AssetId, BigInt, Long};
use crate::session::{AsOf, Pin, Session};

/// The answer.
pub struct LicenseAccess {
    deployment: Deployment,
    at: Long,
    found: Access,
}

impl LicenseAccess {
    /// Asks as of a moment, the newest block if none is named.
    pub(super) async fn ask(
        session: &Session,
        account: AccountId,
        asset: &AssetId,
        purpose: LicensePurpose,
        as_of: Option<AsOf>,
    ) -> Result<LicenseAccess, ApiError> {
        let pin = Pin::Head.or(as_of, evm_asset(asset)?.chain);
        let (deployment, number) = Deployment::of_asset(session, pin, asset).await?;
        if account.0.chain != deployment.chain {
            return Err(ApiError::input(format!(
                "`{account}` and `{asset}` are of different chains: licences are held on the asset's"
            )));
        }
        let holder = account.0.address;
        let (rights, moment) = deployment.rights(number, Some(holder)).await?;
        let found = access(&rights, holder, number, purpose.into(), moment.time.unsigned_abs());
        let at = Long(moment.time);
        Ok(LicenseAccess { deployment, at, found })
    }
}

/// Whether an account may use an asset for a purpose, and by what. What it holds, what was revoked and by when licences end are all of one
/// moment.
#[Object]
impl LicenseAccess {
    /// Whether it may.
    async fn allowed(&self) -> bool {
        self.found.is_allowed()
    }

    /// By what, or why not.
    async fn verdict(&self) -> AccessVerdict {
        match self.found {
            Access::AsOwner => AccessVerdict::Owner,
            Access::Licensed { .. } => AccessVerdict::Licensed,
            Access::NoLicense { .. } => AccessVerdict::NoLicense,
            Access::Blocked { .. } => AccessVerdict::Blocked,
        }
    }

    /// The Unix time in seconds by which expiry was judged: the block's, or the time that was asked about.
    async fn judged_at(&self) -> Long {
        self.at
    }

    /// The number of the licence series that allows it; of those that do, the one that lasts longest.
    async fn license_number(&self) -> Option<BigInt> {
        match self.found {
            Access::Licensed { series, .. } => Some(series.into()),
            _ => None,
        }
    }

    /// The licence series that allows it.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        match self.found {
            Access::Licensed { series, .. } => self.deployment.series(series).await,
            _ => Ok(None),
        }
    }

    /// The Unix time in seconds at which that licence ends, exclusive; null for ever, and without a licence.
    async fn until(&self) -> Option<BigInt> {
        match self.found {
            Access::Licensed { until, .. } => until.map(Into::into),
            _ => None,
        }
    }

    /// The number of terms that the asset is offered under and that would allow it: what the account may take a licence under. Null where it is
    /// allowed or blocked, and where there are none.
    async fn terms_number(&self) -> Option<BigInt> {
        self.offered().map(Into::into)
    }

    /// Terms that the asset is offered under and that would allow it: what the account may take a licence under. Null where it is allowed or
    /// blocked, and where there are none.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        self.deployment.terms(self.offered()).await
    }

    /// The licences of the asset that it holds, where none of them allows it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn unusable(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<UnusableLicense>, ApiError> {
        let held = match &self.found {
            Access::NoLicense { held, .. } => held.as_slice(),
            _ => &[],
        };
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        page_of("unusableLicenses", &arguments, held, |(series, why)| UnusableLicense {
            deployment: self.deployment.clone(),
            series: *series,
            why: *why,
        })
    }

    /// What stands in everybody's way above the asset, nearer ancestors first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn blockers(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<LicenseBlocker>, ApiError> {
        let found = match &self.found {
            Access::Blocked { blockers } => blockers.as_slice(),
            _ => &[],
        };
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        blockers(&self.deployment, &arguments, found)
    }
}

impl LicenseAccess {
    fn offered(&self) -> Option<U256> {
        match self.found {
            Access::NoLicense { offered, .. } => offered,
            _ => None,
        }
    }
}

/// A licence that is of no use.
pub struct UnusableLicense {
    deployment: Deployment,
    series: U256,
    why: NotUsable,
}

/// A licence that an account holds and that does not allow what it would do.
#[Object]
impl UnusableLicense {
    /// The number of the series.
    async fn license_number(&self) -> BigInt {
        self.series.into()
    }

    /// The series.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        self.deployment.series(self.series).await
    }

    /// Why it does not do.
    async fn reason(&self) -> LicenseUnusable {
        match self.why {
            NotUsable::Expired(_) => LicenseUnusable::Expired,
            NotUsable::Revoked => LicenseUnusable::Revoked,
            NotUsable::TermsForbid => LicenseUnusable::TermsForbid,
        }
    }

    /// The Unix time in seconds at which it ended; null where it is of no use for another reason.
    async fn expired_at(&self) -> Option<BigInt> {
        match self.why {
            NotUsable::Expired(at) => Some(at.into()),
            _ => None,
        }
    }
}
