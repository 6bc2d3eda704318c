//! Orders from signing to what became of them.

use serde_json::{Value, json};
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{FillNumber, PostOnly, Side, TimeInForce};
use souk_schema::{Address, B256};

use super::desk::*;
use crate::fixture::*;

#[tokio::test]
async fn an_order_rests_is_filled_and_costs_what_the_preview_said() {
    let desk = Desk::open().await;
    let sell = desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    assert_eq!(
        (&sell["order"]["status"], &sell["order"]["remaining"]),
        (&json!("OPEN"), &json!("10"))
    );
    assert_eq!(sell["repeated"], false);
    let draft = format!(
        "{{ previewOrder(order: {{ account: \"{:#x}\", market: \"{}\", side: BUY, amount: \"15\", price: \"1.20\" }}) \
         {{ refusal {{ code }} fills {{ price amount }} filled average cost fee {{ cost currency }} remaining price hold holdBaseUnits waits leavesBand }} }}",
        desk.bob.address(),
        desk.shares
    );
    let preview = desk.souk.ask(&draft).await["previewOrder"].clone();
    assert_eq!(
        preview,
        json!({ "refusal": null, "fills": [{ "price": "1.1", "amount": "10" }], "filled": "10", "average": "1.1", "cost": "11",
            "fee": { "cost": "0.022", "currency": "tUSD" }, "remaining": "5", "price": "1.2", "hold": "18.036", "holdBaseUnits": "18036000",
            "waits": false, "leavesBand": false })
    );
    let buy = desk.place(&desk.bob, Side::Buy, 15, 120, 1).await["order"].clone();
    for field in ["filled", "average", "cost", "fee", "remaining", "price"] {
        assert_eq!(buy[field], preview[field], "{field}");
    }
    // The seller sees the other side, less the fee and the royalty.
    let token = desk.sign_in(&desk.alice).await;
    let data = desk
        .as_viewer(
            &token,
            &format!(
                "{{ viewer {{ openOrders {{ orderId }} order(id: {}) {{ {ORDER} }} }} }}",
                sell["order"]["orderId"]
            ),
        )
        .await;
    let sold = &data["viewer"]["order"];
    assert_eq!(
        (
            &sold["status"],
            &sold["closeCause"],
            &sold["cost"],
            &sold["fee"]["cost"]
        ),
        (&json!("CLOSED"), &json!("FILLED"), &json!("11"), &json!("0.066"))
    );
    assert_eq!(data["viewer"]["openOrders"], json!([]));
}

#[tokio::test]
async fn the_very_same_order_again_answers_with_the_first() {
    let desk = Desk::open().await;
    let order = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 10, 110, 1));
    let first = desk.send(&order).await["data"]["placeOrder"].clone();
    let again = desk.send(&order).await["data"]["placeOrder"].clone();
    assert_eq!(
        (&again["repeated"], &again["commandNumber"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(again["order"], first["order"]);
    let commands = desk.handle.read(|engine| engine.commands());
    // Many at once, of which at most one is the first.
    let other = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 3, 120, 2));
    let sent = futures::future::join_all((0..8).map(|_| desk.send(&other))).await;
    let ids: std::collections::HashSet<String> = sent
        .iter()
        .map(|answer| answer["data"]["placeOrder"]["order"]["orderId"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "{sent:#?}");
    assert!(!ids.contains("null"));
    assert!(desk.handle.read(|engine| engine.commands()).0 <= commands.0 + 8);
    // Long after it is over, and for an order whose expiry is past by then, the tables know it.
    let token = desk.sign_in(&desk.alice).await;
    desk.as_viewer(&token, "mutation { cancelAll { orders { status } } }")
        .await;
    let answer = desk.send(&order).await;
    assert_eq!(
        answer["data"]["placeOrder"]["order"]["status"], "CANCELED",
        "{answer:#}"
    );
    // Another order with the nonce is no retry.
    let forged = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 11, 110, 1));
    assert_eq!(desk.refusal(&forged).await.0, "NONCE_USED");
}

#[tokio::test]
async fn orders_are_amended_reduced_and_cancelled() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    let placed = desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    let id = placed["order"]["orderId"].clone();
    let amended = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 8, 105, 1));
    let query =
        format!("mutation($o: SignedOrderInput!) {{ amendOrder(order: $o) {{ repeated order {{ {ORDER} }} }} }}");
    let answer = desk.souk.answer(&query, json!({ "o": input(&amended) })).await;
    let order = &answer["data"]["amendOrder"]["order"];
    assert_eq!(
        (&order["orderId"], &order["price"], &order["remaining"]),
        (&id, &json!("1.05"), &json!("8")),
        "{answer:#}"
    );
    let again = desk.souk.answer(&query, json!({ "o": input(&amended) })).await;
    assert_eq!(again["data"]["amendOrder"]["repeated"], true);
    let reduce = |remaining: &str| {
        format!(
            "mutation {{ reduceOrder(order: {{ nonce: \"1\" }}, remaining: \"{remaining}\", market: \"{}\") {{ orders {{ {ORDER} }} }} }}",
            desk.shares
        )
    };
    let reduced = desk.as_viewer(&token, &reduce("5")).await;
    assert_eq!(reduced["reduceOrder"]["orders"][0]["remaining"], "5");
    assert_eq!(desk.code_for(&token, &reduce("5")).await, "NOT_SMALLER");
    assert_eq!(desk.code_for(&token, &reduce("4.5")).await, "QUANTITY_NOT_ON_LOT");
    let cancel = format!(
        "mutation {{ cancelOrder(order: {{ orderId: {id} }}) {{ commandNumber orders {{ status closeCause remaining }} }} }}"
    );
    let cancelled = desk.as_viewer(&token, &cancel).await;
    assert_eq!(
        cancelled["cancelOrder"]["orders"],
        json!([{ "status": "CANCELED", "closeCause": "CANCELLED", "remaining": "5" }])
    );
    assert_eq!(desk.code_for(&token, &cancel).await, "UNKNOWN_ORDER");
    // By client id, and all.
    let mut named = desk.order(&desk.alice, Side::Sell, 1, 150, 2);
    named.instructions.client_order_id = B256::repeat_byte(9);
    desk.send(&desk.alice.sign(named)).await;
    let by_client = format!(
        "mutation {{ cancelOrder(order: {{ clientOrderId: \"{}\" }}) {{ orders {{ nonce }} }} }}",
        B256::repeat_byte(9)
    );
    assert_eq!(
        desk.as_viewer(&token, &by_client).await["cancelOrder"]["orders"],
        json!([{ "nonce": "2" }])
    );
    for nonce in 3..6 {
        desk.place(&desk.alice, Side::Sell, 1, 150, nonce).await;
    }
    let all = format!(
        "mutation {{ cancelAll(market: \"{}\") {{ orders {{ nonce status }} }} }}",
        desk.shares
    );
    let gone = desk.as_viewer(&token, &all).await;
    assert_eq!(gone["cancelAll"]["orders"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_very_same_amendment_again_answers_with_the_first_also_when_only_the_tables_know_it() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    let query =
        format!("mutation($o: SignedOrderInput!) {{ amendOrder(order: $o) {{ repeated order {{ {ORDER} }} }} }}");
    let amended = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 8, 105, 1));
    desk.souk.answer(&query, json!({ "o": input(&amended) })).await;
    desk.as_viewer(&token, "mutation { cancelAll { orders { status } } }")
        .await;
    desk.tables().await;
    // A server that began since has never seen the order open.
    let later = desk.another_server().await;
    while later.answer("{ markets(first: 1) { totalCount } }", json!({})).await["data"]["markets"]["totalCount"] != 2 {
        tokio::task::yield_now().await;
    }
    let answer = later.answer(&query, json!({ "o": input(&amended) })).await;
    let again = &answer["data"]["amendOrder"];
    assert_eq!(
        (&again["repeated"], &again["order"]["status"], &again["order"]["amount"]),
        (&json!(true), &json!("CANCELED"), &json!("8")),
        "{answer:#}"
    );
    let other = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 7, 105, 1));
    let refused = later.answer(&query, json!({ "o": input(&other) })).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "UNKNOWN_ORDER",
        "{refused:#}"
    );
}

#[tokio::test]
async fn several_orders_are_placed_one_by_one_and_quotes_all_or_none() {
    let desk = Desk::open().await;
    let orders: Vec<Value> = [(10, 1), (0, 2), (5, 3)]
        .into_iter()
        .map(|(lots, nonce)| input(&desk.alice.sign(desk.order(&desk.alice, Side::Sell, lots, 150, nonce))))
        .collect();
    let query = "mutation($o: [SignedOrderInput!]!) { placeOrders(orders: $o) { placed { order { nonce } } refusal { code message details } } }";
    let answer = desk.souk.answer(query, json!({ "o": orders })).await;
    let placements = &answer["data"]["placeOrders"];
    assert_eq!(
        (
            &placements[0]["placed"]["order"]["nonce"],
            &placements[2]["placed"]["order"]["nonce"]
        ),
        (&json!("1"), &json!("3")),
        "{answer:#}"
    );
    assert_eq!(placements[1]["placed"], json!(null));
    assert_eq!(
        (
            &placements[1]["refusal"]["code"],
            &placements[1]["refusal"]["details"]["minLots"]
        ),
        (&json!("QUANTITY_OUT_OF_BOUNDS"), &json!("1"))
    );

    let token = desk.sign_in(&desk.alice).await;
    let quotes = |nonces: std::ops::Range<u64>| {
        let quote = |nonce| {
            let mut order = desk.order(&desk.alice, Side::Sell, 1, 200 + nonce, nonce);
            order.instructions.post_only = PostOnly::Reject;
            input(&desk.alice.sign(order))
        };
        nonces.map(quote).collect::<Vec<_>>()
    };
    let query = format!(
        "mutation($q: [SignedOrderInput!]!) {{ massQuote(market: \"{}\", quotes: $q) {{ orders {{ nonce status closeCause }} }} }}",
        desk.shares
    );
    let first = desk
        .souk
        .answer_to(Some(&token), &query, json!({ "q": quotes(10..12) }))
        .await;
    assert_eq!(
        first["data"]["massQuote"]["orders"].as_array().map(Vec::len),
        Some(2),
        "{first:#}"
    );
    let second = desk
        .souk
        .answer_to(Some(&token), &query, json!({ "q": quotes(12..13) }))
        .await;
    let orders = second["data"]["massQuote"]["orders"].as_array().unwrap();
    let causes: Vec<&Value> = orders.iter().map(|order| &order["closeCause"]).collect();
    assert_eq!(causes, [&json!("REQUOTED"), &json!("REQUOTED"), &json!(null)]);
    let used = desk
        .souk
        .answer_to(Some(&token), &query, json!({ "q": quotes(12..14) }))
        .await;
    assert_eq!(used["errors"][0]["extensions"]["code"], "NONCE_USED", "all or none");
    let stranger = desk.souk.answer(&query, json!({ "q": quotes(14..15) })).await;
    assert_eq!(stranger["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_is_to_be_signed_is_filled_in_and_any_wallet_can_sign_it() {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 1, 150, 41).await;
    let query = format!(
        "{{ orderTypedData(order: {{ account: \"{:#x}\", market: \"{}\", side: SELL, amount: \"10\", price: \"1.1\", postOnly: SLIDE }}) \
         {{ typedData digest order {{ account market side baseAmount limitPrice feeCap nonce expiry instructions {{ type timeInForce postOnly selfTrade \
         displayAmount triggerPrice goodUntil clientOrderId }} }} }} }}",
        desk.alice.address(),
        desk.shares
    );
    let to_sign = desk.souk.ask(&query).await["orderTypedData"].clone();
    let order = &to_sign["order"];
    assert_eq!(
        (&order["nonce"], &order["limitPrice"], &order["feeCap"]),
        (&json!("42"), &json!("1100000"), &json!("77000"))
    );
    assert_eq!(to_sign["typedData"]["message"]["instructions"]["postOnly"], 2);
    // That the typed data hashes to the digest is proved by the wallets of other makers: see `clients`.
    let digest: B256 = serde_json::from_value(to_sign["digest"].clone()).unwrap();
    let signature = souk_contracts::exchange::sign(digest, &desk.alice.0).unwrap();
    let mut input = order.clone();
    input["signature"] = json!(alloy_primitives::hex::encode_prefixed(signature));
    let placed = desk
        .souk
        .answer(
            "mutation($o: SignedOrderInput!) { placeOrder(order: $o) { order { status nonce } } }",
            json!({ "o": input }),
        )
        .await;
    assert_eq!(
        placed["data"]["placeOrder"]["order"],
        json!({ "status": "OPEN", "nonce": "42" }),
        "{placed:#}"
    );
}

#[tokio::test]
async fn market_and_immediate_orders_take_what_there_is() {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 3, 110, 1).await;
    let mut order = desk.order(&desk.bob, Side::Buy, 5, 200, 1);
    order.instructions.kind = souk_schema::exchange::OrderKind::Market;
    order.instructions.time_in_force = TimeInForce::ImmediateOrCancel;
    let answer = desk.send(&desk.bob.sign(order)).await;
    let order = &answer["data"]["placeOrder"]["order"];
    assert_eq!(
        (
            &order["status"],
            &order["closeCause"],
            &order["filled"],
            &order["average"],
            &order["type"]
        ),
        (
            &json!("CANCELED"),
            &json!("NOT_FILLED"),
            &json!("3"),
            &json!("1.1"),
            &json!("MARKET")
        ),
        "{answer:#}"
    );
}

#[tokio::test]
async fn a_dead_mans_switch_is_set_and_asked_for() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    let set = desk
        .as_viewer(
            &token,
            "mutation { setDeadMan(timeoutSecs: 60) { firesAt commandNumber } }",
        )
        .await;
    let at = set["setDeadMan"]["firesAt"].as_i64().unwrap();
    let asked = desk.as_viewer(&token, "{ viewer { deadManAt nextNonce } }").await;
    assert_eq!(asked["viewer"], json!({ "deadManAt": at, "nextNonce": "1" }));
    let off = desk
        .as_viewer(&token, "mutation { setDeadMan(timeoutSecs: 0) { firesAt } }")
        .await;
    assert_eq!(off["setDeadMan"]["firesAt"], json!(null));
}

/// A withdrawal of dollars by Bob.
fn withdrawal(desk: &Desk, amount: u128, nonce: u64) -> Value {
    json!({
        "account": desk.bob.address(), "token": format!("{CHAIN}/erc20:{}", address(USD)), "amount": amount.to_string(),
        "receiver": Address::repeat_byte(CAROL), "nonce": nonce.to_string(), "deadline": desk.deadline,
    })
}

const WITHDRAW: &str = "mutation($w: WithdrawalInput!, $s: Bytes) { withdraw(withdrawal: $w, signature: $s) { account token id amount receiver nonce \
    deadline group operatorSignature } }";

/// The digest that is signed for a withdrawal.
async fn digest_of(desk: &Desk, withdrawal: &Value) -> B256 {
    let query = "query($w: WithdrawalInput!) { withdrawalTypedData(withdrawal: $w) { digest } }";
    let to_sign = desk.souk.answer(query, json!({ "w": withdrawal })).await;
    serde_json::from_value(to_sign["data"]["withdrawalTypedData"]["digest"].clone()).unwrap()
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_withdrawal_is_debited_co_signed_and_followed() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let wanted = withdrawal(&desk, 100 * DOLLAR, 1);
    let answer = desk
        .souk
        .answer_to(Some(&token), WITHDRAW, json!({ "w": wanted }))
        .await;
    let approved = answer["data"]["withdraw"].clone();
    assert_eq!(
        (&approved["id"], &approved["group"]),
        (&json!("0"), &json!(1)),
        "{answer:#}"
    );
    // What was signed is what the vault asks for.
    let digest = digest_of(&desk, &wanted).await;
    let signature = alloy_primitives::hex::decode(approved["operatorSignature"].as_str().unwrap()).unwrap();
    assert_eq!(
        souk_contracts::exchange::recover(digest, &signature),
        Some(desk.cosigner)
    );
    // Again is the same; another with its nonce is not.
    let again = desk
        .souk
        .answer_to(Some(&token), WITHDRAW, json!({ "w": wanted }))
        .await;
    assert_eq!(again["data"]["withdraw"], approved);
    for (amount, nonce, refused) in [
        (5, 1, "NONCE_USED"),
        (1 << 100, 2, "NOT_WITHDRAWABLE"),
        (0, 2, "ZERO_AMOUNT"),
    ] {
        let variables = json!({ "w": withdrawal(&desk, amount, nonce) });
        let answer = desk.souk.answer_to(Some(&token), WITHDRAW, variables).await;
        assert_eq!(code(&answer), refused);
    }
    let second = json!({ "w": withdrawal(&desk, DOLLAR, 3) });
    assert_eq!(code(&desk.souk.answer_to(Some(&token), WITHDRAW, second).await), "");
    desk.fact(Fact::Withdrawn {
        account: desk.bob.address(),
        nonce: 1,
    })
    .await;
    desk.tables().await;
    let data = desk
        .as_viewer(
            &token,
            "{ viewer { balances { currency free withdrawable } withdrawals(first: 5) { totalCount nodes { nonce amount state instrument { symbol } \
             approval { operatorSignature } } } } }",
        )
        .await;
    assert_eq!(
        data["viewer"]["balances"],
        json!([{ "currency": "tUSD", "free": "9899", "withdrawable": "9899" }])
    );
    let withdrawals = &data["viewer"]["withdrawals"];
    assert_eq!(withdrawals["totalCount"], 2);
    assert_eq!(
        (&withdrawals["nodes"][1]["state"], &withdrawals["nodes"][1]["approval"]),
        (&json!("EXECUTED"), &json!(null))
    );
    assert_eq!(withdrawals["nodes"][0]["state"], "APPROVED");
    assert!(withdrawals["nodes"][0]["approval"]["operatorSignature"].is_string());
}

#[tokio::test]
async fn a_withdrawal_that_is_signed_needs_no_session_and_anothers_signature_is_none() {
    let desk = Desk::open().await;
    let wanted = withdrawal(&desk, DOLLAR, 1);
    let digest = digest_of(&desk, &wanted).await;
    let by = |signer: &Trader| {
        alloy_primitives::hex::encode_prefixed(souk_contracts::exchange::sign(digest, &signer.0).unwrap())
    };
    assert_eq!(
        code(&desk.souk.answer(WITHDRAW, json!({ "w": wanted })).await),
        "UNAUTHENTICATED"
    );
    for (signature, refused) in [
        (by(&desk.alice), "SIGNER_NOT_AUTHORISED"),
        ("0x".to_owned() + &"00".repeat(65), "BAD_SIGNATURE"),
        ("0x12".to_owned(), "BAD_SIGNATURE"),
    ] {
        let answer = desk.souk.answer(WITHDRAW, json!({ "w": wanted, "s": signature })).await;
        assert_eq!(code(&answer), refused);
    }
    let mut more = wanted.clone();
    more["amount"] = json!("2000000");
    let answer = desk
        .souk
        .answer(WITHDRAW, json!({ "w": more, "s": by(&desk.bob) }))
        .await;
    assert_eq!(
        code(&answer),
        "SIGNER_NOT_AUTHORISED",
        "the signature is over another amount"
    );
    let signed = desk
        .souk
        .answer(WITHDRAW, json!({ "w": wanted, "s": by(&desk.bob) }))
        .await;
    assert!(
        signed["data"]["withdraw"]["operatorSignature"].is_string(),
        "{signed:#}"
    );
}

/// Of four fills the first is final, the second skipped, the third in a block, the fourth on its way.
async fn settle_skip_and_send(desk: &Desk) {
    desk.fact(Fact::FillsSettled { through: FillNumber(1) }).await;
    desk.fact(Fact::FillSkipped {
        fill: FillNumber(2),
        reason: 13,
    })
    .await;
    for (first_fill, block_number) in [(3, Some(77)), (4, None)] {
        let batch = souk_ledger::settlement::SettlementBatch {
            group: souk_schema::exchange::GroupId(1),
            first_fill: FillNumber(first_fill),
            last_fill: FillNumber(first_fill),
            transaction_hash: B256::repeat_byte(first_fill as u8),
            block_number,
        };
        souk_ledger::settlement::note_settlement(&desk.souk.database.pool, &batch)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn fills_are_followed_to_their_settlement_in_lists() {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    for nonce in 1..5 {
        desk.place(&desk.bob, Side::Buy, 1, 110, nonce).await;
    }
    let token = desk.sign_in(&desk.bob).await;
    settle_skip_and_send(&desk).await;
    desk.tables().await;
    let query = "{ viewer { fills(first: 10) { totalCount nodes { fillId state transactionHash blockNumber bustCause bustReason side takerOrMaker \
                 price amount cost fee { cost } market { symbol } } } balances { currency free used pendingIn pendingOut withdrawable } } }";
    let data = desk.as_viewer(&token, query).await;
    let fills = data["viewer"]["fills"]["nodes"].as_array().unwrap();
    let states: Vec<(&str, &str)> = fills
        .iter()
        .map(|fill| (fill["fillId"].as_str().unwrap(), fill["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("1.4", "SUBMITTED"),
            ("1.3", "SETTLED"),
            ("1.2", "BUSTED"),
            ("1.1", "FINAL")
        ]
    );
    assert_eq!(
        (&fills[2]["bustCause"], &fills[2]["bustReason"]),
        (&json!("SKIPPED"), &json!("INSUFFICIENT_BALANCE"))
    );
    assert_eq!(
        (&fills[1]["blockNumber"], &fills[1]["transactionHash"]),
        (&json!(77), &json!(B256::repeat_byte(3)))
    );
    assert_eq!(
        (&fills[0]["takerOrMaker"], &fills[0]["fee"]["cost"], &fills[0]["cost"]),
        (&json!("TAKER"), &json!("0.0022"), &json!("1.1"))
    );
    let balances = data["viewer"]["balances"].as_array().unwrap();
    let shares = balances
        .iter()
        .find(|balance| balance["currency"] == "BASE-MODEL")
        .unwrap();
    assert_eq!(
        (&shares["free"], &shares["pendingIn"], &shares["withdrawable"]),
        (&json!("3"), &json!("2"), &json!("1")),
        "three stand, one of them is final"
    );
    // Of one order, and of the other account.
    let alice = desk.sign_in(&desk.alice).await;
    let orders = desk
        .as_viewer(
            &alice,
            "{ viewer { orders(first: 5) { totalCount nodes { orderId filled status } } } }",
        )
        .await;
    let order = &orders["viewer"]["orders"]["nodes"][0];
    assert_eq!(
        (&order["filled"], &order["status"]),
        (&json!("3"), &json!("OPEN")),
        "a bust is taken out"
    );
    let of_order = desk
        .as_viewer(
            &alice,
            &format!("{{ viewer {{ fills(last: 2, order: {}) {{ totalCount nodes {{ fillId side takerOrMaker fee {{ cost }} }} }} }} }}", order["orderId"]),
        )
        .await;
    assert_eq!(
        of_order["viewer"]["fills"],
        json!({ "totalCount": 4, "nodes": [
            { "fillId": "1.2", "side": "SELL", "takerOrMaker": "MAKER", "fee": { "cost": "0.0066" } },
            { "fillId": "1.1", "side": "SELL", "takerOrMaker": "MAKER", "fee": { "cost": "0.0066" } }
        ] })
    );
}
