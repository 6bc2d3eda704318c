//! Rounds of federated learning: what was submitted, what went in, what it cost datasets.

use serde_json::json;
use souk_contracts::ExecutionLog;
use souk_schema::U256;

use super::world::*;
use crate::fixture::{ALICE, BOB, CAROL, USD, address};

fn update(participant: u8, dataset: u64, hash: u8, weight: u64) -> ExecutionLog::UpdateSubmitted {
    ExecutionLog::UpdateSubmitted {
        roundId: U256::from(1),
        participant: at(participant),
        datasetId: U256::from(dataset),
        updateHash: word(hash),
        weight: U256::from(weight),
    }
}

/// Block 2: an execution and a round, both with number 1, train model 2. Block 3: three updates, one of data that is no asset. Block 4: two of
/// them became model 7; the execution is done too.
async fn learnt() -> World {
    let mut world = World::new().await;
    let assets = Logs::default().asset(1, 0, ALICE).asset(2, 1, ALICE).asset(5, 0, CAROL);
    world.block(assets).await;
    let execution = ExecutionLog::ExecutionRequested {
        executionId: U256::from(1),
        assetId: U256::from(2),
        requester: at(BOB),
        callerAssetId: U256::ZERO,
        parentExecutionId: U256::ZERO,
        kind: 1,
        licenseId: U256::ZERO,
        provider: at(CAROL),
        feeToken: at(USD),
        fee: U256::ZERO,
        privacy: 1,
        epsilonMicros: 1_000_000,
        datasetIds: vec![U256::from(1)],
        inputHash: word(0x61),
        deadline: time(50),
    };
    let round = ExecutionLog::RoundOpened {
        roundId: U256::from(1),
        assetId: U256::from(2),
        coordinator: at(ALICE),
        number: 1,
        privacy: 1,
        epsilonMicros: 40_000,
        baseHash: word(0x64),
        deadline: time(9),
    };
    world
        .block(Logs::default().and(EXECUTIONS, &execution).and(EXECUTIONS, &round))
        .await;
    let updates = Logs::default()
        .and(EXECUTIONS, &update(BOB, 1, 0x65, 3))
        .and(EXECUTIONS, &update(CAROL, 5, 0x66, 4))
        .and(EXECUTIONS, &update(DAVE, 0, 0x67, 5));
    world.block(updates).await;
    let completed = ExecutionLog::ExecutionCompleted {
        executionId: U256::from(1),
        assetId: U256::from(2),
        provider: at(CAROL),
        outputAssetId: U256::ZERO,
        outputHash: word(0x62),
        meteredUnits: 1,
        revenueId: U256::ZERO,
        contributionId: U256::ZERO,
    };
    let aggregated = ExecutionLog::RoundAggregated {
        roundId: U256::from(1),
        outputAssetId: U256::from(7),
        resultHash: word(0x68),
        firstContributionId: U256::from(31),
        participants: U256::from(2),
    };
    let gathered = Logs::default()
        .asset(7, 1, ALICE)
        .derived(7, 1)
        .derived(7, 5)
        .contributed(31, 7, BOB, 0x65)
        .contributed(32, 7, DAVE, 0x67)
        .and(EXECUTIONS, &aggregated)
        .and(EXECUTIONS, &completed);
    world.block(gathered).await;
    world
}

#[tokio::test]
async fn a_round_tells_its_updates_and_which_went_in() {
    let mut world = learnt().await;
    let fields = "roundId log number asset { name } coordinator { address } privacy epsilonMicros baseHash deadline opened { blockNumber } \
        updates(first: 5) { totalCount nodes { participant { address } dataset { assetId } updateHash weight isAggregated contribution { number } submitted { blockNumber } } } \
        aggregation { output { asset { name } } resultHash participants aggregated { blockNumber } }";
    let data = world
        .of_asset(2, &format!("rounds(first: 5) {{ totalCount nodes {{ {fields} }} }}"))
        .await;
    let update = |who: u8, dataset: Option<u64>, hash: u8, weight: &str, contribution: Option<&str>| {
        json!({ "participant": { "address": address(who) }, "dataset": dataset.map(|number| json!({ "assetId": asset_on(HOME, number) })),
            "updateHash": format!("{:#x}", word(hash)), "weight": weight, "isAggregated": contribution.is_some(),
            "contribution": contribution.map(|number| json!({ "number": number })), "submitted": { "blockNumber": 3 } })
    };
    let round = json!({
        "roundId": record(EXECUTIONS, 1), "log": address(EXECUTIONS), "number": 1, "asset": { "name": "asset 2" },
        "coordinator": { "address": address(ALICE) }, "privacy": "DIFFERENTIAL_PRIVACY", "epsilonMicros": "40000",
        "baseHash": format!("{:#x}", word(0x64)), "deadline": time(9), "opened": { "blockNumber": 2 },
        "updates": { "totalCount": 3, "nodes": [
            update(BOB, Some(1), 0x65, "3", Some("31")), update(CAROL, Some(5), 0x66, "4", None), update(DAVE, None, 0x67, "5", Some("32")),
        ] },
        "aggregation": { "output": { "asset": { "name": "asset 7" } }, "resultHash": format!("{:#x}", word(0x68)), "participants": "2",
            "aggregated": { "blockNumber": 4 } },
    });
    assert_eq!(data["rounds"], json!({ "totalCount": 1, "nodes": [round] }));
    let query = format!(
        r#"{{ federatedRound(id: "{}", asOf: {{ block: 3 }}) {{ aggregation {{ participants }} updates(first: 5) {{ nodes {{ isAggregated contribution {{ number }} }} }} }} }}"#,
        record(EXECUTIONS, 1)
    );
    let open = json!({ "isAggregated": null, "contribution": null });
    let expected = json!({ "aggregation": null, "updates": { "nodes": [open, open, open] } });
    assert_eq!(world.souk.ask(&query).await["federatedRound"], expected);
    world.revert(1).await;
    assert_eq!(
        world.souk.ask(&query.replace(", asOf: { block: 3 }", "")).await["federatedRound"],
        expected
    );
}

#[tokio::test]
async fn an_execution_and_a_round_with_one_number_are_told_apart() {
    let world = learnt().await;
    let charge = "epsilonMicros usedBy { __typename ... on Execution { kind } ... on FederatedRound { baseHash } }";
    let fields = format!("privacyBudget {{ epsilonMicros charges(first: 5) {{ totalCount nodes {{ {charge} }} }} }}");
    let round = json!({ "epsilonMicros": "40000", "usedBy": { "__typename": "FederatedRound", "baseHash": format!("{:#x}", word(0x64)) } });
    let execution =
        json!({ "epsilonMicros": "1000000", "usedBy": { "__typename": "Execution", "kind": "FINE_TUNING" } });
    assert_eq!(
        world.of_asset(1, &fields).await["privacyBudget"],
        json!({ "epsilonMicros": "1040000", "charges": { "totalCount": 2, "nodes": [execution, round] } })
    );
    assert_eq!(
        world.of_asset(5, &fields).await["privacyBudget"],
        json!({ "epsilonMicros": "40000", "charges": { "totalCount": 1, "nodes": [round] } }),
        "it is charged for what was handed in, taken or not"
    );
    let edges = "parents(first: 5) { nodes { status evidence { __typename ... on FederatedRound { roundId } } } }";
    assert_eq!(
        world.of_asset(7, edges).await["parents"]["nodes"],
        json!([
            { "status": "EVIDENCED", "evidence": [{ "__typename": "FederatedRound", "roundId": record(EXECUTIONS, 1) }] },
            { "status": "DECLARED", "evidence": [] },
        ]),
        "the update of dataset 5 did not go in"
    );
}
