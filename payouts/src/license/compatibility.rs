//! May an asset be used for a purpose, given all that it was derived from, and if not: what blocks it, and the least that would mend it.

use std::collections::BTreeSet;

use alloy_primitives::U256;

use super::mend::{Mend, mend};
use super::{LicenseView, Purpose, Terms};

/// Why something stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The terms of the derivation do not allow it.
    TermsForbid,
    /// The series of the derivation was revoked.
    Revoked,
    /// The series, or its terms, are not known.
    Unknown,
    /// The asset itself is offered under no terms that allow it.
    NotOffered,
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The asset whose licence it is about: an ancestor, or the asset itself.
    pub ancestor: U256,
    /// The asset that was derived from it; `None` for the asset itself.
    pub child: Option<U256>,
    /// The series of that derivation.
    pub series: Option<U256>,
    /// Why.
    pub why: Why,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compatibility {
    /// Whether nothing stands in the way.
    pub allowed: bool,
    /// All that does: the asset itself first, then nearer ancestors before farther ones.
    pub blockers: Vec<Blocker>,
    /// The fewest steps that would mend it, in the order in which they can be taken; none where it is allowed.
    pub mend: Vec<Mend>,
}

/// Whether an asset may be used for a purpose by those who take a licence of it. `at` is unix time in seconds of the block that the view is as
/// of: licences that would mend something must not have ended by then.
pub fn compatibility(view: &impl LicenseView, asset: U256, purpose: Purpose, at: u64) -> Compatibility {
    let mut blockers = Vec::new();
    if offering(view, asset, purpose).is_none() {
        blockers.push(Blocker {
            ancestor: asset,
            child: None,
            series: None,
            why: Why::NotOffered,
        });
    }
    let (above, found) = look_above(view, asset, purpose);
    blockers.extend(found);
    Compatibility {
        allowed: blockers.is_empty(),
        mend: mend(view, (asset, purpose, at), &above, &blockers),
        blockers,
    }
}

/// What terms must allow.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    purpose: Purpose,
    derive: bool,
}

impl Needs {
    pub(super) fn met_by(self, terms: &Terms) -> bool {
        self.purpose.allowed_by(terms) && (!self.derive || terms.derivatives_allowed)
    }
}

impl Purpose {
    /// What a licence must allow for a derivation that is then used for this.
    pub(super) fn and_derive(self) -> Needs {
        Needs {
            purpose: self,
            derive: true,
        }
    }
}

impl From<Purpose> for Needs {
    fn from(purpose: Purpose) -> Needs {
        Needs { purpose, derive: false }
    }
}

/// The first terms that the asset is offered under, that a licence is still to be had under, and that allow what is needed.
pub(super) fn offering(view: &impl LicenseView, asset: U256, needs: impl Into<Needs>) -> Option<U256> {
    let needs = needs.into();
    view.offered(asset).into_iter().find(|terms_id| {
        let terms = view.terms(*terms_id);
        terms.is_some_and(|terms| needs.met_by(&terms)) && !view.is_closed(asset, *terms_id)
    })
}

/// The asset and everything above it, and what stands in the way there, nearer ancestors first. Each asset is visited once, however many paths
/// lead to it.
pub(super) fn look_above(view: &impl LicenseView, asset: U256, purpose: Purpose) -> (Vec<U256>, Vec<Blocker>) {
    let mut above = vec![asset];
    let mut blockers = Vec::new();
    let mut seen = BTreeSet::from([asset]);
    let mut next = 0;
    while let Some(child) = above.get(next).copied() {
        next += 1;
        for derived in view.derived_from(child) {
            let why = derived.series.and_then(|id| {
                let Some(series) = view.series(id) else {
                    return Some(Why::Unknown);
                };
                match view.terms(series.terms_id) {
                    None => Some(Why::Unknown),
                    _ if series.revoked => Some(Why::Revoked),
                    Some(terms) if !purpose.allowed_by(&terms) => Some(Why::TermsForbid),
                    Some(_) => None,
                }
            });
            if let Some(why) = why {
                blockers.push(Blocker {
                    ancestor: derived.parent,
                    child: Some(child),
                    series: derived.series,
                    why,
                });
            }
            if seen.insert(derived.parent) {
                above.push(derived.parent);
            }
        }
    }
    (above, blockers)
}
