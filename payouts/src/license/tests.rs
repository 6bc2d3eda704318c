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

    fn is_closed(&self, asset: U256, terms_id: U256) -> bool {
        let mut series = self.series.values();
        series.any(|series| *series == (number(asset), number(terms_id), 0, true))
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

fn register(asset: u64, parents: &[(u64, bool, Admission)]) -> Mend {
    let parents = parents.iter().map(|(parent, anew, by)| NewParent {
        parent: id(*parent),
        anew: *anew,
        by: *by,
    });
    Mend::RegisterAnew {
        asset: id(asset),
        parents: parents.collect(),
    }
}

fn offer(asset: u64, anew: bool, derivatives: bool, terms_id: Option<u64>) -> Mend {
    Mend::OfferTerms {
        asset: id(asset),
        anew,
        derivatives,
        terms_id: terms_id.map(id),
    }
}

#[test]
fn terms_far_up_the_chain_block_commercial_use_and_nothing_else() {
    let world = world();
    assert!(compatibility(&world, id(3), Purpose::Use, 0).allowed);
    assert!(compatibility(&world, id(3), Purpose::Derive, 0).allowed);
    let found = compatibility(&world, id(3), Purpose::Commercial, 0);
    let blocker = Blocker {
        ancestor: id(1),
        child: Some(id(2)),
        series: Some(id(101)),
        why: Why::TermsForbid,
    };
    assert_eq!(found.blockers, [blocker]);
}

#[test]
fn what_a_derivation_was_made_under_stays_so_all_below_it_is_registered_anew() {
    let world = world();
    // The data's owner has to offer something. Of the data 3 is made as well, and its owner is another.
    let steps = [
        offer(1, false, true, None),
        register(2, &[(1, false, Admission::Taken(None))]),
        offer(2, true, true, None),
        register(
            3,
            &[(2, true, Admission::Taken(None)), (1, false, Admission::Taken(None))],
        ),
        offer(3, true, false, Some(ALL)),
    ];
    assert_eq!(compatibility(&world, id(3), Purpose::Commercial, 0).mend, steps);
}

#[test]
fn the_least_that_admits_a_derivation_is_named() {
    let mut world = world();
    let by = |world: &World, at| {
        let mend = compatibility(world, id(2), Purpose::Commercial, at).mend;
        let Some(Mend::RegisterAnew { parents, .. }) =
            mend.iter().find(|step| matches!(step, Mend::RegisterAnew { .. }))
        else {
            panic!("nothing is registered anew: {mend:?}");
        };
        (parents[0].by, mend.len())
    };
    // Neither of these allows both money and derivatives.
    world.offered.insert(1, vec![NOT_COMMERCIAL, NO_DERIVATIVES]);
    assert_eq!(by(&world, 0), (Admission::Taken(None), 3));
    world.offered.insert(1, vec![ALL, NOT_COMMERCIAL]);
    assert_eq!(by(&world, 0), (Admission::Taken(Some(id(ALL))), 2));
    // No licence is to be had any more under terms whose endless series was revoked.
    world.series.insert(300, (1, ALL, 0, true));
    assert_eq!(by(&world, 0), (Admission::Taken(None), 3));
    // Whoever holds a licence that is good needs none.
    world.series.insert(301, (1, ALL, 1_000, false));
    world.held.insert((20, 1), vec![101, 300, 301]);
    assert_eq!(by(&world, 999), (Admission::Held(id(301)), 2));
    assert_eq!(by(&world, 1_000), (Admission::Taken(None), 3), "the end is exclusive");
    world.owners.insert(1, 20);
    assert_eq!(by(&world, 1_000), (Admission::SameOwner, 2));
}

#[test]
fn one_offer_serves_every_child_of_an_ancestor() {
    let mut world = world();
    world.edges.insert(3, vec![(2, 102), (1, 101)]);
    let found = compatibility(&world, id(3), Purpose::Commercial, 0);
    assert_eq!(found.blockers.len(), 2);
    assert_eq!(found.blockers[0].child, Some(id(3)), "the nearer one comes first");
    let offers = found
        .mend
        .iter()
        .filter(|step| matches!(step, Mend::OfferTerms { asset, .. } if *asset == id(1)));
    assert_eq!(offers.count(), 1);
}

#[test]
fn an_asset_that_offers_nothing_blocks_itself() {
    let mut world = world();
    world.offered.clear();
    let found = compatibility(&world, id(3), Purpose::Use, 0);
    assert_eq!(
        found.blockers,
        [Blocker {
            ancestor: id(3),
            child: None,
            series: None,
            why: Why::NotOffered
        }]
    );
    assert_eq!(found.mend, [offer(3, false, false, None)]);
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
        Access::NoLicense {
            held,
            offered: Some(id(ALL))
        },
        "the end is exclusive"
    );
    assert_eq!(
        access(&world, account(8), id(3), Purpose::Use, 0),
        Access::NoLicense {
            held: vec![],
            offered: Some(id(ALL))
        }
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
