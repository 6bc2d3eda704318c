//! May an asset be used for a purpose, given all that it was made from; and if not, what is the least to be changed.

use std::sync::Arc;

use async_graphql::Object;
use souk_payouts::license::{Admission, Blocker, Compatibility, Mend, NewParent, compatibility};
use souk_schema::U256;

use super::kinds::{LicenseAdmission, LicenseBlockerReason, LicenseMendAction, LicensePurpose};
use super::list::page_of;
use super::{Deployment, evm_asset};
use crate::error::ApiError;
use crate::graphql::asset::AssetRef;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::license::{LicenseSeries, LicenseTerms};
use crate::scalars::{AssetId, BigInt};
use crate::session::{AsOf, Pin, Session};

/// The answer.
pub struct LicenseCheck {
    deployment: Deployment,
    found: Compatibility,
}

impl LicenseCheck {
    /// Asks as of a moment, the newest block if none is named.
    pub(super) async fn ask(
        session: &Session,
        asset: &AssetId,
        purpose: LicensePurpose,
        as_of: Option<AsOf>,
    ) -> Result<LicenseCheck, ApiError> {
        let pin = Pin::Head.or(as_of, evm_asset(asset)?.chain);
        let (deployment, number) = Deployment::of_asset(session, pin, asset).await?;
        let (rights, moment) = deployment.rights(number, None).await?;
        let found = compatibility(&rights, number, purpose.into(), moment.time.unsigned_abs());
        Ok(LicenseCheck { deployment, found })
    }
}

/// Whether an asset may be used for a purpose by those who take a licence of it, given all that it was made from.
#[Object]
impl LicenseCheck {
    /// Whether nothing stands in the way.
    async fn allowed(&self) -> bool {
        self.found.allowed
    }

    /// Everything that does: the asset itself first, then nearer ancestors before farther ones.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn blockers(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<LicenseBlocker>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        blockers(&self.deployment, &arguments, &self.found.blockers)
    }

    /// The fewest steps that would mend it, in the order in which they can be taken; none where it is allowed. What a derivation was made under
    /// never changes, so whatever was derived under what stands in the way is registered anew, and all between it and the asset.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn mend(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<LicenseMend>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        page_of("licenseMend", &arguments, &self.found.mend, |mend| LicenseMend {
            deployment: self.deployment.clone(),
            mend: mend.clone(),
        })
    }
}

/// A page of what stands in the way.
pub(super) fn blockers(
    deployment: &Deployment,
    arguments: &PageArguments,
    blockers: &[Blocker],
) -> Result<Connection<LicenseBlocker>, ApiError> {
    let deployment = Arc::new(deployment.clone());
    page_of("licenseBlockers", arguments, blockers, |blocker| LicenseBlocker {
        deployment: Arc::clone(&deployment),
        blocker: *blocker,
    })
}

/// What stands in the way.
pub struct LicenseBlocker {
    deployment: Arc<Deployment>,
    blocker: Blocker,
}

/// Something that stands in the way of a use.
#[Object]
impl LicenseBlocker {
    /// The asset whose licence it is about: an ancestor, or the asset itself.
    async fn asset(&self) -> AssetRef {
        self.deployment.asset(self.blocker.ancestor)
    }

    /// The asset that was made from it; null for the asset itself.
    async fn child(&self) -> Option<AssetRef> {
        self.blocker.child.map(|child| self.deployment.asset(child))
    }

    /// The number of the licence series of that derivation.
    async fn license_number(&self) -> Option<BigInt> {
        self.blocker.series.map(Into::into)
    }

    /// The licence series of that derivation; null where there is none, or it is not known.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        match self.blocker.series {
            Some(series) => self.deployment.series(series).await,
            None => Ok(None),
        }
    }

    /// Why it stands in the way.
    async fn reason(&self) -> LicenseBlockerReason {
        self.blocker.why.into()
    }
}

/// One step of what would help.
pub struct LicenseMend {
    deployment: Deployment,
    mend: Mend,
}

/// One step of what would mend a use that something stands in the way of.
#[Object]
impl LicenseMend {
    /// What is to be done.
    async fn action(&self) -> LicenseMendAction {
        match self.mend {
            Mend::OfferTerms { .. } => LicenseMendAction::OfferTerms,
            Mend::RegisterAnew { .. } => LicenseMendAction::RegisterAnew,
        }
    }

    /// The asset whose owner offers terms, or which is registered anew.
    async fn asset(&self) -> AssetRef {
        let (Mend::OfferTerms { asset, .. } | Mend::RegisterAnew { asset, .. }) = self.mend;
        self.deployment.asset(asset)
    }

    /// Terms are to be offered of the asset that an earlier step registered in the place of `asset`, not of this itself.
    async fn of_new_asset(&self) -> bool {
        matches!(self.mend, Mend::OfferTerms { anew: true, .. })
    }

    /// The terms to offer must allow derivatives too, because something is derived from the asset.
    async fn derivatives(&self) -> bool {
        matches!(self.mend, Mend::OfferTerms { derivatives: true, .. })
    }

    /// The number of terms that may be offered: those that the asset itself is offered under already. Null where it takes other terms.
    async fn terms_number(&self) -> Option<BigInt> {
        self.terms_id().map(Into::into)
    }

    /// Terms that may be offered: those that the asset itself is offered under already. Null where it takes other terms.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        self.deployment.terms(self.terms_id()).await
    }

    /// What the asset that is registered anew is declared to be made from.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn parents(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<LicenseMendParent>, ApiError> {
        let parents = match &self.mend {
            Mend::RegisterAnew { parents, .. } => parents.as_slice(),
            Mend::OfferTerms { .. } => &[],
        };
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        page_of("licenseMendParents", &arguments, parents, |parent| LicenseMendParent {
            deployment: self.deployment.clone(),
            parent: *parent,
        })
    }
}

impl LicenseMend {
    fn terms_id(&self) -> Option<U256> {
        match self.mend {
            Mend::OfferTerms { terms_id, .. } => terms_id,
            Mend::RegisterAnew { .. } => None,
        }
    }
}

/// A derivation of an asset that is registered anew.
pub struct LicenseMendParent {
    deployment: Deployment,
    parent: NewParent,
}

/// What an asset that is registered anew is declared to be made from, and by which licence.
#[Object]
impl LicenseMendParent {
    /// The parent.
    async fn asset(&self) -> AssetRef {
        self.deployment.asset(self.parent.parent)
    }

    /// The parent is the asset that an earlier step registered in the place of `asset`, not this itself.
    async fn is_new_asset(&self) -> bool {
        self.parent.anew
    }

    /// What lets it be declared.
    async fn admission(&self) -> LicenseAdmission {
        match self.parent.by {
            Admission::SameOwner => LicenseAdmission::SameOwner,
            Admission::Held(_) => LicenseAdmission::HeldLicense,
            Admission::Taken(_) => LicenseAdmission::NewLicense,
        }
    }

    /// The number of the licence series to declare it with, which the owner holds; null where it is another admission.
    async fn license_number(&self) -> Option<BigInt> {
        self.series().map(Into::into)
    }

    /// The licence series to declare it with, which the owner holds; null where it is another admission.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        self.deployment.series(self.series().unwrap_or_default()).await
    }

    /// The number of the terms to take a licence under; null where it is another admission, or an earlier step offers them first.
    async fn terms_number(&self) -> Option<BigInt> {
        self.terms_id().map(Into::into)
    }

    /// The terms to take a licence under; null where it is another admission, or an earlier step offers them first.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        self.deployment.terms(self.terms_id()).await
    }
}

impl LicenseMendParent {
    fn series(&self) -> Option<U256> {
        match self.parent.by {
            Admission::Held(series) => Some(series),
            _ => None,
        }
    }

    fn terms_id(&self) -> Option<U256> {
        match self.parent.by {
            Admission::Taken(terms_id) => terms_id,
            _ => None,
        }
    }
}
