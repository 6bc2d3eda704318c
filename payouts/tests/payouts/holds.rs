//! Disputes, challenges, roots, and reorganisations across each of them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use souk_payouts::fact::Fact;
use souk_payouts::state::{Change, HoldKey, PortionStatus};
use souk_payouts::{Role, Route};
use souk_schema::event::RoyaltyPolicy;

use crate::economy::{account, block_ref, id};
use crate::world::{World, contribute, derive, executed, pay, register, token};

fn dispute(dispute: u64, asset: u64) -> Fact {
    Fact::DisputeRaised {
        dispute: id(dispute),
        asset: id(asset),
    }
}

fn resolve(dispute: u64, upheld: bool) -> Fact {
    Fact::DisputeResolved {
        dispute: id(dispute),
        upheld,
    }
}

pub fn propose(epoch: u64, block: u64) -> Fact {
    Fact::RootProposed {
        epoch,
        root: B256::repeat_byte(epoch as u8),
        computed_at: block_ref(block, 0),
    }
}

pub fn finalise(epoch: u64) -> Fact {
    Fact::RootFinalised {
        epoch,
        root: B256::repeat_byte(epoch as u8),
    }
}

/// 4 came from 2 and 3, both from 1. Asset 1 has 10% by LAP over each, 2 and 3 have 20% by LRP each. A revenue of 1,000 at 4 came in block 2.
fn diamond() -> World {
    let mut world = World::new();
    let mut facts: Vec<Fact> = (1..=4).map(|asset| register(asset, account(asset), 0)).collect();
    facts.extend(derive(2, 1, RoyaltyPolicy::Lap, 10_000_000));
    facts.extend(derive(3, 1, RoyaltyPolicy::Lap, 10_000_000));
    facts.extend(derive(4, 2, RoyaltyPolicy::Lrp, 20_000_000));
    facts.extend(derive(4, 3, RoyaltyPolicy::Lrp, 20_000_000));
    world.block(facts);
    world.block(vec![pay(1, 4, id(1_000))]);
    world
}

fn owner(asset: u64, route: Route, amount: u64) -> ((u64, Route, Role, Address), u64) {
    ((asset, route, Role::Owner, account(asset)), amount)
}

/// What the four owners could claim at the head.
fn owed(world: &mut World) -> [u64; 4] {
    let head = world.next - 1;
    [1, 2, 3, 4].map(|asset| world.owed(account(asset), head))
}

#[test]
fn a_dispute_holds_source_hop_and_payee_and_nothing_else() {
    let mut world = diamond();
    assert_eq!(owed(&mut world), [200, 200, 200, 400]);
    world.block(vec![dispute(1, 2)]);
    assert_eq!(
        owed(&mut world),
        [0, 0, 200, 400],
        "asset 2 as the payee, and as a hop on the way to asset 1"
    );
    world.block(vec![dispute(2, 4)]);
    assert_eq!(owed(&mut world), [0, 0, 0, 0], "as the source");
    world.block(vec![resolve(2, false)]);
    // A revenue that comes meanwhile is held from the start; one of another asset is not.
    world.block(vec![pay(2, 4, id(1_000)), pay(3, 3, id(100))]);
    assert_eq!(
        owed(&mut world),
        [10, 0, 490, 800],
        "10 and 90 of asset 3's own, and its two shares"
    );
    world.block(vec![resolve(1, false)]);
    assert_eq!(owed(&mut world), [410, 400, 490, 800], "released as they were");
}

/// LRP does not flow over an edge by LAP, so what an asset passes on by LRP is not held where LRP never reaches the asset.
#[test]
fn a_dispute_does_not_leak_into_lines_that_go_around_its_asset() {
    let mut world = World::new();
    let mut facts: Vec<Fact> = (1..=3).map(|asset| register(asset, account(asset), 0)).collect();
    facts.extend(derive(2, 1, RoyaltyPolicy::Lrp, 50_000_000));
    facts.extend(derive(3, 2, RoyaltyPolicy::Lap, 10_000_000));
    facts.extend(derive(3, 1, RoyaltyPolicy::Lrp, 20_000_000));
    facts.extend([pay(1, 3, id(1_000)), dispute(1, 2)]);
    world.block(facts);
    assert_eq!([1, 2, 3].map(|asset| world.owed(account(asset), 1)), [200, 0, 700]);
    // Neither its children's own revenue, nor its parent's, is held for it.
    world.block(vec![pay(2, 1, id(10))]);
    assert_eq!([1, 2, 3].map(|asset| world.owed(account(asset), 2)), [210, 0, 700]);
}

#[test]
fn an_upheld_dispute_takes_the_judged_claim_alone() {
    let mut world = diamond();
    world.block(vec![dispute(1, 2)]);
    world.block(vec![resolve(1, true)]);
    let paid = BTreeMap::from([
        owner(1, Route::RoyaltyLap, 200),
        owner(3, Route::RoyaltyLrp, 200),
        owner(4, Route::Own, 400),
        owner(4, Route::Returned, 200),
    ]);
    assert_eq!(
        world.paid(1),
        paid,
        "what asset 2 would have had stays with asset 4; asset 1 loses nothing by it"
    );
    // The asset that earned it is judged as well: what it may not keep is the protocol's, or the payer's while none was told.
    world.block(vec![dispute(2, 4)]);
    world.block(vec![resolve(2, true)]);
    let forfeited = ((4, Route::Forfeited, Role::Protocol, account(99)), 600);
    let paid = BTreeMap::from([
        owner(1, Route::RoyaltyLap, 200),
        owner(3, Route::RoyaltyLrp, 200),
        forfeited,
    ]);
    assert_eq!(world.paid(1), paid);
    // A judgement says nothing of later revenue.
    world.block(vec![pay(2, 4, id(1_000))]);
    assert_eq!(world.paid(2)[&(2, Route::RoyaltyLrp, Role::Owner, account(2))], 200);
}

#[test]
fn two_holds_on_one_line_both_have_to_end() {
    let mut world = diamond();
    world.block(vec![dispute(1, 2), dispute(2, 1), dispute(3, 2)]);
    assert_eq!(owed(&mut world), [0, 0, 200, 400]);
    world.block(vec![resolve(2, false)]);
    assert_eq!(
        owed(&mut world),
        [0, 0, 200, 400],
        "asset 1 is still reached over asset 2"
    );
    world.block(vec![resolve(1, false)]);
    assert_eq!(owed(&mut world), [0, 0, 200, 400]);
    let record = world.state.revenue(id(1)).expect("it arrived").clone();
    let held = PortionStatus::Held(vec![HoldKey::Dispute(id(3))]);
    assert!((0..record.portion_count()).any(|portion| world.state.portion_status(&record, portion) == held));
    world.block(vec![resolve(3, false)]);
    assert_eq!(owed(&mut world), [200, 200, 200, 400]);
}

#[test]
fn a_dispute_after_a_root_was_posted_spoils_it_and_after_it_was_final_changes_nothing() {
    let mut world = diamond();
    world.block(vec![propose(1, 2)]);
    assert!(world.state.pending_root().expect("pending").spoiled.is_empty());
    world.block(vec![dispute(1, 2)]);
    let spoiled = world.state.pending_root().expect("pending").spoiled;
    assert_eq!(spoiled.len(), 2, "asset 2 by LRP and asset 1 by LAP: {spoiled:?}");
    let before = world.next - 1;
    // It is replaced by one that leaves them out.
    world.block(vec![Fact::RootDropped { epoch: 1 }, propose(1, before)]);
    world.block(vec![finalise(1)]);
    assert_eq!(
        [1, 2, 3, 4].map(|asset| world.state.vested(account(asset), token()).to::<u64>()),
        [0, 0, 200, 400]
    );
    world.block(vec![dispute(2, 4)]);
    world.block(vec![resolve(2, true)]);
    assert_eq!(world.state.vested(account(4), token()), id(400), "what is vested stays");
    // Or nobody replaces it: then it stands, and the dispute holds nothing of it any more.
    world.revert_to(before);
    world.block(vec![finalise(1)]);
    assert_eq!(owed(&mut world), [200, 200, 200, 400]);
    world.block(vec![resolve(1, true)]);
    assert_eq!(owed(&mut world), [200, 200, 200, 400]);
}

/// The worst order: a root that counts a line, a judgement that takes the line away, and the root final in spite of it.
#[test]
fn nothing_is_paid_twice_when_a_spoiled_root_becomes_final() {
    let mut world = diamond();
    world.block(vec![propose(1, 2)]);
    world.block(vec![dispute(1, 2)]);
    world.block(vec![resolve(1, true)]);
    assert_eq!(owed(&mut world), [200, 0, 200, 600]);
    world.block(vec![finalise(1)]);
    assert!(
        world
            .output
            .changes
            .iter()
            .any(|change| change.change == Change::Restored)
    );
    assert_eq!(
        owed(&mut world),
        [200, 200, 200, 400],
        "the root paid asset 2, so asset 4 does not have it back"
    );
    let judged = world.next - 2;
    assert_eq!(
        [1, 2, 3, 4].map(|asset| world.owed(account(asset), judged)),
        [200, 200, 200, 400]
    );
    let paid: u64 = world.paid(1).values().sum();
    assert_eq!(paid, 1_000);
}

/// A root that was computed before the last final one would count what was held in between, and maybe judged.
#[test]
fn a_root_at_an_older_block_counts_nothing_new() {
    let mut world = diamond();
    world.block(vec![dispute(1, 2)]);
    world.block(vec![propose(1, 3)]);
    world.block(vec![finalise(1)]);
    assert_eq!(
        world.owed(account(2), 2),
        0,
        "not even as of the block before the dispute"
    );
    world.block(vec![propose(2, 2)]);
    assert!(world.state.pending_root().expect("pending").spoiled.is_empty());
    world.block(vec![finalise(2)]);
    world.block(vec![propose(3, 2)]);
    world.block(vec![finalise(3)]);
    assert_eq!(
        [1, 2, 3, 4].map(|asset| world.state.vested(account(asset), token()).to::<u64>()),
        [0, 0, 200, 400]
    );
}

#[test]
fn an_epoch_ends_with_its_block() {
    let mut world = diamond();
    world.block(vec![pay(2, 1, id(5))]);
    world.block(vec![pay(3, 1, id(7)), propose(1, 3), pay(4, 1, id(11))]);
    assert_eq!(world.owed(account(1), 2), 200);
    assert_eq!(world.owed(account(1), 3), 205, "the revenue of the block itself counts");
    world.block(vec![finalise(1)]);
    assert_eq!(world.state.vested(account(1), token()), id(205));
    assert_eq!(world.owed(account(1), 4), 223);
    // A root at an older block adds nothing, and takes nothing away.
    world.block(vec![propose(2, 2)]);
    world.block(vec![finalise(2)]);
    assert_eq!(world.state.vested(account(1), token()), id(205));
    world.block(vec![Fact::PayoutClaimed {
        account: account(1),
        token: token(),
        cumulative: id(205),
    }]);
    assert_eq!(world.state.claimed(account(1), token()), id(205));
    assert_eq!(world.state.finalised_epoch(), 2);
}

/// A revenue that an execution earned is held by a challenge, and recomputed without the contribution that it voids.
#[test]
fn a_challenge_holds_what_the_execution_earned() {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 50),
        contribute(1, 1, account(7), 1),
        contribute(2, 1, account(8), 3),
        executed(5, 1, 1, 80),
        executed(6, 2, 1, 80),
        // Not the log's money, whatever it says of itself.
        pay(3, 1, id(80)),
    ]);
    let challenge = Fact::ExecutionChallenged {
        challenge: id(1),
        execution: id(5),
    };
    world.block(vec![challenge]);
    let head = world.next - 1;
    assert_eq!(
        [1, 7, 8].map(|who| world.owed(account(who), head)),
        [80, 20, 60],
        "of the two others"
    );
    let contributor = |who, amount| ((1, Route::Own, Role::Contributor, account(who)), amount);
    world.block(vec![Fact::ChallengeResolved {
        challenge: id(1),
        upheld: true,
        voided: Some(id(2)),
    }]);
    assert_eq!(
        world.paid(1),
        BTreeMap::from([owner(1, Route::Own, 40), contributor(7, 40)])
    );
    assert_eq!(
        world.paid(2),
        BTreeMap::from([owner(1, Route::Own, 40), contributor(7, 10), contributor(8, 30)])
    );
    let head = world.next - 1;
    assert_eq!([1, 7, 8].map(|who| world.owed(account(who), head)), [120, 60, 60]);
    world.revert_to(head - 1);
    world.block(vec![Fact::ChallengeResolved {
        challenge: id(1),
        upheld: false,
        voided: None,
    }]);
    assert_eq!([1, 7, 8].map(|who| world.owed(account(who), head)), [120, 30, 90]);
}

#[test]
fn a_voided_contribution_is_taken_from_where_it_had_counted_and_nowhere_else() {
    let mut world = World::new();
    world.block(vec![
        register(1, account(1), 50),
        contribute(1, 1, account(7), 1),
        contribute(2, 1, account(7), 1),
        contribute(3, 1, account(8), 2),
        executed(5, 1, 1, 80),
        contribute(4, 1, account(7), 1),
        executed(6, 2, 1, 80),
    ]);
    let challenge = |challenge, execution| Fact::ExecutionChallenged {
        challenge: id(challenge),
        execution: id(execution),
    };
    let upheld = |challenge| Fact::ChallengeResolved {
        challenge: id(challenge),
        upheld: true,
        voided: Some(id(4)),
    };
    world.block(vec![challenge(1, 5), challenge(2, 6)]);
    let before = world.paid(1);
    world.block(vec![upheld(1), upheld(2)]);
    assert_eq!(world.paid(1), before, "contribution 4 came after it");
    let contributor = |who, amount| ((1, Route::Own, Role::Contributor, account(who)), amount);
    assert_eq!(
        world.paid(2),
        BTreeMap::from([owner(1, Route::Own, 40), contributor(7, 20), contributor(8, 20)])
    );
}

/// Each step is taken, taken back and taken again: as if it had been folded once.
#[test]
fn a_reorganisation_across_anything_leaves_what_folding_once_gives() {
    let steps: Vec<Vec<Fact>> = vec![
        vec![dispute(1, 2), pay(2, 4, id(77))],
        vec![propose(1, 2)],
        vec![
            Fact::ExecutionChallenged {
                challenge: id(9),
                execution: id(3),
            },
            executed(3, 3, 4, 1_001),
        ],
        vec![finalise(1), dispute(2, 4)],
        vec![resolve(1, true), contribute(1, 2, account(5), 9)],
        vec![
            propose(2, 6),
            Fact::AssetMoved {
                asset: id(2),
                to: account(30),
            },
        ],
        vec![
            Fact::ChallengeResolved {
                challenge: id(9),
                upheld: true,
                voided: None,
            },
            resolve(2, true),
        ],
        vec![finalise(2), pay(4, 4, id(3))],
    ];
    let mut once = diamond();
    let mut hashes = vec![once.state.state_hash()];
    for step in &steps {
        once.block(step.clone());
        hashes.push(once.state.state_hash());
    }
    let mut world = diamond();
    for depth in 1..=steps.len() {
        for step in &steps[..depth] {
            world.block(step.clone());
        }
        assert_eq!(world.state.state_hash(), hashes[depth]);
        world.revert_to(2);
        assert_eq!(world.state.state_hash(), hashes[0]);
    }
    let distinct: std::collections::BTreeSet<B256> = hashes.iter().copied().collect();
    assert_eq!(distinct.len(), hashes.len(), "each step changed something");
}
