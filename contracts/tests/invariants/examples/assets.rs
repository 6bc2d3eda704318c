//! Registering, versions, parents: bounds of inputs, and who may do what.

use alloy::primitives::{B256, U256};
use alloy::sol_types::SolEvent;
use souk_contracts::AssetRegistry::{
    AssetInput, AssetVersioned, ForeignParentDeclared, HasChildren, InvalidForeignId, InvalidKind, InvalidRelation,
    NotAuthorised, ShareTooLarge, UnknownAsset,
};
use souk_contracts::{AssetRegistry, ONE_E8};

use super::{ALICE, BOB, declare};
use crate::world::World;

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
