//! Examples of what may be asked for, in whose name, and what it costs.

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolConstructor, SolEvent};
use souk_contracts::AssetRegistry::{NotAuthorised, UnknownAsset};
use souk_contracts::ExecutionLog::{
    ExecutionInput, ExecutionNotOpen, ExecutionRequested, InvalidAccount, InvalidBond, InvalidDatasets,
    InvalidDeadline, InvalidFee, InvalidKind, InvalidPrivacy, InvalidWindow, LicenseNotHeld, LicenseNotValid,
    LicenseOfAnotherAsset, OnlyProvider, TransferNotExact, UnknownExecution,
};
use souk_contracts::LicenseRegistry::{self, LicenseTerms};

use super::{ALICE, BOB, CAROL, DAVE, complete, open, request};
use crate::world::{START_SECS, World};

#[test]
fn a_request_says_all_of_itself_and_is_paid_for() {
    let mut world = open();
    let at = world.log();
    let input = ExecutionInput {
        callerAssetId: U256::from(3),
        kind: 0,
        privacy: 1,
        epsilonMicros: 250_000,
        datasetIds: vec![U256::from(2), U256::from(4)],
        ..world.inference()
    };
    let done = world.must(BOB, at, &request(input.clone()));
    let event = ExecutionRequested::decode_log(&done.logs[0]).expect("the event").data;
    let expected = ExecutionRequested {
        executionId: U256::ONE,
        assetId: U256::ONE,
        requester: BOB,
        callerAssetId: input.callerAssetId,
        parentExecutionId: U256::ZERO,
        kind: 0,
        licenseId: U256::ZERO,
        provider: CAROL,
        feeToken: input.feeToken,
        fee: input.fee,
        privacy: 1,
        epsilonMicros: 250_000,
        datasetIds: input.datasetIds,
        inputHash: input.inputHash,
        deadline: input.deadline,
    };
    assert_eq!(event, expected);
    assert_eq!(world.usd(at), U256::from(100));
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let mut world = open();
    let at = world.log();
    let good = world.inference();
    let with = |change: &dyn Fn(&mut ExecutionInput)| {
        let mut input = good.clone();
        change(&mut input);
        request(input)
    };
    world.must_refuse::<InvalidKind>(BOB, at, &with(&|e| e.kind = 5));
    for (privacy, epsilon) in [(5, 0), (1, 0), (0, 1), (2, 1), (4, 1)] {
        let call = with(&|e| (e.privacy, e.epsilonMicros) = (privacy, epsilon));
        world.must_refuse::<InvalidPrivacy>(BOB, at, &call);
    }
    world.must_refuse::<InvalidAccount>(BOB, at, &with(&|e| e.provider = Address::ZERO));
    world.must_refuse::<InvalidAccount>(BOB, at, &with(&|e| e.provider = at));
    world.must_refuse::<InvalidFee>(BOB, at, &with(&|e| e.fee = U256::ZERO));
    world.must_refuse::<InvalidFee>(BOB, at, &with(&|e| e.feeToken = Address::ZERO));
    world.must_refuse::<InvalidDeadline>(BOB, at, &with(&|e| e.deadline = START_SECS));
    world.must_refuse::<InvalidDeadline>(BOB, at, &with(&|e| e.deadline = START_SECS + 366 * 86_400 + 1));
    world.must_refuse::<UnknownAsset>(BOB, at, &with(&|e| e.assetId = U256::from(6)));
    let datasets = |ids: &[u64]| with(&|e| e.datasetIds = ids.iter().copied().map(U256::from).collect());
    world.must_refuse::<UnknownAsset>(BOB, at, &datasets(&[2, 6]));
    for ids in [&[2, 2][..], &[3, 2], &[0, 1]] {
        world.must_refuse::<InvalidDatasets>(BOB, at, &datasets(ids));
    }
    for _ in 6..=33 {
        world.register(ALICE);
    }
    let many = |count: u64| (1..=count).collect::<Vec<_>>();
    world.must_refuse::<InvalidDatasets>(BOB, at, &datasets(&many(33)));
    world.must(BOB, at, &datasets(&many(32)));
    let fee_token = world.fee_token;
    world.must_refuse::<TransferNotExact>(BOB, at, &with(&|e| e.feeToken = fee_token));
    world.must(BOB, at, &with(&|e| (e.fee, e.feeToken) = (U256::ZERO, Address::ZERO)));
}

/// Who is authorised for an asset calls in its name; so does the provider of an open execution of it.
#[test]
fn nobody_calls_in_the_name_of_a_stranger() {
    let mut world = open();
    let at = world.log();
    let call = |world: &World, caller: u64, parent: u64| {
        request(ExecutionInput {
            callerAssetId: U256::from(caller),
            parentExecutionId: U256::from(parent),
            ..world.inference()
        })
    };
    let by_alice = call(&world, 2, 0);
    world.must_refuse::<NotAuthorised>(BOB, at, &by_alice);
    world.must_refuse::<UnknownAsset>(BOB, at, &call(&world, 9, 0));
    world.approve_asset(ALICE, 2, BOB);
    world.must(BOB, at, &by_alice);
    // Carol provides execution 1, of asset 1, which she is not authorised for.
    world.must_refuse::<NotAuthorised>(CAROL, at, &call(&world, 1, 0));
    world.must_refuse::<UnknownExecution>(CAROL, at, &call(&world, 1, 7));
    world.must_refuse::<OnlyProvider>(DAVE, at, &call(&world, 1, 1));
    world.must_refuse::<NotAuthorised>(CAROL, at, &call(&world, 3, 1));
    world.must(CAROL, at, &call(&world, 1, 1));
    world.must(CAROL, at, &call(&world, 0, 1));
    world.must(CAROL, at, &call(&world, 4, 1));
    world.must(CAROL, at, &complete(U256::ONE, 0, 1));
    world.must_refuse::<ExecutionNotOpen>(CAROL, at, &call(&world, 1, 1));
}

#[test]
fn a_licence_that_is_named_is_held_and_good() {
    let mut world = open();
    let (at, licenses) = (world.log(), world.at.license_registry);
    let terms = LicenseTerms {
        commercialUse: true,
        durationSecs: 1,
        uri: "https://terms.example".into(),
        ..LicenseTerms::default()
    };
    let terms_id = world
        .must(ALICE, licenses, &LicenseRegistry::registerTermsCall { terms })
        .value;
    let mint = |world: &mut World, asset: u64| {
        let asset = U256::from(asset);
        let attach = LicenseRegistry::attachTermsCall {
            assetId: asset,
            termsId: terms_id,
        };
        world.must(ALICE, licenses, &attach);
        let mint = LicenseRegistry::mintCall {
            assetId: asset,
            termsId: terms_id,
            amount: U256::ONE,
            receiver: BOB,
            maxFee: U256::ZERO,
        };
        world.must(BOB, licenses, &mint).value
    };
    let (good, of_another) = (mint(&mut world, 1), mint(&mut world, 2));
    let under = |world: &World, license: U256| {
        request(ExecutionInput {
            licenseId: license,
            deadline: world.now_secs() + 10,
            ..world.inference()
        })
    };
    world.must_refuse::<LicenseNotValid>(BOB, at, &under(&world, U256::from(9)));
    world.must_refuse::<LicenseOfAnotherAsset>(BOB, at, &under(&world, of_another));
    world.must_refuse::<LicenseNotHeld>(CAROL, at, &under(&world, good));
    world.must(BOB, at, &under(&world, good));
    world.pass(86_400);
    world.must_refuse::<LicenseNotValid>(BOB, at, &under(&world, good));
}

#[test]
fn a_log_is_deployed_within_bounds() {
    let mut world = World::new();
    let good = world.log_arguments(world.at.test_usd);
    let mut refusal = |change: &dyn Fn(&mut souk_contracts::ExecutionLog::ExecutionLogConfig)| {
        let mut arguments = good.clone();
        change(&mut arguments.config);
        let outcome = world.try_create("ExecutionLog", &arguments.abi_encode());
        outcome.expect_err("a refusal")
    };
    assert!(refusal(&|config| config.challengeWindowSecs = 0).is::<InvalidWindow>());
    assert!(refusal(&|config| config.challengeWindowSecs = 30 * 86_400 + 1).is::<InvalidWindow>());
    assert!(refusal(&|config| config.bond = U256::ZERO).is::<InvalidBond>());
    assert!(refusal(&|config| config.treasury = Address::ZERO).is::<InvalidAccount>());
}
