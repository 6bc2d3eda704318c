//! Following an asset: what happens, what a reorganisation takes back, and going on from a cursor.

use serde_json::{Value, json};

use crate::fixture::*;
use crate::websocket::Client;

fn follow(arguments: &str) -> String {
    format!(
        r#"subscription {{ provenanceEvents(asset: "{}"{arguments}) {{ __typename ... on EventOccurred {{ cursor event {{ name blockNumber asset {{ name version {{ version }} }} }} }} ... on EventsReverted {{ cursor toBlock }} }} }}"#,
        asset(1)
    )
}

async fn item(client: &mut Client) -> Value {
    let mut message = client.hear().await;
    assert_eq!(message["type"], "next", "{message}");
    assert!(message["payload"].get("errors").is_none(), "{message}");
    assert!(
        message["payload"]["extensions"]["snapshot"][0]["block"].is_number(),
        "{message}"
    );
    message["payload"]["data"]["provenanceEvents"].take()
}

fn versioned(block: i64) -> String {
    event(
        block,
        0,
        "asset_versioned",
        &key(REGISTRY, 1),
        &json!({ "type": "asset_versioned" }),
    )
}

async fn commit(souk: &Souk, sql: String) {
    souk.database.sql(&format!("begin; {sql} {NOTIFY} commit;")).await;
}

#[tokio::test]
async fn what_happens_is_told_and_what_is_reverted_is_told_too() {
    let souk = Souk::start().await;
    let mut client = Client::ready(&souk).await;
    client.subscribe("s", &follow("")).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    commit(&souk, block(21, 1) + &versioned(21)).await;
    let first = item(&mut client).await;
    assert_eq!(
        (&first["event"]["name"], &first["event"]["blockNumber"]),
        (&json!("asset_versioned"), &json!(21))
    );
    assert_eq!(
        first["event"]["asset"],
        json!({ "name": "base-data", "version": { "version": 2 } })
    );
    commit(&souk, block(22, 1) + &versioned(22)).await;
    assert_eq!(item(&mut client).await["event"]["blockNumber"], 22);
    // Blocks 21 and 22 never were; others are in their place, one with an event.
    commit(&souk, revert_to(20, 1) + &block(21, 2) + &block(22, 2) + &versioned(22)).await;
    let reverted = item(&mut client).await;
    assert_eq!(
        (&reverted["__typename"], &reverted["toBlock"]),
        (&json!("EventsReverted"), &json!(20))
    );
    assert_eq!(item(&mut client).await["event"]["blockNumber"], 22);
    // A reorganisation of blocks without events of this asset is nobody's concern.
    commit(&souk, block(23, 2)).await;
    commit(&souk, revert_to(22, 2) + &block(23, 3)).await;
    commit(&souk, block(24, 3) + &versioned(24)).await;
    assert_eq!(item(&mut client).await["event"]["blockNumber"], 24);
}

#[tokio::test]
async fn a_cursor_resumes_after_its_item_and_across_a_reorganisation() {
    let souk = Souk::start().await;
    let mut client = Client::ready(&souk).await;
    client.subscribe("all", &follow(", fromBlock: 0")).await;
    let all = [
        item(&mut client).await,
        item(&mut client).await,
        item(&mut client).await,
    ];
    assert_eq!(
        all.each_ref()
            .map(|item| item["event"]["blockNumber"].as_i64().unwrap()),
        [1, 5, 7]
    );
    commit(&souk, block(21, 1) + &versioned(21)).await;
    let last = item(&mut client).await;
    drop(client);

    let mut client = Client::ready(&souk).await;
    client
        .subscribe("rest", &follow(&format!(", after: {}", all[0]["cursor"])))
        .await;
    for block in [5, 7, 21] {
        assert_eq!(item(&mut client).await["event"]["blockNumber"], block);
    }
    drop(client);

    // While nobody listened, block 21 went, and so did its event.
    commit(&souk, revert_to(20, 1) + &block(21, 2) + &block(22, 2) + &versioned(22)).await;
    let mut client = Client::ready(&souk).await;
    client
        .subscribe("back", &follow(&format!(", after: {}", last["cursor"])))
        .await;
    let reverted = item(&mut client).await;
    assert_eq!(reverted["__typename"], "EventsReverted");
    let good = reverted["toBlock"].as_i64().unwrap();
    assert!(
        (7..=20).contains(&good),
        "{good}: what still holds is not taken back further than known"
    );
    assert_eq!(item(&mut client).await["event"]["blockNumber"], 22);
    client.subscribe("forged", &follow(r#", after: "zzzz""#)).await;
    let refused = client.hear().await;
    assert_eq!(
        (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("BAD_USER_INPUT"))
    );
}

#[tokio::test]
async fn a_chains_head_is_told_whenever_it_changes() {
    let souk = Souk::start().await;
    let mut client = Client::ready(&souk).await;
    client
        .subscribe(
            "h",
            &format!(r#"subscription {{ chainHead(chain: "{CHAIN}") {{ block {{ number }} nextSequence }} }}"#),
        )
        .await;
    assert_eq!(
        client.hear().await["payload"]["data"]["chainHead"]["block"]["number"],
        HEAD
    );
    commit(&souk, block(21, 1)).await;
    assert_eq!(
        client.hear().await["payload"]["data"]["chainHead"]["block"]["number"],
        21
    );
    commit(&souk, revert_to(20, 1)).await;
    assert_eq!(
        client.hear().await["payload"]["data"]["chainHead"]["block"]["number"],
        20
    );
}

#[tokio::test]
async fn what_happens_is_told_when_it_is_committed_and_not_only_when_the_tables_are_looked_at_again() {
    let souk = Souk::start().await;
    let mut client = Client::ready(&souk).await;
    client.subscribe("s", &follow("")).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut delays = Vec::new();
    for number in 21..27 {
        commit(&souk, block(number, 1) + &versioned(number)).await;
        let committed = std::time::Instant::now();
        assert_eq!(item(&mut client).await["event"]["blockNumber"], number);
        delays.push(committed.elapsed().as_millis());
        tokio::time::sleep(std::time::Duration::from_millis(70)).await;
    }
    // Looking once a second would take half a second on average.
    let at_once = delays.iter().filter(|delay| **delay < 300).count();
    assert!(at_once >= 4, "{delays:?} ms");
}
