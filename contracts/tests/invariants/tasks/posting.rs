//! Examples of how a task begins and ends: what it must say, what is escrowed, what comes back.

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolConstructor, SolEvent};
use souk_contracts::AssetRegistry::{NotAuthorised, UnknownAsset};
use souk_contracts::TaskBoard::{
    InvalidDeadline, InvalidMode, InvalidPlaces, InvalidQuorum, InvalidReviewers, InvalidReward, InvalidRole,
    InvalidWeight, InvalidWindow, NotARecorder, NotThePoster, TaskClosed, TaskInput, TaskIsClosed, TaskPosted,
    TransferNotExact, UnexpectedTransfer, UnknownTask, WindowStillOpen,
};
use souk_contracts::{AssetRegistry, AssetShares, TaskBoard};

use super::{ALICE, BOB, CAROL, DAVE, DEADLINE, SHARES, close, open, post, review, submit};
use crate::wired::REVIEW_SECS;
use crate::world::{START_BALANCE, START_SECS, World};

#[test]
fn a_task_says_all_of_itself_and_is_paid_for() {
    let mut world = open();
    let (board, input) = (world.board(), world.dual_task());
    let done = world.must(ALICE, board, &post(input.clone()));
    let event = done.logs.iter().find_map(|log| TaskPosted::decode_log(log).ok());
    let expected = TaskPosted {
        taskId: U256::ONE,
        assetId: input.assetId,
        poster: ALICE,
        mode: input.mode,
        role: input.role,
        rewardToken: input.rewardToken,
        reward: input.reward,
        secondToken: input.secondToken,
        secondReward: input.secondReward,
        places: input.places,
        quorum: input.quorum,
        deadline: input.deadline,
        weight: input.weight,
        reviewers: input.reviewers,
        specHash: input.specHash,
        specUri: input.specUri,
    };
    assert_eq!(event.expect("the event").data, expected);
    assert_eq!(world.balance(world.at.test_usd, board), U256::from(300));
    assert_eq!(world.balance(world.reentrant_token, board), U256::from(90));
    world.posted(world.community_task());
    assert_eq!(world.shares(board, 1), U256::from(300));
    assert_eq!(world.shares(ALICE, 1), U256::from(SHARES - 300));
}

#[test]
fn a_task_that_makes_no_sense_is_refused() {
    let mut world = open();
    let board = world.board();
    let (plain, dual, community) = (world.task(), world.dual_task(), world.community_task());
    let with = |base: &TaskInput, change: fn(&mut TaskInput)| {
        let mut input = base.clone();
        change(&mut input);
        post(input)
    };
    world.must_refuse::<InvalidMode>(ALICE, board, &with(&plain, |t| t.mode = 3));
    world.must_refuse::<InvalidRole>(ALICE, board, &with(&plain, |t| t.role = 7));
    let rewards = [
        with(&plain, |t| t.reward = U256::ZERO),
        with(&plain, |t| t.rewardToken = Address::ZERO),
        with(&plain, |t| t.secondReward = U256::ONE),
        with(&plain, |t| t.secondToken = t.rewardToken),
        with(&dual, |t| t.secondReward = U256::ZERO),
        with(&dual, |t| t.secondToken = Address::ZERO),
        with(&dual, |t| t.secondToken = t.rewardToken),
        with(&community, |t| t.rewardToken = DAVE),
        with(&community, |t| t.secondReward = U256::ONE),
    ];
    for call in rewards {
        world.must_refuse::<InvalidReward>(ALICE, board, &call);
    }
    world.must_refuse::<InvalidPlaces>(ALICE, board, &with(&plain, |t| t.places = 0));
    world.must_refuse::<InvalidQuorum>(ALICE, board, &with(&plain, |t| t.quorum = 0));
    world.must_refuse::<InvalidQuorum>(ALICE, board, &with(&plain, |t| t.quorum = 4));
    world.must_refuse::<InvalidQuorum>(ALICE, board, &with(&plain, |t| t.reviewers.clear()));
    world.must_refuse::<InvalidReviewers>(ALICE, board, &with(&plain, |t| t.reviewers[2] = BOB));
    world.must_refuse::<InvalidReviewers>(ALICE, board, &with(&plain, |t| t.reviewers[2] = Address::ZERO));
    let many = |count: u8| {
        let mut input = plain.clone();
        input.reviewers = (1..=count).map(Address::repeat_byte).collect();
        post(input)
    };
    world.must_refuse::<InvalidReviewers>(ALICE, board, &many(33));
    world.must(ALICE, board, &many(32));
    world.must_refuse::<InvalidWeight>(ALICE, board, &with(&plain, |t| t.weight = U256::ZERO));
    world.must_refuse::<InvalidWeight>(ALICE, board, &with(&plain, |t| t.weight = U256::ONE << 128));
    for (deadline, good) in [
        (START_SECS, false),
        (START_SECS + 1, true),
        (START_SECS + 366 * 86_400, true),
        (START_SECS + 366 * 86_400 + 1, false),
    ] {
        let input = TaskInput {
            deadline,
            ..plain.clone()
        };
        if good {
            world.must(ALICE, board, &post(input));
        } else {
            world.must_refuse::<InvalidDeadline>(ALICE, board, &post(input));
        }
    }
}

/// A stranger's task would hand out parts of the contributors' share.
#[test]
fn only_the_asset_posts_and_only_where_the_board_records() {
    let mut world = open();
    let (board, input) = (world.board(), world.task());
    world.must_refuse::<NotAuthorised>(BOB, board, &post(input.clone()));
    let nobodys = TaskInput {
        assetId: U256::from(9),
        ..input.clone()
    };
    world.must_refuse::<UnknownAsset>(ALICE, board, &post(nobodys));
    let approve = AssetRegistry::approveCall {
        to: BOB,
        tokenId: U256::ONE,
    };
    world.must(ALICE, world.at.asset_registry, &approve);
    world.must(BOB, board, &post(input.clone()));
    world.authorise_board(ALICE, 1, false);
    world.must_refuse::<NotARecorder>(ALICE, board, &post(input));
}

/// A reward that shrinks on its way would leave the last worker unpaid.
#[test]
fn a_token_that_takes_a_fee_is_no_reward() {
    let mut world = open();
    let board = world.board();
    let mut input = world.task();
    input.rewardToken = world.fee_token;
    world.must_refuse::<TransferNotExact>(ALICE, board, &post(input));
    let mut input = world.dual_task();
    input.secondToken = world.fee_token;
    world.must_refuse::<TransferNotExact>(ALICE, board, &post(input));
    assert_eq!(world.balance(world.at.test_usd, board), U256::ZERO, "refused whole");
}

#[test]
fn shares_come_only_as_a_reward() {
    let mut world = open();
    let (board, shares) = (world.board(), world.at.asset_shares);
    let one = AssetShares::safeTransferFromCall {
        from: ALICE,
        to: board,
        id: U256::ONE,
        value: U256::ONE,
        data: Default::default(),
    };
    world.must_refuse::<UnexpectedTransfer>(ALICE, shares, &one);
    let batch = AssetShares::safeBatchTransferFromCall {
        from: ALICE,
        to: board,
        ids: vec![U256::ONE],
        values: vec![U256::ONE],
        data: Default::default(),
    };
    world.must_refuse::<UnexpectedTransfer>(ALICE, shares, &batch);
}

/// With nobody's work waiting the poster closes from the deadline on; else when the review period is over.
#[test]
fn a_task_closes_at_its_second() {
    let mut world = open();
    let board = world.board();
    let (idle, busy) = (world.posted(world.dual_task()), world.posted(world.dual_task()));
    world.submitted(busy);
    world.must_refuse::<UnknownTask>(ALICE, board, &close(U256::from(3)));
    world.must_refuse::<NotThePoster>(BOB, board, &close(idle));
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(idle));
    world.pass(999);
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(idle));
    world.pass(1);
    assert_eq!(world.now_secs(), DEADLINE);
    let done = world.must(ALICE, board, &close(idle));
    let event = done
        .logs
        .iter()
        .find_map(|log| TaskClosed::decode_log(log).ok())
        .expect("the event");
    assert_eq!((event.taskId, event.accepted), (idle, 0));
    assert_eq!((event.refund, event.secondRefund), (U256::from(300), U256::from(90)));
    world.must_refuse::<TaskIsClosed>(ALICE, board, &close(idle));
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(busy));
    world.pass(REVIEW_SECS - 1);
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(busy));
    world.pass(1);
    world.must(ALICE, board, &close(busy));
    assert_eq!(world.balance(world.at.test_usd, ALICE), U256::from(START_BALANCE));
    assert_eq!(world.balance(world.reentrant_token, ALICE), U256::from(START_BALANCE));
    world.must_refuse::<TaskIsClosed>(BOB, board, &review(U256::ONE, true));
}

/// Once all that was handed in is decided there is nothing to wait for after the deadline.
#[test]
fn decided_work_does_not_hold_a_task_open() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.community_task());
    let (first, second) = (world.submitted(task), world.submitted(task));
    world.accepted(first);
    world.pass(1_000);
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(task));
    world.must(BOB, board, &review(second, false));
    world.must_refuse::<WindowStillOpen>(ALICE, board, &close(task));
    world.must(DAVE, board, &review(second, false));
    world.must(ALICE, board, &close(task));
    assert_eq!(world.shares(ALICE, 1), U256::from(SHARES - 100));
    assert_eq!(world.shares(CAROL, 1), U256::from(100));
    assert_eq!(world.shares(board, 1), U256::ZERO);
}

/// A task with all its places taken has nothing left to wait for, nor to give back.
#[test]
fn a_full_task_closes_at_once() {
    let mut world = open();
    let board = world.board();
    let mut input = world.task();
    input.places = 1;
    let task = world.posted(input);
    let (first, _) = (world.submitted(task), world.submitted(task));
    world.accepted(first);
    let done = world.must(ALICE, board, &close(task));
    let event = done
        .logs
        .iter()
        .find_map(|log| TaskClosed::decode_log(log).ok())
        .expect("the event");
    assert_eq!((event.accepted, event.refund), (1, U256::ZERO));
    world.must_refuse::<TaskIsClosed>(CAROL, board, &submit(task));
}

#[test]
fn a_board_is_deployed_within_bounds() {
    let mut world = World::new();
    for (secs, good) in [(0, false), (1, true), (30 * 86_400, true), (30 * 86_400 + 1, false)] {
        let arguments = world.board_arguments(secs).abi_encode();
        let outcome = world.try_create("TaskBoard", &arguments);
        match outcome {
            Ok(board) => {
                assert!(good, "{secs}");
                assert_eq!(world.view(board, &TaskBoard::REVIEW_PERIODCall {}), secs);
            }
            Err(refusal) => assert!(!good && refusal.is::<InvalidWindow>(), "{secs}"),
        }
    }
}
