//! Examples of federated rounds: who opens, takes part in and ends one, and what becomes a contribution.

use alloy::primitives::{B256, U256};
use alloy::sol_types::SolEvent;
use souk_contracts::AssetRegistry::{NotAuthorised, UnknownAsset};
use souk_contracts::ContributionBook::ContributionRecorded;
use souk_contracts::ExecutionLog::{
    AlreadySubmitted, InvalidDeadline, InvalidPrivacy, InvalidWeight, NoUpdateOf, OnlyCoordinator, RoundAggregated,
    RoundIsOver, RoundOpened, UnknownRound, UpdateSubmitted, WindowOver,
};

use super::{ALICE, BOB, CAROL, DAVE, DEADLINE, aggregate, open, open_round, update};
use crate::world::START_SECS;

fn one() -> U256 {
    U256::ONE
}

#[test]
fn the_updates_that_count_become_contributions() {
    let mut world = open();
    let at = world.log();
    let done = world.must(ALICE, at, &open_round(1, DEADLINE));
    let opened = RoundOpened::decode_log(&done.logs[0]).expect("the event").data;
    let expected = RoundOpened {
        roundId: one(),
        assetId: one(),
        coordinator: ALICE,
        number: 1,
        privacy: 2,
        epsilonMicros: 0,
        baseHash: B256::repeat_byte(0xba),
        deadline: DEADLINE,
    };
    assert_eq!(opened, expected);
    let done = world.must(BOB, at, &update(one(), 3, 30));
    let submitted = UpdateSubmitted::decode_log(&done.logs[0]).expect("the event").data;
    let expected = UpdateSubmitted {
        roundId: one(),
        participant: BOB,
        datasetId: U256::from(3),
        updateHash: B256::with_last_byte(30),
        weight: U256::from(30),
    };
    assert_eq!(submitted, expected);
    world.must(CAROL, at, &update(one(), 0, 40));
    world.must(DAVE, at, &update(one(), 0, 50));

    let done = world.must(ALICE, at, &aggregate(one(), 2, &[CAROL, BOB]));
    let recorded: Vec<_> = done
        .logs
        .iter()
        .filter_map(|log| ContributionRecorded::decode_log(log).ok())
        .map(|e| (e.assetId, e.contributor, e.role, e.weight, e.evidenceHash))
        .collect();
    let of = |who, weight: u8| (U256::from(2), who, 3, U256::from(weight), B256::with_last_byte(weight));
    assert_eq!(recorded, [of(CAROL, 40), of(BOB, 30)]);
    let event = RoundAggregated::decode_log(done.logs.last().expect("logs"))
        .expect("the event")
        .data;
    let expected = RoundAggregated {
        roundId: one(),
        outputAssetId: U256::from(2),
        resultHash: B256::repeat_byte(0x4e),
        firstContributionId: one(),
        participants: U256::from(2),
    };
    assert_eq!(event, expected);
    world.must_refuse::<RoundIsOver>(ALICE, at, &aggregate(one(), 2, &[DAVE]));
    world.must_refuse::<RoundIsOver>(BOB, at, &update(one(), 0, 1));
}

#[test]
fn rounds_are_counted_per_asset() {
    let mut world = open();
    let at = world.log();
    for (by, asset, number) in [(ALICE, 1, 1), (ALICE, 1, 2), (ALICE, 2, 1), (BOB, 3, 1), (ALICE, 1, 3)] {
        let done = world.must(by, at, &open_round(asset, DEADLINE));
        let event = RoundOpened::decode_log(&done.logs[0]).expect("the event");
        assert_eq!((event.assetId, event.number), (U256::from(asset), number));
    }
}

#[test]
fn a_round_is_opened_by_the_asset() {
    let mut world = open();
    let at = world.log();
    world.must_refuse::<NotAuthorised>(BOB, at, &open_round(1, DEADLINE));
    world.must_refuse::<UnknownAsset>(BOB, at, &open_round(9, DEADLINE));
    world.must_refuse::<InvalidDeadline>(ALICE, at, &open_round(1, START_SECS));
    let mut spends = open_round(1, DEADLINE);
    spends.epsilonMicros = 1;
    world.must_refuse::<InvalidPrivacy>(ALICE, at, &spends);
    spends.privacy = 1;
    world.must(ALICE, at, &spends);
}

#[test]
fn an_update_is_handed_in_once_before_the_deadline() {
    let mut world = open();
    let at = world.log();
    world.must_refuse::<UnknownRound>(BOB, at, &update(one(), 0, 1));
    world.must(ALICE, at, &open_round(1, DEADLINE));
    world.must_refuse::<InvalidWeight>(BOB, at, &update(one(), 0, 0));
    let mut heavy = update(one(), 0, 1);
    heavy.weight = U256::ONE << 128;
    world.must_refuse::<InvalidWeight>(BOB, at, &heavy);
    world.must_refuse::<NotAuthorised>(BOB, at, &update(one(), 4, 1));
    world.must_refuse::<UnknownAsset>(BOB, at, &update(one(), 9, 1));
    world.pass(999);
    heavy.weight = (U256::ONE << 128) - U256::ONE;
    world.must(BOB, at, &heavy);
    world.must_refuse::<AlreadySubmitted>(BOB, at, &update(one(), 0, 1));
    world.pass(1);
    world.must_refuse::<WindowOver>(CAROL, at, &update(one(), 0, 1));
    world.must(ALICE, at, &aggregate(one(), 1, &[BOB]));
}

#[test]
fn a_round_is_ended_by_its_coordinator() {
    let mut world = open();
    let at = world.log();
    world.must_refuse::<UnknownRound>(ALICE, at, &aggregate(one(), 1, &[]));
    world.must(ALICE, at, &open_round(1, DEADLINE));
    world.must(BOB, at, &update(one(), 0, 5));
    world.must_refuse::<OnlyCoordinator>(BOB, at, &aggregate(one(), 3, &[BOB]));
    world.must_refuse::<NotAuthorised>(ALICE, at, &aggregate(one(), 3, &[BOB]));
    world.must_refuse::<NoUpdateOf>(ALICE, at, &aggregate(one(), 1, &[BOB, CAROL]));
    world.must_refuse::<NoUpdateOf>(ALICE, at, &aggregate(one(), 1, &[BOB, BOB]));
    world.must(ALICE, at, &aggregate(one(), 1, &[BOB]));
    assert_eq!(world.recorded(), one());
}

/// With no output, or where the log may not record, a round is ended all the same.
#[test]
fn a_round_may_leave_no_contribution() {
    let mut world = open();
    let at = world.log();
    world.authorise_log(ALICE, 2, false);
    for (round, output, counted) in [(1_u64, 0, true), (2, 2, true), (3, 1, false)] {
        let round = U256::from(round);
        world.must(ALICE, at, &open_round(1, DEADLINE));
        world.must(BOB, at, &update(round, 0, 5));
        let participants: &[_] = if counted { &[BOB] } else { &[] };
        let done = world.must(ALICE, at, &aggregate(round, output, participants));
        assert_eq!(done.logs.len(), 1);
        let event = RoundAggregated::decode_log(&done.logs[0]).expect("the event");
        assert_eq!(event.firstContributionId, U256::ZERO);
        assert_eq!(event.participants, U256::from(u8::from(counted)));
    }
    assert_eq!(world.recorded(), U256::ZERO);
}
