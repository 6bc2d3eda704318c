//! What the contracts allow each other and the admin, and how much fits a transaction.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::AssetRegistry::{AssetInput, DerivationDeclared};
use souk_contracts::ContributionBook::{ContributionInput, ContributionRecorded};
use souk_contracts::LicenseRegistry::OnlyAssetRegistry;
use souk_contracts::RevenueRouter::{
    InvalidDistributor, NothingReceived, OnlyLicenseRegistry, OwnableUnauthorizedAccount, Payment, RevenueReceived,
};
use souk_contracts::{AssetRegistry, ContributionBook, LicenseRegistry, RevenueRouter, TestUSD};

use super::{ALICE, BOB, CAROL, declare, pay};
use crate::world::World;

#[test]
fn only_the_wired_contracts_use_each_other() {
    let mut world = World::new();
    let asset = world.register(ALICE);
    let collect = RevenueRouter::collectFeeCall {
        payer: BOB,
        assetId: asset,
        token: world.at.test_usd,
        amount: U256::ONE,
        r#ref: B256::ZERO,
    };
    world.must_refuse::<OnlyLicenseRegistry>(ALICE, world.at.revenue_router, &collect);
    let admit = LicenseRegistry::admitDerivationCall {
        childId: asset,
        parentId: asset,
        licenseId: U256::ZERO,
        holder: ALICE,
    };
    world.must_refuse::<OnlyAssetRegistry>(ALICE, world.at.license_registry, &admit);
}

#[test]
fn only_the_admin_changes_the_distributor() {
    let mut world = World::new();
    let at = world.at.revenue_router;
    let set = |to: Address| RevenueRouter::setDistributorCall { newDistributor: to };
    world.must_refuse::<OwnableUnauthorizedAccount>(ALICE, at, &set(ALICE));
    let admin = world.view(at, &RevenueRouter::ownerCall {});
    world.must_refuse::<InvalidDistributor>(admin, at, &set(Address::ZERO));
    world.must_refuse::<InvalidDistributor>(admin, at, &set(at));
    world.must(admin, at, &set(CAROL));
    let asset = world.register(ALICE);
    world.must(BOB, at, &pay(asset, world.at.test_usd, 5));
    world.must_refuse::<NothingReceived>(CAROL, at, &pay(asset, world.at.test_usd, 5));
}

/// One transaction carries hundreds of events: by the batch calls, and by `multicall` over any calls.
#[test]
fn batches_emit_hundreds_of_events() {
    let mut world = World::new();
    let (assets, book, router) = (
        world.at.asset_registry,
        world.at.contribution_book,
        world.at.revenue_router,
    );
    let inputs = vec![
        AssetInput {
            owner: ALICE,
            ..AssetInput::default()
        };
        300
    ];
    world.must(ALICE, assets, &AssetRegistry::registerBatchCall { inputs });

    let work = |n: u64| ContributionInput {
        assetId: U256::from(n),
        contributor: BOB,
        role: 1,
        weight: U256::ONE,
        evidenceHash: B256::ZERO,
    };
    let call = ContributionBook::recordBatchCall {
        inputs: (1..=300).map(work).collect(),
    };
    let done = world.must(ALICE, book, &call);
    assert_eq!(done.value, U256::ONE);
    assert_eq!(
        done.logs
            .iter()
            .filter(|log| ContributionRecorded::decode_log(log).is_ok())
            .count(),
        300
    );

    let token = world.at.test_usd;
    let payment = |n: u64| Payment {
        assetId: U256::from(n),
        token,
        amount: U256::from(n),
        reason: 1,
        r#ref: B256::ZERO,
    };
    let done = world.must(
        BOB,
        router,
        &RevenueRouter::payBatchCall {
            payments: (1..=300).map(payment).collect(),
        },
    );
    assert_eq!(
        done.logs
            .iter()
            .filter(|log| RevenueReceived::decode_log(log).is_ok())
            .count(),
        300
    );

    let edge = |n: u64| {
        declare(U256::from(n), &[(U256::from(n - 1), U256::ZERO)])
            .abi_encode()
            .into()
    };
    let done = world.must(
        ALICE,
        assets,
        &AssetRegistry::multicallCall {
            data: (2..=300).map(edge).collect(),
        },
    );
    assert_eq!(
        done.logs
            .iter()
            .filter(|log| DerivationDeclared::decode_log(log).is_ok())
            .count(),
        299
    );
}

#[test]
fn the_test_dollar_has_six_decimals_and_is_free() {
    let mut world = World::new();
    let token = world.at.test_usd;
    assert_eq!(world.view(token, &TestUSD::decimalsCall {}), 6);
    let before = world.balance(token, BOB);
    world.must(
        ALICE,
        token,
        &TestUSD::mintCall {
            to: BOB,
            amount: U256::from(7),
        },
    );
    assert_eq!(world.balance(token, BOB), before + U256::from(7));
}
