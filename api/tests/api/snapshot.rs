//! Law API-1: every answer can name the snapshot that it was computed at, and is of that snapshot throughout.

use std::time::Duration;

use serde_json::json;

use crate::fixture::*;

#[tokio::test]
async fn api_1_every_answer_names_the_blocks_and_log_positions_it_was_computed_at() {
    let souk = Souk::start().await;
    let answer = souk.answer("{ assets(first: 1) { totalCount } meta { snapshot { chainId block { number hash } stream nextSequence } } }", json!({})).await;
    let meta = &answer["data"]["meta"]["snapshot"][0];
    let extension = &answer["extensions"]["snapshot"][0];
    let (sequence, hash): (i64, Vec<u8>) = sqlx::query_as("select next_sequence, head_hash from projection")
        .fetch_one(&souk.database.pool)
        .await
        .unwrap();
    let hash = format!("0x{}", hex(&hash));
    assert_eq!(
        meta,
        &json!({ "chainId": CHAIN, "block": { "number": HEAD, "hash": hash }, "stream": "chain.31337", "nextSequence": sequence })
    );
    assert_eq!(
        extension,
        &json!({ "chainId": CHAIN, "block": HEAD, "hash": hash, "stream": "chain.31337", "nextSequence": sequence })
    );
}

/// While a writer commits block after block, each with a new owner, a new asset and a new edge that tell the block's number.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn api_1_tables_and_graph_answer_of_one_block_while_the_projector_commits() {
    let souk = Souk::start().await;
    let pool = souk.database.pool.clone();
    let writer = tokio::spawn(async move {
        for number in HEAD + 1..HEAD + 120 {
            let data = key(REGISTRY, 1);
            let sql = format!(
                "begin; {} {} {} update ownership set valid_to = {number} where token_key = {data} and valid_to is null; \
                 insert into ownership values (31337, {data}, {}, {number}, null, 9); {NOTIFY} commit;",
                block(number, 1),
                registered(number as u64 + 100, 1, "child", BOB, number, 0),
                derived(number as u64 + 100, 1, 0, 0, number, 1),
                bytes(number as u8),
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    let query = format!(
        r#"{{ asset(id: "{}") {{ owner {{ address }} children(first: 1) {{ totalCount }} lineage(direction: DESCENDANTS, limit: 1) {{ totalCount }} }}
           assets(first: 1) {{ totalCount }} chain(id: "{CHAIN}") {{ head {{ number }} }} }}"#,
        asset(1)
    );
    let mut heads = std::collections::BTreeSet::new();
    while !writer.is_finished() {
        let answer = souk.answer(&query, json!({})).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        let head = answer["extensions"]["snapshot"][0]["block"].as_i64().unwrap();
        heads.insert(head);
        let data = &answer["data"];
        let new = head - HEAD;
        assert_eq!(data["chain"]["head"]["number"], head);
        assert_eq!(data["assets"]["totalCount"], 4 + new, "assets at block {head}");
        assert_eq!(
            data["asset"]["children"]["totalCount"],
            2 + new,
            "children at block {head}"
        );
        assert_eq!(
            data["asset"]["lineage"]["totalCount"],
            3 + new,
            "descendants at block {head}"
        );
        let owner = if new == 0 { address(CAROL) } else { address(head as u8) };
        assert_eq!(data["asset"]["owner"]["address"], owner, "owner at block {head}");
    }
    writer.await.unwrap();
    assert!(heads.len() > 5, "only {heads:?} were seen: nothing was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn api_1_an_answer_during_reorganisations_is_of_one_fork() {
    let souk = Souk::start().await;
    let pool = souk.database.pool.clone();
    let writer = tokio::spawn(async move {
        for fork in 2..60u8 {
            // Each fork has its own number of children in block 21.
            let children: String = (0..fork)
                .map(|at| {
                    let number = 1000 + u64::from(at);
                    registered(number, 1, "child", fork, HEAD + 1, 2 * i32::from(at))
                        + &derived(number, 1, 0, 0, HEAD + 1, 2 * i32::from(at) + 1)
                })
                .collect();
            let sql = format!(
                "begin; {} {} {children} {NOTIFY} commit;",
                revert_to(HEAD, 1),
                block(HEAD + 1, fork)
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let query = format!(
        r#"{{ asset(id: "{}") {{ lineage(direction: DESCENDANTS, limit: 1) {{ totalCount }} }} assets(first: 1) {{ totalCount }} }}"#,
        asset(1)
    );
    let (mut answered, mut asked) = (0, 0);
    while !writer.is_finished() {
        asked += 1;
        let answer = souk.answer(&query, json!({})).await;
        if let Some(error) = answer["errors"].get(0) {
            assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer:#}");
            continue;
        }
        answered += 1;
        let total = answer["data"]["assets"]["totalCount"].as_i64().unwrap();
        assert_eq!(
            answer["data"]["asset"]["lineage"]["totalCount"],
            total - 1,
            "tables and graph are of different forks: {answer:#}"
        );
    }
    writer.await.unwrap();
    assert!(
        answered * 2 > asked && answered > 5,
        "{answered} of {asked} were answered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn api_1_a_crowd_larger_than_the_pool_waits_its_turn_and_each_answer_is_of_one_block() {
    let souk = std::sync::Arc::new(Souk::start().await);
    let pool = souk.database.pool.clone();
    let writer = tokio::spawn(async move {
        for number in HEAD + 1..HEAD + 60 {
            let child = number as u64 + 100;
            let (asset, edge) = (
                registered(child, 1, "child", BOB, number, 0),
                derived(child, 1, 0, 0, number, 1),
            );
            let sql = format!("begin; {} {asset} {edge} {NOTIFY} commit;", block(number, 1));
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let query = format!(
        r#"{{ asset(id: "{}") {{ lineage(direction: DESCENDANTS, limit: 1) {{ totalCount }} }} assets(first: 1) {{ totalCount }} }}"#,
        asset(1)
    );
    let crowd = (0..100).map(|_| {
        let (souk, query) = (souk.clone(), query.clone());
        tokio::spawn(async move {
            for _ in 0..3 {
                let answer = souk.answer(&query, json!({})).await;
                assert!(answer.get("errors").is_none(), "{answer:#}");
                let total = answer["data"]["assets"]["totalCount"].as_i64().unwrap();
                assert_eq!(
                    answer["data"]["asset"]["lineage"]["totalCount"],
                    total - 1,
                    "{answer:#}"
                );
            }
        })
    });
    for asked in crowd.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    writer.await.unwrap();
}
