//! Revenue that went to another distributor is owed by that one: it is in no line and no root here, whatever else happens to it.

use alloy_primitives::Address;
use souk_payouts::fact::Fact;
use souk_payouts::{Output, Refused, State};

use crate::economy::{DISTRIBUTOR, account, block, contracts, id};
use crate::world::{World, executed, pay, pays, register};

fn other() -> Address {
    account(60)
}

#[test]
fn what_another_distributor_has_is_in_no_line_and_no_root() {
    let mut world = World::new();
    world.block(vec![register(1, account(1), 0), pay(1, 1, id(1_000))]);
    let before = world.state.state_hash();
    // In one block, in the order of the logs.
    world.block(vec![
        pay(2, 1, id(7)),
        pays(other()),
        pay(3, 1, id(11)),
        pays(DISTRIBUTOR),
        pay(4, 1, id(13)),
        pays(other()),
    ]);
    assert_eq!(world.output.lines.len(), 2, "of revenues 2 and 4");
    world.block(vec![pay(5, 1, id(17))]);
    assert_eq!(world.owed(account(1), 3), 1_020);
    for revenue in [1, 2, 4] {
        assert_eq!(world.state.paid_elsewhere(id(revenue)), None);
        assert_eq!(world.paid(revenue).len(), 1);
    }
    for revenue in [3, 5] {
        assert_eq!(world.state.paid_elsewhere(id(revenue)), Some(other()));
        assert!(world.paid(revenue).is_empty() && world.state.evidence(id(revenue)).is_none());
        assert_eq!(
            world.try_block(vec![pay(revenue, 1, id(1))]),
            Err(Refused::RevenueExists(id(revenue)))
        );
    }
    world.revert_to(1);
    assert_eq!(world.state.state_hash(), before);
    world.block(vec![pay(2, 1, id(19))]);
    assert_eq!(world.owed(account(1), 2), 1_019, "the router pays ours again");
}

#[test]
fn a_fold_that_goes_on_from_a_snapshot_knows_whom_the_router_pays() {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 0),
        pay(1, 1, id(5)),
        pays(other()),
        pay(2, 1, id(6)),
    ]);
    let mut restored = State::restore(&contracts(), &world.state.snapshot()).expect("a snapshot");
    assert_eq!(restored.state_hash(), world.state.state_hash());
    let next = block(world.next, vec![pay(3, 1, id(7)), pays(DISTRIBUTOR), pay(4, 1, id(8))]);
    for state in [&mut restored, &mut world.state] {
        state.apply(&next, &mut Output::default()).expect("lawful facts");
        let entries = state.entries(next.block.number);
        assert_eq!(
            entries.iter().map(|entry| entry.cumulative).collect::<Vec<_>>(),
            [id(13)]
        );
    }
    assert_eq!(restored.state_hash(), world.state.state_hash());
}

#[test]
fn nothing_holds_or_recomputes_what_is_owed_elsewhere() {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 0),
        pays(other()),
        executed(1, 1, 1, 100),
        pay(2, 1, id(100)),
    ]);
    let (dispute, challenge, asset, execution) = (id(1), id(1), id(1), id(1));
    world.block(vec![
        Fact::DisputeRaised { dispute, asset },
        Fact::ExecutionChallenged { challenge, execution },
    ]);
    assert!(world.output.changes.is_empty());
    let upheld = true;
    world.block(vec![
        Fact::DisputeResolved { dispute, upheld },
        Fact::ChallengeResolved {
            challenge,
            upheld,
            voided: None,
        },
    ]);
    assert!(world.output.changes.is_empty() && world.output.lines.is_empty());
    assert!(world.state.entries(3).is_empty());
}

/// A router names its first distributor as it is made, so a stream without that began too late, or was written before it was kept.
#[test]
fn a_revenue_whose_distributor_was_never_named_is_refused() {
    let mut state = State::new(&contracts());
    let facts = block(1, vec![register(1, account(1), 0), pay(1, 1, id(5))]);
    let refused = state.apply(&facts, &mut Output::default());
    assert_eq!(refused, Err(Refused::UnknownDistributor(id(1))));
    assert!(
        Refused::UnknownDistributor(id(1))
            .to_string()
            .contains("index the chain anew")
    );

    // Where nobody pays by roots, lines are only what the rule says.
    let without = souk_payouts::Contracts {
        distributor: None,
        ..contracts()
    };
    let (mut state, mut output) = (State::new(&without), Output::default());
    state.apply(&facts, &mut output).expect("lawful facts");
    assert_eq!(output.lines.len(), 1);
}
