//! Names of records that are malformed or unknown are errors in words; lists have the limits of all lists.

use super::world::*;
use crate::fixture::{ALICE, address};

#[tokio::test]
async fn malformed_and_unknown_records_are_errors_that_say_what_to_do() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    world.block(Logs::default()).await;
    let contract = address(BOARD);
    for (field, what) in [
        ("task", "task"),
        ("execution", "execution"),
        ("federatedRound", "round"),
        ("dispute", "dispute"),
    ] {
        for (id, code, words) in [
            ("nonsense".to_string(), "BAD_USER_INPUT", "CAIP-10"),
            (format!("eip155:31337:{contract}"), "BAD_USER_INPUT", "CAIP-10"),
            (format!("eip155:31337:{contract}/07"), "BAD_USER_INPUT", "CAIP-10"),
            (format!("eip155:31337/erc721:{contract}/7"), "BAD_USER_INPUT", "CAIP-10"),
            (format!("eip155:31337:{contract}/7"), "NOT_FOUND", what),
            (format!("eip155:5:{contract}/7"), "NOT_FOUND", "not indexed"),
        ] {
            let query = format!(r#"{{ {field}(id: "{id}") {{ number }} }}"#);
            let (found, message) = world.souk.error(&query).await;
            assert_eq!(found, code, "{query}: {message}");
            assert!(message.contains(words), "{query}: {message}");
        }
        let number = format!(r#"{{ {field}(id: 7) {{ number }} }}"#);
        assert_eq!(world.souk.error(&number).await.0, "BAD_USER_INPUT");
        let future = format!(r#"{{ {field}(id: "eip155:31337:{contract}/7", asOf: {{ block: 99 }}) {{ number }} }}"#);
        assert_eq!(world.souk.error(&future).await.0, "AS_OF_UNKNOWN");
        let past = format!(r#"{{ {field}(id: "eip155:31337:{contract}/7", asOf: {{ block: 1 }}) {{ number }} }}"#);
        assert!(world.souk.error(&past).await.1.contains("as of then"));
    }
}

#[tokio::test]
async fn lists_ask_for_a_size_and_take_no_cursor_of_another_list() {
    let mut world = World::new().await;
    world
        .block(
            Logs::default()
                .asset(1, 0, ALICE)
                .and(COURT, &super::disputes::raised(1, 1, 0)),
        )
        .await;
    let own = world.of_asset(1, "disputes(first: 1) { pageInfo { endCursor } }").await;
    let cursor = own["disputes"]["pageInfo"]["endCursor"].as_str().unwrap();
    let asset = asset_on(HOME, 1);
    for list in ["tasks", "executions", "rounds", "disputes", "announcements", "mirrors"] {
        let role = if list == "executions" { "role: RUNS, " } else { "" };
        for (arguments, words) in [
            ("first: 101", "1 to 100"),
            ("first: 1, last: 1", "both"),
            ("first: 1, after: \"x\"", "cursor"),
        ] {
            let query = format!(r#"{{ asset(id: "{asset}") {{ {list}({role}{arguments}) {{ totalCount }} }} }}"#);
            let (code, message) = world.souk.error(&query).await;
            assert_eq!(code, "BAD_USER_INPUT", "{query}");
            assert!(message.contains(words), "{query}: {message}");
        }
        let query =
            format!(r#"{{ asset(id: "{asset}") {{ {list}({role}first: 1, after: "{cursor}") {{ totalCount }} }} }}"#);
        let refused = world
            .souk
            .answer(&query, serde_json::json!({}))
            .await
            .get("errors")
            .is_some();
        assert_eq!(refused, list != "disputes", "{list}");
    }
    let deep = "calls(first: 100) { nodes { ".repeat(3) + "number" + &" } }".repeat(3);
    let query =
        format!(r#"{{ asset(id: "{asset}") {{ executions(role: RUNS, first: 100) {{ nodes {{ {deep} }} }} }} }}"#);
    assert_eq!(world.souk.error(&query).await.0, "COST_LIMIT");
}
