//! Who may use what.

use serde_json::{Value, json};

use super::world::{DAVE, LAP, Logs, World};
use crate::fixture::{ALICE, BOB, CAROL, CHAIN, address, asset};

async fn check(world: &World, number: u64, purpose: &str) -> Value {
    let query = format!(
        r#"{{ licenseCheck(asset: "{}", purpose: {purpose}) {{ allowed
           blockers(first: 10) {{ nodes {{ asset {{ assetId }} child {{ assetId }} licenseNumber license {{ state }} reason }} }}
           mend(first: 10) {{ nodes {{ action asset {{ assetId }} child {{ assetId }} termsNumber terms {{ commercialUse }} }} }} }} }}"#,
        asset(number)
    );
    world.souk.ask(&query).await["licenseCheck"].take()
}

#[tokio::test]
async fn a_blocker_above_an_asset_is_named_with_the_least_that_would_mend_it() {
    let mut world = World::new().await;
    world.block(Logs::default().offered(3, 3, true, (LAP, 1_000_000))).await;
    let answer = check(&world, 3, "COMMERCIAL").await;
    assert_eq!(
        answer,
        json!({ "allowed": true, "blockers": { "nodes": [] }, "mend": { "nodes": [] } })
    );
    // Carol's licence of the data is revoked, but Alice still offers the terms.
    world.block(Logs::default().revoked(3, ALICE)).await;
    let answer = check(&world, 3, "COMMERCIAL").await;
    assert_eq!(answer["allowed"], false);
    assert_eq!(
        answer["blockers"]["nodes"],
        json!([{ "asset": { "assetId": asset(1) }, "child": { "assetId": asset(3) }, "licenseNumber": "3",
                 "license": { "state": "REVOKED" }, "reason": "REVOKED" }])
    );
    assert_eq!(
        answer["mend"]["nodes"],
        json!([{ "action": "TAKE_LICENSE", "asset": { "assetId": asset(1) }, "child": { "assetId": asset(3) }, "termsNumber": "1",
                 "terms": { "commercialUse": true } }])
    );
    // What nobody offers has to be offered.
    world
        .block(Logs::default().asset(4, DAVE).offered(4, 4, false, (LAP, 0)))
        .await;
    assert_eq!(check(&world, 4, "USE").await["allowed"], true);
    let answer = check(&world, 4, "COMMERCIAL").await;
    assert_eq!(answer["blockers"]["nodes"][0]["reason"], "NOT_OFFERED");
    assert_eq!(answer["mend"]["nodes"][0]["action"], "OFFER_TERMS");
}

async fn access(world: &World, account: u8, number: u64, purpose: &str, at: Option<u64>) -> Value {
    let at = at.map(|at| format!(", at: {at}")).unwrap_or_default();
    let query = format!(
        r#"{{ access(account: "{CHAIN}:{}", asset: "{}", purpose: {purpose}{at}) {{ allowed verdict judgedAt licenseNumber until
           license {{ seriesId }} unusable(first: 5) {{ nodes {{ licenseNumber reason expiredAt }} }} blockers(first: 5) {{ totalCount }} }} }}"#,
        address(account),
        asset(number)
    );
    world.souk.ask(&query).await["access"].take()
}

#[tokio::test]
async fn access_ends_with_the_licence_by_the_time_of_blocks() {
    let mut world = World::new().await;
    let end = World::time(6);
    // Block 4.
    world.block(Logs::default().licensed(9, (2, 2), DAVE, end)).await;
    let now = access(&world, DAVE, 2, "COMMERCIAL", None).await;
    assert_eq!((&now["allowed"], &now["verdict"]), (&json!(true), &json!("LICENSED")));
    assert_eq!(
        (&now["licenseNumber"], &now["until"]),
        (&json!("9"), &json!(end.to_string()))
    );
    assert_eq!(now["judgedAt"], World::time(4));
    assert!(now["license"]["seriesId"].as_str().unwrap().ends_with("/9"));
    assert_eq!(
        access(&world, DAVE, 2, "COMMERCIAL", Some(end - 1)).await["allowed"],
        true
    );
    let later = access(&world, DAVE, 2, "COMMERCIAL", Some(end)).await;
    assert_eq!(
        (&later["allowed"], &later["verdict"]),
        (&json!(false), &json!("NO_LICENSE"))
    );
    let unusable = json!([{ "licenseNumber": "9", "reason": "EXPIRED", "expiredAt": end.to_string() }]);
    assert_eq!(later["unusable"]["nodes"], unusable);
    // Two blocks on, without any event, the licence is over.
    world.block(Logs::default()).await;
    assert_eq!(access(&world, DAVE, 2, "COMMERCIAL", None).await["allowed"], true);
    world.block(Logs::default()).await;
    let now = access(&world, DAVE, 2, "COMMERCIAL", None).await;
    assert_eq!((&now["allowed"], &now["judgedAt"]), (&json!(false), &json!(end)));
    // Others: the owner, somebody with nothing, and everybody once something above is revoked.
    assert_eq!(access(&world, BOB, 2, "DERIVE", None).await["verdict"], "OWNER");
    let nothing = access(&world, ALICE, 2, "USE", None).await;
    assert_eq!(
        (&nothing["verdict"], &nothing["unusable"]["nodes"]),
        (&json!("NO_LICENSE"), &json!([]))
    );
    world.block(Logs::default().revoked(1, ALICE)).await;
    for account in [BOB, CAROL] {
        let blocked = access(&world, account, 2, "USE", None).await;
        assert_eq!(blocked["verdict"], "BLOCKED");
        assert_eq!(blocked["blockers"]["totalCount"], 1);
    }
}
