//! May an asset be used for a purpose, given all that it was made from; and if not, what is the least to be changed.

use std::sync::Arc;

use async_graphql::Object;
use souk_payouts::license::{Blocker, Compatibility, Mend, compatibility};

use super::kinds::{LicenseBlockerReason, LicenseMendAction, LicensePurpose};
use super::list::page_of;
use super::{Deployment, unknown_asset};
use crate::error::ApiError;
use crate::graphql::asset::AssetRef;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::license::{LicenseSeries, LicenseTerms};
use crate::scalars::{Address, AssetId, BigInt, ChainId};
use crate::session::{Pin, Session};

/// The answer.
pub struct LicenseCheck {
    deployment: Deployment,
    found: Compatibility,
}

impl LicenseCheck {
    /// Asks as of now.
    pub(super) async fn ask(
        session: &Session,
        asset: &AssetId,
        purpose: LicensePurpose,
    ) -> Result<LicenseCheck, ApiError> {
        let (deployment, number) = Deployment::of_asset(session, Pin::Head, asset).await?;
        let found = session
            .ask_payouts(deployment.chain, deployment.contracts.registry, move |deployed| {
                let state = &deployed.state;
                let known = state.number(number);
                known.map(|_| compatibility(state, number, purpose.into()))
            })
            .await?;
        let found = found.ok_or_else(|| unknown_asset(number))?;
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

    /// The fewest changes that would mend it.
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
            mend: *mend,
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
    /// The asset whose owner could allow it: an ancestor, or the asset itself.
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

/// One change that would help.
pub struct LicenseMend {
    deployment: Deployment,
    mend: Mend,
}

/// One change that would help.
#[Object]
impl LicenseMend {
    /// What is to be done.
    async fn action(&self) -> LicenseMendAction {
        match self.mend {
            Mend::TakeLicense { .. } => LicenseMendAction::TakeLicense,
            Mend::OfferTerms { .. } => LicenseMendAction::OfferTerms,
        }
    }

    /// The asset that is licensed, or whose owner offers terms.
    async fn asset(&self) -> AssetRef {
        let (Mend::TakeLicense { ancestor: asset, .. } | Mend::OfferTerms { asset }) = self.mend;
        self.deployment.asset(asset)
    }

    /// The asset whose owner takes the licence; null where terms are to be offered.
    async fn child(&self) -> Option<AssetRef> {
        match self.mend {
            Mend::TakeLicense { child, .. } => Some(self.deployment.asset(child)),
            Mend::OfferTerms { .. } => None,
        }
    }

    /// The number of the terms to take it under; null where terms are to be offered.
    async fn terms_number(&self) -> Option<BigInt> {
        match self.mend {
            Mend::TakeLicense { terms_id, .. } => Some(terms_id.into()),
            Mend::OfferTerms { .. } => None,
        }
    }

    /// The terms to take it under; null where terms are to be offered.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        let Mend::TakeLicense { terms_id, .. } = self.mend else {
            return Ok(None);
        };
        let Deployment {
            session,
            pin,
            chain,
            contracts,
        } = &self.deployment;
        let registry = Address(contracts.licenses);
        LicenseTerms::load(session, *pin, ChainId(*chain), registry, terms_id.into()).await
    }
}
