//! What if: a revenue that nobody paid, under terms and derivations that nobody made, by each policy side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{InputObject, Object};
use souk_payouts::rule::Overspent;
use souk_payouts::simulate::{self, Comparison, Simulated, SupposedParent, SupposedTerms, WhatIf};
use souk_schema::{E8, U256};

use super::kinds::{PayoutRole, PayoutRoute};
use super::lines::no_number;
use super::list::page_of;
use super::{Deployment, evm_asset, refused};
use crate::error::ApiError;
use crate::graphql::account::Account;
use crate::graphql::asset::AssetRef;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::kinds::RoyaltyPolicy;
use crate::scalars::{Address, AssetId, BigInt, ChainId, Long};
use crate::session::{Pin, Session};

/// Parents, and terms, that one question may suppose.
const MOST: usize = 100;

/// A derivation that does not exist.
#[derive(Clone, Debug, InputObject)]
pub struct SupposedParentInput {
    /// What the asset would be derived from.
    pub parent: AssetId,
    /// How the parent would take part in revenue.
    pub policy: RoyaltyPolicy,
    /// Its part, in parts per 100,000,000.
    #[graphql(name = "shareE8")]
    pub share_e8: i32,
}

/// What terms would say.
#[derive(Clone, Debug, InputObject)]
pub struct SupposedTermsInput {
    /// The number of the terms in their licence registry.
    pub number: BigInt,
    /// How the licensor would take part in derivatives' revenue.
    pub policy: RoyaltyPolicy,
    /// Its part, in parts per 100,000,000.
    #[graphql(name = "shareE8")]
    pub share_e8: i32,
}

/// What a client supposes.
pub(super) struct Supposed {
    pub asset: Option<AssetId>,
    pub amount: BigInt,
    pub parents: Vec<SupposedParentInput>,
    pub terms: Vec<SupposedTermsInput>,
    pub fee_e8: Option<i32>,
}

fn share(name: &str, parts: i32) -> Result<E8, ApiError> {
    let parts = u64::try_from(parts).ok().and_then(|parts| E8::from_parts(parts).ok());
    parts.ok_or_else(|| {
        ApiError::input(format!(
            "`{name}` is a share in parts per 100,000,000: from 0 to 100000000"
        ))
    })
}

fn few(name: &str, count: usize) -> Result<(), ApiError> {
    if count <= MOST {
        return Ok(());
    }
    Err(ApiError::input(format!(
        "`{name}` has {count} items: at most {MOST} are possible"
    )))
}

impl Supposed {
    /// The question, and the deployment that it is asked of: that of the asset, or of the parents of one that is yet to be registered.
    async fn read(&self, session: &Session) -> Result<(Deployment, WhatIf), ApiError> {
        few("parents", self.parents.len())?;
        few("terms", self.terms.len())?;
        let amount = self.amount.unsigned();
        let amount = amount.ok_or_else(|| ApiError::input("`amount` is a whole number from 0 to 2^256 - 1"))?;
        let named = self.asset.as_ref().or(self.parents.first().map(|first| &first.parent));
        let named = named.ok_or_else(|| ApiError::input("name the `asset`, or suppose `parents` for a new one"))?;
        let (deployment, _) = Deployment::of_asset(session, Pin::Head, named).await?;
        let number = |id: &AssetId| {
            let evm = evm_asset(id)?;
            if (evm.chain, evm.token.contract) == (deployment.chain, deployment.contracts.registry) {
                return Ok(evm.token.id);
            }
            Err(ApiError::input(format!(
                "`{id}` is of another registry than `{named}`: royalties are owed within one"
            )))
        };
        let (mut parents, mut seen) = (Vec::new(), BTreeSet::new());
        for supposed in &self.parents {
            let parent = number(&supposed.parent)?;
            if !seen.insert(parent) {
                return Err(ApiError::input(format!("`parents` has `{}` twice", supposed.parent)));
            }
            parents.push(SupposedParent {
                parent,
                policy: supposed.policy.into(),
                share: share("shareE8", supposed.share_e8)?,
            });
        }
        let mut terms = Vec::with_capacity(self.terms.len());
        for supposed in &self.terms {
            terms.push(SupposedTerms {
                terms_id: supposed.number.unsigned().ok_or_else(|| no_number("terms"))?,
                policy: supposed.policy.into(),
                share: share("shareE8", supposed.share_e8)?,
            });
        }
        let question = WhatIf {
            asset: self.asset.as_ref().map(number).transpose()?,
            amount,
            fee: self.fee_e8.map(|parts| share("feeE8", parts)).transpose()?,
            parents,
            terms,
        };
        Ok((deployment, question))
    }

    /// The answers.
    pub(super) async fn compare(&self, session: &Session) -> Result<RevenueComparison, ApiError> {
        let (deployment, question) = self.read(session).await?;
        let supposition = session
            .ask_payouts(deployment.chain, deployment.contracts.registry, move |deployed| {
                deployed.state.suppose(&question).map_err(|error| refused(&error))
            })
            .await??;
        // The state is folded on while the copy is worked on.
        let compared = session.compute_payouts(move || supposition.compare()).await?;
        let Comparison {
            fee,
            as_declared,
            lap,
            lrp,
            pro_rata,
        } = compared;
        let split = |simulated: Simulated| RevenueSplit {
            deployment: deployment.clone(),
            lines: simulated.map(Into::into),
        };
        Ok(RevenueComparison {
            fee,
            as_declared: split(as_declared),
            lap: split(lap),
            lrp: split(lrp),
            pro_rata: split(Ok(pro_rata)),
        })
    }
}

/// Who would get what, by each policy.
pub struct RevenueComparison {
    fee: U256,
    as_declared: RevenueSplit,
    lap: RevenueSplit,
    lrp: RevenueSplit,
    pro_rata: RevenueSplit,
}

/// Who would get what of a revenue, by each policy side by side. The lines of each and the fee sum to the revenue.
#[Object]
impl RevenueComparison {
    /// The protocol's part, in base units; the same in each.
    async fn fee(&self) -> BigInt {
        self.fee.into()
    }

    /// Under the policies that derivations have.
    async fn as_declared(&self) -> &RevenueSplit {
        &self.as_declared
    }

    /// As if every royalty were a share of the revenue itself (liquid absolute percentage).
    async fn lap(&self) -> &RevenueSplit {
        &self.lap
    }

    /// As if every royalty were a share of what a child receives (liquid relative percentage).
    async fn lrp(&self) -> &RevenueSplit {
        &self.lrp
    }

    /// By weight, without paths: the asset weighs 100%, each ancestor the sum of the shares of the derivations from it.
    async fn pro_rata(&self) -> &RevenueSplit {
        &self.pro_rata
    }
}

/// How a revenue would be split.
pub struct RevenueSplit {
    deployment: Deployment,
    lines: Result<Arc<[simulate::SimulatedLine]>, Overspent>,
}

/// How a revenue would be split by one policy; either `lines` or `overspent` is null.
#[Object]
impl RevenueSplit {
    /// What recipients would get, the asset that earns first, then what it was made from.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn lines(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<SimulatedLine>>, ApiError> {
        let Ok(lines) = &self.lines else { return Ok(None) };
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let line = |line: &simulate::SimulatedLine| SimulatedLine {
            deployment: self.deployment.clone(),
            line: *line,
        };
        page_of("simulatedLines", &arguments, lines, line).map(Some)
    }

    /// Why there is no such split.
    async fn overspent(&self) -> Option<RoyaltiesOverspent> {
        let overspent = self.lines.as_ref().err()?;
        Some(RoyaltiesOverspent {
            deployment: self.deployment.clone(),
            overspent: *overspent,
        })
    }
}

/// Royalties that come to more than the whole.
pub struct RoyaltiesOverspent {
    deployment: Deployment,
    overspent: Overspent,
}

/// Royalties that come to more than the whole. The registry refuses derivations that would make it so.
#[Object]
impl RoyaltiesOverspent {
    /// The asset that would owe them; null for one that is yet to be registered.
    async fn asset(&self) -> Option<AssetRef> {
        let known = self.overspent.asset != U256::MAX;
        known.then(|| self.deployment.asset(self.overspent.asset))
    }

    /// What they come to, in parts per 100,000,000.
    #[graphql(name = "partsE8")]
    async fn parts_e8(&self) -> BigInt {
        self.overspent.parts.into()
    }
}

/// What one recipient would get for one asset.
pub struct SimulatedLine {
    deployment: Deployment,
    line: simulate::SimulatedLine,
}

/// What one recipient would get for one asset.
#[Object]
impl SimulatedLine {
    /// The asset; null for one that is yet to be registered.
    async fn asset(&self) -> Option<AssetRef> {
        self.line.asset.map(|number| self.deployment.asset(number))
    }

    /// How it would come to the asset; null for ancestors pro rata, which knows no paths.
    async fn route(&self) -> Option<PayoutRoute> {
        self.line.route.map(Into::into)
    }

    /// As what the recipient would have it.
    async fn role(&self) -> PayoutRole {
        self.line.role.into()
    }

    /// How many ways lead to the asset by that route, 100000001 for any number above 10^8; pro rata, how many derivations from it there are.
    async fn path_count(&self) -> Long {
        Long(self.line.paths.into())
    }

    /// Who would be paid; null for whoever will have the asset that is yet to be registered.
    async fn recipient(&self) -> Option<Account> {
        self.line.recipient.map(|recipient| Account {
            session: self.deployment.session.clone(),
            pin: self.deployment.pin,
            chain: ChainId(self.deployment.chain),
            address: Address(recipient),
        })
    }

    /// How much, in base units.
    async fn amount(&self) -> BigInt {
        self.line.amount.into()
    }
}
