//! What arrives of a payment, and tokens that call back in the middle of one.

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::RevenueRouter::{ReentrancyGuardReentrantCall, RevenueReceived};
use souk_contracts::{LicenseRegistry, TestUSD};

use super::{ALICE, BOB, CAROL, pay};
use crate::world::{DISTRIBUTOR, START_BALANCE, TOKEN_FEE_BPS, TestToken, World};

/// A payment of the plain token arrives whole; of the other one, less its fee, and it is the rest that counts.
#[test]
fn the_event_says_what_arrived() {
    let mut world = World::new();
    let asset = world.register(ALICE);
    let sent = 1_000_003_u64;
    let less_fee = sent - sent * TOKEN_FEE_BPS / 10_000;
    for (token, expected) in [(world.at.test_usd, sent), (world.fee_token, less_fee)] {
        let logs = world.must(BOB, world.at.revenue_router, &pay(asset, token, sent)).logs;
        let event = logs.iter().find_map(|log| RevenueReceived::decode_log(log).ok());
        let event = event.expect("a payment says so");
        assert_eq!(event.amount, U256::from(expected));
        assert_eq!((event.payer, event.token), (BOB, token));
        assert_eq!(world.balance(token, DISTRIBUTOR), U256::from(expected));
        let left = U256::from(START_BALANCE) - U256::from(sent);
        assert_eq!(world.balance(token, BOB), left);
    }
}

/// Counted twice, a payment made within a payment would make the distributor owe more than it has.
#[test]
fn a_token_that_calls_back_is_refused() {
    let mut world = World::new();
    let asset = world.register(ALICE);
    let (token, router) = (world.reentrant_token, world.at.revenue_router);
    let amount = U256::from(1_000);
    world.must(ALICE, token, &TestToken::mintCall { to: token, amount });
    arm(&mut world, router, &pay(asset, token, 100));
    world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, router, &pay(asset, token, 100));
    assert_eq!(world.balance(token, DISTRIBUTOR), U256::ZERO);
}

/// An asset's owner cannot end a series in the middle of somebody's paying for it.
#[test]
fn a_series_is_not_revoked_while_it_is_minted() {
    let mut world = World::new();
    let (token, licenses) = (world.reentrant_token, world.at.license_registry);
    let asset = world.register(token);
    let terms = LicenseTerms {
        mintingFee: U256::from(7),
        currency: token,
        ..LicenseTerms::default()
    };
    let register = LicenseRegistry::registerTermsCall { terms };
    let terms_id = world.must(ALICE, licenses, &register).value;

    // The token owns the asset, and does what it was armed with when somebody moves nothing of it.
    let attach = LicenseRegistry::attachTermsCall {
        assetId: asset,
        termsId: terms_id,
    };
    arm(&mut world, licenses, &attach);
    let (from, to, value) = (token, token, U256::ZERO);
    world.must(CAROL, token, &TestUSD::transferFromCall { from, to, value });
    let license_id = U256::ZERO;
    arm(
        &mut world,
        licenses,
        &LicenseRegistry::isValidCall { licenseId: license_id },
    );

    let mint = LicenseRegistry::mintCall {
        assetId: asset,
        termsId: terms_id,
        amount: U256::ONE,
        receiver: BOB,
        maxFee: U256::from(7),
    };
    let license = world.must(BOB, licenses, &mint).value;
    let revoke = LicenseRegistry::revokeCall {
        licenseId: license,
        reason: String::new(),
    };
    arm(&mut world, licenses, &revoke);
    world.must_refuse::<LicenseRegistry::ReentrancyGuardReentrantCall>(BOB, licenses, &mint);
}

/// Makes the reentrant token call `target` in every transfer from here on.
fn arm(world: &mut World, target: Address, call: &impl SolCall) {
    let payload = call.abi_encode().into();
    world.must(ALICE, world.reentrant_token, &TestToken::armCall { target, payload });
}
