//! Executions by role, agents that call agents, challenges, what backs a derivation, and the privacy that datasets spend.

use serde_json::{Value, json};
use souk_contracts::ExecutionLog;
use souk_schema::U256;

use super::world::*;
use crate::fixture::{ALICE, BOB, CAROL, USD, address};

/// An inference of asset 2 by Bob, of which tests change what they need.
fn requested(id: u64) -> ExecutionLog::ExecutionRequested {
    ExecutionLog::ExecutionRequested {
        executionId: U256::from(id),
        assetId: U256::from(2),
        requester: at(BOB),
        callerAssetId: U256::ZERO,
        parentExecutionId: U256::ZERO,
        kind: 2,
        licenseId: U256::ZERO,
        provider: at(CAROL),
        feeToken: at(USD),
        fee: U256::from(100),
        privacy: 0,
        epsilonMicros: 0,
        datasetIds: vec![],
        inputHash: word(0x61),
        deadline: time(50),
    }
}

fn completed(id: u64, asset: u64, output: u64, revenue: u64, contribution: u64) -> ExecutionLog::ExecutionCompleted {
    ExecutionLog::ExecutionCompleted {
        executionId: U256::from(id),
        assetId: U256::from(asset),
        provider: at(CAROL),
        outputAssetId: U256::from(output),
        outputHash: word(0x62),
        meteredUnits: 4_096,
        revenueId: U256::from(revenue),
        contributionId: U256::from(contribution),
    }
}

/// Block 1: datasets 1 and 5, model 2, agents 3 and 4. Block 2: agent 3 is asked (1) and asks model 2 (2) and agent 4 (4, cancelled);
/// model 2 is trained on both datasets (3). Block 3: 2 and 3 are completed; model 6 came of 3. Block 4: 3 is challenged. Block 5: rightly.
async fn used() -> World {
    let mut world = World::new().await;
    let assets = Logs::default()
        .asset(1, 0, ALICE)
        .asset(2, 1, ALICE)
        .asset(3, 3, BOB)
        .asset(4, 3, BOB)
        .asset(5, 0, CAROL);
    world.block(assets).await;
    let called = |id, asset: u64, caller: u64| ExecutionLog::ExecutionRequested {
        assetId: U256::from(asset),
        callerAssetId: U256::from(caller),
        parentExecutionId: U256::from(u64::from(caller != 0)),
        ..requested(id)
    };
    let training = ExecutionLog::ExecutionRequested {
        kind: 0,
        licenseId: U256::from(7),
        privacy: 1,
        epsilonMicros: 250_000,
        datasetIds: vec![U256::from(1), U256::from(5)],
        ..requested(3)
    };
    let asked = Logs::default()
        .and(EXECUTIONS, &called(1, 3, 0))
        .and(EXECUTIONS, &called(2, 2, 3))
        .and(EXECUTIONS, &training)
        .and(EXECUTIONS, &called(4, 4, 3));
    world.block(asked).await;
    let cancelled = ExecutionLog::ExecutionCancelled {
        executionId: U256::from(4),
        refund: U256::from(100),
    };
    let done = Logs::default()
        .revenue(1, 2, 100)
        .and(EXECUTIONS, &completed(2, 2, 0, 1, 0))
        .asset(6, 1, BOB)
        .derived(6, 1)
        .derived(6, 2)
        .contributed(21, 6, CAROL, 0x62)
        .and(EXECUTIONS, &completed(3, 2, 6, 0, 21))
        .and(EXECUTIONS, &cancelled);
    world.block(done).await;
    let challenged = ExecutionLog::ExecutionChallenged {
        challengeId: U256::from(1),
        executionId: U256::from(3),
        challenger: at(DAVE),
        bond: U256::from(50),
        evidenceHash: word(0x63),
        evidenceUri: "ipfs://proof".into(),
    };
    world.block(Logs::default().and(EXECUTIONS, &challenged)).await;
    let upheld = ExecutionLog::ChallengeResolved {
        challengeId: U256::from(1),
        executionId: U256::from(3),
        upheld: true,
        bondTo: at(DAVE),
        bond: U256::from(50),
        voidedContributionId: U256::from(21),
    };
    world
        .block(Logs::default().voided(21, 6).and(EXECUTIONS, &upheld))
        .await;
    world
}

#[tokio::test]
async fn an_execution_tells_who_asked_whom_for_what_and_what_came_of_it() {
    let world = used().await;
    let fields = "executionId number log asset { name } kind state requester { address } caller { assetId asset { name } } provider { address } \
        licenseNumber feeCurrency fee datasets { assetId } privacy epsilonMicros inputHash deadline refund requested { blockNumber } \
        cancelled { blockNumber } completion { output { asset { name } } outputHash meteredUnits revenue { number amount reason } \
        contribution { number } completed { blockNumber } } \
        challenges(first: 5) { nodes { challengeId challenger { address } state bond bondTo { address } evidenceUri voidedContributionId raised { blockNumber } resolved { blockNumber } } }";
    let ask = async |id: u64| {
        let query = format!(r#"{{ execution(id: "{}") {{ {fields} }} }}"#, record(EXECUTIONS, id));
        world.souk.ask(&query).await["execution"].take()
    };
    let training = ask(3).await;
    assert_eq!(
        training,
        json!({
            "executionId": record(EXECUTIONS, 3), "number": "3", "log": address(EXECUTIONS), "asset": { "name": "asset 2" }, "kind": "TRAINING",
            "state": "COMPLETED", "requester": { "address": address(BOB) }, "caller": null, "provider": { "address": address(CAROL) },
            "licenseNumber": "7", "feeCurrency": format!("eip155:31337/erc20:{}", address(USD)), "fee": "100",
            "datasets": [{ "assetId": asset_on(HOME, 1) }, { "assetId": asset_on(HOME, 5) }],
            "privacy": "DIFFERENTIAL_PRIVACY", "epsilonMicros": "250000", "inputHash": format!("{:#x}", word(0x61)), "deadline": time(50),
            "refund": null, "requested": { "blockNumber": 2 }, "cancelled": null,
            "completion": { "output": { "asset": { "name": "asset 6" } }, "outputHash": format!("{:#x}", word(0x62)), "meteredUnits": "4096",
                "revenue": null, "contribution": null, "completed": { "blockNumber": 3 } },
            "challenges": { "nodes": [{ "challengeId": record(EXECUTIONS, 1), "challenger": { "address": address(DAVE) }, "state": "UPHELD",
                "bond": "50", "bondTo": { "address": address(DAVE) }, "evidenceUri": "ipfs://proof",
                "voidedContributionId": format!("eip155:31337:{}/21", address(crate::fixture::BOOK)),
                "raised": { "blockNumber": 4 }, "resolved": { "blockNumber": 5 } }] },
        })
    );
    let inference = ask(2).await;
    assert_eq!(
        inference["caller"],
        json!({ "assetId": asset_on(HOME, 3), "asset": { "name": "asset 3" } })
    );
    assert_eq!(
        inference["completion"]["revenue"],
        json!({ "number": "1", "amount": "100", "reason": "INFERENCE" })
    );
    assert_eq!(
        (&inference["completion"]["output"], &inference["licenseNumber"]),
        (&Value::Null, &Value::Null)
    );
    let cancelled = ask(4).await;
    assert_eq!(
        (&cancelled["state"], &cancelled["refund"]),
        (&json!("CANCELLED"), &json!("100"))
    );
    assert_eq!(
        (&cancelled["completion"], &cancelled["cancelled"]),
        (&Value::Null, &json!({ "blockNumber": 3 }))
    );
}

#[tokio::test]
async fn executions_are_found_by_the_role_of_an_asset_as_of_any_block() {
    let mut world = used().await;
    let ids = async |world: &World, asset: u64, role: &str, as_of: &str| {
        let fields = format!("executions(role: {role}, first: 10{as_of}) {{ totalCount nodes {{ number }} }}");
        let found = world.of_asset(asset, &fields).await["executions"].take();
        let numbers: Vec<String> = found["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["number"].as_str().unwrap().into())
            .collect();
        assert_eq!(found["totalCount"], numbers.len());
        numbers.join(" ")
    };
    for (asset, role, expected) in [
        (2, "RUNS", "3 2"),
        (3, "RUNS", "1"),
        (6, "OUTPUT", "3"),
        (2, "OUTPUT", ""),
        (1, "DATASET", "3"),
        (5, "DATASET", "3"),
        (2, "DATASET", ""),
        (3, "CALLER", "4 2"),
        (4, "CALLER", ""),
    ] {
        assert_eq!(ids(&world, asset, role, "").await, expected, "{role} of {asset}");
        assert_eq!(
            ids(&world, asset, role, ", asOf: { block: 1 }").await,
            "",
            "{role} of {asset} before"
        );
    }
    assert_eq!(ids(&world, 2, "RUNS", ", asOf: { block: 2 }").await, "3 2");
    let state = async |world: &World, block: u64| {
        let query = format!(
            r#"{{ execution(id: "{}", asOf: {{ block: {block} }}) {{ state completion {{ contribution {{ number }} }} challenges(first: 1) {{ nodes {{ state }} }} }} }}"#,
            record(EXECUTIONS, 3)
        );
        world.souk.ask(&query).await["execution"].take()
    };
    let none = json!({ "nodes": [] });
    assert_eq!(
        state(&world, 2).await,
        json!({ "state": "REQUESTED", "completion": null, "challenges": none })
    );
    let completion = json!({ "contribution": { "number": "21" } });
    assert_eq!(
        state(&world, 3).await,
        json!({ "state": "COMPLETED", "completion": completion, "challenges": none })
    );
    assert_eq!(
        state(&world, 4).await["challenges"]["nodes"],
        json!([{ "state": "OPEN" }])
    );
    world.revert(3).await;
    assert_eq!(state(&world, 2).await["state"], "REQUESTED");
    assert_eq!(ids(&world, 1, "DATASET", "").await, "3");
    world.revert(1).await;
    assert_eq!(ids(&world, 1, "DATASET", "").await, "");
}

#[tokio::test]
async fn agents_that_call_agents_are_followed_both_ways() {
    let world = used().await;
    let query = format!(
        r#"{{ execution(id: "{}") {{ calledBy {{ number }} calls(first: 10) {{ totalCount nodes {{ number calledBy {{ number asset {{ name }} }} calls(first: 1) {{ totalCount }} }} }} }} }}"#,
        record(EXECUTIONS, 1)
    );
    let called_by = json!({ "number": "1", "asset": { "name": "asset 3" } });
    assert_eq!(
        world.souk.ask(&query).await["execution"],
        json!({ "calledBy": null, "calls": { "totalCount": 2, "nodes": [
            { "number": "4", "calledBy": called_by, "calls": { "totalCount": 0 } },
            { "number": "2", "calledBy": called_by, "calls": { "totalCount": 0 } },
        ] } })
    );
}

#[tokio::test]
async fn a_derivation_names_the_execution_that_backs_it_whatever_speaks_against_it() {
    let world = used().await;
    let edges = async |block: u64| {
        let fields = format!(
            "parents(first: 5, asOf: {{ block: {block} }}) {{ nodes {{ status parent {{ asset {{ name }} }} evidence {{ __typename ... on Execution {{ number }} }} }} }}"
        );
        world.of_asset(6, &fields).await["parents"]["nodes"].take()
    };
    for (block, status) in [(3, "EVIDENCED"), (4, "DISPUTED"), (5, "DISPUTED")] {
        let edge = |name| {
            json!({ "status": status, "parent": { "asset": { "name": name } },
                "evidence": [{ "__typename": "Execution", "number": "3" }] })
        };
        assert_eq!(
            edges(block).await,
            json!([edge("asset 1"), edge("asset 2")]),
            "block {block}"
        );
    }
}

#[tokio::test]
async fn a_dataset_is_charged_until_a_challenge_is_upheld_and_the_budget_says_by_what() {
    let mut world = used().await;
    let budget = async |world: &World, asset: u64, block: u64| {
        let fields = format!(
            "privacyBudget(asOf: {{ block: {block} }}) {{ epsilonMicros charges(first: 5) {{ totalCount nodes {{ epsilonMicros privacy charged {{ blockNumber }} usedBy {{ ... on Execution {{ number }} }} }} }} }}"
        );
        world.of_asset(asset, &fields).await["privacyBudget"].take()
    };
    let nothing = json!({ "epsilonMicros": "0", "charges": { "totalCount": 0, "nodes": [] } });
    let charged = json!({ "epsilonMicros": "250000", "charges": { "totalCount": 1, "nodes": [
        { "epsilonMicros": "250000", "privacy": "DIFFERENTIAL_PRIVACY", "charged": { "blockNumber": 3 }, "usedBy": { "number": "3" } },
    ] } });
    for asset in [1, 5] {
        for (block, expected) in [(2, &nothing), (3, &charged), (4, &charged), (5, &nothing)] {
            assert_eq!(
                &budget(&world, asset, block).await,
                expected,
                "asset {asset}, block {block}"
            );
        }
    }
    assert_eq!(budget(&world, 2, 4).await, nothing, "a model is no dataset");
    // The judgement is undone, and with it that nothing was charged; then the use itself.
    world.revert(1).await;
    assert_eq!(budget(&world, 1, 4).await, charged);
    world.revert(2).await;
    assert_eq!(budget(&world, 1, 2).await, nothing);
}

#[tokio::test]
async fn a_challenge_that_nobody_decided_lapsed() {
    let mut world = used().await;
    for (id, bond_to) in [(2_u64, DAVE), (3, ALICE)] {
        let challenged = ExecutionLog::ExecutionChallenged {
            challengeId: U256::from(id),
            executionId: U256::from(2),
            challenger: at(DAVE),
            bond: U256::from(50),
            evidenceHash: word(0x63),
            evidenceUri: String::new(),
        };
        let decided = ExecutionLog::ChallengeResolved {
            challengeId: U256::from(id),
            executionId: U256::from(2),
            upheld: false,
            bondTo: at(bond_to),
            bond: U256::from(50),
            voidedContributionId: U256::ZERO,
        };
        world.block(Logs::default().and(EXECUTIONS, &challenged)).await;
        world.block(Logs::default().and(EXECUTIONS, &decided)).await;
    }
    let query = format!(
        r#"{{ execution(id: "{}") {{ state challenges(first: 5) {{ nodes {{ state }} }} }} }}"#,
        record(EXECUTIONS, 2)
    );
    let execution = world.souk.ask(&query).await["execution"].take();
    assert_eq!(execution["state"], "COMPLETED");
    let states: Vec<&Value> = execution["challenges"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|challenge| &challenge["state"])
        .collect();
    assert_eq!(
        states,
        ["LAPSED", "DISMISSED"],
        "who has the bond back was not found wrong"
    );
}

#[tokio::test]
async fn an_account_has_the_executions_that_it_asked_for_and_those_that_it_provides() {
    let world = used().await;
    let numbers = async |account: u8, role: &str, rest: &str| -> Vec<String> {
        let query = format!(
            r#"{{ account(id: "eip155:31337:{}") {{ executions(role: {role}, first: 10{rest}) {{ totalCount nodes {{ number }} }} }} }}"#,
            address(account)
        );
        let list = world.souk.ask(&query).await["account"]["executions"].take();
        let nodes = list["nodes"].as_array().unwrap();
        assert_eq!(list["totalCount"], nodes.len(), "{query}");
        nodes
            .iter()
            .map(|node| node["number"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(numbers(BOB, "REQUESTER", "").await, ["4", "3", "2", "1"]);
    assert_eq!(numbers(CAROL, "PROVIDER", "").await, ["4", "3", "2", "1"]);
    assert!(numbers(BOB, "PROVIDER", "").await.is_empty());
    assert!(numbers(CAROL, "REQUESTER", "").await.is_empty());
    assert!(numbers(BOB, "REQUESTER", ", asOf: { block: 1 }").await.is_empty());
}
