//! The advice of a licence check, followed step by step on the fold, by the rules of the contracts: what comes of it may be used.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_payouts::fact::{Fact, Holding, Terms};
use souk_payouts::license::{
    Access, Admission, Blocker, LicenseView, Mend, NewParent, Purpose, Why, access, compatibility,
};
use souk_schema::E8;
use souk_schema::event::{Relation, RoyaltyPolicy};

use crate::economy::{account, id};
use crate::world::{World, register};

/// When everything is asked.
const NOW: u64 = 1_000;

/// Terms that anybody may attach: all is allowed, nothing for money, nothing derived.
const KNOWN: [(u64, bool, bool); 3] = [(1, true, true), (2, false, true), (3, true, false)];

const PURPOSES: [Purpose; 3] = [Purpose::Use, Purpose::Commercial, Purpose::Derive];

fn terms(terms_id: u64, commercial_use: bool, derivatives_allowed: bool) -> Fact {
    Fact::LicenseTermsRegistered {
        terms_id: id(terms_id),
        terms: Terms {
            commercial_use,
            derivatives_allowed,
            policy: RoyaltyPolicy::None,
            share: E8::ZERO,
        },
    }
}

/// A chain with the contracts' own checks, as far as they matter to licences.
struct Chain {
    world: World,
    assets: u64,
    /// Terms that were registered, of our own as well.
    terms: u64,
}

impl Chain {
    fn new() -> Chain {
        let mut world = World::new();
        world.block(
            KNOWN
                .map(|(number, commercial, derivatives)| terms(number, commercial, derivatives))
                .into(),
        );
        let terms = KNOWN.len() as u64;
        Chain {
            world,
            assets: 0,
            terms,
        }
    }

    fn register(&mut self, owner: Address) -> U256 {
        self.assets += 1;
        self.world.block(vec![register(self.assets, owner, 0)]);
        id(self.assets)
    }

    fn owner(&self, asset: U256) -> Address {
        self.world.state.owner(asset).expect("it is registered")
    }

    fn attach(&mut self, asset: U256, terms_id: U256) {
        assert!(
            !self.world.state.offered(asset).contains(&terms_id),
            "TermsAlreadyAttached"
        );
        self.world.block(vec![Fact::LicenseTermsAttached { asset, terms_id }]);
    }

    /// A licence that ends at a time, 0 for never; its series.
    fn mint(&mut self, asset: U256, terms_id: U256, to: Address, expires_at: u64) -> U256 {
        let state = &self.world.state;
        assert!(state.offered(asset).contains(&terms_id), "TermsNotAttached");
        let series = series_of(asset, terms_id, expires_at);
        assert!(
            state.series(series).is_none_or(|known| !known.revoked),
            "RevokedLicense"
        );
        self.world.block(vec![
            Fact::LicenseMinted {
                series,
                asset,
                terms_id,
                expires_at,
            },
            Fact::Moved {
                what: Holding::License(series),
                from: Address::ZERO,
                to,
                amount: id(1),
            },
        ]);
        series
    }

    fn declare(&mut self, child: U256, parent: U256, license: U256, at: u64) {
        let (state, owner) = (&self.world.state, self.owner(child));
        if license.is_zero() {
            assert_eq!(state.owner(parent), Some(owner), "LicenceRequired");
        } else {
            let series = state.series(license).expect("UnknownLicense");
            assert_eq!(series.asset, parent, "LicenseOfAnotherAsset");
            assert!(!series.revoked, "RevokedLicense");
            assert!(!series.is_expired(at), "ExpiredLicense");
            assert!(state.held(owner, parent).contains(&license), "LicenseNotHeld");
            assert!(
                state.terms(series.terms_id).expect("terms").derivatives_allowed,
                "DerivativesForbidden"
            );
        }
        self.world.block(vec![Fact::DerivationDeclared {
            child,
            parent,
            relation: Relation::DerivedFrom,
            license,
        }]);
    }

    fn is_revoked(&self, series: U256) -> bool {
        self.world.state.series(series).expect("it was minted").revoked
    }

    /// Takes the steps; the asset that is there in the end.
    fn follow(&mut self, asset: U256, purpose: Purpose, steps: &[Mend]) -> U256 {
        let mut renewed: BTreeMap<U256, U256> = BTreeMap::new();
        let mut offered: BTreeMap<U256, U256> = BTreeMap::new();
        for step in steps {
            match step {
                Mend::OfferTerms {
                    asset,
                    anew,
                    derivatives,
                    terms_id,
                } => {
                    let target = if *anew { renewed[asset] } else { *asset };
                    let terms_id = terms_id.unwrap_or_else(|| self.least_terms(purpose, *derivatives));
                    self.attach(target, terms_id);
                    offered.insert(target, terms_id);
                }
                Mend::RegisterAnew { asset, parents } => {
                    let owner = self.owner(*asset);
                    let child = self.register(owner);
                    for NewParent { parent, anew, by } in parents {
                        let parent = if *anew { renewed[parent] } else { *parent };
                        let license = match by {
                            Admission::SameOwner => U256::ZERO,
                            Admission::Held(series) => *series,
                            Admission::Taken(terms_id) => {
                                let terms_id = terms_id.unwrap_or_else(|| offered[&parent]);
                                self.mint(parent, terms_id, owner, 0)
                            }
                        };
                        self.declare(child, parent, license, NOW);
                    }
                    renewed.insert(*asset, child);
                }
            }
        }
        renewed.get(&asset).copied().unwrap_or(asset)
    }

    /// New terms that allow what is said to be needed, and nothing else.
    fn least_terms(&mut self, purpose: Purpose, derivatives: bool) -> U256 {
        self.terms += 1;
        let derivatives = derivatives || purpose == Purpose::Derive;
        self.world
            .block(vec![terms(self.terms, purpose == Purpose::Commercial, derivatives)]);
        id(self.terms)
    }
}

/// Assets made from one another under all kinds of licences, some of which were revoked since, or ended.
fn draw(seed: u64) -> Chain {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chain = Chain::new();
    let mut minted: Vec<U256> = Vec::new();
    for _ in 0..rng.random_range(2..9) {
        let asset = chain.register(account(rng.random_range(0..3)));
        for (number, ..) in KNOWN {
            if rng.random_range(0..3) == 0 {
                chain.attach(asset, id(number));
            }
        }
        let owner = chain.owner(asset);
        for parent in (1..chain.assets).map(id) {
            if rng.random_range(0..3) > 0 {
                continue;
            }
            if chain.owner(parent) == owner && rng.random_range(0..2) == 0 {
                chain.declare(asset, parent, U256::ZERO, 0);
                continue;
            }
            let mut offers = chain.world.state.offered(parent);
            offers.retain(|terms_id| *terms_id != id(3));
            let Some(terms_id) = offers.get(rng.random_range(0..2)).copied() else {
                continue;
            };
            let ends = [0, 0, NOW, NOW + 1][rng.random_range(0..4)];
            let series = series_of(parent, terms_id, ends);
            if chain.world.state.series(series).is_some_and(|known| known.revoked) {
                continue;
            }
            minted.push(chain.mint(parent, terms_id, owner, ends));
            chain.declare(asset, parent, series, 0);
        }
        if !minted.is_empty() && rng.random_range(0..3) == 0 {
            let series = minted[rng.random_range(0..minted.len())];
            if !chain.is_revoked(series) {
                chain.world.block(vec![Fact::LicenseRevoked { series }]);
            }
        }
    }
    chain
}

fn series_of(asset: U256, terms_id: U256, expires_at: u64) -> U256 {
    asset << 128 | terms_id << 64 | U256::from(expires_at)
}

/// Whatever was derived, at any distance, under something that stands in the way.
fn tainted(view: &impl LicenseView, asset: U256, blockers: &[Blocker], found: &mut BTreeSet<U256>) -> bool {
    let mut is_tainted = blockers.iter().any(|blocker| blocker.child == Some(asset));
    for edge in view.derived_from(asset) {
        is_tainted |= tainted(view, edge.parent, blockers, found);
    }
    if is_tainted {
        found.insert(asset);
    }
    is_tainted
}

#[test]
fn whoever_follows_the_advice_may_use_what_comes_of_it() {
    let (mut renewals, mut plain) = (0, 0);
    for seed in 0..300 {
        for purpose in PURPOSES {
            let mut chain = draw(seed);
            let asset = id(chain.assets);
            let before = compatibility(&chain.world.state, asset, purpose, NOW);
            assert_eq!(before.allowed, before.mend.is_empty(), "seed {seed}");
            let anew = before
                .mend
                .iter()
                .filter(|step| matches!(step, Mend::RegisterAnew { .. }))
                .count();
            let mut least = BTreeSet::new();
            tainted(&chain.world.state, asset, &before.blockers, &mut least);
            assert_eq!(
                anew,
                least.len(),
                "seed {seed}: no more is registered anew than has to be"
            );
            let after = chain.follow(asset, purpose, &before.mend);
            let found = compatibility(&chain.world.state, after, purpose, NOW);
            assert!(
                found.allowed,
                "seed {seed}, for {purpose:?}: {before:?} led to {found:?}"
            );
            // Nothing but another registration mends a derivation.
            if after != asset {
                let old = compatibility(&chain.world.state, asset, purpose, NOW);
                let stays = |blocker: &&Blocker| blocker.why != Why::NotOffered;
                let blockers = |all: &[Blocker]| all.iter().filter(stays).copied().collect::<Vec<_>>();
                assert_eq!(blockers(&old.blockers), blockers(&before.blockers), "seed {seed}");
                renewals += 1;
            } else if !before.allowed {
                plain += 1;
            }
        }
    }
    assert!(
        renewals > 100 && plain > 50,
        "{renewals} registered anew, {plain} only offered: little was tried"
    );
}

#[test]
fn whoever_takes_the_licence_that_is_named_has_access() {
    let mut taken = 0;
    for seed in 0..300 {
        for purpose in PURPOSES {
            let mut chain = draw(seed);
            let (asset, stranger) = (id(chain.assets), account(9));
            let Access::NoLicense { offered, .. } = access(&chain.world.state, stranger, asset, purpose, NOW) else {
                continue;
            };
            let Some(terms_id) = offered else {
                // Then there is nothing to take, for anybody.
                let check = compatibility(&chain.world.state, asset, purpose, NOW);
                assert_eq!(check.blockers[0].why, Why::NotOffered, "seed {seed}");
                continue;
            };
            let series = chain.mint(asset, terms_id, stranger, 0);
            let now = access(&chain.world.state, stranger, asset, purpose, NOW);
            assert_eq!(
                now,
                Access::Licensed { series, until: None },
                "seed {seed}, for {purpose:?}"
            );
            taken += 1;
        }
    }
    assert!(taken > 100, "{taken}: little was tried");
}
