//! Absurd questions are refused early, in words; sensible ones cost a fixed number of statements.

use serde_json::json;
use souk_api::ApiConfig;

use crate::fixture::*;

#[tokio::test]
async fn absurd_depth_cost_aliases_and_fragment_bombs_are_refused() {
    let souk = Souk::start().await;
    let deep = format!(
        "{{ asset(id: \"{}\") {{ {} name {} }} }}",
        asset(1),
        "owner { assets(first: 1) { nodes { ".repeat(12),
        "} } } ".repeat(12)
    );
    assert_eq!(souk.error(&deep).await.0, "DEPTH_LIMIT");
    assert_eq!(
        souk.error(&"{a".repeat(20_000)).await.0,
        "DEPTH_LIMIT",
        "it never reaches the parser"
    );
    let costly = "{ assets(first: 100) { nodes { shareholders(first: 100) { nodes { account { address assets(first: 100) { nodes { name } } } } } } } }";
    let (code, message) = souk.error(costly).await;
    assert_eq!(code, "COST_LIMIT");
    assert!(message.contains("50000 are allowed"), "{message}");
    let aliases: String = (0..200).map(|at| format!("a{at}: __typename ")).collect();
    assert_eq!(souk.error(&format!("{{ {aliases} }}")).await.0, "ALIAS_LIMIT");
    let mut bomb = String::from("{ ...F0 }");
    (0..50).for_each(|at| bomb += &format!(" fragment F{at} on Query {{ ...F{0} ...F{0} }}", at + 1));
    bomb += " fragment F50 on Query { __typename }";
    let started = std::time::Instant::now();
    assert_eq!(souk.error(&bomb).await.0, "COST_LIMIT");
    assert!(started.elapsed().as_secs() < 30, "2^50 fields were written out");
    assert_eq!(
        souk.error("{ ...F } fragment F on Query { ...F }").await.0,
        "GRAPHQL_VALIDATION_FAILED"
    );
    assert_eq!(
        souk.error("query($x: AsOf!) { assets(first: 1, asOf: $x) { totalCount } }")
            .await
            .0,
        "BAD_USER_INPUT"
    );
}

#[tokio::test]
async fn an_answer_tells_its_cost_and_what_is_left() {
    let allowance = souk_api::limits::budget::Allowance {
        capacity: 1_000,
        per_second: 1,
    };
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.limits.allowance = allowance
    })
    .await;
    let query = "{ assets(first: 10) { nodes { name kind } } }";
    let cost = souk.answer(query, json!({})).await["extensions"]["cost"].clone();
    assert_eq!(
        cost,
        json!({ "requested": 31, "limit": 50_000, "remaining": 969, "restorePerSecond": 1 })
    );
}

#[tokio::test]
async fn a_client_that_spent_its_budget_is_told_when_to_come_back() {
    let allowance = souk_api::limits::budget::Allowance {
        capacity: 20,
        per_second: 2,
    };
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.limits.allowance = allowance
    })
    .await;
    let mut refused = None;
    for _ in 0..40 {
        let response = souk
            .http
            .post(souk.url("/graphql"))
            .json(&json!({ "query": "{ __typename }" }))
            .send()
            .await
            .unwrap();
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.status(), 200);
    }
    let refused = refused.expect("40 requests from a budget of 20");
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert!((1..=2).contains(&after), "{after}");
    assert!(body.get("data").is_none());
    // A query that costs more than is left is refused too, and its cost is not taken.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(
        souk.error("{ assets(first: 9) { nodes { name } } }").await.0,
        "RATE_LIMITED"
    );
    assert!(souk.answer("{ __typename }", json!({})).await.get("errors").is_none());
}

#[tokio::test]
async fn a_list_of_many_costs_as_many_statements_as_a_list_of_one() {
    let database = Database::seeded().await;
    let many: String = (100..160)
        .map(|number| {
            registered(number, 1, "more", BOB, 12, number as i32) + &derived(number, 1, 0, 0, 12, 1000 + number as i32)
        })
        .collect();
    database.sql(&many).await;
    let souk = Souk::over(database, |_| {}).await;
    let query = |rows: usize| {
        format!(
            "{{ assets(first: {rows}) {{ totalCount nodes {{ name owner {{ address }} version {{ version published {{ transactionHash block {{ time }} }} }} \
             shares {{ supply }} shareholders(first: 2) {{ totalCount nodes {{ amount }} }} terms(first: 2) {{ nodes {{ terms {{ spdxId }} }} }} \
             licenseSeries(first: 2) {{ nodes {{ state holders(first: 2) {{ nodes {{ amount }} }} }} }} contributions(first: 2) {{ nodes {{ weight }} }} \
             revenueTotals {{ amount }} parents(first: 2) {{ nodes {{ parent {{ asset {{ name }} }} license {{ state }} }} }} events(last: 1) {{ nodes {{ name }} }} }} }} }}"
        )
    };
    let count = async |rows: usize| {
        let before = souk.database.statements();
        souk.ask(&query(rows)).await;
        souk.database.statements() - before
    };
    // The first time a connection learns statements; asked again it only executes them.
    count(60).await;
    let few = count(10).await;
    // On a busy machine a batch can begin before all have come to it: the best of some counts tells.
    let many = count(60).await.min(count(60).await).min(count(60).await);
    assert!(
        few > 10,
        "the log holds only {few} statements: it is not what it was taken for"
    );
    assert!(many <= few + 4, "{many} statements for 60 assets, {few} for 10");
}

#[tokio::test]
async fn a_variable_that_does_not_fit_is_named_before_anything_is_executed() {
    let souk = Souk::start().await;
    for (declared, variables, problem) in [
        ("ID!", json!({}), Some("missing")),
        ("ID!", json!({ "x": null }), Some("null")),
        ("ID", json!({ "x": null }), None),
        ("Int", json!({ "x": "1" }), Some("no Int")),
        ("[Int!]", json!({ "x": [1, null] }), Some("null")),
        ("[Int!]", json!({ "x": 1 }), None),
        ("AssetKind", json!({ "x": "PLANET" }), Some("none of DATASET")),
        ("AssetKind", json!({ "x": "MODEL" }), None),
        ("AsOf", json!({ "x": { "block": 1, "time": 2 } }), Some("exactly one")),
        ("AsOf", json!({ "x": { "moon": 1 } }), Some("no field `moon`")),
        ("AsOf", json!({ "x": { "time": 2 } }), None),
        ("AssetWhere", json!({ "x": { "kinds": ["MODEL"] } }), None),
        ("AssetWhere", json!({ "x": 4 }), Some("no object")),
    ] {
        let answer = souk
            .answer(&format!("query($x: {declared}) {{ __typename }}"), variables.clone())
            .await;
        let (code, message) = (
            &answer["errors"][0]["extensions"]["code"],
            answer["errors"][0]["message"].as_str().unwrap(),
        );
        match problem {
            // Then only that nothing uses it is wrong.
            None => assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{declared} {variables}: {message}"),
            Some(problem) => {
                assert_eq!(code, "BAD_USER_INPUT", "{declared} {variables}: {message}");
                assert!(
                    message.contains("`$x`") && message.contains(problem),
                    "{declared} {variables}: {message}"
                );
            }
        }
        assert!(answer.get("data").is_none());
    }
}
