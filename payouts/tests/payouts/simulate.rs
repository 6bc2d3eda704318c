//! What if, side by side, with nothing changed by asking.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use souk_payouts::Refused;
use souk_payouts::simulate::{SimulatedLine, SupposedParent, SupposedTerms, WhatIf};
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{DISTRIBUTOR, Economy, account, e8, id};
use crate::oracle::Oracle;
use crate::world::{World, derive, pay, pays, register};

fn question(asset: Option<u64>, amount: u64) -> WhatIf {
    WhatIf {
        asset: asset.map(id),
        amount: id(amount),
        fee: None,
        parents: vec![],
        terms: vec![],
    }
}

fn by_asset(lines: &[SimulatedLine]) -> BTreeMap<Option<u64>, u64> {
    let mut sums = BTreeMap::new();
    for line in lines {
        *sums.entry(line.asset.map(|asset| asset.to::<u64>())).or_default() += line.amount.to::<u64>();
    }
    sums
}

/// 1 ← 2 ← 3, by LRP at half each.
fn row() -> World {
    let mut world = World::new();
    let mut facts: Vec<_> = (1..=3).map(|asset| register(asset, account(asset), 0)).collect();
    facts.extend(derive(2, 1, RoyaltyPolicy::Lrp, 50_000_000));
    facts.extend(derive(3, 2, RoyaltyPolicy::Lrp, 50_000_000));
    world.block(facts);
    world
}

#[test]
fn the_policies_are_compared_side_by_side() {
    let mut world = row();
    let before = world.state.state_hash();
    let found = world.state.simulate(&question(Some(3), 1_000)).expect("it is known");
    assert_eq!(
        by_asset(&found.as_declared.clone().expect("lawful")),
        BTreeMap::from([(Some(1), 250), (Some(2), 250), (Some(3), 500)])
    );
    assert_eq!(found.lrp, found.as_declared);
    assert_eq!(
        by_asset(&found.lap.expect("lawful")),
        BTreeMap::from([(Some(1), 500), (Some(2), 500)]),
        "half each, of all of it"
    );
    assert_eq!(
        by_asset(&found.pro_rata),
        BTreeMap::from([(Some(1), 250), (Some(2), 250), (Some(3), 500)])
    );
    assert_eq!(world.state.state_hash(), before, "asking changes nothing");
}

#[test]
fn a_derivation_that_does_not_exist_may_overspend_under_one_policy_alone() {
    let mut world = row();
    let parent = |parent, share| SupposedParent {
        parent: id(parent),
        policy: RoyaltyPolicy::Lrp,
        share: e8(share),
    };
    let asked = WhatIf {
        parents: vec![parent(3, 10_000_000)],
        fee: Some(e8(10_000_000)),
        ..question(None, 1_000)
    };
    let found = world.state.simulate(&asked).expect("it could be declared");
    assert_eq!(found.fee, id(100));
    let declared = by_asset(&found.as_declared.expect("lawful"));
    assert_eq!(
        declared,
        BTreeMap::from([(None, 810), (Some(3), 45), (Some(2), 22), (Some(1), 23)]),
        "22.5 each: the lower id has the tie"
    );
    let overspent = found.lap.expect_err("50% and 50% and 10%");
    assert_eq!(overspent.parts, 110_000_000);
    assert_eq!(by_asset(&found.pro_rata).values().sum::<u64>(), 900);
    let twice = WhatIf {
        parents: vec![parent(1, 1), parent(1, 1)],
        ..question(Some(3), 1)
    };
    assert!(matches!(
        world.state.simulate(&twice),
        Err(Refused::DuplicateParent { .. })
    ));
    let above = WhatIf {
        parents: vec![parent(3, 1)],
        ..question(Some(1), 1)
    };
    assert!(matches!(world.state.simulate(&above), Err(Refused::HasChildren(_))));
    assert_eq!(
        world.state.simulate(&question(Some(9), 1)).err(),
        Some(Refused::UnknownAsset(id(9)))
    );
}

#[test]
fn other_terms_count_on_every_edge_that_was_made_under_them() {
    let mut world = row();
    let terms_id = id(1_000_000_000 * u64::from(RoyaltyPolicy::Lrp.number()) + 50_000_000);
    let supposed = SupposedTerms {
        terms_id,
        policy: RoyaltyPolicy::Lap,
        share: e8(20_000_000),
    };
    let terms = vec![supposed];
    let found = world
        .state
        .simulate(&WhatIf {
            terms,
            ..question(Some(3), 1_000)
        })
        .expect("it is known");
    assert_eq!(
        by_asset(&found.as_declared.expect("lawful")),
        BTreeMap::from([(Some(1), 200), (Some(2), 200), (Some(3), 600)])
    );
}

#[test]
fn terms_that_nobody_registered_or_that_are_supposed_twice_are_refused() {
    let mut world = row();
    let terms_id = id(1_000_000_000 * u64::from(RoyaltyPolicy::Lrp.number()) + 50_000_000);
    let supposed = |terms_id, parts| SupposedTerms {
        terms_id,
        policy: RoyaltyPolicy::Lap,
        share: e8(parts),
    };
    for (terms, refused) in [
        (
            vec![supposed(terms_id, 1), supposed(id(5), 1)],
            Refused::UnknownTerms(id(5)),
        ),
        (
            vec![supposed(terms_id, 1), supposed(terms_id, 2)],
            Refused::TermsTwice(terms_id),
        ),
    ] {
        let asked = WhatIf {
            terms,
            ..question(Some(3), 1_000)
        };
        assert_eq!(world.state.simulate(&asked), Err(refused));
    }
}

/// What is simulated is what is then paid.
#[test]
fn a_simulated_revenue_is_split_as_the_real_one() {
    let mut compared = 0;
    for seed in 400..410 {
        let (mut economy, mut oracle) = (Economy::new(seed), Oracle::default());
        let (mut world, mut last) = (World::new(), 0);
        for number in 1..40 {
            let block = economy.block(&oracle, number);
            oracle.apply(&block);
            world.state.apply(&block, &mut world.output).expect("lawful facts");
            last = number;
        }
        for asset in oracle.assets.keys() {
            let amount = 987_654_321u64;
            let found = world
                .state
                .simulate(&question(Some(asset.to::<u64>()), amount))
                .expect("it is known");
            let mut after = World {
                state: world.state.clone(),
                output: Default::default(),
                next: last + 1,
            };
            after.block(vec![
                pays(DISTRIBUTOR),
                pay(1_000_000, asset.to::<u64>(), U256::from(amount)),
            ]);
            let real: Vec<_> = after.output.lines.iter().filter(|line| line.portion != 0).collect();
            let simulated = found.as_declared.expect("lawful");
            assert_eq!(real.len(), simulated.len());
            for (real, simulated) in real.iter().zip(&simulated) {
                assert_eq!(
                    (Some(real.asset), Some(real.recipient)),
                    (simulated.asset, simulated.recipient)
                );
                assert_eq!(
                    (Some(real.kind.route), real.paths, real.amount),
                    (simulated.route, simulated.paths, simulated.amount)
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 50);
}
