//! What if.

use serde_json::{Value, json};
use souk_schema::U256;

use super::world::{Logs, World, number, sum};
use crate::fixture::{address, asset};

const SPLIT: &str = "{ overspent { asset { assetId } partsE8 } lines(first: 100) { totalCount nodes { asset { assetId } route role pathCount
    recipient { address } amount } } }";

fn simulate(arguments: &str) -> String {
    format!("{{ simulateRevenue({arguments}) {{ fee asDeclared {SPLIT} lap {SPLIT} lrp {SPLIT} proRata {SPLIT} }} }}")
}

#[tokio::test]
async fn a_simulation_is_what_the_revenue_then_gives_and_each_policy_spends_it_all() {
    let mut world = World::new().await;
    let amount = 1_000_003;
    let query = simulate(&format!(r#"asset: "{}", amount: "{amount}""#, asset(3)));
    let data = world.souk.ask(&query).await;
    let compared = &data["simulateRevenue"];
    for policy in ["asDeclared", "lap", "lrp", "proRata"] {
        let split = &compared[policy];
        assert!(split["overspent"].is_null());
        let lines = split["lines"]["nodes"].as_array().unwrap();
        assert_eq!(split["lines"]["totalCount"], lines.len());
        assert_eq!(number(&compared["fee"]) + sum(lines), U256::from(amount), "{policy}");
    }
    world.block(Logs::default().revenue(1, 3, U256::from(amount))).await;
    let real = world
        .lines(1, "route role pathCount recipient { address } amount assetNumber")
        .await;
    let simulated = compared["asDeclared"]["lines"]["nodes"].as_array().unwrap();
    let royalties = |lines: &[Value], id: &dyn Fn(&Value) -> String| {
        let mut all: Vec<String> = lines
            .iter()
            .filter(|line| line["route"] != "PROTOCOL_FEE")
            .map(|line| {
                let recipient = &line["recipient"]["address"];
                let (route, role, paths, amount) = (&line["route"], &line["role"], &line["pathCount"], &line["amount"]);
                format!("{} {route} {role} {paths} {recipient} {amount}", id(line))
            })
            .collect();
        all.sort_unstable();
        all
    };
    let real = royalties(&real, &|line| {
        asset(line["assetNumber"].as_str().unwrap().parse().unwrap())
    });
    let simulated = royalties(simulated, &|line| line["asset"]["assetId"].as_str().unwrap().into());
    assert_eq!(real, simulated);
}

#[tokio::test]
async fn supposed_parents_and_terms_change_the_split_and_too_much_is_said_to_be() {
    let world = World::new().await;
    // An asset that nobody registered, on the model: the data are owed over it.
    let parent = format!(
        r#"parents: [{{ parent: "{}", policy: LAP, shareE8: 30000000 }}]"#,
        asset(2)
    );
    let data = world
        .souk
        .ask(&simulate(&format!(r#"amount: "1000", feeE8: 0, {parent}"#)))
        .await;
    let lines = data["simulateRevenue"]["asDeclared"]["lines"]["nodes"]
        .as_array()
        .unwrap();
    let of = |id: Value| sum(lines.iter().filter(|line| line["asset"] == id));
    assert_eq!(of(Value::Null), U256::from(600), "{lines:#?}");
    assert_eq!(of(json!({ "assetId": asset(2) })), U256::from(300));
    assert_eq!(of(json!({ "assetId": asset(1) })), U256::from(100));
    let own = lines.iter().find(|line| line["asset"].is_null()).unwrap();
    assert!(own["recipient"].is_null());
    // The data's terms at a half: over two ways the tuned model would owe all of it, and the model's part beside.
    let terms = r#"terms: [{ number: "1", policy: LAP, shareE8: 50000000 }]"#;
    let data = world
        .souk
        .ask(&simulate(&format!(r#"asset: "{}", amount: "1000", {terms}"#, asset(3))))
        .await;
    let compared = &data["simulateRevenue"];
    assert_eq!(
        compared["asDeclared"],
        json!({ "overspent": { "asset": { "assetId": asset(3) }, "partsE8": "125000000" }, "lines": null })
    );
    assert!(
        compared["proRata"]["overspent"].is_null(),
        "pro rata never passes the whole"
    );
    let lines = compared["proRata"]["lines"]["nodes"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line["recipient"]["address"] == address(crate::fixture::ALICE))
    );
    let data = world
        .souk
        .ask(&simulate(&format!(
            r#"amount: "10", parents: [{{ parent: "{}", policy: LAP, shareE8: 95000000 }}, {{ parent: "{}", policy: LAP, shareE8: 95000000 }}]"#,
            asset(1),
            asset(2)
        )))
        .await;
    let overspent = &data["simulateRevenue"]["asDeclared"]["overspent"];
    assert!(
        overspent["asset"].is_null() && overspent["partsE8"] == "200000000",
        "{overspent}"
    );
}
