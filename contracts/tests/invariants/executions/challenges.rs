//! Examples of challenges: when, by whom, and where the bond goes.

use alloy::primitives::{B256, U256};
use alloy::sol_types::{SolCall, SolConstructor, SolEvent};
use souk_contracts::ContributionBook::ContributionVoided;
use souk_contracts::ExecutionLog::{
    ChallengeNotOpen, ChallengeResolved, ExecutionChallenged, NotChallengeable, OwnableUnauthorizedAccount,
    ReentrancyGuardReentrantCall, TransferNotExact, UnknownExecution, WindowOver, WindowStillOpen,
};

use super::{BOB, CAROL, DAVE, challenge, complete, lapse, open, request, resolve};
use crate::wired::{BOND, CHALLENGE_SECS, DECISION_SECS, TREASURY};
use crate::world::{DEPLOYER, START_BALANCE, TestToken, World};

fn one() -> U256 {
    U256::ONE
}

/// A world in which Carol has completed execution 1, with contribution 1 to her asset 4.
fn completed() -> World {
    let mut world = open();
    let execution = world.requested(world.inference());
    world.must(CAROL, world.log(), &complete(execution, 4, 9));
    world
}

#[test]
fn an_upheld_challenge_voids_the_contribution() {
    let mut world = completed();
    let at = world.log();
    let done = world.must(DAVE, at, &challenge(one()));
    let event = ExecutionChallenged::decode_log(&done.logs[0]).expect("the event").data;
    let expected = ExecutionChallenged {
        challengeId: one(),
        executionId: one(),
        challenger: DAVE,
        bond: U256::from(BOND),
        evidenceHash: B256::repeat_byte(0xe0),
        evidenceUri: "ipfs://proof".into(),
    };
    assert_eq!(event, expected);
    assert_eq!(world.usd(at), U256::from(BOND));
    world.must_refuse::<OwnableUnauthorizedAccount>(DAVE, at, &resolve(one(), true));
    world.must_refuse::<ChallengeNotOpen>(DEPLOYER, at, &resolve(U256::from(2), true));
    let done = world.must(DEPLOYER, at, &resolve(one(), true));
    let voided = done
        .logs
        .iter()
        .find_map(|log| ContributionVoided::decode_log(log).ok())
        .expect("voided");
    assert_eq!((voided.contributionId, voided.voidedBy), (one(), at));
    let resolved = done
        .logs
        .iter()
        .find_map(|log| ChallengeResolved::decode_log(log).ok())
        .expect("resolved");
    assert_eq!(
        (resolved.challengeId, resolved.executionId, resolved.upheld),
        (one(), one(), true)
    );
    assert_eq!((resolved.bondTo, resolved.bond), (DAVE, U256::from(BOND)));
    assert_eq!(resolved.voidedContributionId, one());
    assert_eq!(
        (world.usd(DAVE), world.usd(at)),
        (U256::from(START_BALANCE), U256::ZERO)
    );
    assert!(world.is_voided(one()));
    world.must_refuse::<ChallengeNotOpen>(DEPLOYER, at, &resolve(one(), true));
    world.must_refuse::<NotChallengeable>(BOB, at, &challenge(one()));
}

#[test]
fn a_dismissed_challenger_loses_the_bond() {
    let mut world = completed();
    let at = world.log();
    world.must(DAVE, at, &challenge(one()));
    world.must_refuse::<NotChallengeable>(BOB, at, &challenge(one()));
    let done = world.must(DEPLOYER, at, &resolve(one(), false));
    let resolved = ChallengeResolved::decode_log(&done.logs[0]).expect("the event");
    assert_eq!(
        (resolved.upheld, resolved.bondTo, resolved.voidedContributionId),
        (false, TREASURY, U256::ZERO)
    );
    assert_eq!((world.usd(TREASURY), world.usd(at)), (U256::from(BOND), U256::ZERO));
    assert!(!world.is_voided(one()));
    // Within its window, somebody with better evidence has a turn.
    world.must(BOB, at, &challenge(one()));
    world.must(DEPLOYER, at, &resolve(U256::from(2), true));
    assert!(world.is_voided(one()));
}

#[test]
fn only_completed_executions_are_challenged_within_their_window() {
    let mut world = completed();
    let at = world.log();
    let waiting = world.requested(world.inference());
    world.must_refuse::<NotChallengeable>(DAVE, at, &challenge(waiting));
    world.must_refuse::<UnknownExecution>(DAVE, at, &challenge(U256::from(9)));
    world.pass(CHALLENGE_SECS - 1);
    let mut late = World::with_state(world.state());
    late.pass(CHALLENGE_SECS);
    late.must_refuse::<WindowOver>(DAVE, at, &challenge(one()));
    world.must(DAVE, at, &challenge(one()));
}

/// The owner decides until, and anyone has the challenge lapse from, the same second; nobody is found wrong.
#[test]
fn a_challenge_that_nobody_decides_lapses() {
    let mut world = completed();
    let at = world.log();
    world.must_refuse::<ChallengeNotOpen>(BOB, at, &lapse(one()));
    world.must(DAVE, at, &challenge(one()));
    world.pass(DECISION_SECS - 1);
    world.must_refuse::<WindowStillOpen>(BOB, at, &lapse(one()));
    let mut decided = World::with_state(world.state());
    decided.must(DEPLOYER, at, &resolve(one(), true));
    decided.pass(1);
    decided.must_refuse::<ChallengeNotOpen>(BOB, at, &lapse(one()));

    world.pass(1);
    world.must_refuse::<WindowOver>(DEPLOYER, at, &resolve(one(), true));
    let done = world.must(BOB, at, &lapse(one()));
    let resolved = ChallengeResolved::decode_log(&done.logs[0]).expect("the event").data;
    let expected = ChallengeResolved {
        challengeId: one(),
        executionId: one(),
        upheld: false,
        bondTo: DAVE,
        bond: U256::from(BOND),
        voidedContributionId: U256::ZERO,
    };
    assert_eq!(resolved, expected);
    assert_eq!(
        (world.usd(DAVE), world.usd(at)),
        (U256::from(START_BALANCE), U256::ZERO)
    );
    assert!(!world.is_voided(one()));
    world.must_refuse::<ChallengeNotOpen>(BOB, at, &lapse(one()));
    // The execution stands, and its window is over long since.
    world.must_refuse::<WindowOver>(DAVE, at, &challenge(one()));
}

/// The owner of the output cannot keep a challenge from being decided.
#[test]
fn a_challenge_is_decided_where_the_log_may_void_no_more() {
    let mut world = completed();
    let at = world.log();
    world.must(DAVE, at, &challenge(one()));
    world.authorise_log(CAROL, 4, false);
    let done = world.must(DEPLOYER, at, &resolve(one(), true));
    let resolved = ChallengeResolved::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((resolved.upheld, resolved.voidedContributionId), (true, U256::ZERO));
    assert_eq!(world.usd(DAVE), U256::from(START_BALANCE));
    // Where nothing was recorded there is nothing to void.
    let execution = world.requested(world.inference());
    world.must(CAROL, at, &complete(execution, 0, 1));
    world.must(DAVE, at, &challenge(execution));
    world.must(DEPLOYER, at, &resolve(U256::from(2), true));
}

/// A bond is there in full, and leaves once, whatever its token does.
#[test]
fn hostile_bond_tokens_gain_nothing() {
    for hostile in [0, 1] {
        let mut world = open();
        let token = [world.fee_token, world.reentrant_token][hostile];
        let arguments = world.log_arguments(token).abi_encode();
        let at = world.create("ExecutionLog", &arguments);
        for account in [BOB, DAVE] {
            world.approve_all(account, at);
        }
        world.must(BOB, at, &request(world.inference()));
        world.must(CAROL, at, &complete(one(), 0, 1));
        if hostile == 0 {
            world.must_refuse::<TransferNotExact>(DAVE, at, &challenge(one()));
            continue;
        }
        world.must(DAVE, at, &challenge(one()));
        world.must(BOB, at, &request(world.inference()));
        let arm = TestToken::armCall {
            target: at,
            payload: super::cancel(U256::from(2)).abi_encode().into(),
        };
        world.must(DAVE, token, &arm);
        world.must_refuse::<ReentrancyGuardReentrantCall>(DEPLOYER, at, &resolve(one(), true));
        world.pass(DECISION_SECS);
        world.must_refuse::<ReentrancyGuardReentrantCall>(DEPLOYER, at, &lapse(one()));
        assert_eq!(world.balance(token, at), U256::from(BOND));
    }
}
