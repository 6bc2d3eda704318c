//! graphql-transport-ws, to the letter: every way a connection ends, and what a client may do on it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use souk_api::ApiConfig;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::fixture::*;
use crate::http::node;

type Stream = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A client that says exactly what it is told to.
pub struct Client(Stream);

impl Client {
    pub async fn open(souk: &Souk, protocol: Option<&str>) -> Client {
        let mut request = souk
            .url("/graphql")
            .replace("http", "ws")
            .into_client_request()
            .unwrap();
        if let Some(protocol) = protocol {
            request
                .headers_mut()
                .insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        Client(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    /// After the handshake.
    pub async fn ready(souk: &Souk) -> Client {
        let mut client = Client::open(souk, Some("graphql-transport-ws")).await;
        client.say(json!({ "type": "connection_init" })).await;
        assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
        client
    }

    /// After the handshake, with a session.
    pub async fn signed_in(souk: &Souk, token: &str) -> Client {
        let mut client = Client::open(souk, Some("graphql-transport-ws")).await;
        let authorization = format!("Bearer {token}");
        client
            .say(json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
            .await;
        assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
        client
    }

    pub async fn say(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    pub async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The data of the next message of a subscription that has no errors.
    pub async fn item(&mut self) -> Value {
        let mut message = self.hear().await;
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"].get("errors").is_none(), "{message:#}");
        message["payload"]["data"].take()
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } }))
            .await;
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(60), self.0.next()).await;
        next.expect("the server says nothing")
            .expect("the connection is open")
            .expect("the connection is whole")
    }

    pub async fn hear(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The code that the server closes with, whatever it says before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.expect("a reason").code.into();
            }
        }
    }
}

#[tokio::test]
async fn each_offence_closes_with_its_own_code() {
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.websocket.init_timeout = Duration::from_secs(5)
    })
    .await;
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": format!(r#"subscription {{ chainHead(chain: "{CHAIN}") {{ stream }} }}"#) } });
    for bad in [
        Message::text("nonsense"),
        Message::text("{}"),
        Message::text(r#"{"type":"start"}"#),
        Message::binary(vec![1]),
        Message::text(r#"{"type":"subscribe","id":"1","payload":{}}"#),
    ] {
        let mut client = Client::ready(&souk).await;
        client.raw(bad.clone()).await;
        assert_eq!(client.closed().await, 4400, "{bad:?}");
    }
    let mut early = Client::open(&souk, Some("graphql-transport-ws")).await;
    early.say(subscribe.clone()).await;
    assert_eq!(early.closed().await, 4401, "an operation before the handshake");
    for protocol in [None] {
        assert_eq!(
            Client::open(&souk, protocol).await.closed().await,
            4406,
            "another subprotocol"
        );
    }
    assert_eq!(
        Client::open(&souk, Some("graphql-transport-ws")).await.closed().await,
        4408,
        "no handshake"
    );
    let mut twice = Client::ready(&souk).await;
    twice.say(subscribe.clone()).await;
    assert_eq!(twice.hear().await["type"], "next");
    twice.say(subscribe).await;
    assert_eq!(twice.closed().await, 4409, "the same id");
    let mut again = Client::ready(&souk).await;
    again.say(json!({ "type": "connection_init" })).await;
    assert_eq!(again.closed().await, 4429, "a second handshake");
    let mut patient = Client::ready(&souk).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    patient
        .say(json!({ "type": "ping", "payload": { "any": "thing" } }))
        .await;
    assert_eq!(
        patient.hear().await,
        json!({ "type": "pong" }),
        "the handshake's timeout is over once it is done"
    );
}

#[tokio::test]
async fn queries_errors_and_ids_go_as_the_protocol_says() {
    let souk = Souk::start().await;
    let mut client = Client::open(&souk, Some("nonsense, graphql-transport-ws")).await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await["type"], "pong", "a ping needs no handshake");
    client
        .say(json!({ "type": "connection_init", "payload": { "token": 1 } }))
        .await;
    assert_eq!(client.hear().await["type"], "connection_ack");
    for _ in 0..20 {
        // The id is free again as soon as the operation is complete.
        client.subscribe("q", "{ assets(first: 1) { totalCount } }").await;
        let next = client.hear().await;
        assert_eq!(
            (
                &next["type"],
                &next["id"],
                &next["payload"]["data"]["assets"]["totalCount"]
            ),
            (&json!("next"), &json!("q"), &json!(4))
        );
        assert_eq!(next["payload"]["extensions"]["snapshot"][0]["block"], HEAD);
        assert_eq!(client.hear().await, json!({ "type": "complete", "id": "q" }));
    }
    client.subscribe("bad", "{ nope }").await;
    let error = client.hear().await;
    assert_eq!(
        (&error["type"], &error["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("GRAPHQL_VALIDATION_FAILED"))
    );
    client
        .subscribe("bad", "subscription { chainHead(chain: \"eip155:5\") { stream } }")
        .await;
    let error = client.hear().await;
    assert_eq!(
        (&error["type"], &error["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("NOT_FOUND")),
        "{error}"
    );
    client.say(json!({ "type": "complete", "id": "never" })).await;
    client.say(json!({ "type": "pong" })).await;
    client.subscribe("after", "{ __typename }").await;
    assert_eq!(
        client.hear().await["type"],
        "next",
        "completing what does not run is no offence"
    );
}

#[tokio::test]
async fn the_client_of_graphql_ws_asks_follows_and_resumes() {
    let souk = Souk::start().await;
    let url = souk.url("/graphql").replace("http", "ws");
    let seen = node("websocket.js", &[&url, &asset(1)]).await;
    assert_eq!(seen["refused"], json!(["GRAPHQL_VALIDATION_FAILED"]));
    let events: Vec<(&str, i64)> = seen["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            (
                item["event"]["name"].as_str().unwrap(),
                item["event"]["blockNumber"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        events,
        [
            ("asset_registered", 1),
            ("token_transferred", 5),
            ("asset_versioned", 7)
        ]
    );
    assert_eq!(seen["total"], 3);
}

#[tokio::test]
async fn a_flood_of_subscriptions_is_refused_one_by_one_and_the_connection_lives() {
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.websocket.operations = 5;
        config.subscriptions = 8;
    })
    .await;
    let query = format!(
        r#"subscription {{ provenanceEvents(asset: "{}") {{ __typename }} }}"#,
        asset(1)
    );
    let mut first = Client::ready(&souk).await;
    for number in 0..50 {
        first.subscribe(&format!("s{number}"), &query).await;
    }
    for _ in 0..45 {
        let refused = first.hear().await;
        assert_eq!(
            (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!("SUBSCRIPTION_LIMIT")),
            "{refused}"
        );
    }
    let mut second = Client::ready(&souk).await;
    for number in 0..5 {
        second.subscribe(&format!("s{number}"), &query).await;
    }
    for _ in 0..2 {
        assert_eq!(
            second.hear().await["payload"][0]["extensions"]["code"],
            "SUBSCRIPTION_LIMIT",
            "the server's own limit"
        );
    }
    // A completed one makes room.
    first.say(json!({ "type": "complete", "id": "s0" })).await;
    first.subscribe("more", "{ __typename }").await;
    assert_eq!(first.hear().await["type"], "next");
    assert_eq!(first.hear().await["type"], "complete");
    drop(first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    second.subscribe("again", &query).await;
    second.say(json!({ "type": "ping" })).await;
    assert_eq!(
        second.hear().await["type"],
        "pong",
        "the subscriptions of a closed connection are given back"
    );
}

#[tokio::test]
async fn who_does_not_read_is_disconnected_and_nothing_is_kept_for_him() {
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.websocket.patience = Duration::from_millis(400);
        config.websocket.operations = 1000;
        config.limits.allowance.capacity = 10_000_000;
    })
    .await;
    let mut client = Client::ready(&souk).await;
    let query = "{ __schema { types { name description fields { name description args { name description } } } } }";
    let started = std::time::Instant::now();
    let mut refused = false;
    // Asks for megabytes and reads none of it.
    for number in 0..100 {
        let message = Message::text(
            json!({ "type": "subscribe", "id": format!("{number}"), "payload": { "query": query } }).to_string(),
        );
        match tokio::time::timeout(Duration::from_secs(120), client.0.send(message)).await {
            Ok(Ok(())) => {}
            _ => {
                refused = true;
                break;
            }
        }
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            match client.0.next().await {
                Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break None,
            }
        }
    });
    let code = ended
        .await
        .unwrap_or_else(|_| panic!("still open after {:?}; sending failed: {refused}", started.elapsed()));
    assert!(matches!(code, None | Some(1013)), "{code:?}");
    assert_eq!(
        souk.ask("{ __typename }").await["__typename"],
        "Query",
        "others are served"
    );
}

#[tokio::test]
async fn a_stopping_server_finishes_requests_and_closes_with_1001() {
    let mut souk = Souk::start().await;
    let mut client = Client::ready(&souk).await;
    client
        .subscribe(
            "s",
            &format!(r#"subscription {{ chainHead(chain: "{CHAIN}") {{ stream }} }}"#),
        )
        .await;
    assert_eq!(client.hear().await["type"], "next");
    // A request that waits for a lock when the server is told to stop.
    let mut lock = souk.database.pool.begin().await.unwrap();
    sqlx::query("lock table asset in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let (http, url) = (souk.http.clone(), souk.url("/graphql"));
    let request = tokio::spawn(async move {
        http.post(url)
            .json(&json!({ "query": "{ assets(first: 1) { totalCount } }" }))
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    souk.cancel.cancel();
    assert_eq!(client.closed().await, 1001);
    lock.rollback().await.unwrap();
    assert_eq!(
        request.await.unwrap()["data"]["assets"]["totalCount"],
        4,
        "a request under way is finished"
    );
    let ended = tokio::time::timeout(Duration::from_secs(60), &mut souk.running)
        .await
        .expect("the server ends");
    ended.unwrap().unwrap();
}
