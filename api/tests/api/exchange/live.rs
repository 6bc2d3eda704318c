//! What everybody may follow: books, trades, candles; with proof that nothing was lost.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use souk_api::ApiConfig;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{FillNumber, Side};

use super::desk::*;
use crate::websocket::Client;

/// A client's own book, kept as the documentation says, and its check sum computed without the server's code.
#[derive(Default)]
struct OwnBook {
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
    sequence: Option<i64>,
}

/// CRC-32 by its definition, bit by bit.
fn crc32(text: &str) -> u32 {
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    };
    !text.bytes().fold(u32::MAX, step)
}

impl OwnBook {
    fn take(&mut self, message: &Value) {
        if message["snapshot"] == true {
            *self = OwnBook::default();
        } else {
            assert_eq!(
                message["prevSequence"].as_i64(),
                self.sequence,
                "nothing is missing: {message}"
            );
        }
        self.sequence = message["sequence"].as_i64();
        for (side, levels) in [("bids", &mut self.bids), ("asks", &mut self.asks)] {
            for level in message[side].as_array().unwrap() {
                let number = |field: &str| level[field].as_str().unwrap().parse::<u64>().unwrap();
                match number("lots") {
                    0 => drop(levels.remove(&number("priceTicks"))),
                    lots => drop(levels.insert(number("priceTicks"), lots)),
                }
            }
        }
        assert_eq!(message["checksum"], self.checksum(), "{message}");
    }

    fn checksum(&self) -> u32 {
        let (mut bids, mut asks) = (self.bids.iter().rev(), self.asks.iter());
        let mut text = Vec::new();
        for _ in 0..10 {
            text.extend(
                [bids.next(), asks.next()]
                    .into_iter()
                    .flatten()
                    .map(|(price, lots)| format!("{price}:{lots}")),
            );
        }
        crc32(&text.join("|"))
    }
}

fn book(desk: &Desk, more: &str) -> String {
    format!(
        "subscription {{ orderBook(market: \"{}\"{more}) {{ snapshot sequence prevSequence bids {{ priceTicks lots price amount }} asks {{ priceTicks lots }} checksum }} }}",
        desk.shares
    )
}

/// Orders that come, match and go at more prices than a client of ten levels sees.
async fn activity(desk: &Desk, token: &str, from: u64) {
    for step in 0..12 {
        desk.place(&desk.alice, Side::Sell, 2, 101 + step, from + step).await;
        desk.place(&desk.bob, Side::Buy, 2, 100 - step, from + step).await;
    }
    desk.place(&desk.bob, Side::Buy, 3, 110, from + 20).await;
    let cancel = format!(
        "mutation {{ cancelOrder(order: {{ nonce: \"{}\" }}) {{ group }} }}",
        from + 5
    );
    desk.as_viewer(token, &cancel).await;
}

/// Hears messages until the client's book has the check sum and sequence of the server's.
async fn keep_up(client: &mut Client, own: &mut OwnBook, desk: &Desk) {
    let query = format!(
        "{{ market(id: \"{}\") {{ orderBook {{ sequence checksum }} }} }}",
        desk.shares
    );
    let now = desk.souk.ask(&query).await["market"]["orderBook"].clone();
    while own.sequence != now["sequence"].as_i64() {
        own.take(&client.item().await["orderBook"]);
    }
    assert_eq!(now["checksum"], own.checksum());
}

#[tokio::test]
async fn a_client_proves_its_book_from_the_snapshot_on_and_resumes_without_one() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    let mut client = Client::ready(&desk.souk).await;
    client.subscribe("b", &book(&desk, "")).await;
    let mut own = OwnBook::default();
    let first = client.item().await["orderBook"].clone();
    assert_eq!(
        (&first["snapshot"], &first["checksum"]),
        (&json!(true), &json!(0)),
        "an empty book"
    );
    own.take(&first);
    activity(&desk, &token, 1).await;
    // A market order through two levels in one command is one message.
    keep_up(&mut client, &mut own, &desk).await;
    assert!(
        own.asks.len() == 10 && own.bids.len() <= 10,
        "ten levels, no more: {:?}",
        own.asks
    );

    // The connection breaks; meanwhile things happen.
    let left_at = own.sequence.unwrap();
    drop(client);
    activity(&desk, &token, 30).await;
    let mut client = Client::ready(&desk.souk).await;
    client
        .subscribe("b", &book(&desk, &format!(", resumeFrom: {left_at}")))
        .await;
    let next = client.item().await["orderBook"].clone();
    assert_eq!(
        (&next["snapshot"], &next["prevSequence"]),
        (&json!(false), &json!(left_at))
    );
    own.take(&next);
    keep_up(&mut client, &mut own, &desk).await;

    // A sequence that is no message's begins anew.
    let mut client = Client::ready(&desk.souk).await;
    client.subscribe("b", &book(&desk, ", resumeFrom: 1")).await;
    let anew = client.item().await["orderBook"].clone();
    assert_eq!(
        (&anew["snapshot"], &anew["sequence"]),
        (&json!(true), &json!(own.sequence))
    );
    own.take(&anew);
    // Where nothing was missed nothing is said, until something happens.
    let mut client = Client::ready(&desk.souk).await;
    client
        .subscribe("b", &book(&desk, &format!(", resumeFrom: {}", own.sequence.unwrap())))
        .await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await["type"], "pong");
    desk.place(&desk.alice, Side::Sell, 1, 100, 60).await;
    own.take(&client.item().await["orderBook"]);
}

#[tokio::test]
async fn all_who_follow_a_book_are_told_the_same_each_from_its_own_beginning() {
    let desk = Desk::open().await;
    let token = desk.sign_in(&desk.alice).await;
    let mut clients = Vec::new();
    for number in 0..12 {
        let mut client = Client::ready(&desk.souk).await;
        let depth = if number % 3 == 0 { ", depth: FIFTY" } else { "" };
        client.subscribe(&format!("b{number}"), &book(&desk, depth)).await;
        clients.push((client, OwnBook::default()));
        desk.place(&desk.alice, Side::Sell, 1, 200 + number, 100 + number).await;
    }
    activity(&desk, &token, 1).await;
    for (client, own) in &mut clients {
        keep_up(client, own, &desk).await;
    }
    let deep = &clients[0].1;
    assert!(deep.asks.len() > 10, "fifty levels show more than ten: {:?}", deep.asks);
    // Some leave; the others go on.
    clients.truncate(5);
    desk.place(&desk.alice, Side::Sell, 1, 99, 300).await;
    for (client, own) in &mut clients {
        keep_up(client, own, &desk).await;
    }
}

#[tokio::test]
async fn trades_are_told_as_they_happen_and_again_when_they_are_reversed() {
    let desk = Desk::open().await;
    let query = |more: &str| {
        format!(
            "subscription {{ trades(market: \"{}\"{more}) {{ snapshot sequence prevSequence trades {{ fillId side price amount cost busted }} }} }}",
            desk.shares
        )
    };
    let mut client = Client::ready(&desk.souk).await;
    client.subscribe("t", &query("")).await;
    assert_eq!(client.item().await["trades"]["trades"], json!([]));
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    desk.place(&desk.alice, Side::Sell, 5, 120, 2).await;
    desk.place(&desk.bob, Side::Buy, 7, 120, 1).await;
    let first = client.item().await["trades"].clone();
    assert_eq!(
        first["trades"],
        json!([
            { "fillId": "1.1", "side": "BUY", "price": "1.1", "amount": "5", "cost": "5.5", "busted": false },
            { "fillId": "1.2", "side": "BUY", "price": "1.2", "amount": "2", "cost": "2.4", "busted": false }
        ])
    );
    desk.fact(Fact::FillSkipped {
        fill: FillNumber(1),
        reason: 1,
    })
    .await;
    let second = client.item().await["trades"].clone();
    assert_eq!(second["prevSequence"], first["sequence"]);
    assert_eq!(second["trades"][0]["busted"], true);
    let resume = format!(", resumeFrom: {}", first["sequence"]);
    let mut client = Client::ready(&desk.souk).await;
    client.subscribe("t", &query(&resume)).await;
    assert_eq!(client.item().await["trades"], second);
    let mut client = Client::ready(&desk.souk).await;
    client.subscribe("t", &query("")).await;
    let anew = client.item().await["trades"].clone();
    let busted: Vec<&Value> = anew["trades"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trade| &trade["busted"])
        .collect();
    assert_eq!(
        (&anew["snapshot"], busted),
        (&json!(true), vec![&json!(true), &json!(false)])
    );
}

#[tokio::test]
async fn candles_follow_what_is_traded() {
    let desk = Desk::open().await;
    let mut client = Client::ready(&desk.souk).await;
    let query = format!(
        "subscription {{ candles(market: \"{}\", interval: ONE_DAY) {{ snapshot sequence candles {{ open high low close baseVolume trades }} }} }}",
        desk.shares
    );
    client.subscribe("c", &query).await;
    assert_eq!(client.item().await["candles"]["candles"], json!([]));
    desk.place(&desk.alice, Side::Sell, 5, 110, 1).await;
    desk.place(&desk.alice, Side::Sell, 5, 120, 2).await;
    desk.place(&desk.bob, Side::Buy, 7, 120, 1).await;
    let mut told = client.item().await["candles"].clone();
    while told["candles"][0]["trades"] != 2 {
        told = client.item().await["candles"].clone();
    }
    assert_eq!(told["snapshot"], false);
    assert_eq!(
        told["candles"],
        json!([{ "open": "1.1", "high": "1.2", "low": "1.1", "close": "1.2", "baseVolume": "7", "trades": 2 }])
    );
}

#[tokio::test]
async fn who_does_not_read_is_left_behind_and_others_are_not() {
    let desk = Desk::with(|config: &mut ApiConfig| {
        config.websocket.patience = std::time::Duration::from_millis(300);
        config.exchange.orders_of_account.capacity = 100_000;
        config.exchange.orders_of_client.capacity = 100_000;
        config.limits.allowance.capacity = 100_000_000;
    })
    .await;
    let deep = book(&desk, ", depth: FIVE_HUNDRED");
    // Large answers, so that what waits to be read is soon more than the system keeps.
    let wide = deep.replace(
        "price amount }",
        "price amount p1: price p2: price p3: price p4: price a1: amount a2: amount }",
    );
    let mut lazy = Client::ready(&desk.souk).await;
    for number in 0..20 {
        lazy.subscribe(&format!("s{number}"), &wide).await;
    }
    let mut diligent = Client::ready(&desk.souk).await;
    diligent.subscribe("b", &book(&desk, "")).await;
    let mut own = OwnBook::default();
    own.take(&diligent.item().await["orderBook"]);
    let orders = |from: u64| {
        let desk = &desk;
        (from..from + 40).map(move |nonce| {
            input(
                &desk
                    .alice
                    .sign(desk.order(&desk.alice, Side::Sell, 1, 200 + nonce, nonce)),
            )
        })
    };
    let query = "mutation($o: [SignedOrderInput!]!) { placeOrders(orders: $o) { refusal { code } } }";
    let cancel = "mutation { cancelAll { group } }";
    let token = desk.sign_in(&desk.alice).await;
    let mut closed = false;
    for round in 0..60 {
        let answer = desk
            .souk
            .answer(query, json!({ "o": orders(1 + round * 40).collect::<Vec<_>>() }))
            .await;
        assert_eq!(answer["data"]["placeOrders"][0]["refusal"], json!(null), "{answer:#}");
        desk.as_viewer(&token, cancel).await;
        keep_up(&mut diligent, &mut own, &desk).await;
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
        closed = text.contains("souk_api_websocket_closed_total{code=\"1013\"}");
        if closed {
            break;
        }
    }
    assert!(closed, "the one who does not read is still there");
}

/// Five hundred follow one book. How long a message takes to reach the last of them is printed, and judged by nobody here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_who_follow_a_book_are_all_told_everything() {
    const FOLLOWERS: usize = 500;
    const STEPS: u64 = 10;
    let desk = Desk::with(|config: &mut ApiConfig| config.limits.allowance.capacity = 100_000_000).await;
    let mut following = Vec::new();
    for _ in 0..FOLLOWERS {
        let mut client = Client::ready(&desk.souk).await;
        client.subscribe("b", &book(&desk, "")).await;
        let mut own = OwnBook::default();
        own.take(&client.item().await["orderBook"]);
        following.push((client, own));
    }
    let following: Vec<_> = following
        .into_iter()
        .map(|(mut client, mut own)| {
            tokio::spawn(async move {
                let mut heard = Vec::new();
                for _ in 0..STEPS {
                    let message = client.hear().await;
                    heard.push(std::time::Instant::now());
                    own.take(&message["payload"]["data"]["orderBook"]);
                }
                (own.sequence, heard)
            })
        })
        .collect();
    let mut sent = Vec::new();
    for step in 0..STEPS {
        sent.push(std::time::Instant::now());
        desk.place(&desk.alice, Side::Sell, 1, 110 + step, 1 + step).await;
    }
    let heard = futures::future::join_all(following).await;
    let heard: Vec<(Option<i64>, Vec<std::time::Instant>)> = heard.into_iter().map(Result::unwrap).collect();
    assert!(
        heard.iter().all(|(sequence, _)| *sequence == heard[0].0),
        "all are at the same message"
    );
    let mut after_order = Vec::new();
    let mut after_first = Vec::new();
    for step in 0..STEPS as usize {
        let first = heard.iter().map(|(_, heard)| heard[step]).min().unwrap();
        after_order.extend(heard.iter().map(|(_, heard)| heard[step] - sent[step]));
        after_first.extend(heard.iter().map(|(_, heard)| heard[step] - first));
    }
    for (what, mut times) in [("order sent", after_order), ("first told", after_first)] {
        times.sort_unstable();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        eprintln!(
            "{FOLLOWERS} followers, from {what}: p50 {:?}, p99 {:?}",
            at(0.5),
            at(0.99)
        );
    }
}
