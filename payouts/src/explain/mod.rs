//! Explain this base unit (PAY-2): which revenue, which asset by which route, over which paths under which terms, and what rounding did.
//!
//! Paths are found one at a time, and whole branches are skipped by their number of paths: the last of 10⁸ is as near as the first. The
//! shares of a line's paths sum to its share, and its amount differs from that share of the revenue by the rounding that is shown. All of it
//! is done on [`Evidence`], a copy of the little that it needs, so that the state is folded on meanwhile.

mod evidence;
mod exact;
mod paths;

use std::sync::Arc;

use alloy_primitives::{Address, U256};
use num_bigint::{BigInt, BigUint, Sign};
use num_rational::BigRational;

use crate::rule::{Kind, Role, Route, WHOLE};
use crate::state::{Line, Revenue, State};
use exact::Exact;

pub use evidence::Evidence;
pub use paths::{Path, PathEdge, Paths};

/// A line that no revenue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revenue {revenue} pays {recipient} nothing as {role:?} from portion {portion}")]
pub struct NoSuchLine {
    /// The revenue.
    pub revenue: U256,
    /// The portion.
    pub portion: u32,
    /// The recipient.
    pub recipient: Address,
    /// As what.
    pub role: Role,
}

/// Why a line is what it is. All fractions are exact and in lowest terms.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The line.
    pub line: Line,
    /// What shares are shares of: the revenue less the fee; for the fee, the revenue.
    pub basis: U256,
    /// The share of the basis that reaches the asset by the line's route, over all paths.
    pub asset_share: BigRational,
    /// The recipient's share of that.
    pub recipient_share: BigRational,
    /// `basis · asset_share · recipient_share`: what the line would be without rounding.
    pub unrounded: BigRational,
    /// What rounding added, on the way to the asset and there: the amount less the unrounded one.
    pub rounding: BigRational,
    /// For what came back by a judgement: the portion that it was before.
    pub instead_of: Option<u32>,
}

impl State {
    /// What explains the lines of a revenue, for as long as one likes; `None` for one that is not in memory.
    pub fn evidence(&self, revenue: U256) -> Option<Evidence> {
        Evidence::new(self, Arc::clone(self.revenue(revenue)?))
    }

    /// The same for a revenue that is kept elsewhere; `None` if it is of other assets.
    pub fn evidence_of(&self, revenue: Arc<Revenue>) -> Option<Evidence> {
        Evidence::new(self, revenue)
    }

    /// Explains a line: `portion` of the revenue, to `recipient` as `role`.
    ///
    /// # Errors
    /// [`NoSuchLine`].
    pub fn explain(
        &self,
        revenue: U256,
        portion: u32,
        recipient: Address,
        role: Role,
    ) -> Result<Explanation, NoSuchLine> {
        let missing = NoSuchLine {
            revenue,
            portion,
            recipient,
            role,
        };
        self.evidence(revenue).ok_or(missing)?.explain(portion, recipient, role)
    }

    /// The paths of a line, from the first on; see [`Paths::skip_paths`] for pages.
    pub fn paths(&self, explanation: &Explanation) -> Option<Paths> {
        Some(self.evidence(explanation.line.revenue)?.paths(explanation))
    }
}

/// The exact share of the basis that a portion of the plan, or the fee's, has.
fn asset_share(revenue: &Revenue, portion: u32) -> BigRational {
    let upstream = &revenue.plan.upstream;
    let Some(payee) = revenue.payee(portion) else {
        return Exact::one().times(revenue.fee_share.parts()).ratio();
    };
    let place = portion - 1;
    if payee.route != Route::RoyaltyLrp {
        let part = upstream.source_parts.iter().find(|part| part.payee == place);
        return Exact::one().times(part.map_or(0, |part| part.weight)).ratio();
    }
    let mut shares = vec![Exact::default(); upstream.payees.len()];
    for part in &upstream.source_parts {
        shares[part.payee as usize].add(Exact::one().times(part.weight));
    }
    for split in &upstream.lrp_splits {
        let received = std::mem::take(&mut shares[split.payee as usize]);
        for part in &upstream.lrp_parts[split.first as usize..split.end as usize] {
            shares[part.payee as usize].add(received.clone().times(part.weight));
        }
        if split.payee == place {
            break;
        }
    }
    std::mem::take(&mut shares[place as usize]).ratio()
}

/// The part of what it receives by LRP that a payee keeps, in parts per 100,000,000.
fn kept_part(revenue: &Revenue, place: u32) -> u32 {
    let upstream = &revenue.plan.upstream;
    let Some(split) = upstream.lrp_splits.iter().find(|split| split.payee == place) else {
        return WHOLE;
    };
    let parts = &upstream.lrp_parts[split.first as usize..split.end as usize];
    parts
        .iter()
        .find(|part| part.payee == place)
        .map_or(0, |part| part.weight)
}

fn recipient_share(revenue: &Revenue, line: &Line) -> BigRational {
    let one = || BigRational::from(BigInt::from(1));
    let Kind { role, .. } = line.kind;
    let recipients = match revenue.later(line.portion) {
        Some(later) => Some(&later.recipients),
        None => line
            .portion
            .checked_sub(1)
            .map(|place| &revenue.plan.recipients[place as usize]),
    };
    let fractions = recipients.and_then(|recipients| recipients.fraction(line.recipient, role));
    fractions.map_or_else(one, |fractions| {
        fractions
            .iter()
            .map(|(part, whole)| BigRational::new(integer(*part), integer(*whole)))
            .product()
    })
}

fn integer(number: U256) -> BigInt {
    BigInt::from_biguint(Sign::Plus, BigUint::from_bytes_be(&number.to_be_bytes::<32>()))
}
