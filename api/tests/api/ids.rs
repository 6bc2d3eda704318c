//! Ids that are malformed or unknown are errors in words; those of answers find the same thing again.

use serde_json::json;

use crate::fixture::*;

#[tokio::test]
async fn a_global_id_finds_its_object_again() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ asset(id: "{}") {{ id token {{ id }} owner {{ id }} licenseSeries(first: 1) {{ nodes {{ id }} }} }} chain(id: "{CHAIN}") {{ id }} }}"#,
        asset(2)
    );
    let data = souk.ask(&query).await;
    let asset = &data["asset"];
    for (id, kind) in [
        (&asset["id"], "Asset"),
        (&asset["token"]["id"], "Token"),
        (&asset["owner"]["id"], "Account"),
        (&asset["licenseSeries"]["nodes"][0]["id"], "LicenseSeries"),
        (&data["chain"]["id"], "Chain"),
    ] {
        let node = souk.ask(&format!("{{ node(id: {id}) {{ __typename id }} }}")).await;
        assert_eq!(node["node"], json!({ "__typename": kind, "id": id }));
    }
}

/// Questions that are wrong, with the code and some words of the answer.
fn wrong() -> Vec<(String, &'static str, &'static str)> {
    let contract = address(REGISTRY);
    vec![
        (
            r#"{ asset(id: "nonsense") { name } }"#.to_string(),
            "BAD_USER_INPUT",
            "CAIP-19",
        ),
        (
            format!(r#"{{ asset(id: "eip155:31337/erc721:{contract}/007") {{ name }} }}"#),
            "BAD_USER_INPUT",
            "CAIP-19",
        ),
        (r#"{ asset(id: 7) { name } }"#.into(), "BAD_USER_INPUT", "string"),
        (
            format!(r#"{{ asset(id: "{CHAIN}/erc1155:{contract}/1") {{ name }} }}"#),
            "BAD_USER_INPUT",
            "no asset",
        ),
        (
            r#"{ asset(id: "cosmos:hub/slip44:118") { name } }"#.into(),
            "BAD_USER_INPUT",
            "eip155",
        ),
        (
            format!(r#"{{ asset(id: "{}") {{ name }} }}"#, asset(999)),
            "NOT_FOUND",
            "registry",
        ),
        (
            format!(r#"{{ asset(id: "eip155:5/erc721:{contract}/1") {{ name }} }}"#),
            "NOT_FOUND",
            "indexed are: eip155:31337",
        ),
        (
            r#"{ chain(id: "eip155:99") { head { number } } }"#.into(),
            "NOT_FOUND",
            "not indexed",
        ),
        (
            r#"{ account(id: "eip155:31337:0x12") { address } }"#.into(),
            "BAD_USER_INPUT",
            "CAIP-10",
        ),
        (
            format!(r#"{{ licenseSeries(id: "{CHAIN}/erc1155:{contract}/1") {{ state }} }}"#),
            "NOT_FOUND",
            "series",
        ),
        (r#"{ node(id: "zzz") { id } }"#.into(), "BAD_USER_INPUT", "global id"),
        (
            r#"{ assets { totalCount } }"#.into(),
            "BAD_USER_INPUT",
            "`first` or `last`",
        ),
        (
            r#"{ assets(first: 1000) { totalCount } }"#.into(),
            "BAD_USER_INPUT",
            "1 to 100",
        ),
        (
            r#"{ assets(first: 1, after: "x") { totalCount } }"#.into(),
            "BAD_USER_INPUT",
            "cursor",
        ),
        (
            format!(
                r#"{{ asset(id: "{}") {{ lineage(direction: ANCESTORS, depth: 0) {{ totalCount }} }} }}"#,
                asset(1)
            ),
            "BAD_USER_INPUT",
            "depth",
        ),
        (
            format!(
                r#"{{ asset(id: "{}") {{ lineage(direction: ANCESTORS, limit: 1001) {{ totalCount }} }} }}"#,
                asset(1)
            ),
            "BAD_USER_INPUT",
            "limit",
        ),
        (
            format!(r#"{{ asset(id: "{}", asOf: {{ block: -1 }}) {{ name }} }}"#, asset(1)),
            "BAD_USER_INPUT",
            "from 0",
        ),
        (r#"{ nonsense }"#.into(), "GRAPHQL_VALIDATION_FAILED", "nonsense"),
        (r#"{ asset( }"#.into(), "GRAPHQL_PARSE_FAILED", "line 1"),
    ]
}

#[tokio::test]
async fn malformed_and_unknown_ids_are_errors_that_say_what_to_do() {
    let souk = Souk::start().await;
    for (query, code, words) in wrong() {
        let (found, message) = souk.error(&query).await;
        assert_eq!(found, code, "{query}: {message}");
        assert!(message.contains(words), "{query}: {message}");
    }
}

#[tokio::test]
async fn an_error_names_its_field_and_leaves_the_others_their_answers() {
    let souk = Souk::start().await;
    let answer = souk
        .answer(
            &format!(
                r#"{{ good: asset(id: "{}") {{ name }} bad: asset(id: "{}") {{ name }} }}"#,
                asset(1),
                asset(99)
            ),
            json!({}),
        )
        .await;
    assert_eq!(answer["data"], json!({ "good": { "name": "base-data" }, "bad": null }));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["path"], json!(["bad"]));
}

#[tokio::test]
async fn a_defect_is_answered_without_its_text() {
    let souk = Souk::start().await;
    souk.database
        .sql("alter table asset_version rename column metadata_uri to moved;")
        .await;
    let answer = souk
        .answer(
            &format!(
                r#"{{ asset(id: "{}") {{ name version {{ metadataUri }} }} }}"#,
                asset(1)
            ),
            json!({}),
        )
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
    let text = answer.to_string();
    assert!(!text.contains("metadata_uri") && !text.contains("select"), "{text}");
}

#[tokio::test]
async fn a_failed_field_is_null_a_null_that_must_not_be_is_carried_up_and_keys_keep_their_order() {
    let souk = Souk::start().await;
    // Versions fail; what does not need them has an answer.
    souk.database
        .sql("alter table asset_version rename column metadata_uri to moved;")
        .await;
    let query = format!(
        r#"query($yes: Boolean = true) {{ z: __typename missing: asset(id: "{}") {{ name }}
        data: asset(id: "{}") {{ version {{ version }} ...Rest versions(first: 1) {{ nodes {{ version }} }} name }}
        nodes: assets(first: 2) {{ nodes {{ name version {{ version }} }} }} a: chains @include(if: $yes) {{ chainId }} b: chains @skip(if: $yes) {{ chainId }} }}
        fragment Rest on Asset {{ kind }}"#,
        asset(99),
        asset(1)
    );
    let answer = souk.answer(&query, json!({})).await;
    // `versions` is never null, so the asset that lacks it is.
    let expected = r#"{"z":"Query","missing":null,"data":null,"nodes":{"nodes":[{"name":"base-data","version":null},{"name":"base-model","version":null}]},"a":[{"chainId":"eip155:31337"}]}"#;
    assert_eq!(
        answer["data"],
        serde_json::from_str::<serde_json::Value>(expected).unwrap(),
        "{answer:#}"
    );
    let text = souk
        .http
        .post(souk.url("/graphql"))
        .json(&json!({ "query": query }))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains(expected), "{text}");
}
