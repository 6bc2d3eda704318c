//! What is asked amiss, and what is asked of a server that does not follow payouts.

use serde_json::json;
use souk_schema::U256;

use super::world::{Logs, World};
use crate::fixture::{ALICE, CHAIN, REGISTRY, Souk, address, asset};

fn account(byte: u8) -> String {
    format!("{CHAIN}:{}", address(byte))
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let mut world = World::new().await;
    world.block(Logs::default().revenue(1, 1, U256::from(10))).await;
    let (alice, other) = (account(ALICE), address(0x12));
    let elsewhere = format!("{CHAIN}/erc721:{other}/1");
    for query in [
        format!(
            r#"{{ licenseCheck(asset: "{}", purpose: USE) {{ allowed }} }}"#,
            asset(99)
        ),
        format!(r#"{{ licenseCheck(asset: "{elsewhere}", purpose: USE) {{ allowed }} }}"#),
        format!(
            r#"{{ access(account: "{alice}", asset: "{}", purpose: USE) {{ allowed }} }}"#,
            asset(99)
        ),
        format!(
            r#"{{ simulateRevenue(asset: "{}", amount: "1") {{ fee }} }}"#,
            asset(99)
        ),
        format!(
            r#"{{ simulateRevenue(asset: "{}", amount: "1", terms: [{{ number: "99", policy: LAP, shareE8: 1 }}]) {{ fee }} }}"#,
            asset(1)
        ),
        format!(r#"{{ payouts(account: "{alice}", registry: "{other}", first: 1) {{ totalCount }} }}"#),
        format!(r#"{{ payoutLines(by: {{ account: "{alice}" }}, registry: "{other}", first: 1) {{ totalCount }} }}"#),
        format!(
            r#"{{ payoutLines(by: {{ revenue: {{ chain: "{CHAIN}", router: "{other}", number: "1" }} }}, first: 1) {{ totalCount }} }}"#
        ),
        r#"{ payoutEpochs(chain: "eip155:5", first: 1) { totalCount } }"#.to_string(),
        format!(
            r#"{{ payouts(account: "eip155:5:{}", first: 1) {{ totalCount }} }}"#,
            address(ALICE)
        ),
    ] {
        let (code, message) = world.souk.error(&query).await;
        assert_eq!(code, "NOT_FOUND", "{query}: {message}");
    }
    // A line that is no more, or not yet, is not found; a revenue without lines has none.
    let line = world.lines(1, "id").await[0]["id"].as_str().unwrap().to_string();
    let (code, _) = world
        .souk
        .error(&format!(
            r#"{{ payoutLine(id: "{line}", asOf: {{ block: 1 }}) {{ amount }} }}"#
        ))
        .await;
    assert_eq!(code, "NOT_FOUND");
    assert!(world.lines(77, "id").await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new().await;
    let alice = account(ALICE);
    let many = |item: &str, count: usize| vec![item; count].join(", ");
    let parent = format!(r#"{{ parent: "{}", policy: LAP, shareE8: 1 }}"#, asset(1));
    let simulate = |arguments: String| format!("{{ simulateRevenue({arguments}) {{ fee }} }}");
    for query in [
        // 2^256, and below nothing.
        simulate(format!(
            r#"asset: "{}", amount: "115792089237316195423570985008687907853269984665640564039457584007913129639936""#,
            asset(1)
        )),
        simulate(format!(r#"asset: "{}", amount: "-1""#, asset(1))),
        simulate(r#"amount: "1""#.into()),
        simulate(format!(r#"asset: "{}", amount: "1", feeE8: 100000001"#, asset(1))),
        simulate(format!(r#"asset: "{}", amount: "1", feeE8: -1"#, asset(1))),
        simulate(format!(r#"amount: "1", parents: [{}]"#, many(&parent, 101))),
        simulate(format!(r#"amount: "1", parents: [{}]"#, many(&parent, 2))),
        simulate(format!(
            r#"asset: "{}", amount: "1", terms: [{}]"#,
            asset(1),
            many(r#"{ number: "1", policy: LAP, shareE8: 1 }"#, 101)
        )),
        simulate(format!(
            r#"asset: "{}", amount: "1", terms: [{}]"#,
            asset(1),
            many(r#"{ number: "1", policy: LAP, shareE8: 1 }"#, 2)
        )),
        // Its parents are declared already, it has children, and an asset is not made from itself.
        simulate(format!(r#"asset: "{}", amount: "1", parents: [{parent}]"#, asset(3))),
        simulate(format!(
            r#"asset: "{}", amount: "1", parents: [{{ parent: "{}", policy: LAP, shareE8: 1 }}]"#,
            asset(2),
            asset(3)
        )),
        simulate(format!(
            r#"asset: "{0}", amount: "1", parents: [{{ parent: "{0}", policy: LAP, shareE8: 1 }}]"#,
            asset(3)
        )),
        simulate(format!(
            r#"asset: "{}", amount: "1", parents: [{{ parent: "{CHAIN}/erc721:{}/1", policy: LAP, shareE8: 1 }}]"#,
            asset(3),
            address(0x12)
        )),
        format!(
            r#"{{ licenseCheck(asset: "{CHAIN}/erc20:{}", purpose: USE) {{ allowed }} }}"#,
            address(0x66)
        ),
        format!(
            r#"{{ access(account: "eip155:5:{}", asset: "{}", purpose: USE) {{ allowed }} }}"#,
            address(ALICE),
            asset(1)
        ),
        format!(
            r#"{{ access(account: "{alice}", asset: "{}", purpose: USE, asOf: {{ time: -1 }}) {{ allowed }} }}"#,
            asset(1)
        ),
        r#"{ payoutLine(id: "bm9uZQ") { amount } }"#.to_string(),
        format!(
            r#"{{ payoutLines(by: {{ revenue: {{ chain: "{CHAIN}", number: "-1" }} }}, first: 1) {{ totalCount }} }}"#
        ),
        format!(r#"{{ payoutLines(by: {{ account: "{alice}" }}) {{ totalCount }} }}"#),
        format!(r#"{{ payouts(account: "{alice}", first: 101) {{ totalCount }} }}"#),
    ] {
        let (code, message) = world.souk.error(&query).await;
        assert!(
            ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code.as_str()),
            "{query}: {code} {message}"
        );
    }
    let dear = format!(
        r#"{{ payoutLines(by: {{ account: "{alice}" }}, first: 100) {{ nodes {{ explanation {{ paths(first: 100) {{ nodes {{ edges {{ shareE8 }} }} }} }} }} }} }}"#
    );
    assert_eq!(world.souk.error(&dear).await.0, "COST_LIMIT");
}

#[tokio::test]
async fn a_server_that_follows_no_payouts_says_so() {
    let souk = Souk::start().await;
    for query in [
        format!(
            r#"{{ payouts(account: "{}", first: 1) {{ totalCount }} }}"#,
            account(ALICE)
        ),
        format!(
            r#"{{ payoutLines(by: {{ asset: "{}" }}, first: 1) {{ totalCount }} }}"#,
            asset(1)
        ),
        format!(
            r#"{{ licenseCheck(asset: "{}", purpose: USE) {{ allowed }} }}"#,
            asset(1)
        ),
    ] {
        let (code, message) = souk.error(&query).await;
        assert_eq!(code, "NOT_FOUND", "{query}");
        assert_eq!(message, "payouts are not followed by this server");
    }
    let data = souk
        .ask("{ payoutStatus { isLive } meta { payouts { registry } } }")
        .await;
    assert_eq!(
        data,
        serde_json::json!({ "payoutStatus": [], "meta": { "payouts": [] } })
    );
}

#[tokio::test]
async fn a_fact_that_the_rule_refuses_is_counted_and_told() {
    let mut world = World::new().await;
    let metrics = async |world: &World| {
        let answer = world.souk.http.get(world.souk.url("/metrics")).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let status = "{ payoutStatus { refusedFacts { count last { registry block { number } sequence reason } } deployments { refused { reason } } } }";
    let asked = world.souk.ask(status).await;
    assert_eq!(
        asked["payoutStatus"][0]["refusedFacts"],
        json!({ "count": 0, "last": null })
    );
    let at = world.block(Logs::default().revenue(1, 77, U256::from(10))).await;
    let asked = world.souk.ask(status).await;
    let told = &asked["payoutStatus"][0]["refusedFacts"];
    assert_eq!(
        (&told["count"], &told["last"]["registry"]),
        (&json!(1), &json!(address(REGISTRY)))
    );
    assert_eq!(told["last"]["block"]["number"], at.number);
    // The opening is record 0, and every block before is one.
    assert_eq!(told["last"]["sequence"], at.number);
    assert_eq!(told["last"]["reason"], "asset 77 was never registered");
    assert_eq!(
        asked["payoutStatus"][0]["deployments"][0]["refused"]["reason"],
        told["last"]["reason"]
    );
    let text = metrics(&world).await;
    // Counters are of the process, and tests of one chain share it.
    let counted = |line: &&str| line.starts_with(&format!("souk_payouts_refused_facts_total{{chain=\"{CHAIN}\"}} "));
    let line = text
        .lines()
        .find(counted)
        .unwrap_or_else(|| panic!("no count in\n{text}"));
    assert!(!line.ends_with(" 0"), "{line}");
    assert!(
        text.contains(&format!("souk_payouts_refused_block{{chain=\"{CHAIN}\"}} ")),
        "{text}"
    );
}
