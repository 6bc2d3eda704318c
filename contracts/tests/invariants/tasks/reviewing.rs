//! Examples of work: who hands in, who decides, what is paid and recorded.

use alloy::primitives::{B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::ContributionBook::ContributionRecorded;
use souk_contracts::TaskBoard::{
    AlreadyDecided, AlreadyReviewed, NoPlacesLeft, NotAReviewer, ReentrancyGuardReentrantCall, RewardPaid,
    SubmissionMade, SubmissionRejected, SubmissionReviewed, UnknownSubmission, UnknownTask, WindowOver, WorkByReviewer,
};
use souk_contracts::TestUSD;

use super::{ALICE, BOB, CAROL, DAVE, close, open, review, submit};
use crate::wired::REVIEW_SECS;
use crate::world::{START_BALANCE, TestToken, Wallet, World};

#[test]
fn accepted_work_is_paid_and_recorded_at_once() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.dual_task());
    let done = world.must(CAROL, board, &submit(task));
    let made = SubmissionMade::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((made.submissionId, made.taskId, made.worker), (U256::ONE, task, CAROL));
    assert_eq!(
        (made.contentHash, made.contentUri.as_str()),
        (B256::repeat_byte(0xc0), "ipfs://work")
    );
    let first = world.must(BOB, board, &review(U256::ONE, true));
    assert_eq!(first.logs.len(), 1, "one of two");
    let reviewed = SubmissionReviewed::decode_log(&first.logs[0]).expect("the event");
    assert_eq!((reviewed.reviewer, reviewed.accepted), (BOB, true));
    assert_eq!(reviewed.noteHash, B256::repeat_byte(0x0e));

    let done = world.must(DAVE, board, &review(U256::ONE, true));
    let recorded = done
        .logs
        .iter()
        .find_map(|log| ContributionRecorded::decode_log(log).ok());
    let expected = ContributionRecorded {
        contributionId: U256::ONE,
        assetId: U256::ONE,
        contributor: CAROL,
        role: 1,
        weight: U256::from(7),
        evidenceHash: B256::repeat_byte(0xc0),
        recordedBy: board,
    };
    assert_eq!(recorded.expect("a record").data, expected);
    let paid: Vec<_> = done
        .logs
        .iter()
        .filter_map(|log| RewardPaid::decode_log(log).ok())
        .map(|e| (e.worker, e.token, e.amount, e.contributionId))
        .collect();
    let (dollars, other) = (world.at.test_usd, world.reentrant_token);
    let both = [(dollars, 100_u64), (other, 30)];
    assert_eq!(
        paid,
        both.map(|(token, amount)| (CAROL, token, U256::from(amount), U256::ONE))
    );
    assert_eq!(world.balance(dollars, CAROL), U256::from(START_BALANCE + 100));
    assert_eq!(world.balance(other, CAROL), U256::from(START_BALANCE + 30));
    world.must_refuse::<AlreadyDecided>(ALICE, board, &review(U256::ONE, true));
}

/// With a quorum of two of three, the second rejection decides.
#[test]
fn work_is_rejected_once_its_quorum_is_out_of_reach() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.task());
    let submission = world.submitted(task);
    world.must(BOB, board, &review(submission, true));
    let done = world.must(DAVE, board, &review(submission, false));
    assert_eq!(done.logs.len(), 1);
    let done = world.must(ALICE, board, &review(submission, false));
    let rejected = SubmissionRejected::decode_log(&done.logs[1]).expect("the event");
    assert_eq!(
        (rejected.submissionId, rejected.taskId, rejected.worker),
        (submission, task, CAROL)
    );
    world.must_refuse::<AlreadyDecided>(ALICE, board, &review(submission, true));
    assert_eq!(world.contributions(), U256::ZERO);
}

#[test]
fn reviewers_review_once_and_do_not_work() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.task());
    world.must_refuse::<UnknownTask>(CAROL, board, &submit(U256::from(2)));
    world.must_refuse::<UnknownSubmission>(BOB, board, &review(U256::ONE, true));
    world.must_refuse::<WorkByReviewer>(BOB, board, &submit(task));
    let submission = world.submitted(task);
    world.must_refuse::<NotAReviewer>(CAROL, board, &review(submission, true));
    world.must(BOB, board, &review(submission, true));
    world.must_refuse::<AlreadyReviewed>(BOB, board, &review(submission, true));
    world.must_refuse::<AlreadyReviewed>(BOB, board, &review(submission, false));
    // A reviewer of one task works on another.
    let mut input = world.task();
    input.reviewers = vec![ALICE, DAVE];
    let other = world.posted(input);
    world.must(BOB, board, &submit(other));
    world.must_refuse::<NotAReviewer>(BOB, board, &review(U256::from(2), true));
}

#[test]
fn no_task_pays_more_than_its_places() {
    let mut world = open();
    let board = world.board();
    let mut input = world.task();
    input.places = 2;
    let task = world.posted(input);
    let submissions = [world.submitted(task), world.submitted(task), world.submitted(task)];
    world.accepted(submissions[0]);
    world.must(BOB, board, &review(submissions[2], true));
    world.accepted(submissions[1]);
    world.must_refuse::<NoPlacesLeft>(CAROL, board, &submit(task));
    world.must_refuse::<NoPlacesLeft>(DAVE, board, &review(submissions[2], true));
    world.must(DAVE, board, &review(submissions[2], false));
    assert_eq!(world.balance(world.at.test_usd, board), U256::ZERO);
}

#[test]
fn work_and_reviews_end_at_their_second() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.task());
    world.pass(999);
    let submission = world.submitted(task);
    world.pass(1);
    world.must_refuse::<WindowOver>(CAROL, board, &submit(task));
    world.pass(REVIEW_SECS - 1);
    world.must(BOB, board, &review(submission, true));
    let mut late = World::with_state(world.state());
    late.pass(1_000 + REVIEW_SECS);
    late.must_refuse::<WindowOver>(DAVE, board, &review(submission, true));
    world.must(DAVE, board, &review(submission, true));
    world.must(ALICE, board, &close(task));
}

/// Who owns the asset can stop the records, not the pay.
#[test]
fn work_is_paid_where_the_board_may_record_no_more() {
    let mut world = open();
    let board = world.board();
    let task = world.posted(world.task());
    let submission = world.submitted(task);
    world.authorise_board(ALICE, 1, false);
    world.must(BOB, board, &review(submission, true));
    let done = world.must(DAVE, board, &review(submission, true));
    let paid = done
        .logs
        .iter()
        .find_map(|log| RewardPaid::decode_log(log).ok())
        .expect("the event");
    assert_eq!((paid.amount, paid.contributionId), (U256::from(100), U256::ZERO));
    assert_eq!(world.contributions(), U256::ZERO);
}

/// A worker who cannot be paid keeps nobody else from it.
#[test]
fn a_worker_who_refuses_shares_waits_alone() {
    let mut world = open();
    let (board, wallet) = (world.board(), world.wallet);
    let task = world.posted(world.community_task());
    let act = Wallet::actCall {
        target: board,
        payload: submit(task).abi_encode().into(),
    };
    world.must(CAROL, wallet, &act);
    world.must(CAROL, wallet, &Wallet::refuseCall { refuses: true });
    world.must(BOB, board, &review(U256::ONE, true));
    assert!(world.send(DAVE, board, &review(U256::ONE, true)).is_err());
    let other = world.submitted(task);
    world.accepted(other);
    world.must(CAROL, wallet, &Wallet::refuseCall { refuses: false });
    world.must(DAVE, board, &review(U256::ONE, true));
    assert_eq!(
        (world.shares(wallet, 1), world.shares(CAROL, 1)),
        (U256::from(100), U256::from(100))
    );
}

/// A reward token that calls back cannot have a submission paid twice, nor the escrow refunded beside.
#[test]
fn nothing_is_done_within_a_payment() {
    let mut world = open();
    let (board, token) = (world.board(), world.reentrant_token);
    let task = world.posted(world.dual_task());
    let submission = world.submitted(task);
    world.must(BOB, board, &review(submission, true));
    let inner: [Vec<u8>; 4] = [
        review(submission, true).abi_encode(),
        submit(task).abi_encode(),
        close(task).abi_encode(),
        super::post(world.task()).abi_encode(),
    ];
    for payload in inner {
        let arm = TestToken::armCall {
            target: board,
            payload: payload.into(),
        };
        world.must(CAROL, token, &arm);
        world.must_refuse::<ReentrancyGuardReentrantCall>(DAVE, board, &review(submission, true));
        world.must_refuse::<ReentrancyGuardReentrantCall>(ALICE, board, &super::post(world.dual_task()));
    }
    let disarm = TestToken::armCall {
        target: token,
        payload: TestUSD::totalSupplyCall {}.abi_encode().into(),
    };
    world.must(CAROL, token, &disarm);
    world.must(DAVE, board, &review(submission, true));
    assert_eq!(world.balance(token, board), U256::from(60));
}
