//! Who may use what.

use serde_json::{Value, json};
use souk_payouts::license::{self, Access, Admission, Mend, Purpose};
use souk_schema::{Address, U256};

use super::world::{DAVE, ERIN, LAP, Logs, World};
use crate::fixture::{ALICE, BOB, CAROL, CHAIN, REGISTRY, address, asset};

async fn check(world: &World, number: u64, purpose: &str) -> Value {
    let query = format!(
        r#"{{ licenseCheck(asset: "{}", purpose: {purpose}) {{ allowed
           blockers(first: 10) {{ nodes {{ asset {{ assetId }} child {{ assetId }} licenseNumber license {{ state }} reason }} }}
           mend(first: 10) {{ nodes {{ action asset {{ assetId }} ofNewAsset derivatives termsNumber terms {{ commercialUse }}
             parents(first: 5) {{ nodes {{ asset {{ assetId }} isNewAsset admission licenseNumber termsNumber }} }} }} }} }} }}"#,
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
    // The endless series of those terms takes no more mints, so Alice has to offer others, and Carol's derivation stays as it is: she
    // registers the asset anew, with the licence of Bob's model that she holds, and offers that.
    let offered = |number: u64, new: bool, derivatives: bool, terms: Option<&str>| {
        json!({ "action": "OFFER_TERMS", "asset": { "assetId": asset(number) }, "ofNewAsset": new, "derivatives": derivatives,
                "termsNumber": terms, "terms": terms.map(|_| json!({ "commercialUse": true })), "parents": { "nodes": [] } })
    };
    let parent = |number: u64, admission: &str, series: Option<&str>, terms: Option<&str>| {
        json!({ "asset": { "assetId": asset(number) }, "isNewAsset": false, "admission": admission, "licenseNumber": series,
                "termsNumber": terms })
    };
    let renewed = |parents: Value| {
        json!({ "action": "REGISTER_ANEW", "asset": { "assetId": asset(3) }, "ofNewAsset": false, "derivatives": false,
                "termsNumber": null, "terms": null, "parents": { "nodes": parents } })
    };
    let held = parent(2, "HELD_LICENSE", Some("2"), None);
    assert_eq!(
        answer["mend"]["nodes"],
        json!([
            offered(1, false, true, None),
            renewed(json!([held, parent(1, "NEW_LICENSE", None, None)])),
            offered(3, true, false, Some("3"))
        ])
    );
    // As soon as she does, the terms to take a licence under are named.
    world.block(Logs::default().offered(1, 7, true, (LAP, 0))).await;
    let answer = check(&world, 3, "COMMERCIAL").await;
    assert_eq!(
        answer["mend"]["nodes"],
        json!([
            renewed(json!([held, parent(1, "NEW_LICENSE", None, Some("7"))])),
            offered(3, true, false, Some("3"))
        ])
    );
    // Who follows that may use what comes of it, and what was there before stays as it is.
    let follow = Logs::default()
        .licensed(70, (1, 7), CAROL, 0)
        .asset(8, CAROL)
        .derived(8, 2, 2)
        .derived(8, 1, 70)
        .offered(8, 8, true, (LAP, 0));
    world.block(follow).await;
    assert_eq!(check(&world, 8, "COMMERCIAL").await["allowed"], true);
    assert_eq!(check(&world, 3, "COMMERCIAL").await["allowed"], false);
    // What nobody offers has to be offered.
    world
        .block(Logs::default().asset(4, DAVE).offered(4, 4, false, (LAP, 0)))
        .await;
    assert_eq!(check(&world, 4, "USE").await["allowed"], true);
    let answer = check(&world, 4, "COMMERCIAL").await;
    assert_eq!(answer["blockers"]["nodes"][0]["reason"], "NOT_OFFERED");
    assert_eq!(answer["mend"]["nodes"][0]["action"], "OFFER_TERMS");
}

async fn access(world: &World, account: u8, number: u64, purpose: &str, time: Option<u64>) -> Value {
    let at = time
        .map(|time| format!(", asOf: {{ time: {time} }}"))
        .unwrap_or_default();
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

#[tokio::test]
async fn access_as_of_a_block_is_by_what_was_held_and_revoked_then() {
    let mut world = World::new().await;
    let query = |as_of: &str| {
        format!(
            r#"{{ access(account: "{CHAIN}:{}", asset: "{}", purpose: COMMERCIAL, asOf: {as_of}) {{ verdict judgedAt licenseNumber
                 license {{ state }} }} }}"#,
            address(DAVE),
            asset(2)
        )
    };
    // Held in block 4, moved away in block 5, revoked in block 6.
    world.block(Logs::default().licensed(9, (2, 2), DAVE, 0)).await;
    world.block(Logs::default().license_moved(9, DAVE, ERIN)).await;
    world.block(Logs::default().revoked(9, BOB)).await;
    let nothing = |at| json!({ "verdict": "NO_LICENSE", "judgedAt": at, "licenseNumber": null, "license": null });
    let licensed =
        |at| json!({ "verdict": "LICENSED", "judgedAt": at, "licenseNumber": "9", "license": { "state": "ACTIVE" } });
    for (as_of, expected) in [
        ("{ block: 3 }".to_string(), nothing(World::time(3))),
        ("{ block: 4 }".to_string(), licensed(World::time(4))),
        // Between two blocks the older one is what is true.
        (
            format!("{{ time: {} }}", World::time(5) - 1),
            licensed(World::time(5) - 1),
        ),
        ("{ block: 5 }".to_string(), nothing(World::time(5))),
    ] {
        assert_eq!(world.souk.ask(&query(&as_of)).await["access"], expected, "{as_of}");
    }
    // What it was made from is revoked in block 7; it is not known before it was registered.
    world.block(Logs::default().revoked(1, ALICE)).await;
    let check = |as_of: &str| {
        let asset = asset(2);
        format!(
            r#"{{ licenseCheck(asset: "{asset}", purpose: COMMERCIAL, asOf: {as_of}) {{ allowed blockers(first: 1) {{ totalCount }} }} }}"#
        )
    };
    // In block 6 the endless series of the only terms on offer was revoked, so nobody can take a licence any more.
    for (block, blockers) in [(5, 0), (6, 1), (7, 2)] {
        let answer = world.souk.ask(&check(&format!("{{ block: {block} }}"))).await;
        assert_eq!(
            answer["licenseCheck"],
            json!({ "allowed": blockers == 0, "blockers": { "totalCount": blockers } }),
            "block {block}"
        );
    }
    assert_eq!(world.souk.error(&check("{ block: 1 }")).await.0, "NOT_FOUND");
    assert_eq!(world.souk.error(&check("{ block: 99 }")).await.0, "AS_OF_UNKNOWN");
}

/// A step as GraphQL tells it.
fn told(mend: &Mend) -> Value {
    match mend {
        Mend::OfferTerms { anew, terms_id, .. } => {
            json!({ "action": "OFFER_TERMS", "termsNumber": terms_id.map(|id| id.to_string()),
                                                           "ofNewAsset": anew, "parents": { "nodes": [] } })
        }
        Mend::RegisterAnew { parents, .. } => {
            let parents = parents.iter().map(|parent| match parent.by {
                Admission::SameOwner => json!({ "licenseNumber": null, "termsNumber": null }),
                Admission::Held(series) => json!({ "licenseNumber": series.to_string(), "termsNumber": null }),
                Admission::Taken(terms) => {
                    json!({ "licenseNumber": null, "termsNumber": terms.map(|id| id.to_string()) })
                }
            });
            json!({ "action": "REGISTER_ANEW", "termsNumber": null, "ofNewAsset": false,
                    "parents": { "nodes": parents.collect::<Vec<_>>() } })
        }
    }
}

/// What GraphQL should say, by the fold of payouts as of the end of a block: with the verdict, the licence and when it ends.
fn folded(world: &World, block: u64, account: u8, number: u64, purpose: Purpose) -> Value {
    let state = world.payouts.read(|state| {
        let deployed = state.of(&Address::repeat_byte(REGISTRY)).expect("it is watched");
        deployed.state.as_of(block).expect("nothing is final")
    });
    let (account, number) = (Address::repeat_byte(account), U256::from(number));
    if state.asset(number).is_none() {
        return Value::Null;
    }
    let (verdict, series, until, unusable, blockers) =
        match license::access(&state, account, number, purpose, World::time(block)) {
            Access::AsOwner => ("OWNER", None, None, 0, 0),
            Access::Licensed { series, until } => (
                "LICENSED",
                Some(series.to_string()),
                until.map(|until| until.to_string()),
                0,
                0,
            ),
            Access::NoLicense { held, .. } => ("NO_LICENSE", None, None, held.len(), 0),
            Access::Blocked { blockers } => ("BLOCKED", None, None, 0, blockers.len()),
        };
    let check = license::compatibility(&state, number, purpose, World::time(block));
    json!({ "access": { "verdict": verdict, "licenseNumber": series, "until": until, "unusable": { "totalCount": unusable },
                        "blockers": { "totalCount": blockers } },
            "licenseCheck": { "allowed": check.allowed, "blockers": { "totalCount": check.blockers.len() },
                              "mend": { "nodes": check.mend.iter().map(told).collect::<Vec<_>>() } } })
}

/// Everything that can be asked as of a block, of the tables and of the fold; how many answers allowed, and how many did not.
async fn compare(world: &World, block: u64) -> (usize, usize) {
    let mut counts = (0, 0);
    let purposes = [
        (Purpose::Use, "USE"),
        (Purpose::Commercial, "COMMERCIAL"),
        (Purpose::Derive, "DERIVE"),
    ];
    for (number, (purpose, word)) in (1..=3).flat_map(|number| purposes.map(|purpose| (number, purpose))) {
        for account in [ALICE, BOB, CAROL, DAVE, ERIN] {
            let query = format!(
                r#"{{ access(account: "{CHAIN}:{}", asset: "{1}", purpose: {word}, asOf: {{ block: {block} }}) {{ verdict licenseNumber until
                     unusable(first: 1) {{ totalCount }} blockers(first: 1) {{ totalCount }} }}
                   licenseCheck(asset: "{1}", purpose: {word}, asOf: {{ block: {block} }}) {{ allowed blockers(first: 1) {{ totalCount }}
                     mend(first: 20) {{ nodes {{ action termsNumber ofNewAsset parents(first: 3) {{ nodes {{ licenseNumber termsNumber }} }} }} }} }} }}"#,
                address(account),
                asset(number)
            );
            let expected = folded(world, block, account, number, purpose);
            let answer = world.souk.answer(&query, json!({})).await["data"].take();
            if expected.is_null() {
                assert_eq!(
                    answer,
                    json!({ "access": null, "licenseCheck": null }),
                    "asset {number} at {block}"
                );
                continue;
            }
            assert_eq!(
                answer, expected,
                "account {account:x}, asset {number}, {word} at block {block}"
            );
            match expected["access"]["verdict"].as_str() {
                Some("OWNER" | "LICENSED") => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
    }
    counts
}

#[tokio::test]
async fn tables_and_the_fold_of_payouts_allow_the_same_as_of_every_block() {
    let mut world = World::empty().await;
    let history = [
        Logs::default()
            .asset(1, ALICE)
            .asset(2, BOB)
            .offered(1, 1, true, (LAP, 0))
            .offered(1, 2, false, (LAP, 0))
            .licensed(11, (1, 1), BOB, 0)
            .licensed(12, (1, 2), CAROL, World::time(5)),
        Logs::default()
            .derived(2, 1, 11)
            .offered(2, 3, true, (LAP, 0))
            .licensed(21, (2, 3), DAVE, World::time(6)),
        Logs::default()
            .asset(3, CAROL)
            .derived(3, 1, 12)
            .offered(3, 4, true, (LAP, 0))
            .licensed(31, (3, 4), DAVE, 0),
        Logs::default().license_moved(21, DAVE, ERIN),
        Logs::default().revoked(12, ALICE),
        Logs::default().asset_moved(2, BOB, ERIN),
        Logs::default().revoked(31, CAROL).license_moved(11, BOB, CAROL),
        Logs::default().revoked(11, ALICE),
    ];
    for logs in history {
        world.block(logs).await;
    }
    let (mut allowed, mut denied) = (0, 0);
    for block in 1..=8 {
        let (more, fewer) = compare(&world, block).await;
        (allowed, denied) = (allowed + more, denied + fewer);
    }
    assert!(
        allowed > 50 && denied > 50,
        "{allowed} allowed, {denied} not: little was tried"
    );
    // A revocation that was reorganised away never was.
    world.revert().await;
    world.block(Logs::default()).await;
    compare(&world, 8).await;
}
