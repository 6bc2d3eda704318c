//! Facts that our contracts cannot emit are refused by name, and leave no trace.

use alloy_primitives::U256;
use souk_payouts::Refused;
use souk_payouts::fact::Fact;
use souk_payouts::rule::{Edge, Lineage, Overspent, UpstreamBuilder};
use souk_payouts::state::HoldKey;
use souk_schema::event::{Relation, RoyaltyPolicy};

use crate::economy::{account, block, id};
use crate::world::{World, derive, issue, moved, pay, register};

fn three_in_a_row() -> World {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 0),
        register(2, account(2), 0),
        register(3, account(3), 0),
    ]);
    world.block(derive(2, 1, RoyaltyPolicy::Lap, 60_000_000));
    world
}

fn refused(world: &mut World, facts: Vec<Fact>) -> Refused {
    let before = world.state.state_hash();
    let refused = world.try_block(facts).expect_err("it cannot be");
    assert_eq!(world.state.state_hash(), before, "nothing of it was folded");
    assert!(world.output.lines.is_empty() && world.output.changes.is_empty());
    refused
}

#[test]
fn royalties_of_more_than_the_whole_are_refused() {
    let mut world = three_in_a_row();
    let found = refused(&mut world, derive(3, 2, RoyaltyPolicy::Lap, 40_000_001));
    assert_eq!(
        found,
        Refused::RoyaltyStackTooHigh(Overspent {
            asset: id(3),
            parts: 100_000_001
        })
    );
    assert_eq!(
        found.to_string(),
        "the royalties above asset 3 come to 100000001 parts per 100,000,000, which is more than the whole"
    );
    assert!(matches!(
        refused(&mut world, derive(3, 2, RoyaltyPolicy::Lrp, 40_000_001)),
        Refused::RoyaltyStackTooHigh(_)
    ));
    // A diamond pays per path: two ways to the 60% above asset 2.
    let mut facts = derive(3, 2, RoyaltyPolicy::None, 0);
    facts.push(register(4, account(4), 0));
    facts.extend(derive(4, 2, RoyaltyPolicy::None, 0));
    facts.push(register(5, account(4), 0));
    facts.extend(derive(5, 3, RoyaltyPolicy::None, 0));
    let diamond = derive(5, 4, RoyaltyPolicy::None, 0);
    let both = facts.iter().cloned().chain(diamond).collect();
    assert!(matches!(refused(&mut world, both), Refused::RoyaltyStackTooHigh(_)));
    world.block(facts);
    world.block(vec![pay(1, 5, id(1_000))]);
}

#[test]
fn an_asset_cannot_be_its_own_ancestor() {
    let mut world = three_in_a_row();
    world.block(derive(3, 2, RoyaltyPolicy::None, 0));
    for parent in [1, 2, 3] {
        let found = refused(&mut world, derive(1, parent, RoyaltyPolicy::Lrp, 1));
        assert_eq!(
            found,
            Refused::SelfAncestor {
                child: id(1),
                parent: id(parent)
            }
        );
    }
    world.block(vec![register(4, account(4), 0)]);
    assert_eq!(
        refused(&mut world, derive(2, 4, RoyaltyPolicy::Lrp, 1)),
        Refused::HasChildren(id(2))
    );
    assert_eq!(
        refused(&mut world, derive(3, 2, RoyaltyPolicy::None, 0)),
        Refused::DuplicateParent {
            child: id(3),
            parent: id(2)
        }
    );
}

/// Even a graph that no registry checked overspends nothing.
#[test]
fn the_rule_itself_refuses_what_would_overspend() {
    struct Graph(Vec<Vec<Edge>>);
    impl Lineage for Graph {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn id(&self, asset: u32) -> U256 {
            U256::from(asset)
        }
        fn depth(&self, asset: u32) -> u32 {
            asset
        }
        fn edges(&self, asset: u32) -> &[Edge] {
            &self.0[asset as usize]
        }
    }
    let edge = |parent, policy, share| Edge {
        parent,
        relation: Relation::DerivedFrom,
        policy,
        share,
        license: U256::ONE,
        terms: U256::ONE,
    };
    // A ladder of 40 diamonds has 2^40 paths: the count saturates, and 2^40 times the least share is still too much.
    let mut graph = Graph(vec![vec![], vec![edge(0, RoyaltyPolicy::Lap, 1)]]);
    for _ in 0..40 {
        let bottom = graph.0.len() as u32;
        graph.0.push(vec![edge(bottom - 1, RoyaltyPolicy::None, 0)]);
        graph.0.push(vec![edge(bottom - 1, RoyaltyPolicy::None, 0)]);
        graph.0.push(vec![
            edge(bottom, RoyaltyPolicy::None, 0),
            edge(bottom + 1, RoyaltyPolicy::None, 0),
        ]);
    }
    let source = graph.0.len() as u32 - 1;
    let found = UpstreamBuilder::default().build(&graph, source).expect_err("too much");
    assert_eq!(
        found,
        Overspent {
            asset: U256::from(source),
            parts: 100_000_001
        }
    );
}

#[test]
fn what_was_never_heard_of_is_refused() {
    let mut world = three_in_a_row();
    world.block(issue(1, &[(account(1), 10)]));
    assert_eq!(
        refused(&mut world, vec![pay(1, 9, id(1))]),
        Refused::UnknownAsset(id(9))
    );
    assert_eq!(
        refused(&mut world, vec![register(1, account(1), 0)]),
        Refused::AssetExists(id(1))
    );
    assert_eq!(refused(&mut world, issue(1, &[])), Refused::SharesExist(id(1)));
    let taken = refused(&mut world, vec![pay(1, 1, id(5)), moved(1, account(1), account(2), 11)]);
    assert!(
        matches!(taken, Refused::InsufficientHolding { .. }),
        "and the revenue before it is not there either"
    );
    assert!(world.state.revenue(id(1)).is_none());
    let resolved = Fact::DisputeResolved {
        dispute: id(1),
        upheld: true,
    };
    assert_eq!(
        refused(&mut world, vec![resolved]),
        Refused::HoldNotOpen(HoldKey::Dispute(id(1)))
    );
    let finalised = Fact::RootFinalised {
        epoch: 1,
        root: Default::default(),
    };
    assert_eq!(refused(&mut world, vec![finalised]), Refused::NoPendingRoot(1));
    let too_large = Fact::ContributionRecorded {
        contribution: id(1),
        asset: id(1),
        contributor: account(1),
        weight: U256::MAX,
    };
    assert_eq!(refused(&mut world, vec![too_large]), Refused::TooLarge(id(1)));
    let older = block(1, vec![]);
    assert!(matches!(
        world.state.apply(&older, &mut world.output),
        Err(Refused::NotAfterHead { .. })
    ));
    assert!(world.state.revert(older.block).is_err(), "only the head is reverted");
    world.state.finalise(world.next - 1);
    let head = world.state.head().expect("a head");
    assert_eq!(
        world.state.revert(head),
        Err(Refused::NotTheHead { number: head.number }),
        "and only before it is final"
    );
}

/// Holdings so large that they cannot be summed never reach a split.
#[test]
fn holdings_beyond_256_bits_are_refused() {
    let mut world = three_in_a_row();
    let mint = |to, amount| Fact::Moved {
        what: souk_payouts::fact::Holding::Shares(id(1)),
        from: Default::default(),
        to,
        amount,
    };
    let half = U256::from(1) << 255;
    let facts = vec![
        Fact::SharesIssued { asset: id(1) },
        mint(account(1), half),
        mint(account(2), half),
    ];
    assert_eq!(refused(&mut world, facts), Refused::TooLarge(id(1)));
    world.block(vec![
        Fact::SharesIssued { asset: id(1) },
        mint(account(1), half),
        mint(account(2), half - id(1)),
    ]);
    world.block(vec![pay(1, 1, U256::MAX)]);
    assert_eq!(crate::world::sum(&world.output.lines), U256::MAX);
}
