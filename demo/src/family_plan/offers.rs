//! Which licence terms each asset of the tree is offered under, and which licence each derivation takes.
//!
//! Every asset carries its public licence. A share-alike work is also offered for use without adaptation, which is what derivations take
//! whose descendants are not share-alike themselves: their publishers evidently did not take them for adaptations. Some assets sell
//! commercial licences with a royalty, drawn so that no royalty stack comes near 100%. Start at [`Offers::draw`].

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha12Rng;
use souk_schema::event::{AssetKind, Relation, RoyaltyPolicy};

use crate::action::{AccountNo, Action, AssetNo, Edge, Mint, Step, TermsNo};
use crate::family::Family;
use crate::licences::{Terms, UnknownLicence, public_terms, royalty_terms, subscription_terms, use_terms};

/// Highest sum of royalties over an asset, in parts per 100,000,000: the contracts allow all of it.
const HIGHEST_STACK_E8: u64 = 50_000_000;
/// Terms, offers or licences that one transaction handles at most.
const CALLS_PER_STEP: usize = 20;

/// The royalties on offer: policy, parts per 100,000,000, price in millionths of a dollar.
const ROYALTIES: [(RoyaltyPolicy, u32, u64); 7] = [
    (RoyaltyPolicy::Lap, 500_000, 2_000_000_000),
    (RoyaltyPolicy::Lap, 1_000_000, 1_000_000_000),
    (RoyaltyPolicy::Lap, 2_000_000, 500_000_000),
    (RoyaltyPolicy::Lap, 3_000_000, 0),
    (RoyaltyPolicy::Lrp, 2_000_000, 400_000_000),
    (RoyaltyPolicy::Lrp, 5_000_000, 150_000_000),
    (RoyaltyPolicy::Lrp, 10_000_000, 0),
];
/// The subscriptions on offer: days, price in millionths of a dollar, supply cap.
const SUBSCRIPTIONS: [(u64, u64, u64); 3] = [(30, 49_000_000, 0), (90, 129_500_000, 5_000), (365, 499_990_000, 1_000)];

/// What is offered and taken.
pub(super) struct Offers {
    /// All terms, each once.
    pub(super) terms: Vec<Terms>,
    /// Per asset, the terms that its owner attaches; the public licence first.
    offered: Vec<Vec<TermsNo>>,
    /// Per asset and edge to a parent, the terms of the licence that it takes; none where one account owns both.
    pub(super) edge_licences: Vec<Vec<Option<TermsNo>>>,
    /// Assets that sell subscriptions, with the terms.
    pub(super) subscriptions: Vec<(usize, TermsNo)>,
}

impl Offers {
    /// Draws offers and decides on every edge's licence.
    pub(super) fn draw(family: &Family, owners: &[AccountNo], rng: &mut ChaCha12Rng) -> Result<Self, UnknownLicence> {
        let mut offers = Self {
            terms: Vec::new(),
            offered: Vec::new(),
            edge_licences: Vec::new(),
            subscriptions: Vec::new(),
        };
        for entry in family.entries() {
            let public = public_terms(&entry.licence)?;
            let usage = public.reciprocal.then(|| use_terms(public.commercial_use));
            let mut offered = vec![offers.number_of(public)];
            offered.extend(usage.map(|usage| offers.number_of(usage)));
            offers.offered.push(offered);
        }
        offers.take_public_licences(family, owners);
        offers.sell_royalty_licences(family, owners, rng);
        offers.sell_subscriptions(family, rng);
        Ok(offers)
    }

    /// Number of these terms, which are kept once.
    fn number_of(&mut self, terms: Terms) -> TermsNo {
        let known = self.terms.iter().position(|other| *other == terms);
        known.unwrap_or_else(|| {
            self.terms.push(terms);
            self.terms.len() - 1
        })
    }

    fn take_public_licences(&mut self, family: &Family, owners: &[AccountNo]) {
        let share_alike = self.share_alike_down(family);
        for child in 0..family.entries().len() {
            let licence_of = |&(parent, relation): &(usize, Relation)| {
                let offered: &[TermsNo] = &self.offered[parent];
                let adapts = !matches!(
                    relation,
                    Relation::EvaluatedOn | Relation::PoweredBy | Relation::GroundedIn
                );
                let as_use = offered.get(1).filter(|_| !(adapts && share_alike[child]));
                (owners[parent] != owners[child]).then(|| *as_use.unwrap_or(&offered[0]))
            };
            let licences = family.parents(child).iter().map(licence_of).collect();
            self.edge_licences.push(licences);
        }
    }

    /// Per asset, whether it and everything that descends from it is share-alike.
    fn share_alike_down(&self, family: &Family) -> Vec<bool> {
        let mut share_alike: Vec<bool> = self
            .offered
            .iter()
            .map(|offered| self.terms[offered[0]].reciprocal)
            .collect();
        for child in by_generation(family).into_iter().rev() {
            for &(parent, _) in family.parents(child) {
                share_alike[parent] &= share_alike[child];
            }
        }
        share_alike
    }

    /// Lets some parents sell licences with a royalty, and some of their children take those instead.
    fn sell_royalty_licences(&mut self, family: &Family, owners: &[AccountNo], rng: &mut ChaCha12Rng) {
        for parent in by_generation(family) {
            let children: Vec<(usize, usize)> = edges_to(parent, family)
                .filter(|&(child, edge)| {
                    let relation = family.parents(child)[edge].1;
                    owners[child] != owners[parent] && relation != Relation::EvaluatedOn
                })
                .collect();
            let Some(&(policy, share_e8, fee_micros)) = ROYALTIES.choose(rng) else {
                continue;
            };
            if children.is_empty() || !rng.random_ratio(2, 5) {
                continue;
            }
            let terms = self.number_of(royalty_terms(policy, share_e8, fee_micros));
            self.offered[parent].push(terms);
            for (child, edge) in children {
                let takes = rng.random_ratio(3, 5);
                // A share-alike work binds whoever adapts it; its commercial terms do not take that away here.
                let bound = self.edge_licences[child][edge].is_some_and(|taken| self.terms[taken].reciprocal);
                if takes && !bound {
                    let before = self.edge_licences[child][edge].replace(terms);
                    if self.highest_stack_e8(family) > HIGHEST_STACK_E8 {
                        self.edge_licences[child][edge] = before;
                    }
                }
            }
        }
    }

    /// The largest sum of royalties over any asset: LAP shares over all paths above it, and LRP shares of its own edges.
    fn highest_stack_e8(&self, family: &Family) -> u64 {
        let mut lap_e8 = vec![0u64; family.entries().len()];
        let mut highest = 0;
        for child in by_generation(family) {
            let (mut lap, mut lrp) = (0, 0);
            for (&(parent, _), licence) in family.parents(child).iter().zip(&self.edge_licences[child]) {
                lap += lap_e8[parent];
                let terms = licence.map(|number| &self.terms[number]);
                match terms.map(|terms| (terms.royalty_policy, u64::from(terms.revenue_share_e8))) {
                    Some((RoyaltyPolicy::Lap, share)) => lap += share,
                    Some((RoyaltyPolicy::Lrp, share)) => lrp += share,
                    _ => {}
                }
            }
            lap_e8[child] = lap;
            highest = highest.max(lap + lrp);
        }
        highest
    }

    fn sell_subscriptions(&mut self, family: &Family, rng: &mut ChaCha12Rng) {
        for (number, entry) in family.entries().iter().enumerate() {
            let chance = match entry.kind {
                AssetKind::Agent | AssetKind::Application | AssetKind::Compute => 60,
                AssetKind::Model | AssetKind::KnowledgeBase => 15,
                AssetKind::Dataset | AssetKind::Adapter => 5,
            };
            let Some(&(days, fee_micros, cap)) = SUBSCRIPTIONS.choose(rng) else {
                continue;
            };
            if rng.random_ratio(chance, 100) {
                let terms = self.number_of(subscription_terms(days, fee_micros, cap));
                self.offered[number].push(terms);
                self.subscriptions.push((number, terms));
            }
        }
    }

    /// Terms that each asset carries once its owner attached them.
    pub(super) fn attached_terms(&self) -> Vec<Vec<TermsNo>> {
        self.offered.clone()
    }

    /// Reciprocal terms that bind a child with these edges, each once: of the licences that it takes, and what binds its parents.
    pub(super) fn binding_terms(&self, edges: &[Edge], binding: &[Vec<TermsNo>]) -> BTreeSet<TermsNo> {
        let taken = edges
            .iter()
            .filter_map(|edge| edge.licence)
            .filter(|&terms| self.terms[terms].reciprocal);
        let inherited = edges.iter().flat_map(|edge| &binding[edge.parent as usize]).copied();
        taken.chain(inherited).collect()
    }

    /// Registers all terms, by one account.
    pub(super) fn register(&self, account: AccountNo) -> Vec<Step> {
        let numbers: Vec<TermsNo> = (0..self.terms.len()).collect();
        numbers
            .chunks(CALLS_PER_STEP)
            .map(|chunk| Step::new(account, Action::RegisterTerms(chunk.to_vec())))
            .collect()
    }

    /// Every owner attaches the terms of its assets.
    pub(super) fn attach(&self, owners: &[AccountNo]) -> Vec<Step> {
        let offers = self.offered.iter().enumerate().flat_map(|(asset, offered)| {
            offered
                .iter()
                .map(move |&terms| (owners[asset], (asset as AssetNo, terms)))
        });
        per_account(offers.collect(), Action::Attach)
    }

    /// Every owner of a child mints one licence of each parent and terms that its derivations take.
    pub(super) fn licences(&self, family: &Family, owners: &[AccountNo]) -> Vec<Step> {
        let mut needed = BTreeSet::new();
        for (child, &owner) in owners.iter().enumerate() {
            for (&(parent, _), licence) in family.parents(child).iter().zip(&self.edge_licences[child]) {
                needed.extend(licence.map(|terms| (owner, parent as AssetNo, terms)));
            }
        }
        let mints = needed
            .into_iter()
            .map(|(receiver, asset, terms)| {
                (
                    receiver,
                    Mint {
                        asset,
                        terms,
                        amount: 1,
                        receiver,
                    },
                )
            })
            .collect();
        per_account(mints, Action::MintLicences)
    }
}

/// Few transactions for many items: those of an account go together.
pub(super) fn per_account<T: Clone>(mut items: Vec<(AccountNo, T)>, action: impl Fn(Vec<T>) -> Action) -> Vec<Step> {
    items.sort_by_key(|&(account, _)| account);
    items
        .chunk_by(|one, other| one.0 == other.0)
        .flat_map(|of_account| of_account.chunks(CALLS_PER_STEP))
        .map(|chunk| Step::new(chunk[0].0, action(chunk.iter().map(|(_, item)| item.clone()).collect())))
        .collect()
}

/// Assets with parents before their children.
fn by_generation(family: &Family) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..family.entries().len()).collect();
    numbers.sort_by_key(|&number| family.generation(number));
    numbers
}

/// The children of an asset, each with the number of its edge to it.
fn edges_to(parent: usize, family: &Family) -> impl Iterator<Item = (usize, usize)> {
    (0..family.entries().len()).filter_map(move |child| {
        let edge = family.parents(child).iter().position(|&(other, _)| other == parent)?;
        Some((child, edge))
    })
}
