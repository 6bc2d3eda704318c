//! May an asset be used for a purpose, given all that it was derived from, and if not: what blocks it, and what is the least to be changed.

use std::collections::{BTreeSet, VecDeque};

use alloy_primitives::U256;

use super::{LicenseView, Purpose};

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
    /// The asset whose owner could allow it: an ancestor, or the asset itself.
    pub ancestor: U256,
    /// The asset that was derived from it; `None` for the asset itself.
    pub child: Option<U256>,
    /// The series of that derivation.
    pub series: Option<U256>,
    /// Why.
    pub why: Why,
}

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// The owner of the ancestor already offers terms that allow it: the child's owner takes a licence under these.
    TakeLicense {
        /// Who licenses.
        ancestor: U256,
        /// For whom.
        child: U256,
        /// The terms.
        terms_id: U256,
    },
    /// The asset's owner must offer terms that allow it; those who derived from it take licences under them.
    OfferTerms {
        /// The asset.
        asset: U256,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compatibility {
    /// Whether nothing stands in the way.
    pub allowed: bool,
    /// All that does: the asset itself first, then nearer ancestors before farther ones.
    pub blockers: Vec<Blocker>,
    /// The fewest changes that would mend it. Each blocker needs one, and an owner's new terms serve every child of that owner's asset.
    pub mend: Vec<Mend>,
}

/// Whether an asset may be used for a purpose by those who take a licence of it.
pub fn compatibility(view: &impl LicenseView, asset: U256, purpose: Purpose) -> Compatibility {
    let mut blockers = Vec::new();
    if offering(view, asset, purpose).is_none() {
        blockers.push(Blocker {
            ancestor: asset,
            child: None,
            series: None,
            why: Why::NotOffered,
        });
    }
    blockers.extend(blockers_above(view, asset, purpose));
    let mut mend = BTreeSet::new();
    for blocker in &blockers {
        let terms_id = offering(view, blocker.ancestor, purpose.max_for_derivation());
        mend.insert(match (blocker.child, terms_id) {
            (Some(child), Some(terms_id)) => Mend::TakeLicense {
                ancestor: blocker.ancestor,
                child,
                terms_id,
            },
            _ => Mend::OfferTerms {
                asset: blocker.ancestor,
            },
        });
    }
    Compatibility {
        allowed: blockers.is_empty(),
        blockers,
        mend: mend.into_iter().collect(),
    }
}

/// What a licence must allow for a derivation that is then used for something.
#[derive(Clone, Copy)]
struct Needs {
    purpose: Purpose,
    derive: bool,
}

impl Purpose {
    fn max_for_derivation(self) -> Needs {
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

/// The first terms that the asset is offered under and that allow what is needed.
fn offering(view: &impl LicenseView, asset: U256, needs: impl Into<Needs>) -> Option<U256> {
    let Needs { purpose, derive } = needs.into();
    view.offered(asset).into_iter().find(|terms_id| {
        view.terms(*terms_id)
            .is_some_and(|terms| purpose.allowed_by(&terms) && (!derive || terms.derivatives_allowed))
    })
}

/// What stands in the way above the asset, nearer ancestors first. Each asset is visited once, however many paths lead to it.
pub(super) fn blockers_above(view: &impl LicenseView, asset: U256, purpose: Purpose) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    let mut seen = BTreeSet::from([asset]);
    let mut queue = VecDeque::from([asset]);
    while let Some(child) = queue.pop_front() {
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
                queue.push_back(derived.parent);
            }
        }
    }
    blockers
}
