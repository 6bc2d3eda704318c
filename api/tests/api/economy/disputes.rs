//! Disputes from their bond to their end, as of any block.

use serde_json::{Value, json};
use souk_contracts::DisputeCourt;
use souk_schema::U256;

use super::world::*;
use crate::fixture::{ALICE, BOB, CAROL, address};

pub fn raised(id: u64, asset: u64, tag: u8) -> DisputeCourt::DisputeRaised {
    DisputeCourt::DisputeRaised {
        disputeId: U256::from(id),
        assetId: U256::from(asset),
        challenger: at(BOB),
        tag,
        bond: U256::from(50),
        evidenceHash: word(0x81),
        evidenceUri: "ipfs://evidence".into(),
    }
}

fn judged(id: u64, upheld: bool, judge: u8) -> DisputeCourt::DisputeJudged {
    DisputeCourt::DisputeJudged {
        disputeId: U256::from(id),
        assetId: U256::from(2),
        judge: at(judge),
        upheld,
        resolvableAt: time(9),
        rulingHash: word(0x82),
    }
}

fn resolved(id: u64, outcome: u8) -> DisputeCourt::DisputeResolved {
    DisputeCourt::DisputeResolved {
        disputeId: U256::from(id),
        assetId: U256::from(2),
        outcome,
        bondTo: at(CAROL),
        bond: U256::from(50),
    }
}

/// Blocks 2 to 5: a dispute is raised, judged one way, then the other, and dismissed. Two more: one is upheld, one withdrawn.
async fn disputed() -> World {
    let mut world = World::new().await;
    world.block(Logs::default().asset(2, 1, ALICE)).await;
    let raised = Logs::default()
        .and(COURT, &raised(1, 2, 1))
        .and(COURT, &raised(2, 2, 2))
        .and(COURT, &raised(3, 2, 3));
    world.block(raised).await;
    world
        .block(
            Logs::default()
                .and(COURT, &judged(1, true, CAROL))
                .and(COURT, &judged(2, true, CAROL)),
        )
        .await;
    world
        .block(
            Logs::default()
                .and(COURT, &judged(1, false, DAVE))
                .and(COURT, &resolved(2, 1)),
        )
        .await;
    world
        .block(Logs::default().and(COURT, &resolved(1, 0)).and(COURT, &resolved(3, 2)))
        .await;
    world
}

#[tokio::test]
async fn a_dispute_tells_its_state_its_ruling_and_every_judgement() {
    let world = disputed().await;
    let fields = "disputeId court number asset { name } challenger { address } tag state bond bondTo { address } evidenceHash evidenceUri \
        ruling { judge { address } upheld resolvableAt rulingHash judged { blockNumber } } judgements(first: 5) { nodes { upheld } } \
        raised { blockNumber } resolved { blockNumber } blastRadius { heldRevenue { amount } openOrders { orders } }";
    let data = world
        .of_asset(2, &format!("disputes(first: 5) {{ totalCount nodes {{ {fields} }} }}"))
        .await;
    assert_eq!(data["disputes"]["totalCount"], 3);
    let nodes = data["disputes"]["nodes"].as_array().unwrap();
    assert_eq!(
        nodes[2],
        json!({
            "disputeId": record(COURT, 1), "court": address(COURT), "number": "1", "asset": { "name": "asset 2" },
            "challenger": { "address": address(BOB) }, "tag": "IMPROPER_USAGE", "state": "DISMISSED", "bond": "50",
            "bondTo": { "address": address(CAROL) }, "evidenceHash": format!("{:#x}", word(0x81)), "evidenceUri": "ipfs://evidence",
            "ruling": { "judge": { "address": address(DAVE) }, "upheld": false, "resolvableAt": time(9),
                "rulingHash": format!("{:#x}", word(0x82)), "judged": { "blockNumber": 4 } },
            "judgements": { "nodes": [{ "upheld": true }, { "upheld": false }] },
            "raised": { "blockNumber": 2 }, "resolved": { "blockNumber": 5 },
            // Neither payouts nor an exchange are here.
            "blastRadius": { "heldRevenue": null, "openOrders": null },
        })
    );
    let states: Vec<&Value> = nodes.iter().map(|node| &node["state"]).collect();
    assert_eq!(states, ["WITHDRAWN", "UPHELD", "DISMISSED"], "newest first");
    assert_eq!(
        (&nodes[0]["tag"], &nodes[0]["ruling"]),
        (&json!("CONTENT"), &Value::Null)
    );
}

#[tokio::test]
async fn a_dispute_that_nobody_judged_lapsed() {
    let mut world = disputed().await;
    world.block(Logs::default().and(COURT, &raised(4, 2, 0))).await;
    world.block(Logs::default().and(COURT, &resolved(4, 3))).await;
    let query = format!(
        r#"{{ dispute(id: "{}") {{ state ruling {{ upheld }} bondTo {{ address }} }} }}"#,
        record(COURT, 4)
    );
    assert_eq!(
        world.souk.ask(&query).await["dispute"],
        json!({ "state": "LAPSED", "ruling": null, "bondTo": { "address": address(CAROL) } })
    );
}

#[tokio::test]
async fn a_dispute_is_as_far_as_it_was_and_a_reorganisation_takes_it_back() {
    let mut world = disputed().await;
    let ask = async |world: &World, block: u64| {
        let query = format!(
            r#"{{ dispute(id: "{}", asOf: {{ block: {block} }}) {{ state bondTo {{ address }} ruling {{ upheld }} }} }}"#,
            record(COURT, 1)
        );
        world.souk.ask(&query).await["dispute"].take()
    };
    assert_eq!(
        ask(&world, 2).await,
        json!({ "state": "OPEN", "bondTo": null, "ruling": null })
    );
    assert_eq!(
        ask(&world, 3).await,
        json!({ "state": "JUDGED", "bondTo": null, "ruling": { "upheld": true } })
    );
    assert_eq!(
        ask(&world, 4).await,
        json!({ "state": "JUDGED", "bondTo": null, "ruling": { "upheld": false } })
    );
    let listed = world
        .of_asset(2, "disputes(first: 5, asOf: { block: 1 }) { totalCount }")
        .await;
    assert_eq!(listed["disputes"]["totalCount"], 0);
    world.revert(2).await;
    let head = format!(
        r#"{{ dispute(id: "{}") {{ state ruling {{ upheld }} }} }}"#,
        record(COURT, 1)
    );
    assert_eq!(
        world.souk.ask(&head).await["dispute"],
        json!({ "state": "JUDGED", "ruling": { "upheld": true } })
    );
    world.revert(2).await;
    assert_eq!(world.souk.error(&head).await.0, "NOT_FOUND");
    let listed = world.of_asset(2, "disputes(first: 5) { totalCount }").await;
    assert_eq!(listed["disputes"]["totalCount"], 0);
}

#[tokio::test]
async fn disputes_of_a_chain_are_listed_by_whether_they_are_over() {
    let world = disputed().await;
    let ask = async |filter: &str| {
        let query = format!(
            r#"{{ disputes(chain: "eip155:31337", first: 10{filter}) {{ totalCount nodes {{ number state }} }} }}"#
        );
        let list = world.souk.ask(&query).await["disputes"].take();
        let nodes = list["nodes"].as_array().unwrap().clone();
        assert_eq!(list["totalCount"], nodes.len(), "{query}");
        nodes
    };
    let all = ask("").await;
    let numbers: Vec<&str> = all.iter().map(|node| node["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["3", "2", "1"], "newest first");
    // As of each block, those that are open are those whose state says so.
    let (mut open, mut over) = (0, 0);
    for block in 1..=5 {
        let at = format!(", asOf: {{ block: {block} }}");
        let all = ask(&at).await;
        let lasts = |node: &&Value| ["OPEN", "JUDGED"].iter().any(|state| node["state"] == *state);
        let (lasting, ended): (Vec<&Value>, Vec<&Value>) = all.iter().partition(lasts);
        assert_eq!(
            ask(&format!(", open: true{at}")).await.iter().collect::<Vec<_>>(),
            lasting,
            "block {block}"
        );
        assert_eq!(
            ask(&format!(", open: false{at}")).await.iter().collect::<Vec<_>>(),
            ended,
            "block {block}"
        );
        (open, over) = (open + lasting.len(), over + ended.len());
    }
    assert!(open > 3 && over > 2, "{open} open, {over} over: little was tried");
}
