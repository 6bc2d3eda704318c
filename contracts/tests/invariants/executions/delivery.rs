//! Examples of how an execution ends: delivered and paid, or cancelled and given back.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::AssetRegistry::NotAuthorised;
use souk_contracts::ContributionBook::ContributionRecorded;
use souk_contracts::ExecutionLog::{
    ExecutionCancelled, ExecutionCompleted, ExecutionInput, ExecutionNotOpen, OnlyProvider, OnlyRequester,
    ReentrancyGuardReentrantCall, UnknownExecution, WindowOver, WindowStillOpen,
};
use souk_contracts::RevenueRouter::RevenueReceived;

use super::{ALICE, BOB, CAROL, DAVE, cancel, complete, name_output, open, request};
use crate::world::{DISTRIBUTOR, START_BALANCE, TestToken, World};

/// The fee becomes revenue of the asset, told from others by payer and reference.
#[test]
fn delivery_pays_the_asset_and_records_the_provider() {
    let mut world = open();
    let at = world.log();
    let roles = [(0, 3, 1), (1, 3, 1), (2, 5, 2), (3, 4, 1), (4, 3, 1)];
    for (id, (kind, role, reason)) in (1_u64..).zip(roles) {
        let input = ExecutionInput {
            kind,
            ..world.inference()
        };
        let execution = world.requested(input);
        let done = world.must(CAROL, at, &complete(execution, 4, 9));
        let revenue = done.logs.iter().find_map(|log| RevenueReceived::decode_log(log).ok());
        let revenue = revenue.expect("a revenue").data;
        let expected = RevenueReceived {
            revenueId: U256::from(id),
            assetId: U256::ONE,
            payer: at,
            token: world.at.test_usd,
            amount: U256::from(100),
            reason,
            r#ref: B256::from(execution),
        };
        assert_eq!(revenue, expected);
        let recorded = done
            .logs
            .iter()
            .find_map(|log| ContributionRecorded::decode_log(log).ok());
        let recorded = recorded.expect("a record").data;
        assert_eq!((recorded.assetId, recorded.contributor), (U256::from(4), CAROL));
        assert_eq!((recorded.role, recorded.weight), (role, U256::from(9)));
        assert_eq!(
            (recorded.evidenceHash, recorded.recordedBy),
            (B256::repeat_byte(0x0f), at)
        );
        let event = ExecutionCompleted::decode_log(done.logs.last().expect("logs"))
            .expect("the event")
            .data;
        let expected = ExecutionCompleted {
            executionId: execution,
            assetId: U256::ONE,
            provider: CAROL,
            outputAssetId: U256::from(4),
            outputHash: B256::repeat_byte(0x0f),
            meteredUnits: 9,
            revenueId: U256::from(id),
            contributionId: U256::from(id),
        };
        assert_eq!(event, expected);
    }
    assert_eq!((world.usd(DISTRIBUTOR), world.usd(at)), (U256::from(500), U256::ZERO));
}

#[test]
fn delivery_without_fee_output_or_meter() {
    let mut world = open();
    let at = world.log();
    let free = ExecutionInput {
        fee: U256::ZERO,
        feeToken: Address::ZERO,
        ..world.inference()
    };
    let ids = |done: &[alloy::primitives::Log]| {
        let event = ExecutionCompleted::decode_log(done.last().expect("logs")).expect("the event");
        (event.revenueId, event.contributionId)
    };
    let execution = world.requested(free.clone());
    let done = world.must(CAROL, at, &complete(execution, 0, 9));
    assert_eq!(ids(&done.logs), (U256::ZERO, U256::ZERO));
    let execution = world.requested(free.clone());
    let done = world.must(CAROL, at, &complete(execution, 4, 0));
    assert_eq!(ids(&done.logs), (U256::ZERO, U256::ONE));
    let recorded = ContributionRecorded::decode_log(&done.logs[0]).expect("a record");
    assert_eq!(recorded.weight, U256::ONE, "a weight is at least 1");
    world.authorise_log(CAROL, 4, false);
    let execution = world.requested(free);
    let done = world.must(CAROL, at, &complete(execution, 4, 9));
    assert_eq!(
        ids(&done.logs),
        (U256::ZERO, U256::ZERO),
        "the log may not record there"
    );
}

/// A provider does not pick the requester's assets, let alone a stranger's.
#[test]
fn an_output_is_the_providers_or_named_by_the_requester() {
    let mut world = open();
    let at = world.log();
    let execution = world.requested(world.inference());
    for asset in [1, 2, 3] {
        world.must_refuse::<NotAuthorised>(CAROL, at, &complete(execution, asset, 1));
    }
    world.must_refuse::<OnlyRequester>(CAROL, at, &name_output(execution, 3));
    world.must_refuse::<NotAuthorised>(BOB, at, &name_output(execution, 2));
    world.must_refuse::<UnknownExecution>(BOB, at, &name_output(U256::from(9), 3));
    world.must(BOB, at, &name_output(execution, 3));
    world.must(BOB, at, &name_output(execution, 0));
    world.must_refuse::<NotAuthorised>(CAROL, at, &complete(execution, 3, 1));
    world.must(BOB, at, &name_output(execution, 3));
    let mut sold = World::with_state(world.state());
    let transfer = souk_contracts::AssetRegistry::transferFromCall {
        from: BOB,
        to: DAVE,
        tokenId: U256::from(3),
    };
    sold.must(BOB, sold.at.asset_registry, &transfer);
    sold.must_refuse::<NotAuthorised>(CAROL, at, &complete(execution, 3, 1));
    world.must(CAROL, at, &complete(execution, 3, 1));
    world.must_refuse::<ExecutionNotOpen>(BOB, at, &name_output(execution, 3));
    // Authority is the registry's: whom an owner approved counts as the owner.
    let execution = world.requested(world.inference());
    world.approve_asset(ALICE, 2, CAROL);
    world.must(CAROL, at, &complete(execution, 2, 1));
}

/// Delivered until, and cancelled by the requester from, the same second.
#[test]
fn an_execution_ends_once_and_at_its_second() {
    let mut world = open();
    let at = world.log();
    let (first, second) = (world.requested(world.inference()), world.requested(world.inference()));
    world.must_refuse::<UnknownExecution>(CAROL, at, &complete(U256::from(3), 0, 1));
    world.must_refuse::<UnknownExecution>(CAROL, at, &cancel(U256::from(3)));
    world.must_refuse::<OnlyProvider>(BOB, at, &complete(first, 0, 1));
    world.must_refuse::<OnlyRequester>(DAVE, at, &cancel(first));
    world.pass(999);
    world.must_refuse::<WindowStillOpen>(BOB, at, &cancel(first));
    world.must(CAROL, at, &complete(first, 0, 1));
    world.pass(1);
    world.must_refuse::<WindowOver>(CAROL, at, &complete(second, 0, 1));
    let done = world.must(BOB, at, &cancel(second));
    let event = ExecutionCancelled::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.executionId, event.refund), (second, U256::from(100)));
    assert_eq!(world.usd(BOB), U256::from(START_BALANCE - 100));
    for execution in [first, second] {
        world.must_refuse::<ExecutionNotOpen>(CAROL, at, &complete(execution, 0, 1));
        world.must_refuse::<ExecutionNotOpen>(BOB, at, &cancel(execution));
    }
}

#[test]
fn a_provider_may_decline_at_any_time() {
    let mut world = open();
    let at = world.log();
    let execution = world.requested(world.inference());
    world.must(CAROL, at, &cancel(execution));
    assert_eq!((world.usd(BOB), world.usd(at)), (U256::from(START_BALANCE), U256::ZERO));
}

/// A fee token that calls back cannot have a fee paid and given back as well.
#[test]
fn nothing_is_done_within_a_payment() {
    let mut world = open();
    let (at, token) = (world.log(), world.reentrant_token);
    let input = ExecutionInput {
        feeToken: token,
        ..world.inference()
    };
    let (first, second) = (world.requested(input.clone()), world.requested(input.clone()));
    for payload in [
        cancel(second).abi_encode(),
        complete(first, 0, 1).abi_encode(),
        request(input.clone()).abi_encode(),
    ] {
        let arm = TestToken::armCall {
            target: at,
            payload: payload.into(),
        };
        world.must(DAVE, token, &arm);
        world.must_refuse::<ReentrancyGuardReentrantCall>(CAROL, at, &complete(first, 0, 1));
        world.must_refuse::<ReentrancyGuardReentrantCall>(CAROL, at, &cancel(first));
        world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, at, &request(input.clone()));
    }
    assert_eq!(world.balance(token, at), U256::from(200));
}
