//! What an account follows of its own: orders, fills to their settlement, balances.

use serde_json::{Value, json};
use souk_ledger::settlement::{SettlementBatch, note_settlement};
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{CommandBody, FillNumber, GroupId, Side};
use souk_schema::{Address, B256};

use super::desk::*;
use crate::fixture::*;
use crate::websocket::Client;

const ORDERS: &str = "snapshot sequence prevSequence orders { nonce status filled remaining closeCause }";

#[tokio::test]
async fn orders_are_followed_through_everything_that_happens_to_them() {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    let token = desk.sign_in(&desk.alice).await;
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe("o", &format!("subscription {{ myOrders {{ {ORDERS} }} }}"))
        .await;
    let first = client.item().await["myOrders"].clone();
    assert_eq!(
        (&first["snapshot"], &first["orders"]),
        (
            &json!(true),
            &json!([{ "nonce": "1", "status": "OPEN", "filled": "0", "remaining": "5", "closeCause": null }])
        )
    );
    desk.place(&desk.bob, Side::Buy, 2, 110, 1).await;
    let second = client.item().await["myOrders"].clone();
    assert_eq!(
        second["orders"],
        json!([{ "nonce": "1", "status": "OPEN", "filled": "2", "remaining": "3", "closeCause": null }])
    );
    assert_eq!(second["prevSequence"], first["sequence"]);
    desk.as_viewer(&token, "mutation { cancelAll { group } }").await;
    let third = client.item().await["myOrders"].clone();
    assert_eq!(
        third["orders"],
        json!([{ "nonce": "1", "status": "CANCELED", "filled": "2", "remaining": "3", "closeCause": "CANCELLED" }])
    );
    assert_eq!(third["prevSequence"], second["sequence"]);
    // After a lost connection only what was missed, linked to what was seen.
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe(
            "o",
            &format!(
                "subscription {{ myOrders(resumeFrom: {}) {{ {ORDERS} }} }}",
                second["sequence"]
            ),
        )
        .await;
    assert_eq!(client.item().await["myOrders"], third);
    // From before this server began, anew.
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe(
            "o",
            &format!("subscription {{ myOrders(resumeFrom: 999999) {{ {ORDERS} }} }}"),
        )
        .await;
    let anew = client.item().await["myOrders"].clone();
    assert_eq!((&anew["snapshot"], &anew["orders"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn fills_are_followed_from_the_match_to_the_final_settlement() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let mut client = Client::signed_in(&desk.souk, &token).await;
    let query = "subscription { myFills { snapshot sequence prevSequence fills { fillId state price amount transactionHash blockNumber bustCause } } }";
    client.subscribe("f", query).await;
    assert_eq!(client.item().await["myFills"]["fills"], json!([]));
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    desk.place(&desk.bob, Side::Buy, 2, 110, 1).await;
    desk.place(&desk.bob, Side::Buy, 1, 110, 2).await;
    let mut next = async |expected: &[(&str, &str)]| {
        let message = client.item().await["myFills"].clone();
        let found: Vec<(String, String)> = message["fills"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fill| {
                (
                    fill["fillId"].as_str().unwrap().into(),
                    fill["state"].as_str().unwrap().into(),
                )
            })
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(id, state)| ((*id).to_owned(), (*state).to_owned()))
            .collect();
        assert_eq!(found, expected, "{message:#}");
        message
    };
    next(&[("1.1", "MATCHED")]).await;
    next(&[("1.2", "MATCHED")]).await;
    desk.tables().await;
    let note = async |block_number| {
        let batch = SettlementBatch {
            group: GroupId(1),
            first_fill: FillNumber(1),
            last_fill: FillNumber(1),
            transaction_hash: B256::repeat_byte(0x7a),
            block_number,
        };
        note_settlement(&desk.souk.database.pool, &batch).await.unwrap();
    };
    note(None).await;
    let submitted = next(&[("1.1", "SUBMITTED")]).await;
    assert_eq!(submitted["fills"][0]["transactionHash"], json!(B256::repeat_byte(0x7a)));
    note(Some(9)).await;
    let settled = next(&[("1.1", "SETTLED")]).await;
    assert_eq!(settled["fills"][0]["blockNumber"], 9);
    desk.fact(Fact::FillsSettled { through: FillNumber(1) }).await;
    next(&[("1.1", "FINAL")]).await;
    desk.fact(Fact::FillSkipped {
        fill: FillNumber(2),
        reason: 13,
    })
    .await;
    let busted = next(&[("1.2", "BUSTED")]).await;
    assert_eq!(busted["fills"][0]["bustCause"], "SKIPPED");
}

#[tokio::test]
async fn balances_are_told_after_each_change_and_only_to_whose_they_are() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let mut client = Client::signed_in(&desk.souk, &token).await;
    let query = |more: &str| {
        format!(
            "subscription {{ myBalances{more} {{ snapshot sequence prevSequence balances {{ currency free used pendingIn withdrawable }} }} }}"
        )
    };
    client.subscribe("b", &query("")).await;
    let first = client.item().await["myBalances"].clone();
    assert_eq!(
        first["balances"],
        json!([{ "currency": "tUSD", "free": "10000", "used": "0", "pendingIn": "0", "withdrawable": "10000" }])
    );
    // Nothing of Bob's.
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    desk.place(&desk.bob, Side::Buy, 2, 100, 1).await;
    let second = client.item().await["myBalances"].clone();
    assert_eq!(second["prevSequence"], first["sequence"]);
    assert_eq!(
        second["balances"],
        json!([{ "currency": "tUSD", "free": "9997.996", "used": "2.004", "pendingIn": "0", "withdrawable": "9997.996" }])
    );
    desk.place(&desk.bob, Side::Buy, 1, 110, 2).await;
    let third = client.item().await["myBalances"].clone();
    let shares = |message: &Value| {
        let balances = message["balances"].as_array().unwrap();
        balances
            .iter()
            .find(|balance| balance["currency"] == "BASE-MODEL")
            .cloned()
    };
    assert_eq!(
        shares(&third),
        Some(json!({ "currency": "BASE-MODEL", "free": "1", "used": "0", "pendingIn": "1", "withdrawable": "0" }))
    );
    desk.fact(Fact::FillsSettled { through: FillNumber(1) }).await;
    let fourth = client.item().await["myBalances"].clone();
    assert_eq!(shares(&fourth).unwrap()["withdrawable"], "1");
    // Nothing changed since: nothing is told.
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe("b", &query(&format!("(resumeFrom: {})", fourth["sequence"])))
        .await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await["type"], "pong");
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe("b", &query(&format!("(resumeFrom: {})", third["sequence"])))
        .await;
    let resumed = client.item().await["myBalances"].clone();
    assert_eq!(
        (&resumed["snapshot"], &resumed["prevSequence"], &resumed["balances"]),
        (&json!(false), &third["sequence"], &fourth["balances"])
    );
}

/// A server that begins in the middle, from tables that are as far as they are and the log after that, answers as one that saw it all.
#[tokio::test]
async fn a_server_that_begins_later_sees_the_same_however_far_the_tables_are() {
    let mut desk = Desk::open().await;
    let trade = async |desk: &Desk, from: u64| {
        for step in 0..6 {
            desk.place(&desk.alice, Side::Sell, 5, 110 + step, from + step).await;
            desk.place(&desk.bob, Side::Buy, 3, 108 + step, from + step).await;
        }
        let mut iceberg = desk.order(&desk.alice, Side::Sell, 10, 150, from + 10);
        iceberg.instructions.display_amount = souk_schema::exchange::Amount(2);
        desk.send(&desk.alice.sign(iceberg)).await;
        let amended = desk.order(&desk.alice, Side::Sell, 4, 140, from + 5);
        let query = "mutation($o: SignedOrderInput!) { amendOrder(order: $o) { order { remaining } } }";
        let answer = desk
            .souk
            .answer(query, json!({ "o": input(&desk.alice.sign(amended)) }))
            .await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
    };
    trade(&desk, 1).await;
    desk.fact(Fact::FillsSettled { through: FillNumber(1) }).await;
    desk.tables().await;
    desk.stop_the_projector().await;
    trade(&desk, 30).await;
    desk.fact(Fact::FillSkipped {
        fill: FillNumber(2),
        reason: 1,
    })
    .await;
    let own = "{ viewer { openOrders { orderId status price amount filled remaining cost fee { cost } expiry timestamp signature } } }";
    let public = format!(
        "{{ market(id: \"{}\") {{ state orderBook(depth: FIFTY) {{ bids {{ price lots }} asks {{ price lots }} checksum }} ticker {{ last }} }} \
         marketGroups {{ commandNumber unsettledFills oldestUnsettledFill }} }}",
        desk.shares
    );
    let first = (
        desk.as_viewer(&desk.sign_in(&desk.alice).await, own).await,
        desk.souk.ask(&public).await,
    );
    assert!(
        first.0["viewer"]["openOrders"].as_array().unwrap().len() > 5,
        "{}",
        first.0
    );
    let later = desk.another_server().await;
    loop {
        let ready = later.answer("{ markets(first: 1) { totalCount } }", json!({})).await;
        if ready["data"]["markets"]["totalCount"] == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let token = desk.sign_in_at(&later, &desk.alice).await;
    let mut seen = later.answer_to(Some(&token), own, json!({})).await;
    assert_eq!(seen["data"].take(), first.0, "{seen:#}");
    assert_eq!(later.ask(&public).await, first.1);
    // And what is under way is told with its own match times.
    let fills = "subscription { myFills { snapshot fills { fillId state timestamp bustCause } } }";
    let mut clients = Vec::new();
    for (souk, token) in [(&desk.souk, desk.sign_in(&desk.alice).await), (&later, token)] {
        let mut client = Client::signed_in(souk, &token).await;
        client.subscribe("f", fills).await;
        clients.push(client.item().await["myFills"].clone());
    }
    assert_eq!(clients[0], clients[1]);
    assert!(clients[0]["fills"].as_array().unwrap().len() > 3, "{}", clients[0]);
}

#[tokio::test]
async fn a_server_that_takes_long_to_begin_need_not_begin_again() {
    let desk = Desk::open().await;
    let mut held = desk.souk.database.pool.begin().await.unwrap();
    sqlx::query("lock table exchange.market_group in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    // It waits for the table, while more comes than the engine keeps for whoever follows.
    let later = desk.another_server().await;
    for _ in 0..1_100 {
        desk.does(CommandBody::Tick).await;
    }
    held.rollback().await.unwrap();
    let query = "{ marketGroups { commandNumber unsettledFills } markets(first: 1) { nodes { state } } }";
    let asking = async {
        loop {
            let answer = later.answer(query, json!({})).await;
            if answer["data"]["markets"]["nodes"][0]["state"] == "OPEN" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), asking)
        .await
        .unwrap();
    let metrics = reqwest::get(later.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(!metrics.contains("souk_api_exchange_restarts_total"), "{metrics}");
}

#[tokio::test]
async fn who_follows_fills_hears_the_chains_news_of_each_however_many_are_under_way() {
    const FILLS: u64 = 510;
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let buy = |nonce: u64| {
        let mut order = desk.bob.sign(desk.order(&desk.bob, Side::Buy, 1, 110, nonce));
        order.signer = desk.bob.address();
        CommandBody::PlaceOrder(Box::new(order))
    };
    desk.place(&desk.alice, Side::Sell, u128::from(FILLS), 110, 1).await;
    let placed = desk.handle.submit_all((1..=FILLS).map(buy).collect()).await.unwrap();
    assert!(placed.iter().all(|outcome| outcome.result.is_ok()));
    desk.tables().await;
    let mut client = Client::signed_in(&desk.souk, &token).await;
    client
        .subscribe("f", "subscription { myFills { snapshot fills { fillId state } } }")
        .await;
    let all = client.item().await["myFills"].clone();
    assert_eq!(all["fills"].as_array().unwrap().len() as u64, FILLS);
    let batch = SettlementBatch {
        group: GroupId(1),
        first_fill: FillNumber(FILLS),
        last_fill: FillNumber(FILLS),
        transaction_hash: B256::repeat_byte(0x7a),
        block_number: None,
    };
    note_settlement(&desk.souk.database.pool, &batch).await.unwrap();
    let news = client.item().await["myFills"].clone();
    assert_eq!(
        news["fills"],
        json!([{ "fillId": format!("1.{FILLS}"), "state": "SUBMITTED" }])
    );
}

#[tokio::test]
async fn an_account_is_told_its_keys_and_which_exits_stop_it() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let query = "{ viewer { stopped exits keys } }";
    let nothing = json!({ "stopped": false, "exits": [], "keys": [] });
    assert_eq!(desk.as_viewer(&token, query).await["viewer"], nothing);
    let (account, key) = (desk.bob.address(), Trader::new(0x77).address());
    desk.fact(Fact::KeyRegistered { account, key }).await;
    desk.fact(Fact::ExitRequested { exit_id: 3, account }).await;
    assert_eq!(
        desk.as_viewer(&token, query).await["viewer"],
        json!({ "stopped": true, "exits": [3], "keys": [format!("{key:#x}")] })
    );
}

#[tokio::test]
async fn deposits_are_shown_from_their_block_until_it_is_final() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.bob).await;
    let deposit = |block: i64, account: Address| {
        let body = json!({ "type": "vault_credited", "vault": VENUE.vault, "account": account,
            "token": { "contract": Address::repeat_byte(USD), "id": "0" }, "amount": "5000000" });
        let (hash, vault) = (hex(&[block as u8; 32]), hex(VENUE.vault.as_slice()));
        format!(
            "insert into event values (31337, {block}, 90, 0, '\\x{hash}', 0, '\\x{vault}', 'vault_credited', null, '{body}');"
        )
    };
    let database = &desk.souk.database;
    let finalized: i64 = sqlx::query_scalar("select finalized_number from projection where chain_id = 31337")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    database.sql(&deposit(finalized, desk.bob.address())).await;
    database.sql(&deposit(finalized + 1, desk.bob.address())).await;
    database.sql(&deposit(finalized + 2, desk.alice.address())).await;
    let query = "{ viewer { pendingDeposits { instrument { symbol } amountBaseUnits blockNumber } } }";
    assert_eq!(
        desk.as_viewer(&token, query).await["viewer"]["pendingDeposits"],
        json!([{ "instrument": { "symbol": "tUSD" }, "amountBaseUnits": "5000000", "blockNumber": finalized + 1 }])
    );
    let all_final = format!(
        "update projection set finalized_number = {} where chain_id = 31337",
        finalized + 1
    );
    database.sql(&all_final).await;
    assert_eq!(
        desk.as_viewer(&token, query).await["viewer"]["pendingDeposits"],
        json!([])
    );
}

#[tokio::test]
async fn open_orders_are_those_of_the_tables() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    for nonce in 1..9 {
        desk.place(&desk.alice, Side::Sell, 5, 105 + nonce % 4, nonce).await;
        desk.place(&desk.bob, Side::Buy, 2, 106, nonce).await;
    }
    desk.as_viewer(&token, "mutation { cancelOrder(order: { nonce: \"8\" }) { group } }")
        .await;
    desk.tables().await;
    let fields =
        format!("{ORDER} lots filledLots remainingLots expiry timestamp lastUpdateTimestamp feeCap signature signer");
    let data = desk
        .as_viewer(
            &token,
            &format!("{{ viewer {{ openOrders {{ {fields} }} orders(last: 100, select: OPEN) {{ nodes {{ {fields} }} }} over: orders(first: 1, select: OVER) {{ totalCount }} }} }}"),
        )
        .await;
    let live = data["viewer"]["openOrders"].as_array().unwrap();
    let mut stored = data["viewer"]["orders"]["nodes"].as_array().unwrap().clone();
    stored.reverse();
    assert!(live.len() >= 3, "{data:#}");
    assert_eq!(live, &stored);
    assert_eq!(data["viewer"]["over"]["totalCount"], 8 - live.len());
}
