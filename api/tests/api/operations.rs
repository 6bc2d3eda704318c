//! What those who run the server look at.

use serde_json::{Value, json};
use souk_api::{ApiConfig, Server, StatusSources};
use souk_schema::ChainId;

use crate::fixture::*;

async fn ready(souk: &Souk) -> (u16, Value) {
    let response = souk.http.get(souk.url("/readyz")).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_server_is_ready_when_the_tables_have_caught_up_with_their_stream() {
    let souk = Souk::start().await;
    assert_eq!(
        souk.http
            .get(souk.url("/healthz"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "ok\n"
    );
    souk.append(HEAD as usize + 1).await;
    let (status, body) = ready(&souk).await;
    assert_eq!(
        (status, &body["ready"], &body["chains"][0]["lag_records"]),
        (200, &json!(true), &json!(0)),
        "{body}"
    );
    souk.append(100).await;
    let (status, body) = ready(&souk).await;
    assert_eq!((status, &body["chains"][0]["lag_records"]), (503, &json!(100)));
    assert!(
        body["waiting_for"][0].as_str().unwrap().contains("100 records behind"),
        "{body}"
    );
    let data = souk.ask("{ chains { lag { records streamNextSequence nodeBlocks } quarantineCount nextSequence indexer { phase } } meta { lag { records } } }").await;
    assert_eq!(
        data["chains"][0],
        json!({ "lag": { "records": 100, "streamNextSequence": 121, "nodeBlocks": null }, "quarantineCount": 1, "nextSequence": 21, "indexer": null })
    );
    assert_eq!(data["meta"]["lag"], json!([{ "records": 100 }]));
}

#[tokio::test]
async fn the_server_is_not_ready_before_its_chains_are_projected() {
    let souk = Souk::over(Database::empty().await, |_| {}).await;
    let (status, body) = ready(&souk).await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(
        souk.ask("{ chains { chainId } assets(first: 1) { totalCount } meta { snapshot { chainId } } }")
            .await["assets"]["totalCount"],
        0
    );
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.expected_chains = vec![ChainId(1)]
    })
    .await;
    let (status, body) = ready(&souk).await;
    assert_eq!(status, 503);
    assert!(
        body["waiting_for"]
            .to_string()
            .contains("eip155:1 is not projected yet"),
        "{body}"
    );
}

#[tokio::test]
async fn metrics_tell_heads_lags_and_latencies() {
    let souk = Souk::start().await;
    souk.ask("{ assets(first: 1) { totalCount } }").await;
    let text = souk
        .http
        .get(souk.url("/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "souk_chain_head{chain=\"eip155:31337\"}",
        "souk_chain_lag_records{",
        "souk_api_request_seconds_bucket{",
        "souk_api_sql_statements_total",
        "souk_graph_nodes",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_in_one_line_with_the_flag() {
    let souk = Souk::start().await;
    let status = StatusSources {
        log: souk.log.clone(),
        indexers: std::sync::Arc::new(Vec::new),
    };
    let config = ApiConfig {
        listen: souk.address,
        ..ApiConfig::default()
    };
    let refused = Server::bind(
        config,
        souk.database.pool.clone(),
        souk.graph.clone(),
        status,
        souk.cancel.clone(),
    )
    .await
    .err()
    .unwrap()
    .to_string();
    assert!(
        refused.contains(&souk.address.port().to_string())
            && refused.contains("--port")
            && refused.lines().count() == 1,
        "{refused}"
    );
}

#[tokio::test]
async fn quarantined_logs_blocks_and_a_chains_events_are_listed() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ quarantine(chain: "{CHAIN}", first: 5) {{ totalCount nodes {{ blockNumber logIndex reason data topics contract decoderVersion }} }}
        block(chain: "{CHAIN}", by: {{ number: 3 }}) {{ time hash }} newest: block(chain: "{CHAIN}") {{ number }} none: block(chain: "{CHAIN}", by: {{ number: 99 }}) {{ number }}
        chain(id: "{CHAIN}") {{ finalized {{ number }} startBlock stream generation events(first: 1) {{ totalCount nodes {{ name blockNumber contract body token {{ tokenId }} }} }} quarantine(first: 1) {{ totalCount }} }} }}"#
    );
    let data = souk.ask(&query).await;
    assert_eq!(data["quarantine"]["nodes"][0]["reason"], "topics do not fit");
    assert_eq!(
        (
            &data["quarantine"]["nodes"][0]["data"],
            &data["quarantine"]["totalCount"]
        ),
        (&json!("0xbeef"), &json!(1))
    );
    assert_eq!(
        (&data["block"]["time"], &data["newest"]["number"], &data["none"]),
        (&json!(time(3)), &json!(HEAD), &json!(null))
    );
    let hash = data["block"]["hash"].as_str().unwrap();
    let by_hash = souk
        .ask(&format!(
            r#"{{ block(chain: "{CHAIN}", by: {{ hash: "{hash}" }}) {{ number }} }}"#
        ))
        .await;
    assert_eq!(by_hash["block"]["number"], 3);
    assert_eq!(data["chain"]["finalized"]["number"], 10);
    let newest = &data["chain"]["events"]["nodes"][0];
    assert_eq!(
        (&newest["name"], &newest["blockNumber"], &newest["token"]["tokenId"]),
        (
            &json!("license_revoked"),
            &json!(9),
            &json!(format!("{CHAIN}/erc1155:{}/8", address(LICENSES)))
        )
    );
}
