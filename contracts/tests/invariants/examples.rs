//! Rules shown one at a time, where a random walk would rarely or never pass: bounds of inputs, who may do what, batches.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use souk_contracts::AssetRegistry::{
    AssetInput, AssetVersioned, DerivationDeclared, ForeignParentDeclared, HasChildren, InvalidForeignId, InvalidKind,
    InvalidRelation, NotAuthorised, ParentInput, ShareTooLarge, UnknownAsset,
};
use souk_contracts::ContributionBook::{ContributionInput, ContributionRecorded};
use souk_contracts::LicenseRegistry::{
    CurrencyRequired, DurationTooLong, ExpiredLicense, FeeAboveMax, InvalidRevenueShare, InvalidRoyaltyPolicy,
    LicenseTerms, LicenseTermsAttached, OnlyAssetRegistry, ReciprocalWithoutDerivatives, TooManyBindingTerms,
    UnknownTerms,
};
use souk_contracts::RevenueRouter::{
    InvalidDistributor, NothingReceived, OnlyLicenseRegistry, OwnableUnauthorizedAccount, Payment, RevenueReceived,
};
use souk_contracts::{
    AssetRegistry, ContributionBook, LicenseRegistry, ONE_E8, RevenueRouter, TestUSD, license_expiry,
};

use crate::world::{ACTORS, DISTRIBUTOR, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const CAROL: Address = ACTORS[2];

#[test]
fn registration_refuses_what_makes_no_sense() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let good = AssetInput {
        owner: ALICE,
        kind: 6,
        contributorShareE8: ONE_E8,
        ..AssetInput::default()
    };
    let batch = |input: &AssetInput| AssetRegistry::registerBatchCall {
        inputs: vec![good.clone(), input.clone()],
    };
    assert_eq!(world.must(BOB, at, &batch(&good)).value, U256::ONE);
    world.must_refuse::<InvalidKind>(
        BOB,
        at,
        &batch(&AssetInput {
            kind: 7,
            ..good.clone()
        }),
    );
    let share = AssetInput {
        contributorShareE8: ONE_E8 + 1,
        ..good.clone()
    };
    world.must_refuse::<ShareTooLarge>(BOB, at, &batch(&share));
    assert_eq!(
        world.view(at, &AssetRegistry::assetCountCall {}),
        U256::from(2),
        "a refused batch registers nothing"
    );
}

#[test]
fn versions_are_the_owners_and_those_of_whom_the_owner_approved() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let asset = world.register(ALICE);
    let version = AssetRegistry::addVersionCall {
        assetId: asset,
        contentHash: B256::repeat_byte(2),
        metadataUri: "ipfs://two".into(),
    };
    let logs = world.must(ALICE, at, &version).logs;
    assert_eq!(AssetVersioned::decode_log(&logs[0]).expect("the event").version, 2);
    world.must_refuse::<NotAuthorised>(BOB, at, &version);
    world.must(
        ALICE,
        at,
        &AssetRegistry::approveCall {
            to: BOB,
            tokenId: asset,
        },
    );
    assert_eq!(world.must(BOB, at, &version).value, 3);
    let unknown = AssetRegistry::addVersionCall {
        assetId: U256::from(2),
        ..version
    };
    world.must_refuse::<UnknownAsset>(ALICE, at, &unknown);
    assert_eq!(
        world.view(at, &AssetRegistry::tokenURICall { assetId: asset }),
        "ipfs://two"
    );
}

#[test]
fn foreign_parents_are_lineage_declared_before_any_child() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let asset = world.register(ALICE);
    let foreign = |caip19: &str, relation| AssetRegistry::declareForeignParentCall {
        childId: asset,
        caip19: caip19.into(),
        relation,
    };
    let id = "eip155:1/erc721:0x0000000000000000000000000000000000000001/42";
    let logs = world.must(ALICE, at, &foreign(id, 12)).logs;
    assert_eq!(
        ForeignParentDeclared::decode_log(&logs[0]).expect("the event").caip19,
        id
    );
    world.must(ALICE, at, &foreign(&"x".repeat(256), 0));
    world.must_refuse::<InvalidForeignId>(ALICE, at, &foreign("", 0));
    world.must_refuse::<InvalidForeignId>(ALICE, at, &foreign(&"x".repeat(257), 0));
    world.must_refuse::<InvalidRelation>(ALICE, at, &foreign(id, 13));
    world.must_refuse::<NotAuthorised>(BOB, at, &foreign(id, 0));
    let child = world.register(ALICE);
    world.must(ALICE, at, &declare(child, &[(asset, U256::ZERO)]));
    world.must_refuse::<HasChildren>(ALICE, at, &foreign(id, 0));
}

/// LIN-1: whoever has a child declares no parent, so no chain of declarations comes back to where it began.
#[test]
fn a_cycle_cannot_be_declared() {
    let mut world = World::new();
    let at = world.at.asset_registry;
    let chain: Vec<_> = (0..4).map(|_| world.register(ALICE)).collect();
    for pair in chain.windows(2) {
        world.must(ALICE, at, &declare(pair[1], &[(pair[0], U256::ZERO)]));
    }
    for &ancestor in &chain[..3] {
        world.must_refuse::<HasChildren>(ALICE, at, &declare(ancestor, &[(chain[3], U256::ZERO)]));
    }
    let mut odd = declare(chain[3], &[(chain[0], U256::ZERO)]);
    odd.parents[0].relation = 13;
    world.must_refuse::<InvalidRelation>(ALICE, at, &odd);
    world.must_refuse::<UnknownAsset>(ALICE, at, &declare(chain[3], &[(U256::from(99), U256::ZERO)]));
}

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
    assert_eq!(
        (attached.assetId, attached.termsId),
        (last, souk_contracts::terms_id(&share_alike))
    );
    assert!(DerivationDeclared::decode_log(&logs[1]).is_ok());
    let binding = world.view(
        world.at.license_registry,
        &LicenseRegistry::bindingTermsCall { assetId: last },
    );
    assert_eq!(binding, [souk_contracts::terms_id(&share_alike)]);
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

fn declare(child: U256, parents: &[(U256, U256)]) -> AssetRegistry::declareParentsCall {
    let input = |&(parent, license): &(U256, U256)| ParentInput {
        parentId: parent,
        relation: 1,
        licenseId: license,
    };
    AssetRegistry::declareParentsCall {
        childId: child,
        parents: parents.iter().map(input).collect(),
    }
}

fn pay(asset: U256, token: Address, amount: u64) -> RevenueRouter::payCall {
    RevenueRouter::payCall {
        assetId: asset,
        token,
        amount: U256::from(amount),
        reason: 4,
        r#ref: B256::ZERO,
    }
}

impl World {
    /// Registers the terms and offers the asset under them; their id.
    fn offered(&mut self, asset: U256, terms: &LicenseTerms) -> U256 {
        let owner = self.view(self.at.asset_registry, &AssetRegistry::ownerOfCall { tokenId: asset });
        let register = LicenseRegistry::registerTermsCall { terms: terms.clone() };
        let terms_id = self.must(owner, self.at.license_registry, &register).value;
        let attach = LicenseRegistry::attachTermsCall {
            assetId: asset,
            termsId: terms_id,
        };
        self.must(owner, self.at.license_registry, &attach);
        terms_id
    }

    /// Offers the asset under the terms and mints one licence to `holder`; its id.
    fn licensed(&mut self, asset: U256, terms: &LicenseTerms, holder: Address) -> U256 {
        let terms_id = self.offered(asset, terms);
        let mint = LicenseRegistry::mintCall {
            assetId: asset,
            termsId: terms_id,
            amount: U256::ONE,
            receiver: holder,
            maxFee: U256::ZERO,
        };
        self.must(holder, self.at.license_registry, &mint).value
    }
}
