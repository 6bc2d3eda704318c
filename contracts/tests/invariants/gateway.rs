//! The gateway: who announces and who mirrors, and that an announcement is mirrored once.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolConstructor, SolEvent};
use proptest::collection::vec;
use proptest::prelude::any;
use souk_contracts::AssetRegistry::{self, AssetRegistered, InvalidKind, NotAuthorised, UnknownAsset};
use souk_contracts::Gateway::{
    self, AlreadyAnnounced, AlreadyMirrored, AssetAnnounced, AssetMirrored, InvalidChain, InvalidRelayer, MirrorInput,
    OnlyRelayer, OwnableUnauthorizedAccount, RelayerChanged,
};
use souk_contracts::announcement_id;

use crate::property::{Coverage, for_all};
use crate::wired::{RELAYER, ensure};
use crate::world::{ACTORS, DEPLOYER, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
/// The chain's id in memory, and another.
const HERE: u64 = 1;
const THERE: u64 = 8_453;

impl World {
    fn gateway(&self) -> Address {
        self.at.gateway.expect("a deployment has a gateway")
    }
}

fn announce(asset: U256, target: u64) -> Gateway::announceCall {
    Gateway::announceCall {
        assetId: asset,
        targetChain: target,
    }
}

fn input(asset: u64) -> MirrorInput {
    MirrorInput {
        originChain: THERE,
        originGateway: Address::repeat_byte(0x6a),
        originRegistry: Address::repeat_byte(0x4e),
        originAssetId: U256::from(asset),
        contentHash: B256::repeat_byte(0xcc),
        owner: BOB,
        kind: 1,
        name: "mirrored model".into(),
        metadataUri: "ipfs://mirrored".into(),
        contributorShareE8: 5,
    }
}

fn mirror(input: MirrorInput) -> Gateway::mirrorCall {
    Gateway::mirrorCall { input }
}

fn id_here(input: &MirrorInput) -> B256 {
    announcement_id(
        input.originChain,
        input.originGateway,
        input.originRegistry,
        input.originAssetId,
        HERE,
    )
}

#[test]
fn an_asset_is_announced_once_per_chain_by_its_owner() {
    let mut world = World::new();
    let (at, registry) = (world.gateway(), world.at.asset_registry);
    let asset = world.register(ALICE);
    world.must_refuse::<UnknownAsset>(ALICE, at, &announce(U256::from(9), THERE));
    world.must_refuse::<NotAuthorised>(BOB, at, &announce(asset, THERE));
    world.must_refuse::<InvalidChain>(ALICE, at, &announce(asset, HERE));
    world.must_refuse::<InvalidChain>(ALICE, at, &announce(asset, 0));
    let version = AssetRegistry::addVersionCall {
        assetId: asset,
        contentHash: B256::repeat_byte(2),
        metadataUri: "ipfs://2".into(),
    };
    world.must(ALICE, registry, &version);
    let done = world.must(ALICE, at, &announce(asset, THERE));
    let event = AssetAnnounced::decode_log(&done.logs[0]).expect("the event");
    assert_eq!(event.announcementId, announcement_id(HERE, at, registry, asset, THERE));
    assert_eq!(done.value, event.announcementId);
    assert_eq!((event.assetId, event.targetChain), (asset, THERE));
    assert_eq!(event.contentHash, B256::repeat_byte(2), "the latest version's");
    world.must_refuse::<AlreadyAnnounced>(ALICE, at, &announce(asset, THERE));
    world.must(ALICE, at, &announce(asset, THERE + 1));
}

#[test]
fn a_mirror_is_registered_as_the_relayer_says() {
    let mut world = World::new();
    let (at, registry) = (world.gateway(), world.at.asset_registry);
    world.must_refuse::<OnlyRelayer>(DEPLOYER, at, &mirror(input(7)));
    for chain in [0, HERE] {
        let near = MirrorInput {
            originChain: chain,
            ..input(7)
        };
        world.must_refuse::<InvalidChain>(RELAYER, at, &mirror(near));
    }
    let strange = MirrorInput { kind: 7, ..input(7) };
    world.must_refuse::<InvalidKind>(RELAYER, at, &mirror(strange));
    let done = world.must(RELAYER, at, &mirror(input(7)));
    let registered = done.logs.iter().find_map(|log| AssetRegistered::decode_log(log).ok());
    let registered = registered.expect("the registry's event");
    assert_eq!(
        (registered.assetId, registered.owner, registered.kind),
        (done.value, BOB, 1)
    );
    assert_eq!(
        (registered.name.as_str(), registered.metadataUri.as_str()),
        ("mirrored model", "ipfs://mirrored")
    );
    assert_eq!(
        (registered.contentHash, registered.contributorShareE8),
        (B256::repeat_byte(0xcc), 5)
    );
    let event = AssetMirrored::decode_log(done.logs.last().expect("logs"))
        .expect("the event")
        .data;
    let expected = AssetMirrored {
        announcementId: id_here(&input(7)),
        mirrorId: done.value,
        originChain: THERE,
        originGateway: input(7).originGateway,
        originRegistry: input(7).originRegistry,
        originAssetId: U256::from(7),
        contentHash: B256::repeat_byte(0xcc),
        relayer: RELAYER,
    };
    assert_eq!(event, expected);
    world.must_refuse::<AlreadyMirrored>(RELAYER, at, &mirror(input(7)));
    let renamed = MirrorInput {
        owner: ALICE,
        name: "again".into(),
        ..input(7)
    };
    world.must_refuse::<AlreadyMirrored>(RELAYER, at, &mirror(renamed));
    let call = AssetRegistry::assetCountCall {};
    assert_eq!(world.view(registry, &call), done.value, "nothing else was registered");
    let unknown = Gateway::mirrorOfCall {
        announcementId: B256::ZERO,
    };
    assert_eq!(world.view(at, &unknown), U256::ZERO);
}

#[test]
fn relayers_are_the_owners_to_allow() {
    let mut world = World::new();
    let at = world.gateway();
    let set = |relayer, allowed| Gateway::setRelayerCall { relayer, allowed };
    world.must_refuse::<OwnableUnauthorizedAccount>(RELAYER, at, &set(ALICE, true));
    world.must_refuse::<InvalidRelayer>(DEPLOYER, at, &set(Address::ZERO, true));
    let done = world.must(DEPLOYER, at, &set(ALICE, true));
    let event = RelayerChanged::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.relayer, event.allowed), (ALICE, true));
    world.must(ALICE, at, &mirror(input(1)));
    world.must(RELAYER, at, &mirror(input(2)));
    world.must(DEPLOYER, at, &set(ALICE, false));
    world.must_refuse::<OnlyRelayer>(ALICE, at, &mirror(input(3)));
    let nobody = Gateway::constructorCall {
        assets: world.at.asset_registry,
        admin: DEPLOYER,
        relayer: Address::ZERO,
    };
    let refusal = world
        .try_create("Gateway", &nobody.abi_encode())
        .expect_err("a refusal");
    assert!(refusal.is::<InvalidRelayer>());
}

/// Ids are of all five parts: what differs in one is another announcement, and the same on a chain that split off is not known there.
#[test]
fn each_announcement_is_mirrored_once() {
    let coverage = Coverage::new();
    let tries = vec((any::<bool>(), 0..2_u64, 0..2_u8, 0..2_u8, 0..3_u64), 1..40);
    for_all(64, &tries, |tries| {
        let mut world = World::new();
        let at = world.gateway();
        let mut known = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (relayed, chain, gateway, registry, asset) in tries {
            let wanted = MirrorInput {
                originChain: THERE + chain,
                originGateway: Address::repeat_byte(gateway),
                originRegistry: Address::repeat_byte(registry),
                ..input(asset)
            };
            let key = (chain, gateway, registry, asset);
            let expected = ensure::<OnlyRelayer>(relayed).and(ensure::<AlreadyMirrored>(!known.contains_key(&key)));
            let by = if relayed { RELAYER } else { ALICE };
            let done = world.expect(by, at, &mirror(wanted.clone()), expected);
            coverage.saw((relayed, done.is_some()));
            if let Some(done) = done {
                assert!(ids.insert(id_here(&wanted)), "two announcements of one id");
                known.insert(key, done.value);
            }
            let call = Gateway::mirrorOfCall {
                announcementId: id_here(&wanted),
            };
            let mirrored = known.get(&key).copied().unwrap_or_default();
            assert_eq!(world.view(at, &call), mirrored);
        }
        world.fork(THERE + 9);
        if let Some((&(chain, gateway, registry, asset), _)) = known.first_key_value() {
            let wanted = MirrorInput {
                originChain: THERE + chain,
                originGateway: Address::repeat_byte(gateway),
                originRegistry: Address::repeat_byte(registry),
                ..input(asset)
            };
            world.must(RELAYER, at, &mirror(wanted));
        }
    });
    coverage.require(&[(true, true), (true, false), (false, false)]);
}
