//! Terms, series, fees: bounds of inputs, the second of expiry, reciprocity over several generations.

use alloy::primitives::U256;
use alloy::sol_types::SolEvent;
use souk_contracts::AssetRegistry::{DerivationDeclared, RoyaltyStackTooHigh};
use souk_contracts::LicenseRegistry::{
    CurrencyRequired, DurationTooLong, ExpiredLicense, FeeAboveMax, InvalidRevenueShare, InvalidRoyaltyPolicy,
    LicenseTerms, LicenseTermsAttached, ReciprocalWithoutDerivatives, TooManyBindingTerms, UnknownTerms,
};
use souk_contracts::{LicenseRegistry, ONE_E8, license_expiry, terms_id};

use super::{ALICE, BOB, CAROL, declare};
use crate::world::{DISTRIBUTOR, World};

#[test]
fn terms_that_contradict_themselves_are_refused() {
    let mut world = World::new();
    let at = world.at.license_registry;
    let good = LicenseTerms {
        royaltyPolicy: 1,
        revenueShareE8: ONE_E8,
        derivativesAllowed: true,
        ..LicenseTerms::default()
    };
    let call = |terms: LicenseTerms| LicenseRegistry::registerTermsCall { terms };
    world.must(ALICE, at, &call(good.clone()));
    world.must_refuse::<InvalidRoyaltyPolicy>(
        ALICE,
        at,
        &call(LicenseTerms {
            royaltyPolicy: 3,
            ..good.clone()
        }),
    );
    let above = LicenseTerms {
        revenueShareE8: ONE_E8 + 1,
        ..good.clone()
    };
    world.must_refuse::<InvalidRevenueShare>(ALICE, at, &call(above));
    let without = LicenseTerms {
        royaltyPolicy: 0,
        revenueShareE8: 1,
        ..good.clone()
    };
    world.must_refuse::<InvalidRevenueShare>(ALICE, at, &call(without));
    let free = LicenseTerms {
        mintingFee: U256::ONE,
        ..good.clone()
    };
    world.must_refuse::<CurrencyRequired>(ALICE, at, &call(free));
    let closed = LicenseTerms {
        reciprocal: true,
        derivativesAllowed: false,
        ..good.clone()
    };
    world.must_refuse::<ReciprocalWithoutDerivatives>(ALICE, at, &call(closed));
    let century = 36_525 * 86_400;
    world.must(
        ALICE,
        at,
        &call(LicenseTerms {
            durationSecs: century,
            ..good.clone()
        }),
    );
    world.must_refuse::<DurationTooLong>(
        ALICE,
        at,
        &call(LicenseTerms {
            durationSecs: century + 1,
            ..good
        }),
    );
    let asset = world.register(ALICE);
    let attach = LicenseRegistry::attachTermsCall {
        assetId: asset,
        termsId: U256::ONE,
    };
    world.must_refuse::<UnknownTerms>(ALICE, at, &attach);
}

/// The end is exclusive: good in the last second before it, not in the one that it names.
#[test]
fn a_licence_ends_at_the_second_it_names() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let terms = LicenseTerms {
        derivativesAllowed: true,
        durationSecs: 86_400,
        ..LicenseTerms::default()
    };
    let parent = world.register(ALICE);
    let license = world.licensed(parent, &terms, BOB);
    let ends = license_expiry(world.now_secs(), 86_400).expect("a near future");
    world.pass(ends - 1 - world.now_secs());
    let child = world.register(BOB);
    world.must(BOB, at, &declare(child, &[(parent, license)]));
    world.pass(1);
    let late = world.register(BOB);
    world.must_refuse::<ExpiredLicense>(BOB, at, &declare(late, &[(parent, license)]));
}

/// PAY-1 rests on it: what an asset owes upstream, its parents' LAP edges included, reaches all of its revenue at most.
#[test]
fn royalties_reach_the_whole_revenue_and_never_pass_it() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let royalty = |policy, share| LicenseTerms {
        derivativesAllowed: true,
        royaltyPolicy: policy,
        revenueShareE8: share,
        ..LicenseTerms::default()
    };
    let origin = world.register(ALICE);
    let license = world.licensed(origin, &royalty(1, 60_000_000), BOB);
    let middle = world.register(BOB);
    world.must(BOB, at, &declare(middle, &[(origin, license)]));
    for (policy, share, fits) in [
        (1, 40_000_000, true),
        (1, 40_000_001, false),
        (2, 40_000_000, true),
        (2, 40_000_001, false),
    ] {
        let license = world.licensed(middle, &royalty(policy, share), CAROL);
        let last = world.register(CAROL);
        let declaration = declare(last, &[(middle, license)]);
        if fits {
            world.must(CAROL, at, &declaration);
        } else {
            world.must_refuse::<RoyaltyStackTooHigh>(CAROL, at, &declaration);
        }
    }
}

/// Whoever derives from a derivative under other, permissive terms of it still carries what binds it.
#[test]
fn reciprocal_terms_are_not_escaped_through_other_terms() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let share_alike = LicenseTerms {
        derivativesAllowed: true,
        reciprocal: true,
        ..LicenseTerms::default()
    };
    let permissive = LicenseTerms {
        derivativesAllowed: true,
        ..LicenseTerms::default()
    };
    let origin = world.register(ALICE);
    let license = world.licensed(origin, &share_alike, BOB);
    let middle = world.register(BOB);
    world.must(BOB, at, &declare(middle, &[(origin, license)]));
    let license = world.licensed(middle, &permissive, CAROL);
    let last = world.register(CAROL);
    let logs = world.must(CAROL, at, &declare(last, &[(middle, license)])).logs;
    let attached = LicenseTermsAttached::decode_log(&logs[0]).expect("the terms come before the edge");
    assert_eq!((attached.assetId, attached.termsId), (last, terms_id(&share_alike)));
    assert!(DerivationDeclared::decode_log(&logs[1]).is_ok());
    let binding = world.view(
        world.at.license_registry,
        &LicenseRegistry::bindingTermsCall { assetId: last },
    );
    assert_eq!(binding, [terms_id(&share_alike)]);
}

#[test]
fn an_asset_inherits_at_most_sixteen_reciprocal_terms() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let mut middles = Vec::new();
    for n in 0..17_u64 {
        let terms = LicenseTerms {
            derivativesAllowed: true,
            reciprocal: true,
            uri: n.to_string(),
            ..LicenseTerms::default()
        };
        let origin = world.register(ALICE);
        let license = world.licensed(origin, &terms, ALICE);
        let middle = world.register(ALICE);
        world.must(ALICE, at, &declare(middle, &[(origin, license)]));
        middles.push((middle, U256::ZERO));
    }
    let child = world.register(ALICE);
    world.must(ALICE, at, &declare(child, &middles[..15]));
    let gather = world.register(ALICE);
    world.must(ALICE, at, &declare(gather, &middles[15..]));
    let both = world.register(ALICE);
    let parents = [(child, U256::ZERO), (gather, U256::ZERO)];
    world.must_refuse::<TooManyBindingTerms>(ALICE, at, &declare(both, &parents));
}

#[test]
fn a_minting_fee_is_never_above_what_the_minter_allows() {
    let mut world = World::new();
    let at = world.at.license_registry;
    let fee = U256::from(1_000_000);
    let terms = LicenseTerms {
        mintingFee: fee,
        currency: world.at.test_usd,
        ..LicenseTerms::default()
    };
    let asset = world.register(ALICE);
    let terms_id = world.offered(asset, &terms);
    let mint = |max_fee| LicenseRegistry::mintCall {
        assetId: asset,
        termsId: terms_id,
        amount: U256::from(3),
        receiver: BOB,
        maxFee: max_fee,
    };
    world.must_refuse::<FeeAboveMax>(BOB, at, &mint(fee * U256::from(3) - U256::ONE));
    world.must(BOB, at, &mint(fee * U256::from(3)));
    assert_eq!(world.balance(world.at.test_usd, DISTRIBUTOR), fee * U256::from(3));
    // The owner pays like everybody.
    world.must(ALICE, at, &mint(U256::MAX));
    assert_eq!(world.balance(world.at.test_usd, DISTRIBUTOR), fee * U256::from(6));
}
