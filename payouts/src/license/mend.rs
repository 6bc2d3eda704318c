//! What would mend a use that something stands in the way of.
//!
//! What a derivation was made under never changes: the registry refuses a second declaration, and the parents of what was derived from
//! already. So nothing that anybody does afterwards makes an asset usable that was made under a licence that forbids it or was revoked. What
//! can be done is to register it anew under a licence that allows it, and with it whatever lies between. [`mend`] says with which licences, in
//! the order in which the steps can be taken; whoever takes them all has an asset in the place of the one asked about that may be used.
//!
//! Supply caps and sums of royalties are the contracts' to check: a step may still fail by them.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};

use super::compatibility::{Blocker, Needs, offering};
use super::{LicenseView, Purpose};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The owner offers the asset under terms that allow the purpose.
    OfferTerms {
        /// The asset.
        asset: U256,
        /// It is the one that was registered in its place by an earlier step.
        anew: bool,
        /// The terms must allow derivatives too, because something is to be derived from it.
        derivatives: bool,
        /// Terms that would do, which the asset itself is offered under already; `None` where there are none yet.
        terms_id: Option<U256>,
    },
    /// The owner registers the asset anew and declares its parents with licences that allow the purpose. The old one stays as it is.
    RegisterAnew {
        /// The asset that the new one takes the place of.
        asset: U256,
        /// What it was made from.
        parents: Vec<NewParent>,
    },
}

/// A derivation of an asset that is registered anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewParent {
    /// The parent.
    pub parent: U256,
    /// It is the one that was registered in its place by an earlier step.
    pub anew: bool,
    /// What lets it be declared.
    pub by: Admission,
}

/// What lets an owner declare a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Both have one owner, and no licence is needed.
    SameOwner,
    /// A licence of this series, which the owner holds.
    Held(U256),
    /// A licence that the owner takes first: under these terms, or where `None` under those that an earlier step offers.
    Taken(Option<U256>),
}

/// What is worked out, step by step.
struct Draft<'a, V> {
    view: &'a V,
    needs: Needs,
    at: u64,
    /// What is registered anew.
    renewed: BTreeSet<U256>,
    /// What is offered under further terms by an earlier step.
    offered: BTreeSet<U256>,
    steps: Vec<Mend>,
}

/// The steps that would mend it, the fewest that are sure to; none where nothing stands in the way.
///
/// `above` has everything above the asset and itself, nearer ancestors first; `at` is the time by which licences end.
pub(super) fn mend(
    view: &impl LicenseView,
    (asset, purpose, at): (U256, Purpose, u64),
    above: &[U256],
    blockers: &[Blocker],
) -> Vec<Mend> {
    let blocked = blockers.iter().filter_map(|blocker| blocker.child).collect();
    let order = to_renew(view, above, blocked);
    let mut draft = Draft {
        view,
        needs: purpose.and_derive(),
        at,
        renewed: order.iter().copied().collect(),
        offered: BTreeSet::new(),
        steps: Vec::new(),
    };
    for child in &order {
        draft.register(*child);
    }
    if !blockers.is_empty() {
        draft.steps.push(Mend::OfferTerms {
            asset,
            anew: !order.is_empty(),
            derivatives: false,
            terms_id: offering(view, asset, purpose),
        });
    }
    draft.steps
}

/// Everything that was derived under what stands in the way, or from such an asset, ancestors first.
fn to_renew(view: &impl LicenseView, above: &[U256], blocked: BTreeSet<U256>) -> Vec<U256> {
    let parents: BTreeMap<U256, Vec<U256>> = above
        .iter()
        .map(|asset| {
            (
                *asset,
                view.derived_from(*asset).iter().map(|edge| edge.parent).collect(),
            )
        })
        .collect();
    let mut children: BTreeMap<U256, Vec<U256>> = BTreeMap::new();
    for child in above {
        for parent in &parents[child] {
            children.entry(*parent).or_default().push(*child);
        }
    }
    let mut renewed = blocked;
    let mut left: Vec<U256> = renewed.iter().copied().collect();
    while let Some(parent) = left.pop() {
        let below = children.get(&parent).into_iter().flatten();
        left.extend(below.copied().filter(|child| renewed.insert(*child)));
    }
    // Each asset once all of its parents that are renewed were.
    let mut waits: BTreeMap<U256, usize> = renewed
        .iter()
        .map(|child| {
            (
                *child,
                parents[child].iter().filter(|parent| renewed.contains(*parent)).count(),
            )
        })
        .collect();
    let mut order: Vec<U256> = waits
        .iter()
        .filter(|(_, waits)| **waits == 0)
        .map(|(asset, _)| *asset)
        .collect();
    let mut next = 0;
    while let Some(parent) = order.get(next).copied() {
        next += 1;
        for child in children.get(&parent).into_iter().flatten() {
            let waits = waits.get_mut(child).expect("whatever is below is renewed too");
            *waits -= 1;
            if *waits == 0 {
                order.push(*child);
            }
        }
    }
    order
}

impl<V: LicenseView> Draft<'_, V> {
    fn register(&mut self, child: U256) {
        let owner = self.view.owner(child);
        let mut parents = Vec::new();
        for edge in self.view.derived_from(child) {
            let parent = edge.parent;
            parents.push(NewParent {
                parent,
                anew: self.renewed.contains(&parent),
                by: self.admission(owner, parent),
            });
        }
        self.steps.push(Mend::RegisterAnew { asset: child, parents });
    }

    /// The least that lets the owner declare the parent, after the steps so far and one that this may add.
    fn admission(&mut self, owner: Option<Address>, parent: U256) -> Admission {
        if owner.is_some() && owner == self.view.owner(parent) {
            return Admission::SameOwner;
        }
        let anew = self.renewed.contains(&parent);
        let terms_id = offering(self.view, parent, self.needs);
        if !anew {
            if let Some(series) = owner.and_then(|owner| self.usable(owner, parent)) {
                return Admission::Held(series);
            }
            if terms_id.is_some() {
                return Admission::Taken(terms_id);
            }
        }
        if self.offered.insert(parent) {
            self.steps.push(Mend::OfferTerms {
                asset: parent,
                anew,
                derivatives: true,
                terms_id,
            });
        }
        Admission::Taken(terms_id)
    }

    /// A licence of the parent that the owner holds and can declare it with.
    fn usable(&self, owner: Address, parent: U256) -> Option<U256> {
        self.view.held(owner, parent).into_iter().find(|id| {
            let series = self.view.series(*id).filter(|series| series.asset == parent);
            series.is_some_and(|series| {
                let terms = self.view.terms(series.terms_id);
                !series.revoked && !series.is_expired(self.at) && terms.is_some_and(|terms| self.needs.met_by(&terms))
            })
        })
    }
}
