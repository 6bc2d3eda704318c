//! Tasks, their submissions, reviews and rewards, as of any block.

use serde_json::{Value, json};
use souk_contracts::TaskBoard;
use souk_schema::{Address, U256};

use super::world::*;
use crate::fixture::{ALICE, BOB, CAROL, REGISTRY, SHARES, USD, address};

fn posted(
    id: u64,
    mode: u8,
    reward: (u8, u64),
    second: Option<(u8, u64)>,
    places: u32,
    deadline: u64,
) -> TaskBoard::TaskPosted {
    TaskBoard::TaskPosted {
        taskId: U256::from(id),
        assetId: U256::from(1),
        poster: at(ALICE),
        mode,
        role: 1,
        rewardToken: at(reward.0),
        reward: U256::from(reward.1),
        secondToken: second.map_or(Address::ZERO, |(token, _)| at(token)),
        secondReward: U256::from(second.map_or(0, |(_, amount)| amount)),
        places,
        quorum: 1,
        deadline,
        weight: U256::from(9),
        reviewers: vec![at(CAROL), at(ALICE)],
        specHash: word(0x51),
        specUri: "ipfs://spec".into(),
    }
}

fn submitted(id: u64, task: u64, worker: u8) -> TaskBoard::SubmissionMade {
    TaskBoard::SubmissionMade {
        submissionId: U256::from(id),
        taskId: U256::from(task),
        worker: at(worker),
        contentHash: word(id as u8),
        contentUri: format!("ipfs://work/{id}"),
    }
}

fn reviewed(id: u64, task: u64, accepted: bool) -> TaskBoard::SubmissionReviewed {
    TaskBoard::SubmissionReviewed {
        submissionId: U256::from(id),
        taskId: U256::from(task),
        reviewer: at(CAROL),
        accepted,
        noteHash: word(0x52),
    }
}

fn paid(id: u64, task: u64, worker: u8, (token, amount): (u8, u64), contribution: u64) -> TaskBoard::RewardPaid {
    TaskBoard::RewardPaid {
        submissionId: U256::from(id),
        taskId: U256::from(task),
        worker: at(worker),
        token: at(token),
        amount: U256::from(amount),
        contributionId: U256::from(contribution),
    }
}

/// Block 2: a task with two rewards, open until block 6, and one that pays in shares. Block 3: three submissions. Block 4: two are accepted and
/// one is rejected. Block 5: a contribution is voided. Block 7: the first task is closed.
async fn worked() -> World {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    let tasks = Logs::default()
        .and(BOARD, &posted(1, 1, (USD, 500), Some((SECOND, 7)), 2, time(6)))
        .and(BOARD, &posted(2, 2, (SHARES, 10), None, 1, time(100)));
    world.block(tasks).await;
    let work = Logs::default()
        .and(BOARD, &submitted(1, 1, BOB))
        .and(BOARD, &submitted(2, 1, DAVE))
        .and(BOARD, &submitted(3, 2, BOB));
    world.block(work).await;
    let decided = Logs::default()
        .and(BOARD, &reviewed(1, 1, true))
        .contributed(11, 1, BOB, 1)
        .and(BOARD, &paid(1, 1, BOB, (USD, 500), 11))
        .and(BOARD, &paid(1, 1, BOB, (SECOND, 7), 11))
        .and(BOARD, &reviewed(2, 1, false))
        .and(
            BOARD,
            &TaskBoard::SubmissionRejected {
                submissionId: U256::from(2),
                taskId: U256::from(1),
                worker: at(DAVE),
            },
        )
        .and(BOARD, &reviewed(3, 2, true))
        .contributed(12, 1, BOB, 3)
        .and(BOARD, &paid(3, 2, BOB, (SHARES, 10), 12));
    world.block(decided).await;
    world.block(Logs::default().voided(11, 1)).await;
    world.until(6).await;
    let closed = TaskBoard::TaskClosed {
        taskId: U256::from(1),
        accepted: 1,
        refund: U256::from(500),
        secondRefund: U256::from(7),
    };
    world.block(Logs::default().and(BOARD, &closed)).await;
    world
}

#[tokio::test]
async fn a_task_tells_what_it_pays_and_what_became_of_all_work() {
    let world = worked().await;
    let fields = "taskId number board asset { name } poster { address } state mode role rewards { amount token { standard contract number } } \
        places accepted quorum deadline weight reviewers { address } specHash specUri refund secondRefund posted { blockNumber logIndex } \
        closed { blockNumber } submissions(first: 10) { totalCount nodes { submissionId worker { address } state contentUri \
        reviews { reviewer { address } accepted noteHash reviewed { blockNumber } } \
        paid { reward { amount token { contract } } paid { blockNumber logIndex } } \
        contribution { number } submitted { logIndex } accepted { logIndex } rejected { logIndex } } }";
    let data = world
        .of_asset(1, &format!("tasks(first: 10) {{ totalCount nodes {{ {fields} }} }}"))
        .await;
    assert_eq!(data["tasks"]["totalCount"], 2);
    let (community, dual) = (&data["tasks"]["nodes"][0], &data["tasks"]["nodes"][1]);
    let review = |accepted| {
        json!([{ "reviewer": { "address": address(CAROL) }, "accepted": accepted,
        "noteHash": format!("{:#x}", word(0x52)), "reviewed": { "blockNumber": 4 } }])
    };
    let expected = json!({
        "taskId": record(BOARD, 1), "number": "1", "board": address(BOARD), "asset": { "name": "asset 1" },
        "poster": { "address": address(ALICE) }, "state": "CLOSED", "mode": "DUAL_REWARD", "role": "LABEL",
        "rewards": [
            { "amount": "500", "token": { "standard": "ERC20", "contract": address(USD), "number": null } },
            { "amount": "7", "token": { "standard": "ERC20", "contract": address(SECOND), "number": null } },
        ],
        "places": 2, "accepted": 1, "quorum": 1, "deadline": time(6), "weight": "9",
        "reviewers": [{ "address": address(CAROL) }, { "address": address(ALICE) }],
        "specHash": format!("{:#x}", word(0x51)), "specUri": "ipfs://spec", "refund": "500", "secondRefund": "7",
        "posted": { "blockNumber": 2, "logIndex": 0 }, "closed": { "blockNumber": 7 },
        "submissions": { "totalCount": 2, "nodes": [
            { "submissionId": record(BOARD, 1), "worker": { "address": address(BOB) }, "state": "ACCEPTED", "contentUri": "ipfs://work/1",
              "reviews": review(true), "paid": [
                { "reward": { "amount": "500", "token": { "contract": address(USD) } }, "paid": { "blockNumber": 4, "logIndex": 2 } },
                { "reward": { "amount": "7", "token": { "contract": address(SECOND) } }, "paid": { "blockNumber": 4, "logIndex": 3 } },
              ], "contribution": null, "submitted": { "logIndex": 0 }, "accepted": { "logIndex": 2 }, "rejected": null },
            { "submissionId": record(BOARD, 2), "worker": { "address": address(DAVE) }, "state": "REJECTED", "contentUri": "ipfs://work/2",
              "reviews": review(false), "paid": [], "contribution": null, "submitted": { "logIndex": 1 }, "accepted": null,
              "rejected": { "logIndex": 5 } },
        ] },
    });
    assert_eq!(dual, &expected);
    assert_eq!(
        (&community["state"], &community["mode"]),
        (&json!("FULL"), &json!("COMMUNITY"))
    );
    let shares =
        json!([{ "amount": "10", "token": { "standard": "ERC1155", "contract": address(SHARES), "number": "1" } }]);
    assert_eq!(
        community["rewards"], shares,
        "the shares of the asset that the work is for"
    );
    assert_eq!(community["submissions"]["nodes"][0]["contribution"]["number"], "12");
    assert_eq!(community["closed"], Value::Null);
}

#[tokio::test]
async fn a_task_is_as_far_as_it_was_and_a_reorganisation_takes_it_back() {
    let mut world = worked().await;
    let at_block = async |world: &World, block: u64| {
        let fields = "state accepted refund submissions(first: 5) { totalCount nodes { state contribution { number } reviews { accepted } } }";
        let query = format!(
            r#"{{ task(id: "{}", asOf: {{ block: {block} }}) {{ {fields} }} }}"#,
            record(BOARD, 1)
        );
        world.souk.ask(&query).await["task"].take()
    };
    let none =
        json!({ "state": "OPEN", "accepted": 0, "refund": null, "submissions": { "totalCount": 0, "nodes": [] } });
    assert_eq!(at_block(&world, 2).await, none);
    let waiting = json!({ "state": "OPEN", "contribution": null, "reviews": [] });
    assert_eq!(
        at_block(&world, 3).await["submissions"]["nodes"],
        json!([waiting, waiting])
    );
    let decided = at_block(&world, 4).await;
    assert_eq!((&decided["state"], &decided["accepted"]), (&json!("OPEN"), &json!(1)));
    assert_eq!(
        decided["submissions"]["nodes"],
        json!([
            { "state": "ACCEPTED", "contribution": { "number": "11" }, "reviews": [{ "accepted": true }] },
            { "state": "REJECTED", "contribution": null, "reviews": [{ "accepted": false }] },
        ])
    );
    assert_eq!(
        at_block(&world, 6).await["state"],
        "REVIEW",
        "its deadline is the time of block 6"
    );
    assert_eq!(at_block(&world, 7).await["state"], "CLOSED");
    let before = world
        .of_asset(1, "tasks(first: 1, asOf: { block: 1 }) { totalCount }")
        .await;
    assert_eq!(before["tasks"]["totalCount"], 0);

    // Down to block 3 nothing is decided; down to block 2 nothing is submitted.
    let query = format!(
        r#"{{ task(id: "{}") {{ state submissions(first: 5) {{ nodes {{ state paid {{ reward {{ amount }} }} }} }} }} }}"#,
        record(BOARD, 1)
    );
    world.revert(4).await;
    let open = json!({ "state": "OPEN", "paid": [] });
    assert_eq!(
        world.souk.ask(&query).await["task"],
        json!({ "state": "OPEN", "submissions": { "nodes": [open, open] } })
    );
    world.revert(1).await;
    assert_eq!(world.souk.ask(&query).await["task"]["submissions"]["nodes"], json!([]));
    world.revert(1).await;
    assert_eq!(world.souk.error(&query).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn an_account_lists_its_submissions_page_by_page() {
    let world = worked().await;
    let account = format!("eip155:31337:{}", address(BOB));
    let page = |rest: &str| {
        format!(
            r#"{{ account(id: "{account}") {{ submissions(first: 1{rest}) {{ totalCount nodes {{ submissionId state task {{ taskId asset {{ assetId }} }} }} pageInfo {{ endCursor hasNextPage }} }} }} }}"#
        )
    };
    let first = world.souk.ask(&page("")).await["account"]["submissions"].take();
    assert_eq!(
        (&first["totalCount"], &first["pageInfo"]["hasNextPage"]),
        (&json!(2), &json!(true))
    );
    let node = |submission, task| {
        json!([{ "submissionId": record(BOARD, submission), "state": "ACCEPTED",
            "task": { "taskId": record(BOARD, task), "asset": { "assetId": asset_on(HOME, 1) } } }])
    };
    assert_eq!(first["nodes"], node(3, 2), "newest first");
    let after = format!(r#", after: {}"#, first["pageInfo"]["endCursor"]);
    let second = world.souk.ask(&page(&after)).await["account"]["submissions"].take();
    assert_eq!(
        (&second["nodes"], &second["pageInfo"]["hasNextPage"]),
        (&node(1, 1), &json!(false))
    );
    let early = world.souk.ask(&page(", asOf: { block: 2 }")).await;
    assert_eq!(early["account"]["submissions"]["totalCount"], 0);
    let nobody = page("").replace(&address(BOB), &address(REGISTRY));
    assert_eq!(world.souk.ask(&nobody).await["account"]["submissions"]["totalCount"], 0);
}

#[tokio::test]
async fn many_tasks_cost_as_many_statements_as_one() {
    let mut world = World::new().await;
    world.block(Logs::default().asset(1, 0, ALICE)).await;
    let mut logs = Logs::default();
    for id in 1..=40 {
        logs = logs
            .and(BOARD, &posted(id, 0, (USD, 5), None, 3, time(9)))
            .and(BOARD, &submitted(id, id, BOB))
            .and(BOARD, &reviewed(id, id, true))
            .contributed(id, 1, BOB, id as u8)
            .and(BOARD, &paid(id, id, BOB, (USD, 5), id));
    }
    world.block(logs).await;
    let ask = async |rows: usize| {
        let fields = "state asset { name } submissions(first: 3) { totalCount nodes { state reviews { accepted } paid { reward { amount } } contribution { weight } } }";
        let before = world.souk.database.statements();
        let data = world
            .of_asset(1, &format!("tasks(first: {rows}) {{ nodes {{ {fields} }} }}"))
            .await;
        assert_eq!(data["tasks"]["nodes"].as_array().unwrap().len(), rows);
        world.souk.database.statements() - before
    };
    // The first time a connection learns statements; afterwards the best of some counts tells, because a batch may begin before all are there.
    ask(40).await;
    let few = ask(4).await;
    let many = ask(40).await.min(ask(40).await).min(ask(40).await);
    assert!(
        few >= 6 && many <= few + 3,
        "{many} statements for 40 tasks, {few} for 4"
    );
}

#[tokio::test]
async fn tasks_of_a_chain_are_listed_by_how_far_they_are_and_an_accounts_work_with_it() {
    let world = worked().await;
    let numbers = async |filter: &str| -> Vec<String> {
        let query =
            format!(r#"{{ tasks(chain: "eip155:31337", first: 10{filter}) {{ totalCount nodes {{ number }} }} }}"#);
        let list = world.souk.ask(&query).await["tasks"].take();
        let nodes = list["nodes"].as_array().unwrap();
        assert_eq!(list["totalCount"], nodes.len(), "{query}");
        nodes
            .iter()
            .map(|node| node["number"].as_str().unwrap().to_string())
            .collect()
    };
    // The second has one place, which was filled in block 4; the first is closed in block 7, and takes no work from block 6 on.
    assert_eq!(numbers("").await, ["2", "1"]);
    for (state, block, expected) in [
        ("OPEN", 1, vec![]),
        ("OPEN", 3, vec!["2", "1"]),
        ("OPEN", 4, vec!["1"]),
        ("FULL", 4, vec!["2"]),
        ("REVIEW", 5, vec![]),
        ("REVIEW", 6, vec!["1"]),
        ("CLOSED", 6, vec![]),
        ("CLOSED", 7, vec!["1"]),
        ("FULL", 7, vec!["2"]),
    ] {
        let found = numbers(&format!(", state: {state}, asOf: {{ block: {block} }}")).await;
        assert_eq!(found, expected, "{state} as of block {block}");
    }
    let of = async |account: u8, fields: &str| {
        let query = format!(
            r#"{{ account(id: "eip155:31337:{}") {{ {fields} }} }}"#,
            address(account)
        );
        world.souk.ask(&query).await["account"].take()
    };
    assert_eq!(
        of(
            ALICE,
            "tasks(first: 1) { totalCount nodes { number } } reviews(first: 1) { totalCount }"
        )
        .await,
        json!({ "tasks": { "totalCount": 2, "nodes": [{ "number": "2" }] }, "reviews": { "totalCount": 0 } })
    );
    assert_eq!(
        of(CAROL, "tasks(first: 1) { totalCount } reviews(first: 5) { nodes { accepted submission { number worker { address } } } }").await,
        json!({ "tasks": { "totalCount": 0 }, "reviews": { "nodes": [
            { "accepted": true, "submission": { "number": "3", "worker": { "address": address(BOB) } } },
            { "accepted": false, "submission": { "number": "2", "worker": { "address": address(DAVE) } } },
            { "accepted": true, "submission": { "number": "1", "worker": { "address": address(BOB) } } }] } })
    );
    assert_eq!(
        of(CAROL, "reviews(first: 5, asOf: { block: 3 }) { totalCount }").await["reviews"]["totalCount"],
        0
    );
}
