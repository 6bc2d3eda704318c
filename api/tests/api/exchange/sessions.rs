//! Signing in with Ethereum, over the wire.

use serde_json::json;
use souk_schema::exchange::Side;
use souk_schema::exchange::command::Fact;

use super::desk::*;
use crate::websocket::Client;

#[tokio::test]
async fn a_session_begins_with_a_signed_message_and_ends_when_it_is_signed_out() {
    let desk = Desk::open().await;
    let message = desk.message(desk.alice.address()).await;
    let opened = desk.enter(&message, &desk.alice, None).await["data"]["signIn"].clone();
    assert_eq!(opened["account"], json!(desk.alice.address()));
    let token = opened["token"].as_str().unwrap();
    assert_eq!(
        desk.as_viewer(token, "{ viewer { address signer chainId account { address } } }")
            .await["viewer"]["account"]["address"],
        json!(desk.alice.address())
    );
    // A nonce is used once.
    let replayed = desk.enter(&message, &desk.alice, None).await;
    assert_eq!(replayed["errors"][0]["extensions"]["code"], "SIGN_IN_REFUSED");
    assert!(
        replayed["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("used before"),
        "{replayed:#}"
    );
    assert_eq!(desk.as_viewer(token, "mutation { signOut }").await["signOut"], true);
    assert_eq!(desk.code_for(token, "{ viewer { address } }").await, "UNAUTHENTICATED");
    assert_eq!(desk.souk.ask("mutation { signOut }").await["signOut"], false);
}

#[tokio::test]
async fn a_message_for_elsewhere_or_another_time_is_refused() {
    let desk = Desk::open().await;
    let good = desk.message(desk.alice.address()).await;
    let domain = format!("127.0.0.1:{}", desk.souk.address.port());
    for (from, to, problem) in [
        (format!("{domain} wants"), "evil.example wants".to_owned(), "domain"),
        (
            format!("URI: http://{domain}/"),
            "URI: https://evil.example/".into(),
            "URI",
        ),
        ("Chain ID: 31337".into(), "Chain ID: 1".into(), "chain"),
        (
            "00:00Z".into(),
            "00:00Z\nExpiration Time: 2026-01-01T00:00:01Z".into(),
            "expired",
        ),
        (
            "00:00Z".into(),
            "00:00Z\nNot Before: 2999-01-01T00:00:00Z".into(),
            "not valid yet",
        ),
        ("Version: 1".into(), "Version: 2".into(), "EIP-4361"),
    ] {
        let changed = good.replacen(&from, &to, 1);
        assert_ne!(changed, good, "{from}");
        let answer = desk.enter(&changed, &desk.alice, None).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "SIGN_IN_REFUSED",
            "{answer:#}"
        );
        assert!(
            answer["errors"][0]["message"].as_str().unwrap().contains(problem),
            "{answer:#}"
        );
    }
    let forged = desk.enter(&good, &desk.bob, None).await;
    assert_eq!(forged["errors"][0]["extensions"]["code"], "SIGN_IN_REFUSED");
    assert!(
        desk.enter(&good, &desk.alice, None).await.get("errors").is_none(),
        "the nonce is still good"
    );
}

#[tokio::test]
async fn a_trading_key_acts_for_its_account_until_it_is_revoked() {
    let desk = Desk::open().await;
    let key = Trader::new(0x4e);
    let account = desk.alice.address();
    let message = desk.message(key.address()).await;
    let early = desk.enter(&message, &key, Some(account)).await;
    assert!(
        early["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("no registered trading key"),
        "{early:#}"
    );
    desk.fact(Fact::KeyRegistered {
        account,
        key: key.address(),
    })
    .await;
    let opened = desk.enter(&message, &key, Some(account)).await["data"]["signIn"].clone();
    assert_eq!(
        (&opened["account"], &opened["signer"]),
        (&json!(account), &json!(key.address()))
    );
    let token = opened["token"].as_str().unwrap();
    // It signs orders, and withdraws to the account alone.
    let order = desk.order(&desk.alice, Side::Sell, 1, 110, 1);
    let answer = desk.send(&key.sign(order)).await;
    assert_eq!(answer["data"]["placeOrder"]["order"]["status"], "OPEN", "{answer:#}");
    let elsewhere = format!(
        "mutation {{ withdraw(withdrawal: {{ account: \"{account:#x}\", token: \"eip155:31337/erc1155:0x{}/2\", amount: \"1\", receiver: \"{:#x}\", nonce: \"9\", \
         deadline: 4000000000 }}) {{ nonce }} }}",
        "33".repeat(20),
        key.address()
    );
    assert_eq!(desk.code_for(token, &elsewhere).await, "FORBIDDEN");
    desk.as_viewer(token, "mutation { cancelAll { group } }").await;
    desk.fact(Fact::KeyRevoked {
        account,
        key: key.address(),
    })
    .await;
    assert_eq!(desk.code_for(token, "{ viewer { address } }").await, "FORBIDDEN");
    let order = key.sign(desk.order(&desk.alice, Side::Sell, 1, 110, 2));
    assert_eq!(desk.refusal(&order).await.0, "SIGNER_NOT_AUTHORISED");
}

#[tokio::test]
async fn a_connection_with_a_token_that_is_none_is_closed_with_its_code() {
    let desk = Desk::open().await;
    let mut client = Client::open(&desk.souk, Some("graphql-transport-ws")).await;
    client
        .say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } }))
        .await;
    assert_eq!(client.closed().await, 4403);
    let mut stranger = Client::ready(&desk.souk).await;
    stranger.subscribe("s", "subscription { myOrders { sequence } }").await;
    assert_eq!(
        stranger.hear().await["payload"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    // A subscription ends with its session.
    let token = desk.sign_in(&desk.alice).await;
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe("s", "subscription { myOrders { snapshot orders { nonce } } }")
        .await;
    assert_eq!(client.item().await["myOrders"]["snapshot"], true);
    desk.as_viewer(&token, "mutation { signOut }").await;
    desk.place(&desk.alice, Side::Sell, 1, 110, 1).await;
    let ended = client.hear().await;
    assert_eq!(
        ended["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "{ended:#}"
    );
    assert_eq!(client.hear().await["type"], "complete");
}
