//! Why a line is what it is: exact fractions, what rounding did, and the paths one after the other.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use futures::future::BoxFuture;
use num_rational::BigRational;
use souk_payouts::explain::{Evidence, Explanation, Path, PathEdge};
use souk_payouts::rule::MANY_PATHS;

use super::Deployment;
use super::list::{SORT, place};
use crate::error::ApiError;
use crate::graphql::asset::AssetRef;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::kinds::{Relation, RoyaltyPolicy};
use crate::graphql::license::{LicenseSeries, LicenseTerms};
use crate::scalars::{Address, BigInt, ChainId, Long};

/// Derivations of all paths of a page together: paths can be long.
const MOST_STEPS: usize = 2_000;

/// How many decimal places a fraction is written with.
const PLACES: u32 = 18;

/// An exact fraction in lowest terms. Each path of a line has its own, with eight decimal digits for each derivation, so they can be long.
#[derive(Clone, Debug, SimpleObject)]
pub struct Fraction {
    /// Decimal digits, maybe after a minus sign.
    numerator: String,
    /// Decimal digits; positive.
    denominator: String,
    /// The fraction as a decimal number with 18 places, rounded towards zero.
    decimal: String,
}

impl From<&BigRational> for Fraction {
    fn from(exact: &BigRational) -> Fraction {
        let (numerator, denominator) = (exact.numer().to_string(), exact.denom().to_string());
        let digits = (exact.numer() * 10u64.pow(PLACES) / exact.denom()).to_string();
        let (sign, digits) = digits
            .strip_prefix('-')
            .map_or(("", digits.as_str()), |digits| ("-", digits));
        let padded = format!("{digits:0>width$}", width = PLACES as usize + 1);
        let (whole, places) = padded.split_at(padded.len() - PLACES as usize);
        Fraction {
            numerator,
            denominator,
            decimal: format!("{sign}{whole}.{places}"),
        }
    }
}

/// Why a line is what it is.
#[derive(Clone)]
pub struct PayoutExplanation {
    deployment: Deployment,
    evidence: Evidence,
    explained: Arc<Explanation>,
}

impl PayoutExplanation {
    pub(super) fn new(deployment: Deployment, evidence: Evidence, explained: Explanation) -> PayoutExplanation {
        PayoutExplanation {
            deployment,
            evidence,
            explained: Arc::new(explained),
        }
    }

    /// So many paths from a place on, and whether there are more.
    async fn found(&self, first: u64, size: usize) -> Result<(Vec<Path>, bool), ApiError> {
        let (evidence, explained) = (self.evidence.clone(), Arc::clone(&self.explained));
        let count = explained.line.paths;
        let paths = self
            .deployment
            .session
            .compute_payouts(move || {
                let mut found = Vec::new();
                let mut paths = evidence.paths(&explained);
                paths.skip_paths(first);
                let mut steps = 0;
                while found.len() < size && steps < MOST_STEPS {
                    let Some(path) = paths.next() else { break };
                    steps += path.edges.len();
                    found.push(path);
                }
                found
            })
            .await?;
        let end = first.saturating_add(paths.len() as u64);
        let more = !paths.is_empty() && (count == MANY_PATHS || end < u64::from(count));
        Ok((paths, more))
    }
}

/// Why a line is what it is: `amount = basis · assetShare · recipientShare + rounding`, exactly.
#[Object]
impl PayoutExplanation {
    /// What shares are shares of, in base units: the revenue less the protocol's fee; for the fee itself, the revenue.
    async fn basis(&self) -> BigInt {
        self.explained.basis.into()
    }

    /// The share of the basis that reaches the asset by the line's route, over all paths.
    async fn asset_share(&self) -> Fraction {
        (&self.explained.asset_share).into()
    }

    /// The recipient's share of that.
    async fn recipient_share(&self) -> Fraction {
        (&self.explained.recipient_share).into()
    }

    /// What the line would be without rounding, in base units.
    async fn unrounded(&self) -> Fraction {
        (&self.explained.unrounded).into()
    }

    /// What rounding added, on the way to the asset and there.
    async fn rounding(&self) -> Fraction {
        (&self.explained.rounding).into()
    }

    /// The line's amount, in base units.
    async fn amount(&self) -> BigInt {
        self.explained.line.amount.into()
    }

    /// For what a judgement put in the place of another portion: the number of that portion of the same revenue.
    async fn instead_of_portion(&self) -> Option<Long> {
        self.explained
            .instead_of
            .map(|portion| Long::saturating(portion.into()))
    }

    /// The ways from the asset that earned the revenue to the line's asset, in the order in which parents were declared; their shares sum to
    /// the line's. They are found one at a time, whatever their number: the last is as near as the first. A page ends early when its paths
    /// have 2000 derivations together. `totalCount` is 100000001 for any number above 10^8.
    #[graphql(complexity = "page_cost(Some(first), None, child_complexity)")]
    async fn paths(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: i32,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> Result<Connection<PayoutPath>, ApiError> {
        let arguments = PageArguments {
            first: Some(first),
            after,
            ..PageArguments::default()
        };
        let page = arguments.page("payoutPaths", SORT)?;
        let start = place(page.after.as_ref()).map_or(0, |place| place.saturating_add(1));
        let start = u64::try_from(start).unwrap_or(0);
        let size = usize::try_from(page.size).unwrap_or(0);
        let (paths, more) = self.found(start, size).await?;
        let rows = (start..).zip(paths).map(|(place, path)| {
            let path = PayoutPath {
                deployment: self.deployment.clone(),
                path,
            };
            (vec![place.to_string()], path)
        });
        let count = i64::from(self.explained.line.paths);
        let total = move || -> BoxFuture<'static, Result<i64, ApiError>> { Box::pin(async move { Ok(count) }) };
        let rows: Vec<_> = rows.collect();
        Ok(Connection::new("payoutPaths", &page, rows, more, total))
    }
}

/// One way from the asset that earned a revenue to a line's asset.
#[derive(Clone)]
pub struct PayoutPath {
    deployment: Deployment,
    path: Path,
}

/// One way from the asset that earned a revenue to a line's asset.
#[Object]
impl PayoutPath {
    /// The share of the line's basis that comes to the recipient this way.
    async fn share(&self) -> Fraction {
        (&self.path.share).into()
    }

    /// What that comes to without rounding, in base units.
    async fn amount(&self) -> Fraction {
        (&self.path.amount).into()
    }

    /// The number of derivations; 0 for what the asset that earned the revenue keeps, and for the protocol's fee.
    async fn length(&self) -> i32 {
        i32::try_from(self.path.edges.len()).unwrap_or(i32::MAX)
    }

    /// The derivations, from the asset that earned the revenue up: each one's parent is the child of the next.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn edges(&self) -> Vec<PayoutEdge> {
        let edge = |edge: &PathEdge| PayoutEdge {
            deployment: self.deployment.clone(),
            edge: edge.clone(),
        };
        self.path.edges.iter().map(edge).collect()
    }
}

/// A derivation on the way of money.
#[derive(Clone)]
pub struct PayoutEdge {
    deployment: Deployment,
    edge: PathEdge,
}

/// A derivation on the way of money, with the terms that it was made under, which it keeps whatever becomes of the licence.
#[Object]
impl PayoutEdge {
    /// The derived asset.
    async fn child(&self) -> AssetRef {
        self.deployment.asset(self.edge.child)
    }

    /// What it was made from.
    async fn parent(&self) -> AssetRef {
        self.deployment.asset(self.edge.parent)
    }

    /// How the child came from the parent.
    async fn relation(&self) -> Relation {
        self.edge.relation.into()
    }

    /// How the parent takes part in revenue.
    async fn policy(&self) -> RoyaltyPolicy {
        self.edge.policy.into()
    }

    /// Its part, in parts per 100,000,000.
    #[graphql(name = "shareE8")]
    async fn share_e8(&self) -> i32 {
        i32::try_from(self.edge.share).unwrap_or(i32::MAX)
    }

    /// The number of the licence series that allowed the derivation; null where none was needed.
    async fn license_number(&self) -> Option<BigInt> {
        Some(self.edge.license)
            .filter(|number| !number.is_zero())
            .map(Into::into)
    }

    /// The licence series that allowed the derivation; null where none was needed.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        self.deployment.series(self.edge.license).await
    }

    /// The number of the terms of that series; null without one.
    async fn terms_number(&self) -> Option<BigInt> {
        Some(self.edge.terms).filter(|number| !number.is_zero()).map(Into::into)
    }

    /// The terms of that series; null without one.
    async fn terms(&self) -> Result<Option<LicenseTerms>, ApiError> {
        if self.edge.license.is_zero() {
            return Ok(None);
        }
        let Deployment {
            session,
            pin,
            chain,
            contracts,
        } = &self.deployment;
        let registry = Address(contracts.licenses);
        LicenseTerms::load(session, *pin, ChainId(*chain), registry, self.edge.terms.into()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_written_exactly_and_rounded_towards_zero() {
        let fraction = |numerator: i64, denominator: i64| {
            let exact = BigRational::new(numerator.into(), denominator.into());
            let Fraction {
                numerator,
                denominator,
                decimal,
            } = (&exact).into();
            (numerator, denominator, decimal)
        };
        let expected =
            |numerator: &str, denominator: &str, decimal: &str| (numerator.into(), denominator.into(), decimal.into());
        assert_eq!(fraction(2, 6), expected("1", "3", "0.333333333333333333"));
        assert_eq!(fraction(-2, 3), expected("-2", "3", "-0.666666666666666666"));
        assert_eq!(fraction(7, 1), expected("7", "1", "7.000000000000000000"));
        assert_eq!(fraction(0, 5), expected("0", "1", "0.000000000000000000"));
        assert_eq!(fraction(-25, 2), expected("-25", "2", "-12.500000000000000000"));
    }
}
