//! What is true depends on when it is asked about.

use serde_json::json;

use crate::fixture::*;

#[tokio::test]
async fn owners_versions_and_shareholders_are_those_of_the_block() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ asset(id: "{data}") {{
            now: owner {{ address }}  then: owner(asOf: {{ block: 4 }}) {{ address }}  byTime: owner(asOf: {{ time: {between} }}) {{ address }}
            owners(first: 10) {{ totalCount nodes {{ account {{ address }} since {{ blockNumber }} untilBlock }} }}
            version {{ version metadataUri }}  first: version(asOf: {{ block: 6 }}) {{ version }}
            versions(first: 1) {{ totalCount nodes {{ version contentHash }} pageInfo {{ hasNextPage }} }}
        }}
        model: asset(id: "{model}") {{
            shares {{ supply }}  before: shares(asOf: {{ block: 5 }}) {{ supply }}
            shareholders(first: 10) {{ totalCount nodes {{ account {{ address }} amount }} }}
            early: shareholders(first: 10, asOf: {{ block: 7 }}) {{ nodes {{ account {{ address }} amount }} }}
            none: shareholders(first: 10, asOf: {{ block: 5 }}) {{ totalCount nodes {{ amount }} }}
        }} }}"#,
        data = asset(1),
        model = asset(2),
        between = time(5) - 1,
    );
    let data = souk.ask(&query).await;
    let owner = |name: &str| data["asset"][name]["address"].clone();
    assert_eq!(
        (owner("now"), owner("then"), owner("byTime")),
        (json!(address(CAROL)), json!(address(ALICE)), json!(address(ALICE)))
    );
    assert_eq!(
        data["asset"]["owners"],
        json!({ "totalCount": 2, "nodes": [
            { "account": { "address": address(CAROL) }, "since": { "blockNumber": 5 }, "untilBlock": null },
            { "account": { "address": address(ALICE) }, "since": { "blockNumber": 1 }, "untilBlock": 5 },
        ] })
    );
    assert_eq!(
        data["asset"]["version"],
        json!({ "version": 2, "metadataUri": "ipfs://v2" })
    );
    assert_eq!(data["asset"]["first"]["version"], 1);
    assert_eq!(data["asset"]["versions"]["totalCount"], 2);
    assert_eq!(data["asset"]["versions"]["pageInfo"]["hasNextPage"], true);
    let model = &data["model"];
    assert_eq!(
        (&model["shares"]["supply"], &model["before"]),
        (&json!("1000"), &json!(null))
    );
    assert_eq!(
        model["shareholders"],
        json!({ "totalCount": 2, "nodes": [
            { "account": { "address": address(ALICE) }, "amount": "600" }, { "account": { "address": address(BOB) }, "amount": "400" },
        ] })
    );
    assert_eq!(
        model["early"]["nodes"],
        json!([{ "account": { "address": address(ALICE) }, "amount": "1000" }])
    );
    assert_eq!(model["none"], json!({ "totalCount": 0, "nodes": [] }));
}

#[tokio::test]
async fn a_licence_ends_by_its_revocation_or_by_the_blocks_time_without_an_event() {
    let souk = Souk::start().await;
    let states = |at: i64| {
        let query = format!(
            r#"{{ asset(id: "{}", asOf: {{ block: {at} }}) {{ licenseSeries(first: 10) {{ nodes {{ state expiresAt revocation {{ reason by {{ address }} }} }} }} }} }}"#,
            asset(2)
        );
        let souk = &souk;
        async move {
            let data = souk.ask(&query).await;
            let nodes = data["asset"]["licenseSeries"]["nodes"].as_array().unwrap().clone();
            (
                nodes
                    .iter()
                    .map(|node| node["state"].as_str().unwrap().to_string())
                    .collect::<Vec<_>>(),
                nodes,
            )
        }
    };
    assert_eq!(states(8).await.0, ["ACTIVE", "ACTIVE"]);
    assert_eq!(states(11).await.0, ["ACTIVE", "REVOKED"]);
    let (last, nodes) = states(12).await;
    assert_eq!(
        last,
        ["EXPIRED", "REVOKED"],
        "a licence that ends at the block's time has ended"
    );
    assert_eq!(nodes[0]["expiresAt"], json!(time(12).to_string()));
    assert_eq!(
        nodes[1]["revocation"],
        json!({ "reason": "broken terms", "by": { "address": address(ALICE) } })
    );
    assert_eq!(nodes[1]["expiresAt"], json!(null));
    let held = format!(
        r#"{{ account(id: "{CHAIN}:{}") {{ licenses(first: 5) {{ nodes {{ amount series {{ state asset {{ name }} terms {{ spdxId mintingFee currency royaltyPolicy }} }} }} }} }} }}"#,
        address(BOB)
    );
    let data = souk.ask(&held).await;
    let nodes = data["account"]["licenses"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!(
        nodes[0]["series"]["terms"],
        json!({ "spdxId": "MIT", "mintingFee": "250", "currency": address(USD), "royaltyPolicy": "LAP" })
    );
}

#[tokio::test]
async fn contributions_and_revenues_are_those_of_the_block() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ data: asset(id: "{}") {{
            contributions(first: 5) {{ totalCount nodes {{ contributor {{ address }} role weight number }} }}
            before: contributions(first: 5, asOf: {{ block: 9 }}) {{ totalCount }}
        }}
        model: asset(id: "{}") {{
            revenues(first: 5) {{ nodes {{ amount reason currency payer {{ address }} received {{ blockNumber }} }} }}
            revenueTotals {{ amount payments currency }}  early: revenueTotals(asOf: {{ block: 10 }}) {{ amount }}
        }}
        account(id: "{CHAIN}:{}") {{ contributions(first: 5) {{ nodes {{ asset {{ name }} }} }} }} }}"#,
        asset(1),
        asset(2),
        address(CAROL),
    );
    let data = souk.ask(&query).await;
    assert_eq!(
        data["data"]["contributions"],
        json!({ "totalCount": 1, "nodes": [{ "contributor": { "address": address(CAROL) }, "role": "LABEL", "weight": "7", "number": "1" }] })
    );
    assert_eq!(data["data"]["before"]["totalCount"], 2);
    let usd = format!("{CHAIN}/erc20:{}", address(USD));
    assert_eq!(data["model"]["revenues"]["nodes"][0]["amount"], "700", "newest first");
    assert_eq!(data["model"]["revenues"]["nodes"][1]["reason"], "USAGE");
    assert_eq!(
        data["model"]["revenueTotals"],
        json!([{ "amount": "1200", "payments": 2, "currency": usd }])
    );
    assert_eq!(data["model"]["early"], json!([{ "amount": "500" }]));
    assert_eq!(
        data["account"]["contributions"]["nodes"],
        json!([{ "asset": { "name": "base-data" } }])
    );
}

#[tokio::test]
async fn everything_within_an_asset_is_as_of_its_block_and_unknown_moments_are_errors() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ asset(id: "{}", asOf: {{ block: 4 }}) {{ owner {{ address assets(first: 9) {{ totalCount }} }} version {{ version }} events(first: 9) {{ nodes {{ name }} }} }} }}"#,
        asset(1)
    );
    let data = souk.ask(&query).await;
    assert_eq!(
        data["asset"],
        json!({ "owner": { "address": address(ALICE), "assets": { "totalCount": 2 } }, "version": { "version": 1 }, "events": { "nodes": [{ "name": "asset_registered" }] } })
    );
    let asked = |when: &str| format!(r#"{{ asset(id: "{}", asOf: {{ {when} }}) {{ name }} }}"#, asset(2));
    assert_eq!(
        souk.error(&asked("block: 1")).await.0,
        "NOT_FOUND",
        "it was not registered yet"
    );
    let (code, message) = souk.error(&asked("block: 21")).await;
    assert_eq!(code, "AS_OF_UNKNOWN");
    assert!(message.contains("the newest 20"), "{message}");
    assert_eq!(
        souk.error(&asked("block: 1, time: 1")).await.0,
        "GRAPHQL_VALIDATION_FAILED"
    );
    let counted = souk
        .ask(r#"{ then: assets(first: 1, asOf: { block: 2 }) { totalCount } now: assets(first: 1) { totalCount } }"#)
        .await;
    assert_eq!(
        (&counted["then"]["totalCount"], &counted["now"]["totalCount"]),
        (&json!(2), &json!(4))
    );
}

#[tokio::test]
async fn tokens_of_plain_contracts_have_owners_balances_and_events() {
    let souk = Souk::start().await;
    let query = format!(
        r#"{{ nft: token(id: "{CHAIN}/erc721:{plain}/42") {{ standard number owner {{ address }} asset {{ name }} owners(first: 3) {{ totalCount }} }}
        coin: token(id: "{CHAIN}/erc20:{usd}") {{ number owner {{ address }} holders(first: 5) {{ totalCount nodes {{ amount account {{ address }} since {{ blockNumber }} }} }} }}
        shares: token(id: "{CHAIN}/erc1155:{shares}/2") {{ holders(first: 1) {{ nodes {{ amount }} }} events(first: 5) {{ nodes {{ name transactionHash token {{ standard }} }} }} }}
        asset: token(id: "{asset}") {{ asset {{ name }} }}
        account(id: "{CHAIN}:{alice}") {{ tokens(first: 9) {{ totalCount nodes {{ tokenId }} }} balances(first: 9) {{ nodes {{ contract amount }} }} shares(first: 5) {{ nodes {{ amount supply asset {{ name }} }} }} }} }}"#,
        plain = address(PLAIN_721),
        usd = address(USD),
        shares = address(SHARES),
        asset = asset(1),
        alice = address(ALICE),
    );
    let data = souk.ask(&query).await;
    assert_eq!(
        data["nft"],
        json!({ "standard": "ERC721", "number": "42", "owner": { "address": address(ALICE) }, "asset": null, "owners": { "totalCount": 1 } })
    );
    assert_eq!(data["coin"]["number"], json!(null));
    assert_eq!(data["coin"]["owner"], json!(null));
    let holders = data["coin"]["holders"]["nodes"].as_array().unwrap();
    assert_eq!(holders[0]["amount"], "123456789012345678901234567890");
    assert_eq!(holders[1]["amount"], "-5", "a contract that was watched too late");
    assert_eq!(data["shares"]["holders"]["nodes"][0]["amount"], "600");
    assert_eq!(data["shares"]["events"]["nodes"][0]["token"]["standard"], "ERC1155");
    assert_eq!(data["asset"]["asset"]["name"], "base-data");
    assert_eq!(data["account"]["tokens"]["totalCount"], 2);
    assert_eq!(
        data["account"]["shares"]["nodes"],
        json!([{ "amount": "600", "supply": "1000", "asset": { "name": "base-model" } }])
    );
    assert_eq!(data["account"]["balances"]["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_page_forward_and_backward_to_the_same_rows() {
    let souk = Souk::start().await;
    let all: Vec<String> = ["base-data", "base-model", "tuned 100%", "agent"]
        .map(String::from)
        .to_vec();
    for (size, from, to, step) in [
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let from = if cursor.is_empty() {
                String::new()
            } else {
                format!(r#", {from}: "{cursor}""#)
            };
            let page = souk
                .ask(&format!(
                    "{{ assets({size}: 3{from}) {{ nodes {{ name }} edges {{ cursor }} pageInfo {{ {to} {step} }} }} }}"
                ))
                .await;
            let names: Vec<String> = page["assets"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["name"].as_str().unwrap().into())
                .collect();
            if size == "first" {
                seen.extend(names)
            } else {
                seen.splice(0..0, names).for_each(drop)
            }
            if page["assets"]["pageInfo"][step] == false {
                break;
            }
            cursor = page["assets"]["pageInfo"][to].as_str().unwrap().into();
        }
        assert_eq!(seen, all, "{size}");
    }
    for (list, parent) in [("events", 1), ("parents", 4), ("contributions", 1)] {
        let one = souk
            .ask(&format!(
                r#"{{ asset(id: "{}") {{ {list}(first: 1) {{ totalCount pageInfo {{ endCursor hasNextPage }} }} }} }}"#,
                asset(parent)
            ))
            .await;
        let total = one["asset"][list]["totalCount"].as_i64().unwrap();
        assert_eq!(one["asset"][list]["pageInfo"]["hasNextPage"], total > 1, "{list}");
        let end = one["asset"][list]["pageInfo"]["endCursor"]
            .as_str()
            .unwrap()
            .to_string();
        let rest = souk
            .ask(&format!(
                r#"{{ asset(id: "{}") {{ {list}(first: 100, after: "{end}") {{ edges {{ cursor }} }} }} }}"#,
                asset(parent)
            ))
            .await;
        assert_eq!(
            rest["asset"][list]["edges"].as_array().unwrap().len() as i64,
            total - 1,
            "{list}"
        );
        let back = souk
            .ask(&format!(
                r#"{{ asset(id: "{}") {{ {list}(last: 100, before: "{end}") {{ edges {{ cursor }} }} }} }}"#,
                asset(parent)
            ))
            .await;
        assert_eq!(
            back["asset"][list]["edges"],
            json!([]),
            "{list}: nothing lies before the first"
        );
    }
}

#[tokio::test]
async fn assets_are_found_by_kind_name_owner_and_registry() {
    let souk = Souk::start().await;
    for (conditions, expected) in [
        ("kinds: [MODEL]", vec!["base-model", "tuned 100%"]),
        (r#"name: "BASE""#, vec!["base-data", "base-model"]),
        (r#"name: "0%""#, vec!["tuned 100%"]),
        (r#"name: "_""#, vec![]),
        (&format!(r#"owner: "{}""#, address(BOB)), vec!["tuned 100%", "agent"]),
        (
            &format!(r#"owner: "{}", kinds: [AGENT, DATASET]"#, address(BOB)),
            vec!["agent"],
        ),
        (&format!(r#"registry: "{}""#, address(0x12)), vec![]),
        (
            &format!(r#"chain: "{CHAIN}", kinds: []"#),
            vec!["base-data", "base-model", "tuned 100%", "agent"],
        ),
    ] {
        let data = souk
            .ask(&format!(
                "{{ assets(first: 10, where: {{ {conditions} }}) {{ totalCount nodes {{ name }} }} }}"
            ))
            .await;
        let names: Vec<&str> = data["assets"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{conditions}");
        assert_eq!(data["assets"]["totalCount"], expected.len(), "{conditions}");
    }
}
