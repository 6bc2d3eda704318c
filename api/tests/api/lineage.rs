//! Where assets come from, over the graph in memory.

use serde_json::{Value, json};

use crate::fixture::*;

fn names(nodes: &Value) -> Vec<(i64, String)> {
    let name = |node: &Value| {
        let asset = &node["asset"];
        asset["asset"]["name"]
            .as_str()
            .or(asset["assetId"].as_str())
            .unwrap()
            .to_string()
    };
    nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["depth"].as_i64().unwrap(), name(node)))
        .collect()
}

#[tokio::test]
async fn ancestors_and_descendants_have_depth_and_the_event_behind_each_edge() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ agent: asset(id: "{}") {{ lineage(direction: ANCESTORS) {{ totalCount truncated nodes {{ depth asset {{ assetId asset {{ name }} }} }}
                edges {{ relation native status closesCycle child {{ assetId }} parent {{ assetId }} declared {{ chainId blockNumber logIndex transactionHash block {{ time }} events {{ name }} }} }} }} }}
        data: asset(id: "{}") {{ lineage(direction: DESCENDANTS, depth: 1) {{ nodes {{ depth asset {{ assetId asset {{ name }} }} }} }} }} }}"#,
        asset(4),
        asset(1)
    );
    let data = souk.ask(&query).await;
    let lineage = &data["agent"]["lineage"];
    let foreign = format!("eip155:1/erc721:{}/99", address(0x99));
    assert_eq!(
        (&lineage["totalCount"], &lineage["truncated"]),
        (&json!(4), &json!(false))
    );
    assert_eq!(
        names(&lineage["nodes"]),
        [
            (1, "base-data".into()),
            (1, "tuned 100%".into()),
            (2, "base-model".into()),
            (2, foreign)
        ]
        .map(|(depth, name): (i64, String)| (depth, name))
    );
    let edges = lineage["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 5);
    let powered = edges.iter().find(|edge| edge["relation"] == "POWERED_BY").unwrap();
    assert_eq!(
        powered["declared"],
        json!({ "chainId": CHAIN, "blockNumber": 4, "logIndex": 1, "transactionHash": format!("0x{}", "04".repeat(32)),
            "block": { "time": time(4) }, "events": [{ "name": "derivation_declared" }] })
    );
    assert_eq!(
        (&powered["child"]["assetId"], &powered["parent"]["assetId"]),
        (&json!(asset(4)), &json!(asset(3)))
    );
    let claims: Vec<_> = edges.iter().filter(|edge| edge["native"] == false).collect();
    assert_eq!(claims.len(), 1, "the foreign parent is a claim");
    assert_eq!(
        names(&data["data"]["lineage"]["nodes"]),
        [(1, "base-model".into()), (1, "agent".into())]
    );
}

#[tokio::test]
async fn parents_children_and_the_licence_of_an_edge() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ tuned: asset(id: "{}") {{ parents(first: 5) {{ totalCount nodes {{ parent {{ assetId asset {{ name }} }} relation licenseNumber license {{ seriesId terms {{ spdxId }} }} }} }}
            early: parents(first: 5, asOf: {{ block: 3 }}) {{ totalCount }} children(first: 5) {{ nodes {{ child {{ asset {{ name kind }} }} }} }} }} }}"#,
        asset(3)
    );
    let data = souk.ask(&query).await;
    let parents = data["tuned"]["parents"]["nodes"].as_array().unwrap();
    assert_eq!(data["tuned"]["parents"]["totalCount"], 2);
    assert_eq!(
        parents[0]["license"],
        json!({ "seriesId": format!("{CHAIN}/erc1155:{}/7", address(LICENSES)), "terms": { "spdxId": "MIT" } })
    );
    assert_eq!(parents[0]["licenseNumber"], "7");
    assert_eq!(
        parents[1]["parent"],
        json!({ "assetId": format!("eip155:1/erc721:{}/99", address(0x99)), "asset": null })
    );
    assert_eq!(parents[1]["license"], json!(null));
    assert_eq!(data["tuned"]["early"]["totalCount"], 1);
    assert_eq!(
        data["tuned"]["children"]["nodes"],
        json!([{ "child": { "asset": { "name": "agent", "kind": "AGENT" } } }])
    );
}

#[tokio::test]
async fn paths_between_two_assets_come_shortest_first_as_of_a_block() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ paths: lineagePaths(from: "{agent}", to: "{data}") {{ totalCount truncated paths {{ length derivations {{ relation parent {{ assetId }} }} }} }}
            one: lineagePaths(from: "{agent}", to: "{data}", limit: 1) {{ totalCount truncated paths {{ length }} }}
            none: lineagePaths(from: "{data}", to: "{agent}") {{ totalCount }}
            before: lineagePaths(from: "{agent}", to: "{data}", asOf: {{ block: 3 }}) {{ totalCount }}
            unknown: lineagePaths(from: "{agent}", to: "cosmos:hub/slip44:118") {{ totalCount }}
            asset(id: "{agent}") {{ pathsTo(ancestor: "{data}") {{ totalCount }} }} }}"#,
        agent = asset(4),
        data = asset(1)
    );
    let data = souk.ask(&query).await;
    let paths = data["paths"]["paths"].as_array().unwrap();
    assert_eq!(
        (&data["paths"]["totalCount"], &data["paths"]["truncated"]),
        (&json!("2"), &json!(false))
    );
    assert_eq!(paths[0]["length"], 1);
    let relations: Vec<&str> = paths[1]["derivations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["relation"].as_str().unwrap())
        .collect();
    assert_eq!(relations, ["POWERED_BY", "FINETUNED_FROM", "TRAINED_ON"]);
    assert_eq!(
        data["one"],
        json!({ "totalCount": "2", "truncated": true, "paths": [{ "length": 1 }] })
    );
    assert_eq!(
        (
            &data["none"]["totalCount"],
            &data["before"]["totalCount"],
            &data["unknown"]["totalCount"]
        ),
        (&json!("0"), &json!("0"), &json!("0"))
    );
    assert_eq!(data["asset"]["pathsTo"]["totalCount"], "2");
}

#[tokio::test]
async fn lin_1_a_claim_that_closes_a_cycle_is_shown_and_left_out_of_lineage() {
    let database = Database::seeded().await;
    // The data claims, as a foreign parent, the agent that was made from it.
    database
        .sql(&format!(
            "insert into derivation values (31337, {}, null, '{}', 7, 0, 0, 15, null, 0);",
            key(REGISTRY, 1),
            asset(4)
        ))
        .await;
    let souk = Souk::over(database, |_| {}).await;
    let query = format!(
        r#"{{ asset(id: "{}") {{ parents(first: 5) {{ nodes {{ closesCycle native }} }} lineage(direction: ANCESTORS) {{ totalCount }} }} }}"#,
        asset(1)
    );
    let data = souk.ask(&query).await;
    assert_eq!(
        data["asset"],
        json!({ "parents": { "nodes": [{ "closesCycle": true, "native": false }] }, "lineage": { "totalCount": 0 } })
    );
}
