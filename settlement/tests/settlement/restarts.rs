//! Following facts goes on from its last snapshot, whatever happened to it meanwhile.

use std::time::Duration;

use souk_schema::exchange::Outcome;

use crate::world::{CHAIN, DEPTH, DOLLARS, PATIENCE, World, available};

/// Every fact that the engine took or refused, by position.
async fn facts(world: &World) -> Vec<Outcome> {
    let mut reader = souk_streams::events(&world.log, crate::world::GROUP).unwrap();
    let mut facts = Vec::new();
    loop {
        let records = reader.read().await.unwrap();
        if records.is_empty() {
            return facts;
        }
        for stored in &records {
            let outcomes = reader.outcomes(stored).unwrap().outcomes;
            facts.extend(
                outcomes
                    .into_iter()
                    .filter(|outcome| matches!(outcome.source, souk_schema::exchange::Source::Chain { .. })),
            );
        }
    }
}

/// Another deposit of the buyer, until it is credited; nothing else is.
async fn deposit_more(world: &World, total: &mut u128) {
    let buyer = world.buyer.address();
    *total += 7;
    world.deposit(buyer, world.dollars(), 7).await;
    world.mine(1 + DEPTH).await;
    let expected = *total as i128;
    world
        .until("the deposit", |engine| {
            available(engine, buyer, world.dollars()) == expected
        })
        .await;
}

/// Where the snapshot ends, once there is one.
async fn snapshot_end(world: &World) -> i64 {
    let end = async {
        loop {
            let end = sqlx::query_scalar(
                "select (convert_from(body, 'utf8')::jsonb ->> 'next_sequence')::bigint from settlement.fact_snapshot where group_id = 1",
            );
            if let Some(end) = end.fetch_optional(&world.pool).await.unwrap() {
                return end;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("a snapshot is taken")
}

async fn run(world: &World, statement: &str) {
    let done = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&world.pool)
        .await
        .unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_reads_only_what_is_new() {
    let mut world = World::trading().await;
    let mut total = DOLLARS;
    deposit_more(&world, &mut total).await;
    world
        .restart_facts(async |world| {
            // A fold from the beginning would find that the stream ends after the record that opens it.
            let end = snapshot_end(world).await;
            assert!(end > 3);
            let stream = CHAIN.stream(1);
            run(
                world,
                &format!("delete from log.record where sequence > 0 and sequence < {end} - 1 and stream_id = (select id from log.stream where name = '{stream}')"),
            )
            .await;
        })
        .await;
    deposit_more(&world, &mut total).await;
}

/// The follower is killed after facts were told and before a snapshot was taken of it: they are not told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_older_than_what_was_told_tells_nothing_twice() {
    let mut world = World::trading().await;
    let mut total = DOLLARS;
    assert!(snapshot_end(&world).await > 0);
    run(&world, "create table older as select * from settlement.fact_snapshot").await;
    deposit_more(&world, &mut total).await;
    let before = facts(&world).await.len();
    world
        .restart_facts(async |world| {
            run(
                world,
                "update settlement.fact_snapshot s set body = o.body, body_hash = o.body_hash from older o where o.group_id = s.group_id",
            )
            .await;
        })
        .await;
    deposit_more(&world, &mut total).await;
    let all = facts(&world).await;
    let new = &all[before..];
    assert!(
        new.iter().all(|fact| fact.result.is_ok()),
        "what was told before: {new:?}"
    );
    let credits = new
        .iter()
        .filter(|fact| fact.result.as_ref().is_ok_and(|events| !events.is_empty()));
    assert_eq!(credits.count(), 1, "the new deposit: {new:?}");
}

/// Whatever is wrong with a snapshot, everything is folded anew, and nothing is told twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_used_is_as_good_as_none() {
    let mut world = World::trading().await;
    let mut total = DOLLARS;
    for change in [
        "body = set_byte(body, 40, get_byte(body, 40) # 1)",
        "version = version + 1",
        "config_hash = body_hash",
        // The record that it ends with is another: the stream is not that of which it was taken.
        "body = b.bytes, body_hash = b.hash",
    ] {
        deposit_more(&world, &mut total).await;
        world
            .restart_facts(async |world| {
                if change.contains("b.bytes") {
                    misplace(world).await;
                } else {
                    run(world, &format!("update settlement.fact_snapshot set {change}")).await;
                }
            })
            .await;
        deposit_more(&world, &mut total).await;
    }
}

/// Gives the snapshot another last record, with a right check sum.
async fn misplace(world: &World) {
    let body: Vec<u8> = sqlx::query_scalar("select body from settlement.fact_snapshot")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let mut snapshot: serde_json::Value = serde_json::from_slice(&body).unwrap();
    snapshot["last_record"] = serde_json::to_value(alloy::primitives::B256::repeat_byte(9)).unwrap();
    let body = serde_json::to_vec(&snapshot).unwrap();
    sqlx::query("update settlement.fact_snapshot set body = $1, body_hash = $2")
        .bind(&body)
        .bind(alloy::primitives::keccak256(&body).to_vec())
        .execute(&world.pool)
        .await
        .unwrap();
}

/// Blocks that the snapshot has seen are reverted before anybody goes on from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_fork_that_is_gone_goes_on_with_the_other() {
    let mut world = World::trading().await;
    let mut total = DOLLARS;
    deposit_more(&world, &mut total).await;
    let (mark, buyer) = (world.snapshot().await, world.buyer.address());
    let before = snapshot_end(&world).await;
    world.deposit(buyer, world.dollars(), 1_000).await;
    world.mine(1).await;
    // The block with the deposit, which is not final, is in the snapshot.
    let taken = async {
        while snapshot_end(&world).await <= before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let taken = tokio::time::timeout(PATIENCE, taken).await;
    assert!(taken.is_ok(), "no snapshot is taken");
    world
        .restart_facts(async |world| {
            world.go_back(mark).await;
            world.forward(5).await;
            world.mine(2 + DEPTH).await;
        })
        .await;
    deposit_more(&world, &mut total).await;
}
