//! A small world of licences, spelled out.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use souk_schema::E8;
use souk_schema::event::RoyaltyPolicy;

use super::*;

#[derive(Default)]
struct World {
    owners: BTreeMap<u64, u8>,
    edges: BTreeMap<u64, Vec<(u64, u64)>>,
    series: BTreeMap<u64, (u64, u64, u64, bool)>,
    offered: BTreeMap<u64, Vec<u64>>,
    held: BTreeMap<(u8, u64), Vec<u64>>,
}

/// Terms by number: 1 allows all, 2 is not for money, 3 is not for derivatives.
const ALL: u64 = 1;
const NOT_COMMERCIAL: u64 = 2;
const NO_DERIVATIVES: u64 = 3;

fn id(number: u64) -> U256 {
    U256::from(number)
}

fn account(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn number(id: U256) -> u64 {
    id.to::<u64>()
}

impl LicenseView for World {
    fn owner(&self, asset: U256) -> Option<Address> {
        self.owners.get(&number(asset)).map(|owner| account(*owner))
    }

    fn derived_from(&self, asset: U256) -> Vec<DerivedUnder> {
        let edges = self.edges.get(&number(asset)).into_iter().flatten();
        edges
            .map(|(parent, series)| DerivedUnder {
                parent: id(*parent),
                series: (*series != 0).then(|| id(*series)),
            })
            .collect()
    }

    fn series(&self, series: U256) -> Option<SeriesView> {
        let (asset, terms, expires_at, revoked) = *self.series.get(&number(series))?;
        Some(SeriesView {
            asset: id(asset),
            terms_id: id(terms),
            expires_at,
            revoked,
        })
    }

    fn terms(&self, terms_id: U256) -> Option<Terms> {
        (number(terms_id) <= 3).then_some(Terms {
            commercial_use: terms_id != id(NOT_COMMERCIAL),
            derivatives_allowed: terms_id != id(NO_DERIVATIVES),
            policy: RoyaltyPolicy::None,
            share: E8::ZERO,
        })
    }

    fn offered(&self, asset: U256) -> Vec<U256> {
        self.offered
            .get(&number(asset))
            .into_iter()
            .flatten()
            .map(|terms| id(*terms))
            .collect()
    }

    fn held(&self, account: Address, asset: U256) -> Vec<U256> {
        self.held
            .get(&(account[0], number(asset)))
            .into_iter()
            .flatten()
            .map(|series| id(*series))
            .collect()
    }
}

/// 3 was derived from 2 and, for one owner, from 1; 2 was derived from 1 under terms that are not for money.
fn world() -> World {
    World {
        owners: BTreeMap::from([(1, 10), (2, 20), (3, 30)]),
        edges: BTreeMap::from([(2, vec![(1, 101)]), (3, vec![(2, 102), (1, 0)])]),
        series: BTreeMap::from([(101, (1, NOT_COMMERCIAL, 0, false)), (102, (2, ALL, 500, false))]),
        offered: BTreeMap::from([(3, vec![ALL])]),
        held: BTreeMap::new(),
    }
}

#[test]
fn terms_far_up_the_chain_block_commercial_use_and_nothing_else() {
    let world = world();
    assert!(compatibility(&world, id(3), Purpose::Use).allowed);
    assert!(compatibility(&world, id(3), Purpose::Derive).allowed);
    let found = compatibility(&world, id(3), Purpose::Commercial);
    let blocker = Blocker {
        ancestor: id(1),
        child: Some(id(2)),
        series: Some(id(101)),
        why: Why::TermsForbid,
    };
    assert_eq!(found.blockers, [blocker]);
    assert_eq!(found.mend, [Mend::OfferTerms { asset: id(1) }]);
}

#[test]
fn the_smallest_mend_takes_a_licence_that_is_on_offer() {
    let mut world = world();
    world.offered.insert(1, vec![NOT_COMMERCIAL, NO_DERIVATIVES]);
    let found = compatibility(&world, id(3), Purpose::Commercial);
    assert_eq!(
        found.mend,
        [Mend::OfferTerms { asset: id(1) }],
        "neither allows both money and derivatives"
    );
    world.offered.insert(1, vec![ALL, NOT_COMMERCIAL]);
    let found = compatibility(&world, id(3), Purpose::Commercial);
    assert_eq!(
        found.mend,
        [Mend::TakeLicense {
            ancestor: id(1),
            child: id(2),
            terms_id: id(ALL)
        }]
    );
}

#[test]
fn one_offer_mends_every_child_of_an_ancestor() {
    let mut world = world();
    world.edges.insert(3, vec![(2, 102), (1, 101)]);
    let found = compatibility(&world, id(3), Purpose::Commercial);
    assert_eq!(found.blockers.len(), 2);
    assert_eq!(found.blockers[0].child, Some(id(3)), "the nearer one comes first");
    assert_eq!(found.mend, [Mend::OfferTerms { asset: id(1) }]);
}

#[test]
fn an_asset_that_offers_nothing_blocks_itself() {
    let mut world = world();
    world.offered.clear();
    let found = compatibility(&world, id(3), Purpose::Use);
    assert_eq!(
        found.blockers,
        [Blocker {
            ancestor: id(3),
            child: None,
            series: None,
            why: Why::NotOffered
        }]
    );
    assert_eq!(found.mend, [Mend::OfferTerms { asset: id(3) }]);
}

#[test]
fn a_licence_serves_until_it_expires_and_the_longest_is_named() {
    let mut world = world();
    world.series.insert(201, (3, ALL, 1_000, false));
    world.series.insert(202, (3, NOT_COMMERCIAL, 0, false));
    world.series.insert(203, (3, ALL, 900, false));
    world.held.insert((7, 3), vec![201, 202, 203]);
    let ask = |purpose, at| access(&world, account(7), id(3), purpose, at);
    assert_eq!(
        ask(Purpose::Use, 0),
        Access::Licensed {
            series: id(202),
            until: None
        }
    );
    assert_eq!(
        ask(Purpose::Derive, 999),
        Access::Licensed {
            series: id(202),
            until: None
        }
    );
    // Above, asset 1 forbids money to everybody.
    assert!(matches!(ask(Purpose::Commercial, 0), Access::Blocked { .. }));
    world.series.insert(101, (1, ALL, 0, false));
    let ask = |purpose, at| access(&world, account(7), id(3), purpose, at);
    assert_eq!(
        ask(Purpose::Commercial, 999),
        Access::Licensed {
            series: id(201),
            until: Some(1_000)
        }
    );
    let held = vec![
        (id(201), NotUsable::Expired(1_000)),
        (id(202), NotUsable::TermsForbid),
        (id(203), NotUsable::Expired(900)),
    ];
    assert_eq!(
        ask(Purpose::Commercial, 1_000),
        Access::NoLicense { held },
        "the end is exclusive"
    );
    assert_eq!(
        access(&world, account(8), id(3), Purpose::Use, 0),
        Access::NoLicense { held: vec![] }
    );
    assert_eq!(
        access(&world, account(30), id(3), Purpose::Commercial, 5_000),
        Access::AsOwner
    );
}

#[test]
fn revocation_takes_what_was_derived_along_and_expiry_does_not() {
    let mut world = world();
    world.series.insert(201, (3, ALL, 0, false));
    world.held.insert((7, 3), vec![201]);
    // Series 102, under which asset 3 was derived, ended at 500.
    assert!(access(&world, account(7), id(3), Purpose::Use, 600).is_allowed());
    world.series.insert(101, (1, NOT_COMMERCIAL, 0, true));
    let Access::Blocked { blockers } = access(&world, account(7), id(3), Purpose::Use, 600) else {
        panic!("the series that asset 2 was derived under was revoked");
    };
    assert_eq!((blockers[0].ancestor, blockers[0].why), (id(1), Why::Revoked));
    assert!(
        !access(&world, account(30), id(3), Purpose::Use, 600).is_allowed(),
        "not even its owner"
    );
}
