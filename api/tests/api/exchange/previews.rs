//! What an order or an amendment would do, before anybody signs it.

use serde_json::json;
use souk_schema::exchange::Side;

use super::desk::*;

#[tokio::test]
async fn a_preview_says_why_an_order_would_be_refused() {
    let desk = Desk::open().await;
    let preview = async |draft: &str| {
        let query = format!(
            "{{ previewOrder(order: {{ account: \"{:#x}\", market: \"{}\", side: BUY, {draft} }}) {{ refusal {{ code details }} filled }} }}",
            desk.bob.address(),
            desk.shares
        );
        desk.souk.ask(&query).await["previewOrder"].clone()
    };
    for (draft, code) in [
        ("amount: \"1.5\", price: \"1\"", "QUANTITY_NOT_ON_LOT"),
        ("amount: \"1\", price: \"1.001\"", "PRICE_NOT_ON_TICK"),
        ("amount: \"1\", price: \"0\"", "PRICE_NOT_ON_TICK"),
        ("amount: \"1\", price: \"99999\"", "PRICE_TOO_HIGH"),
        ("amount: \"100000\", price: \"1\"", "INSUFFICIENT_FUNDS"),
        ("amount: \"1\", price: \"1\", expiry: 5", "EXPIRED"),
        ("amount: \"1\", price: \"1\", feeCap: \"0\"", "FEE_CAP_TOO_LOW"),
        ("amount: \"1\", price: \"1\", timeInForce: FILL_OR_KILL", "CANNOT_FILL"),
        (
            "amount: \"1\", price: \"1\", type: MARKET, timeInForce: GOOD_TIL_CANCELLED",
            "INVALID_INSTRUCTIONS",
        ),
    ] {
        let preview = preview(draft).await;
        assert_eq!(preview["refusal"]["code"], code, "{draft}: {preview}");
        assert_eq!(preview["filled"], json!(null));
    }
    let commands = desk.handle.read(|engine| engine.commands());
    preview("amount: \"1\", price: \"1\"").await;
    assert_eq!(
        desk.handle.read(|engine| engine.commands()),
        commands,
        "nothing was done"
    );
}

#[tokio::test]
async fn a_preview_of_an_amendment_says_what_it_then_does() {
    let desk = Desk::open().await;
    desk.place(&desk.bob, Side::Buy, 3, 105, 1).await;
    desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    let token = desk.sign_in(&desk.alice).await;
    let preview = async |draft: &str| {
        let query = format!(
            "{{ previewAmendment(order: {{ account: \"{:#x}\", market: \"{}\", side: SELL, {draft} }}) \
             {{ refusal {{ code }} fills {{ price amount }} remaining price hold keepsPlace }} }}",
            desk.alice.address(),
            desk.shares
        );
        desk.as_viewer(&token, &query).await["previewAmendment"].clone()
    };
    let amends = async |lots, ticks| {
        let amended = desk.alice.sign(desk.order(&desk.alice, Side::Sell, lots, ticks, 1));
        let query = "mutation($o: SignedOrderInput!) { amendOrder(order: $o) { order { price remaining filled } } }";
        let answer = desk.souk.answer(query, json!({ "o": input(&amended) })).await;
        answer["data"]["amendOrder"]["order"].clone()
    };
    let smaller = preview("amount: \"8\", price: \"1.1\", nonce: \"1\"").await;
    assert_eq!(
        smaller,
        json!({ "refusal": null, "fills": [], "remaining": "8", "price": "1.1", "hold": "8", "keepsPlace": true })
    );
    let done = amends(8, 110).await;
    assert_eq!(done, json!({ "price": "1.1", "remaining": "8", "filled": "0" }));
    let taking = preview("amount: \"7\", price: \"1.05\", nonce: \"1\"").await;
    assert_eq!(
        taking,
        json!({ "refusal": null, "fills": [{ "price": "1.05", "amount": "3" }], "remaining": "4", "price": "1.05", "hold": "7",
                "keepsPlace": false })
    );
    let done = amends(7, 105).await;
    assert_eq!(done, json!({ "price": "1.05", "remaining": "4", "filled": "3" }));
    // The amount counts the three that are filled.
    for (draft, code) in [
        ("amount: \"3\", price: \"1.1\", nonce: \"1\"", "AMENDMENT_MISMATCH"),
        ("amount: \"5\", price: \"1.1\", nonce: \"2\"", "UNKNOWN_ORDER"),
    ] {
        assert_eq!(preview(draft).await["refusal"]["code"], code, "{draft}");
    }
    let nameless = format!(
        "{{ previewAmendment(order: {{ account: \"{:#x}\", market: \"{}\", side: SELL, amount: \"5\", price: \"1\" }}) {{ price }} }}",
        desk.alice.address(),
        desk.shares
    );
    assert_eq!(desk.code_for(&token, &nameless).await, "BAD_USER_INPUT");
    // It tells of an open order: nobody else is told.
    let named = nameless.replace("price: ", "nonce: \"1\", price: ");
    assert_eq!(desk.souk.error(&named).await.0, "UNAUTHENTICATED");
    let other = desk.sign_in(&desk.bob).await;
    assert_eq!(desk.code_for(&other, &named).await, "FORBIDDEN");
}
