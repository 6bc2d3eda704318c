//! Law API-1 for payouts: an answer is of one moment and names it.

use serde_json::{Value, json};
use souk_schema::U256;

use super::world::{Logs, PROTOCOL, World, number};
use crate::fixture::{ALICE, CHAIN, REGISTRY, address};

#[tokio::test]
async fn api_1_answers_about_payouts_name_their_block_and_the_place_of_their_lines() {
    let mut world = World::new().await;
    let head = world.block(Logs::default().revenue(1, 3, U256::from(1_000))).await;
    let query = format!(
        r#"{{ payouts(account: "{CHAIN}:{}", first: 1) {{ totalCount }} payoutLines(by: {{ account: "{CHAIN}:{}" }}, first: 1) {{ totalCount }}
           meta {{ payouts {{ chainId registry block {{ number hash }} lines {{ stream nextSequence }} }} }}
           payoutStatus {{ nextSequence block {{ number }} lines {{ nextSequence }} }} }}"#,
        address(ALICE),
        address(ALICE)
    );
    let answer = world.souk.answer(&query, json!({})).await;
    let (hash, next) = (format!("{:#x}", head.hash), world.payouts.status().next_sequence);
    assert_eq!(
        answer["data"]["meta"]["payouts"],
        json!([{ "chainId": CHAIN, "registry": address(REGISTRY), "block": { "number": head.number, "hash": hash },
                 "lines": { "stream": "chain.31337", "nextSequence": next } }]),
        "{answer:#}"
    );
    assert_eq!(
        answer["extensions"]["payouts"],
        json!({ "states": [{ "chainId": CHAIN, "registry": address(REGISTRY), "block": head.number, "hash": hash }],
                "lines": [{ "chainId": CHAIN, "stream": "chain.31337", "nextSequence": next }] })
    );
    let status = &answer["data"]["payoutStatus"][0];
    assert_eq!(
        (&status["nextSequence"], &status["lines"]["nextSequence"]),
        (&json!(next), &json!(next))
    );
    assert_eq!(status["block"]["number"], head.number);
    let other = world.souk.answer("{ chains { id } }", json!({})).await;
    assert!(
        other["extensions"].get("payouts").is_none(),
        "nothing was asked of payouts"
    );
}

/// While block after block brings a revenue of 1000, of which the protocol has 10.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn api_1_all_that_one_answer_says_of_payouts_is_of_one_block_while_revenues_arrive() {
    let mut world = World::new().await;
    let first = world.head().number;
    let souk = crate::fixture::Souk {
        database: world.souk.database.again(),
        address: world.souk.address,
        cancel: tokio_util::sync::CancellationToken::new(),
        graph: world.souk.graph.clone(),
        log: world.souk.log.clone(),
        running: tokio::spawn(async { Ok(()) }),
        http: reqwest::Client::new(),
    };
    let payouts = |name: &str| {
        format!(
            r#"{name}: payouts(account: "{CHAIN}:{}", first: 1) {{ nodes {{ owed }} }}"#,
            address(PROTOCOL)
        )
    };
    let simulated = format!(
        r#"simulateRevenue(asset: "{}", amount: "1000") {{ fee }}"#,
        crate::fixture::asset(3)
    );
    let query = format!("{{ {} {} {simulated} {} }}", payouts("a"), payouts("b"), payouts("c"));
    let writer = tokio::spawn(async move {
        for revenue in 1..=20 {
            let logs = Logs::default().revenue(revenue, 3, U256::from(1_000));
            world.block(logs).await;
        }
        world
    });
    let (mut seen, mut asked, mut answered) = (std::collections::BTreeSet::new(), 0, 0);
    while !writer.is_finished() {
        asked += 1;
        let answer = souk.answer(&query, json!({})).await;
        if answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE" {
            continue;
        }
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answered += 1;
        let block = answer["extensions"]["payouts"]["states"][0]["block"].as_u64().unwrap();
        seen.insert(block);
        for name in ["a", "b", "c"] {
            let owed = match &answer["data"][name]["nodes"][0]["owed"] {
                Value::Null => U256::ZERO,
                owed => number(owed),
            };
            let expected = U256::from(10 * (block - first));
            assert_eq!(owed, expected, "{name} at block {block}: {answer:#}");
        }
    }
    writer.await.unwrap();
    assert!(seen.len() > 5, "only {seen:?} were seen: nothing was tried");
    assert!(answered * 2 > asked, "{answered} of {asked} were answered");
}
