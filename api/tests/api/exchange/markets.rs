//! What everybody may see: markets, books, trades, candles, and how the exchange is.

use serde_json::json;
use souk_api::TokenName;
use souk_contracts::exchange::market_id;
use souk_ledger::reconcile::{Books, EngineBalance, VaultBalances, VaultError, VaultSnapshot, watch_reconciliation};
use souk_schema::exchange::{Amount, CommandBody, GroupId, MarketKind, MarketState, Side};
use souk_schema::{Address, TokenRef, U256};

use super::desk::*;
use crate::fixture::*;

#[tokio::test]
async fn without_an_exchange_its_fields_say_so_and_all_others_answer() {
    let souk = Souk::start().await;
    for query in [
        "{ markets(first: 1) { totalCount } }",
        "{ viewer { address } }",
        "{ signInChallenge { nonce } }",
        "mutation { signOut }",
    ] {
        assert_eq!(souk.error(query).await.0, "EXCHANGE_NOT_RUNNING", "{query}");
    }
    let data = souk
        .ask(&format!(
            "{{ asset(id: \"{}\") {{ name markets {{ symbol }} }} meta {{ exchange {{ group }} }} }}",
            asset(2)
        ))
        .await;
    assert_eq!(
        data,
        json!({ "asset": { "name": "base-model", "markets": null }, "meta": { "exchange": [] } })
    );
}

#[tokio::test]
async fn markets_are_listed_by_asset_kind_and_state_with_their_units_and_fees() {
    let desk = Desk::open().await;
    let data = desk
        .souk
        .ask("{ markets(first: 10) { totalCount nodes { marketId symbol kind state group asset { name } base { assetId symbol decimals token { contract } } \
              quote { assetId symbol decimals } lotSize tickSize precision { amount price } limits { amount { min max } price { min max } maxOpenOrders } \
              fees { maker taker royalty takerPpm } band { low } } } }")
        .await;
    assert_eq!(data["markets"]["totalCount"], 2);
    let shares = &data["markets"]["nodes"][0];
    assert_eq!(
        *shares,
        json!({
            "marketId": desk.shares, "symbol": "BASE-MODEL/tUSD", "kind": "SHARES", "state": "OPEN", "group": 1, "asset": { "name": "base-model" },
            "base": { "assetId": format!("{CHAIN}/erc1155:{}/2", address(SHARES)), "symbol": "BASE-MODEL", "decimals": 0, "token": { "contract": address(SHARES) } },
            "quote": { "assetId": format!("{CHAIN}/erc20:{}", address(USD)), "symbol": "tUSD", "decimals": 6 },
            "lotSize": "1", "tickSize": "10000", "precision": { "amount": "1", "price": "0.01" },
            "limits": { "amount": { "min": "1", "max": "1000000" }, "price": { "min": "0.01", "max": "10000" }, "maxOpenOrders": 200 },
            "fees": { "maker": "0.001", "taker": "0.002", "royalty": "0.005", "takerPpm": 2000 }, "band": null
        })
    );
    let listed = async |conditions: &str| {
        let data = desk
            .souk
            .ask(&format!(
                "{{ markets(first: 5, where: {{ {conditions} }}) {{ totalCount nodes {{ symbol }} }} }}"
            ))
            .await;
        let symbols = data["markets"]["nodes"].as_array().unwrap().iter();
        symbols
            .map(|node| node["symbol"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("kinds: [LICENCE]").await, ["BASE-MODEL-LIC/tUSD"]);
    assert_eq!(listed("states: [OPEN]").await, ["BASE-MODEL/tUSD"]);
    assert_eq!(
        listed(&format!("asset: \"{}\"", asset(2))).await,
        ["BASE-MODEL/tUSD", "BASE-MODEL-LIC/tUSD"]
    );
    assert_eq!(listed(&format!("asset: \"{}\"", asset(1))).await, [""; 0]);
    assert_eq!(listed("group: 2").await, [""; 0]);
    let data = desk
        .souk
        .ask(&format!(
            "{{ asset(id: \"{}\") {{ markets {{ symbol asset {{ assetId }} }} }} }}",
            asset(2)
        ))
        .await;
    assert_eq!(data["asset"]["markets"][0]["asset"]["assetId"], asset(2));
    // Pages.
    let first = desk
        .souk
        .ask("{ markets(first: 1) { pageInfo { hasNextPage endCursor } nodes { symbol } } }")
        .await;
    let cursor = first["markets"]["pageInfo"]["endCursor"].as_str().unwrap();
    let rest = desk
        .souk
        .ask(&format!(
            "{{ markets(first: 5, after: \"{cursor}\") {{ pageInfo {{ hasNextPage }} nodes {{ kind }} }} }}"
        ))
        .await;
    assert_eq!(first["markets"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(
        rest["markets"],
        json!({ "pageInfo": { "hasNextPage": false }, "nodes": [{ "kind": "LICENCE" }] })
    );
    let unknown = format!("{{ market(id: \"0x{}\") {{ symbol }} }}", "77".repeat(32));
    assert_eq!(desk.souk.error(&unknown).await.0, "UNKNOWN_MARKET");
}

#[tokio::test]
async fn nothing_is_written_in_a_token_that_has_not_said_its_decimals_and_everything_once_it_has() {
    let desk = Desk::open().await;
    let euro = Address::repeat_byte(0x67);
    let base = TokenRef::new(Address::repeat_byte(SHARES), U256::from(2));
    let mut later = spec(base, MarketKind::Shares);
    later.quote = euro;
    later.key = market_id(
        base.contract,
        base.id,
        euro,
        later.units.lot_size.0,
        later.units.tick_size.0,
    );
    let market = later.key;
    desk.does(CommandBody::ListMarket(Box::new(later))).await;
    let opened = CommandBody::SetMarketState {
        market,
        state: MarketState::Auction,
    };
    desk.does(opened).await;
    desk.does(CommandBody::Tick).await;
    desk.tables().await;

    let draft = format!(
        "order: {{ account: \"{:#x}\", market: \"{market}\", side: SELL, amount: \"10\", price: \"1.1\" }}",
        desk.alice.address()
    );
    for query in [
        format!("{{ market(id: \"{market}\") {{ symbol }} }}"),
        format!("{{ previewOrder({draft}) {{ cost }} }}"),
        format!("{{ orderTypedData({draft}) {{ digest }} }}"),
    ] {
        assert_eq!(desk.souk.error(&query).await.0, "UNAVAILABLE", "{query}");
    }
    let mut order = desk.order(&desk.alice, Side::Sell, 10, 110, 1);
    order.market = market;
    let order = desk.alice.sign(order);
    let commands = desk.handle.read(|engine| engine.commands());
    assert_eq!(desk.refusal(&order).await.0, "UNAVAILABLE");
    assert_eq!(
        desk.handle.read(|engine| engine.commands()),
        commands,
        "nothing was sent"
    );
    let listed = "{ markets(first: 10) { nodes { marketId quote { symbol decimals } } } }";
    let known = desk.souk.ask(listed).await;
    let ids = known["markets"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["marketId"]);
    assert_eq!(ids.collect::<Vec<_>>(), [&json!(desk.shares), &json!(desk.licences)]);

    let symbol = "tEUR".into();
    desk.tokens.insert(VENUE.chain, euro, TokenName { symbol, decimals: 2 });
    let known = desk.souk.ask(listed).await;
    assert_eq!(
        known["markets"]["nodes"][2],
        json!({ "marketId": market, "quote": { "symbol": "tEUR", "decimals": 2 } })
    );
    // A tick of 10,000 base units is 100 of these.
    let signed = desk
        .souk
        .ask(&format!(
            "{{ orderTypedData({}) {{ order {{ limitPrice }} }} }}",
            draft.replace("1.1", "200")
        ))
        .await;
    assert_eq!(
        signed["orderTypedData"]["order"]["limitPrice"],
        Amount(20_000).to_string()
    );
    let answer = desk.send(&order).await;
    assert_eq!(answer["data"]["placeOrder"]["order"]["price"], "11000", "{answer:#}");
}

#[tokio::test]
async fn a_markets_book_trades_ticker_and_candles_tell_what_was_traded() {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    desk.place(&desk.alice, Side::Sell, 4, 120, 2).await;
    desk.place(&desk.bob, Side::Buy, 3, 90, 1).await;
    desk.place(&desk.bob, Side::Buy, 2, 110, 2).await;
    desk.place(&desk.bob, Side::Buy, 1, 115, 3).await;
    desk.tables().await;
    let query = format!(
        "{{ market(id: \"{}\") {{ orderBook {{ sequence bids {{ price amount priceTicks lots }} asks {{ price amount }} checksum }} \
         ticker {{ symbol bid bidVolume ask askVolume last open high low close vwap baseVolume quoteVolume trades }} \
         trades(first: 10) {{ totalCount nodes {{ fillId side price amount cost lots busted }} }} \
         candles(interval: ONE_DAY) {{ open high low close baseVolume quoteVolume trades }} auction {{ price }} }} \
         meta {{ exchange {{ group commandNumber tablesCommandNumber stream }} }} }}",
        desk.shares
    );
    let answer = desk.souk.answer(&query, json!({})).await;
    let market = &answer["data"]["market"];
    assert_eq!(
        market["orderBook"]["bids"],
        json!([{ "price": "0.9", "amount": "3", "priceTicks": "90", "lots": "3" }]),
        "{answer:#}"
    );
    assert_eq!(
        market["orderBook"]["asks"],
        json!([{ "price": "1.1", "amount": "2" }, { "price": "1.2", "amount": "4" }])
    );
    // zlib.crc32(b"90:3|110:2|120:4")
    assert_eq!(market["orderBook"]["checksum"], 0x1f8d_973e_u32);
    assert_eq!(
        market["ticker"],
        json!({ "symbol": "BASE-MODEL/tUSD", "bid": "0.9", "bidVolume": "3", "ask": "1.1", "askVolume": "2", "last": "1.1", "open": "1.1",
            "high": "1.1", "low": "1.1", "close": "1.1", "vwap": "1.1", "baseVolume": "3", "quoteVolume": "3.3", "trades": 2 })
    );
    assert_eq!(
        market["trades"],
        json!({ "totalCount": 2, "nodes": [
            { "fillId": "1.2", "side": "BUY", "price": "1.1", "amount": "1", "cost": "1.1", "lots": "1", "busted": false },
            { "fillId": "1.1", "side": "BUY", "price": "1.1", "amount": "2", "cost": "2.2", "lots": "2", "busted": false }
        ] })
    );
    assert_eq!(
        market["candles"],
        json!([{ "open": "1.1", "high": "1.1", "low": "1.1", "close": "1.1", "baseVolume": "3", "quoteVolume": "3.3", "trades": 2 }])
    );
    assert_eq!(market["auction"], json!(null));
    let number = desk.handle.read(|engine| engine.commands().0);
    assert_eq!(
        answer["data"]["meta"]["exchange"],
        json!([{ "group": 1, "commandNumber": number, "tablesCommandNumber": number, "stream": "exchange.events.1" }])
    );
    assert_eq!(
        answer["extensions"]["exchange"],
        json!([{ "group": 1, "command": number, "tablesCommand": number }])
    );
    for (query, problem) in [
        ("candles(interval: ONE_HOUR, limit: 0) { open }", "1 to 1000"),
        ("trades(first: 0) { totalCount }", "1 to 100"),
    ] {
        let (code, message) = desk
            .souk
            .error(&format!("{{ market(id: \"{}\") {{ {query} }} }}", desk.shares))
            .await;
        assert!(code == "BAD_USER_INPUT" && message.contains(problem), "{message}");
    }
}

#[tokio::test]
async fn before_the_opening_a_market_says_where_its_auction_would_cross() {
    let desk = Desk::open().await;
    let mut order = desk.order(&desk.bob, Side::Buy, 7, 130, 1);
    order.market = desk.licences;
    let answer = desk.send(&desk.bob.sign(order)).await;
    assert_eq!(answer["data"]["placeOrder"]["order"]["status"], "OPEN", "{answer:#}");
    let query = format!(
        "{{ market(id: \"{}\") {{ state auction {{ price lots surplusLots }} }} }}",
        desk.licences
    );
    assert_eq!(
        desk.souk.ask(&query).await["market"],
        json!({ "state": "PRE_OPEN", "auction": null }),
        "nobody sells"
    );
}

#[tokio::test]
async fn readiness_and_metrics_tell_of_the_exchange() {
    let desk = Desk::open().await;
    desk.souk.append(HEAD as usize + 1).await;
    desk.tables().await;
    let ready = desk.souk.http.get(desk.souk.url("/readyz")).send().await.unwrap();
    let (status, body) = (ready.status(), ready.json::<serde_json::Value>().await.unwrap());
    assert_eq!(
        (status.as_u16(), &body["exchange"][0]["tables_lag_commands"]),
        (200, &json!(0)),
        "{body}"
    );
    let text = desk
        .souk
        .http
        .get(desk.souk.url("/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "souk_exchange_serves{group=\"1\"} 1",
        "souk_exchange_command{",
        "souk_exchange_tables_lag_commands{",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let data = desk
        .souk
        .ask("{ marketGroups { group phase primary chainId vault unsettledFills settlementLimit } }")
        .await;
    assert_eq!(
        data["marketGroups"],
        json!([{ "group": 1, "phase": "RUNNING", "primary": true, "chainId": CHAIN, "vault": address(0x88), "unsettledFills": 0, "settlementLimit": "OPEN" }])
    );
    desk.souk.cancel.cancel();
}

/// A vault whose node does not answer.
struct Silent;

#[async_trait::async_trait]
impl VaultBalances for Silent {
    async fn at_finality(&self) -> Result<Option<VaultSnapshot>, VaultError> {
        Err("the node does not answer".into())
    }
}

#[tokio::test]
async fn led_2_what_the_books_comparisons_found_is_told_by_any_server() {
    let desk = Desk::open().await;
    let query = "{ reconciliation { group books isEqual checkedAt commandNumber compared differenceCount \
                 differences { what account number difference } failingSince } }";
    assert_eq!(desk.souk.ask(query).await, json!({ "reconciliation": [] }));
    desk.tables().await;
    let (handle, alice) = (desk.handle.clone(), desk.alice.address());
    let balances = move || {
        handle.read(|engine| {
            let of = |account: souk_exchange::AccountView<'_>| {
                let balances = account.balances().map(|(instrument, balance)| EngineBalance {
                    account: account.id(),
                    instrument,
                    // A defect: the engine has a share that no posting says.
                    available: balance.available + i128::from(account.address() == alice && instrument.0 == 0),
                    held: balance.held,
                    pending_in: balance.pending_in,
                    pending_out: balance.pending_out,
                });
                balances.collect::<Vec<_>>()
            };
            (engine.commands(), engine.accounts().flat_map(of).collect())
        })
    };
    let books = Books {
        group: GroupId(1),
        vault: std::sync::Arc::new(Silent),
        engine: Some(std::sync::Arc::new(balances)),
    };
    let pool = desk.souk.database.pool.clone();
    let cancel = tokio_util::sync::CancellationToken::new();
    let watching = watch_reconciliation(pool, books, std::time::Duration::from_millis(10), cancel.clone());
    let watching = tokio::spawn(watching);
    desk.settles(
        "{ reconciliation { books } }",
        "/reconciliation/1/books",
        json!("VAULT"),
    )
    .await;
    desk.settles(
        "{ reconciliation { isEqual } }",
        "/reconciliation/0/isEqual",
        json!(false),
    )
    .await;
    let found = desk.souk.ask(query).await;
    let (engine, vault) = (&found["reconciliation"][0], &found["reconciliation"][1]);
    assert_eq!(
        (&engine["books"], &engine["differenceCount"], &engine["failingSince"]),
        (&json!("ENGINE"), &json!(1), &json!(null))
    );
    assert_eq!(
        engine["differences"],
        json!([{ "what": "available", "account": format!("{alice:#x}"), "number": "2", "difference": "1" }])
    );
    assert!(
        engine["compared"].as_u64() > Some(0) && engine["checkedAt"].is_u64(),
        "{engine}"
    );
    assert!(
        vault["isEqual"].is_null() && vault["checkedAt"].is_null() && vault["failingSince"].is_u64(),
        "{vault}"
    );
    cancel.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn a_server_whose_exchange_has_stopped_is_not_ready_and_takes_no_orders() {
    let desk = Desk::open().await;
    let order = desk.alice.sign(desk.order(&desk.alice, Side::Sell, 1, 100, 1));
    desk.stop_the_engine().await;
    assert_eq!(desk.refusal(&order).await.0, "UNAVAILABLE");
    let ready = desk.souk.http.get(desk.souk.url("/readyz")).send().await.unwrap();
    let (status, body) = (ready.status(), ready.text().await.unwrap());
    assert!(
        status == 503 && body.contains("market group 1 has stopped"),
        "{status} {body}"
    );
}
