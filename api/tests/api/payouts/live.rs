//! Following payouts: what an account is owed, and what its distributor says, across reorganisations and lost connections.

use serde_json::{Value, json};
use souk_schema::U256;

use super::world::{Logs, World, number};
use crate::fixture::{ALICE, BOB, CHAIN, REGISTRY, USD, address};
use crate::websocket::Client;

fn owed(account: u8, arguments: &str) -> String {
    format!(
        r#"subscription {{ payoutsChanged(account: "{CHAIN}:{}"{arguments}) {{ cursor payouts {{ owed held vested claimed claimable claim {{ epoch }} }} }} }}"#,
        address(account)
    )
}

fn said(arguments: &str) -> String {
    format!(
        r#"subscription {{ payoutEvents(chain: "{CHAIN}"{arguments}) {{ __typename ... on EventOccurred {{ cursor event {{ name blockNumber body }} }} ... on EventsReverted {{ cursor toBlock }} }} }}"#
    )
}

async fn change(client: &mut Client) -> Value {
    let mut message = client.hear().await;
    assert_eq!(message["type"], "next", "{message:#}");
    let computed_at = &message["payload"]["extensions"]["payouts"]["states"][0]["block"];
    assert!(computed_at.is_number() || computed_at.is_string(), "API-1: {message:#}");
    message["payload"]["data"]["payoutsChanged"].take()
}

/// The name of the next event.
async fn event(client: &mut Client) -> (String, Value) {
    let mut item = client.item().await["payoutEvents"].take();
    assert_eq!(item["__typename"], "EventOccurred", "{item:#}");
    let name = item["event"]["name"].as_str().expect("a name").to_string();
    (name, item.take())
}

/// Tells changes until one says this; those that come fast may be told as one.
async fn until(client: &mut Client, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let told = change(client).await;
        if wanted(&told["payouts"]) {
            return told;
        }
    }
}

#[tokio::test]
async fn what_an_account_is_owed_is_told_whenever_it_changes() {
    let mut world = World::new().await;
    let mut client = Client::ready(&world.souk).await;
    client.subscribe("s", &owed(BOB, "")).await;
    assert_eq!(change(&mut client).await["payouts"], json!([]));
    world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    let first = until(&mut client, |payouts| !payouts[0]["owed"].is_null()).await;
    let amount = number(&first["payouts"][0]["owed"]);
    assert_eq!(amount, number(&world.owed(BOB).await[0]["owed"]));
    // What is nothing to Bob is not told to him, so what comes next is the epoch.
    world.block(Logs::default().revenue(2, 1, U256::from(500))).await;
    world.epoch(1).await;
    let vested = until(&mut client, |payouts| payouts[0]["claim"]["epoch"] == 1).await;
    assert_eq!(number(&vested["payouts"][0]["claimable"]), amount);
    // The end of the epoch, its root, and the revenue before it never were.
    for _ in 0..4 {
        world.revert().await;
    }
    until(&mut client, |payouts| *payouts == json!([])).await;
}

#[tokio::test]
async fn who_was_away_is_told_only_what_is_not_as_it_was() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    let mut client = Client::ready(&world.souk).await;
    client.subscribe("s", &owed(BOB, "")).await;
    let first = change(&mut client).await;
    drop(client);

    let resumed = owed(BOB, &format!(", after: {}", first["cursor"]));
    let mut client = Client::ready(&world.souk).await;
    client.subscribe("same", &resumed).await;
    world.block(Logs::default().revenue(2, 2, U256::from(100_000))).await;
    let second = change(&mut client).await;
    assert!(number(&second["payouts"][0]["owed"]) > number(&first["payouts"][0]["owed"]));
    drop(client);

    let mut client = Client::ready(&world.souk).await;
    client.subscribe("other", &resumed).await;
    assert_eq!(change(&mut client).await, second, "it changed while nobody listened");
    client.subscribe("forged", &owed(BOB, r#", after: "zzzz""#)).await;
    let refused = client.hear().await;
    assert_eq!(
        (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("BAD_USER_INPUT"))
    );
}

#[tokio::test]
async fn what_a_distributor_says_is_told_and_what_never_was_is_told_too() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 2, U256::from(100_000))).await;
    let mut client = Client::ready(&world.souk).await;
    client.subscribe("all", &said(", fromBlock: 0")).await;
    let root = world.epoch(1).await;
    let (proposed, first) = event(&mut client).await;
    assert_eq!(
        (proposed.as_str(), &first["event"]["body"]["root"]),
        ("root_proposed", &json!(format!("{root:#x}")))
    );
    assert_eq!(event(&mut client).await.0, "root_finalised");
    world
        .block(Logs::default().claimed(BOB, U256::from(1_000), U256::from(1_000)))
        .await;
    world
        .block(Logs::default().claimed(ALICE, U256::from(1), U256::from(1)))
        .await;
    let (claimed, last) = event(&mut client).await;
    assert_eq!(
        (claimed.as_str(), &last["event"]["body"]["account"]),
        ("payout_claimed", &json!(address(BOB).to_lowercase()))
    );
    assert_eq!(event(&mut client).await.0, "payout_claimed");

    // An account's own claims, by registry, and nothing else.
    let own = format!(
        r#", account: "{}", registry: "{}", fromBlock: 0"#,
        address(BOB),
        address(REGISTRY)
    );
    client.subscribe("own", &said(&own)).await;
    assert_eq!(event(&mut client).await.1["event"]["body"], last["event"]["body"]);
    drop(client);

    // While nobody listened, both claims went and another came.
    world.revert().await;
    world.revert().await;
    world
        .block(Logs::default().claimed(BOB, U256::from(7), U256::from(7)))
        .await;
    let mut client = Client::ready(&world.souk).await;
    client
        .subscribe("back", &said(&format!(", after: {}", last["cursor"])))
        .await;
    let reverted = client.item().await["payoutEvents"].take();
    assert_eq!(reverted["__typename"], "EventsReverted", "{reverted:#}");
    // Whatever else that takes back is told again.
    loop {
        let (name, item) = event(&mut client).await;
        if name == "payout_claimed" {
            assert_eq!(item["event"]["body"]["cumulative"], "7", "{item:#}");
            break;
        }
    }
    drop(client);

    // From the first item on, everything that holds is told once.
    let mut client = Client::ready(&world.souk).await;
    client
        .subscribe("rest", &said(&format!(", after: {}", first["cursor"])))
        .await;
    assert_eq!(event(&mut client).await.0, "root_finalised");
    assert_eq!(event(&mut client).await.1["event"]["body"]["cumulative"], "7");
}

#[tokio::test]
async fn a_stranger_follows_nothing() {
    let world = World::new().await;
    let mut client = Client::ready(&world.souk).await;
    for query in [
        r#"subscription { payoutsChanged(account: "eip155:5:0x0000000000000000000000000000000000000001") { cursor } }"#
            .to_string(),
        r#"subscription { payoutEvents(chain: "eip155:5") { __typename } }"#.to_string(),
        owed(BOB, &format!(r#", registry: "{}""#, address(USD))),
    ] {
        client.subscribe("x", &query).await;
        let refused = client.hear().await;
        assert_eq!(
            refused["payload"][0]["extensions"]["code"], "NOT_FOUND",
            "{query}: {refused:#}"
        );
    }
}
