//! Announcements and mirrors across two chains, each with its own finality and its own reorganisations.

use serde_json::{Value, json};
use souk_contracts::Gateway;
use souk_schema::{ChainId, U256};

use super::world::*;
use crate::fixture::{ALICE, CAROL, REGISTRY, address};

fn announced(asset: u64, announcement: u8) -> Gateway::AssetAnnounced {
    Gateway::AssetAnnounced {
        announcementId: word(announcement),
        assetId: U256::from(asset),
        targetChain: AWAY.0,
        contentHash: word(asset as u8),
    }
}

/// What a relayer says on the other chain.
fn mirrored(mirror: u64, announcement: u8, origin: ChainId, content: u8) -> Logs {
    let claim = Gateway::AssetMirrored {
        announcementId: word(announcement),
        mirrorId: U256::from(mirror),
        originChain: origin.0,
        originGateway: at(GATEWAY),
        originRegistry: at(REGISTRY),
        originAssetId: U256::from(1),
        contentHash: word(content),
        relayer: at(CAROL),
    };
    Logs::default().asset(mirror, 0, CAROL).and(GATEWAY, &claim)
}

const MIRROR: &str = "announcementId state origin { assetId } mirror { assetId asset { name } } gateway originGateway contentHash \
    relayer { address } mirrored { chainId blockNumber } announced { chainId blockNumber logIndex }";

async fn mirrors(world: &World, chain: ChainId, asset: u64, rest: &str) -> Value {
    let query = format!(
        r#"{{ asset(id: "{}") {{ mirrors(first: 10{rest}) {{ totalCount nodes {{ {MIRROR} }} }} }} }}"#,
        asset_on(chain, asset)
    );
    world.souk.ask(&query).await["asset"]["mirrors"].take()
}

#[tokio::test]
async fn a_mirror_is_confirmed_only_by_an_announcement_that_is_final_and_both_assets_tell_it() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    world.block_on(AWAY, mirrored(8, 0x91, HOME, 1)).await;
    // The claim is there before the announcement was seen.
    let unconfirmed = mirrors(&world, HOME, 1, "").await;
    assert_eq!(
        (&unconfirmed["nodes"][0]["state"], &unconfirmed["nodes"][0]["announced"]),
        (&json!("UNCONFIRMED"), &Value::Null)
    );
    world.block(Logs::default().and(GATEWAY, &announced(1, 0x91))).await;
    assert_eq!(
        mirrors(&world, AWAY, 8, "").await["nodes"][0]["state"],
        "ANNOUNCED",
        "its block is not final"
    );
    world.finalise(HOME).await;
    let both = json!({ "totalCount": 1, "nodes": [{
        "announcementId": format!("{:#x}", word(0x91)), "state": "CONFIRMED", "origin": { "assetId": asset_on(HOME, 1) },
        "mirror": { "assetId": asset_on(AWAY, 8), "asset": { "name": "asset 8" } }, "gateway": address(GATEWAY), "originGateway": address(GATEWAY),
        "contentHash": format!("{:#x}", word(1)), "relayer": { "address": address(CAROL) },
        "mirrored": { "chainId": "eip155:10", "blockNumber": 1 }, "announced": { "chainId": "eip155:31337", "blockNumber": 2, "logIndex": 0 },
    }] });
    assert_eq!(mirrors(&world, HOME, 1, "").await, both);
    assert_eq!(mirrors(&world, AWAY, 8, "").await, both);
    let announcements = world.of_asset(1, "announcements(first: 5) { totalCount nodes { announcementId gateway targetChain contentHash announced { blockNumber } } }").await;
    assert_eq!(
        announcements["announcements"],
        json!({ "totalCount": 1, "nodes": [{ "announcementId": format!("{:#x}", word(0x91)), "gateway": address(GATEWAY),
            "targetChain": "eip155:10", "contentHash": format!("{:#x}", word(1)), "announced": { "blockNumber": 2 } }] })
    );
    // As of the block before, nothing was announced.
    let before = mirrors(&world, HOME, 1, ", asOf: { block: 1 }").await;
    assert_eq!(
        (&before["totalCount"], &before["nodes"][0]["state"]),
        (&json!(1), &json!("UNCONFIRMED"))
    );
    let none = world
        .of_asset(1, "announcements(first: 5, asOf: { block: 1 }) { totalCount }")
        .await;
    assert_eq!(none["announcements"]["totalCount"], 0);
    let edge = world.souk.ask(&format!(r#"{{ asset(id: "{}") {{ parents(first: 1) {{ nodes {{ relation status evidence {{ __typename }} }} }} }} }}"#, asset_on(AWAY, 8))).await;
    assert_eq!(
        edge["asset"]["parents"]["nodes"],
        json!([{ "relation": "MIRROR_OF", "status": "UNCONFIRMED", "evidence": [] }])
    );
}

#[tokio::test]
async fn claims_that_no_announcement_backs_stay_unconfirmed() {
    let mut world = World::new().await;
    world
        .block(Logs::default().asset(1, 0, ALICE).and(GATEWAY, &announced(1, 0x91)))
        .await;
    world.finalise(HOME).await;
    // Of other content, under another name, of a chain that nobody indexes; then the true one.
    world.block_on(AWAY, mirrored(5, 0x91, HOME, 9)).await;
    world.block_on(AWAY, mirrored(6, 0x92, HOME, 1)).await;
    world.block_on(AWAY, mirrored(7, 0x91, ChainId(5), 1)).await;
    world.block_on(AWAY, mirrored(8, 0x91, HOME, 1)).await;
    for (mirror, state) in [
        (5, "UNCONFIRMED"),
        (6, "UNCONFIRMED"),
        (7, "UNCONFIRMED"),
        (8, "CONFIRMED"),
    ] {
        let found = mirrors(&world, AWAY, mirror, "").await;
        assert_eq!(
            (&found["totalCount"], &found["nodes"][0]["state"]),
            (&json!(1), &json!(state)),
            "mirror {mirror}"
        );
    }
    let foreign = mirrors(&world, AWAY, 7, "").await;
    let origin = format!("eip155:5/erc721:{}/1", address(REGISTRY));
    assert_eq!(foreign["nodes"][0]["origin"]["assetId"], origin);
    assert_eq!(
        mirrors(&world, HOME, 1, "").await["totalCount"],
        3,
        "all that say they are of it"
    );
    // Page by page, both ways.
    let page = async |rest: &str| {
        let query = format!(
            r#"{{ asset(id: "{}") {{ mirrors({rest}) {{ nodes {{ mirrored {{ blockNumber }} }} pageInfo {{ endCursor startCursor hasNextPage hasPreviousPage }} }} }} }}"#,
            asset_on(HOME, 1)
        );
        world.souk.ask(&query).await["asset"]["mirrors"].take()
    };
    let first = page("first: 2").await;
    assert_eq!(
        first["nodes"],
        json!([{ "mirrored": { "blockNumber": 1 } }, { "mirrored": { "blockNumber": 2 } }])
    );
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let rest = page(&format!("first: 2, after: {}", first["pageInfo"]["endCursor"])).await;
    assert_eq!(
        (&rest["nodes"], &rest["pageInfo"]["hasNextPage"]),
        (&json!([{ "mirrored": { "blockNumber": 4 } }]), &json!(false))
    );
    let back = page(&format!("last: 1, before: {}", rest["pageInfo"]["startCursor"])).await;
    assert_eq!(
        (&back["nodes"], &back["pageInfo"]["hasPreviousPage"]),
        (&json!([{ "mirrored": { "blockNumber": 2 } }]), &json!(true))
    );
}

#[tokio::test]
async fn a_reorganisation_of_either_chain_takes_back_what_it_said() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    world.block(Logs::default().and(GATEWAY, &announced(1, 0x91))).await;
    world.block_on(AWAY, Logs::default()).await;
    world.block_on(AWAY, mirrored(8, 0x91, HOME, 1)).await;
    assert_eq!(mirrors(&world, HOME, 1, "").await["nodes"][0]["state"], "ANNOUNCED");
    world.revert(1).await;
    assert_eq!(mirrors(&world, HOME, 1, "").await["nodes"][0]["state"], "UNCONFIRMED");
    let none = world.of_asset(1, "announcements(first: 1) { totalCount }").await;
    assert_eq!(none["announcements"]["totalCount"], 0);
    world.revert_on(AWAY, 1).await;
    assert_eq!(
        mirrors(&world, HOME, 1, "").await,
        json!({ "totalCount": 0, "nodes": [] })
    );
}

#[tokio::test]
async fn an_export_tells_of_a_mirror_once_it_is_confirmed() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    world.block_on(AWAY, mirrored(8, 0x91, HOME, 1)).await;
    let tells_of_origin = async |world: &World, format: &str| {
        let path = format!("/export/{format}?asset={}", asset_on(AWAY, 8));
        let answer = world.souk.http.get(world.souk.url(&path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        text.contains(&asset_on(HOME, 1))
    };
    for format in ["prov-json", "croissant"] {
        assert!(
            !tells_of_origin(&world, format).await,
            "{format}: nobody but a relayer says so"
        );
    }
    world.block(Logs::default().and(GATEWAY, &announced(1, 0x91))).await;
    assert!(!tells_of_origin(&world, "prov-json").await, "its block is not final");
    world.finalise(HOME).await;
    for format in ["prov-json", "croissant"] {
        assert!(tells_of_origin(&world, format).await, "{format}");
    }
}

/// A budget for two documents, and little more.
#[tokio::test]
async fn an_export_is_paid_for_from_the_same_budget_as_questions() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    let souk = world.served_for(10_100).await;
    let export = async || {
        let path = format!("/export/prov-json?asset={}", asset_on(HOME, 1));
        souk.http.get(souk.url(&path)).send().await.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(export().await.status(), 200);
    }
    let refused = export().await;
    assert_eq!(refused.status(), 429);
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((4_000..=5_000).contains(&after), "{after}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "RATE_LIMITED");
    // What is left is enough for small questions.
    assert!(souk.answer("{ __typename }", json!({})).await.get("errors").is_none());
}
