//! What must not work: forged, replayed and absurd orders, and floods.

use serde_json::json;
use souk_api::ApiConfig;
use souk_api::limits::budget::Allowance;
use souk_contracts::exchange::sign;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{Amount, Side, Venue};
use souk_schema::{Address, B256, ChainId};

use super::desk::*;

#[tokio::test]
async fn an_order_that_its_account_did_not_sign_for_this_vault_never_reaches_the_log() {
    let desk = Desk::open().await;
    let commands = || desk.handle.read(|engine| engine.commands());
    let before = commands();
    let good = desk.order(&desk.alice, Side::Sell, 10, 110, 1);
    let signed_for = |venue: Venue| {
        let mut order = good.clone();
        let digest = souk_api::exchange::signing::order_digest(&order, venue);
        order.signature = Signature(sign(digest, &desk.alice.0).unwrap());
        order
    };
    let other_chain = signed_for(Venue {
        chain: ChainId(1),
        ..VENUE
    });
    let other_vault = signed_for(Venue {
        vault: Address::repeat_byte(9),
        ..VENUE
    });
    let forged = desk.bob.sign(good.clone());
    let mut other_market = desk.alice.sign(good.clone());
    other_market.market = desk.licences;
    let mut cheaper = desk.alice.sign(good.clone());
    cheaper.limit_price = Amount(10_000);
    let mut instructed = desk.alice.sign(good.clone());
    instructed.instructions.good_until_secs = 1;
    for (what, order) in [
        ("another's key", forged),
        ("another chain", other_chain),
        ("another vault", other_vault),
        ("another market", other_market),
        ("another price", cheaper),
        ("other instructions", instructed),
    ] {
        assert_eq!(desk.refusal(&order).await.0, "SIGNER_NOT_AUTHORISED", "{what}");
    }
    let mut empty = good.clone();
    empty.signature = Signature([0; 65]);
    assert_eq!(desk.refusal(&empty).await.0, "BAD_SIGNATURE");
    // The other form of the same signature.
    let mut high = desk.alice.sign(good.clone());
    let order_of_curve =
        alloy_primitives::U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
            .unwrap();
    let s = order_of_curve - alloy_primitives::U256::from_be_slice(&high.signature.0[32..64]);
    high.signature.0[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high.signature.0[64] = 27 + 28 - high.signature.0[64];
    assert_eq!(desk.refusal(&high).await.0, "BAD_SIGNATURE");
    let mut short = input(&desk.alice.sign(good.clone()));
    short["signature"] = json!("0x1234");
    let answer = desk
        .souk
        .answer(
            "mutation($o: SignedOrderInput!) { placeOrder(order: $o) { repeated } }",
            json!({ "o": short }),
        )
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_SIGNATURE", "{answer:#}");
    // A stranger signs for itself, and has nothing here.
    let stranger = Trader::new(0x77);
    let order = stranger.sign(desk.order(&stranger, Side::Buy, 1, 100, 1));
    assert_eq!(desk.refusal(&order).await.0, "UNKNOWN_ACCOUNT");
    let mut nowhere = good.clone();
    nowhere.market = B256::repeat_byte(5);
    assert_eq!(desk.refusal(&desk.alice.sign(nowhere)).await.0, "UNKNOWN_MARKET");
    assert_eq!(commands(), before, "none of them was appended");
}

#[tokio::test]
async fn absurd_numbers_are_refused_with_the_bounds() {
    let desk = Desk::open().await;
    let refused = async |change: &dyn Fn(&mut souk_schema::exchange::SignedOrder)| {
        let mut order = desk.order(&desk.alice, Side::Sell, 10, 110, 1);
        change(&mut order);
        desk.refusal(&desk.alice.sign(order)).await
    };
    let (code, values) = refused(&|order| order.base_amount = Amount(0)).await;
    assert_eq!(
        (code.as_str(), &values["maxLots"]),
        ("QUANTITY_OUT_OF_BOUNDS", &json!("1000000"))
    );
    assert_eq!(
        refused(&|order| order.base_amount = Amount(u128::MAX)).await.0,
        "QUANTITY_NOT_ON_LOT"
    );
    let (code, values) = refused(&|order| order.limit_price = Amount(1_100_001)).await;
    assert_eq!(
        (code.as_str(), &values["tickSize"]),
        ("PRICE_NOT_ON_TICK", &json!("10000"))
    );
    assert_eq!(
        refused(&|order| order.limit_price = Amount(0)).await.0,
        "PRICE_NOT_ON_TICK"
    );
    assert_eq!(
        refused(&|order| order.limit_price = Amount(u128::MAX)).await.0,
        "PRICE_NOT_ON_TICK"
    );
    assert_eq!(
        refused(&|order| order.limit_price = Amount(10_000 * 1_000_001)).await.0,
        "PRICE_TOO_HIGH"
    );
    assert_eq!(refused(&|order| order.expiry_secs = 1).await.0, "EXPIRED");
    let (code, values) = refused(&|order| order.expiry_secs = 1 << 40).await;
    assert_eq!(
        (code.as_str(), &values["maxSecs"]),
        ("EXPIRY_TOO_FAR", &json!(30 * 86_400))
    );
    let (code, values) = refused(&|order| order.fee_cap = Amount(0)).await;
    assert_eq!((code.as_str(), &values["needed"]), ("FEE_CAP_TOO_LOW", &json!("77000")));
    let (code, values) = refused(&|order| order.base_amount = Amount(2_000)).await;
    assert_eq!(
        (code.as_str(), &values["needed"], &values["available"]),
        ("INSUFFICIENT_FUNDS", &json!("2000"), &json!("1000"))
    );
    // What is no number of its width is an argument that is not allowed.
    for (field, value) in [
        ("baseAmount", json!("340282366920938463463374607431768211456")),
        ("nonce", json!("18446744073709551616")),
        ("feeCap", json!("-1")),
    ] {
        let mut order = input(&desk.alice.sign(desk.order(&desk.alice, Side::Sell, 10, 110, 1)));
        order[field] = value;
        let answer = desk
            .souk
            .answer(
                "mutation($o: SignedOrderInput!) { placeOrder(order: $o) { repeated } }",
                json!({ "o": order }),
            )
            .await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
            "{field}: {answer:#}"
        );
    }
}

#[tokio::test]
async fn nobody_sees_or_changes_what_is_anothers() {
    let desk = Desk::open().await;
    let placed = desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    let id = &placed["order"]["orderId"];
    let bob = desk.sign_in(&desk.bob).await;
    let seen = desk
        .as_viewer(
            &bob,
            &format!("{{ viewer {{ address order(id: {id}) {{ status }} openOrders {{ nonce }} }} }}"),
        )
        .await;
    assert_eq!(
        seen["viewer"],
        json!({ "address": desk.bob.address(), "order": null, "openOrders": [] })
    );
    for query in [
        format!("mutation {{ cancelOrder(order: {{ orderId: {id} }}) {{ group }} }}"),
        "mutation { cancelOrder(order: { nonce: \"1\" }) { group } }".into(),
        format!(
            "mutation {{ reduceOrder(order: {{ orderId: {id} }}, remaining: \"1\", market: \"{}\") {{ group }} }}",
            desk.shares
        ),
    ] {
        assert_eq!(desk.code_for(&bob, &query).await, "UNKNOWN_ORDER", "{query}");
    }
    let none = desk
        .as_viewer(&bob, "mutation { cancelAll { orders { nonce } } }")
        .await;
    assert_eq!(none["cancelAll"]["orders"], json!([]));
    let withdrawal = format!(
        "mutation {{ withdraw(withdrawal: {{ account: \"{:#x}\", token: \"eip155:31337/erc1155:0x{}/2\", amount: \"1\", receiver: \"{:#x}\", nonce: \"9\", \
         deadline: 4000000000 }}) {{ nonce }} }}",
        desk.alice.address(),
        "33".repeat(20),
        desk.bob.address()
    );
    assert_eq!(desk.code_for(&bob, &withdrawal).await, "FORBIDDEN");
    for query in [
        "{ viewer { address } }",
        "mutation { cancelAll { group } }",
        "mutation { setDeadMan(timeoutSecs: 1) { group } }",
        &withdrawal,
    ] {
        assert_eq!(desk.souk.error(query).await.0, "UNAUTHENTICATED", "{query}");
        assert_eq!(
            desk.code_for("no-such-token", query).await,
            "UNAUTHENTICATED",
            "{query}"
        );
    }
    assert_eq!(
        desk.handle
            .read(|engine| engine.account(desk.alice.address()).unwrap().open_orders()),
        1,
        "it is still there"
    );
}

#[tokio::test]
async fn accounts_and_clients_that_send_too_much_are_told_when_to_come_back() {
    let desk = Desk::with(|config: &mut ApiConfig| {
        config.exchange.orders_of_account = Allowance {
            capacity: 3,
            per_second: 1,
        };
        config.exchange.requests_of_client = Allowance {
            capacity: 4,
            per_second: 1,
        };
    })
    .await;
    let mut refused = None;
    for nonce in 1..8 {
        let order = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 1, 110, nonce));
        let answer = desk.send(&order).await;
        if answer.get("errors").is_some() {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("7 orders from a budget of 3");
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "RATE_LIMITED", "{refused:#}");
    assert_eq!(extensions["retryAfterSecs"], 1);
    // Another account of the same client has a budget of its own.
    desk.place(&desk.bob, Side::Buy, 1, 90, 1).await;
    let mut limited = false;
    for _ in 0..8 {
        let answer = desk.souk.answer("{ signInChallenge { nonce } }", json!({})).await;
        limited |= answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED";
    }
    assert!(limited);
}
