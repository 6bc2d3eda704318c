//! Settling goes on from its last snapshot, whatever happened to it, to the streams and to the chain meanwhile.

use souk_ledger::tables::Schema;
use souk_schema::exchange::{FillNumber, Side};
use sqlx::AssertSqlSafe;

use crate::settle::exhaust;
use crate::world::{DEPTH, GROUP, World};

async fn run(world: &World, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&world.pool)
        .await
        .unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
}

/// How far the snapshot has read a stream, `journal` or `events`.
async fn snapshot_end(world: &World, of: &str) -> i64 {
    let query = format!(
        "select (convert_from(body, 'utf8')::jsonb -> '{of}' ->> 'next_sequence')::bigint from settlement.settler_snapshot"
    );
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

/// Takes everything that the snapshot has read out of the log, save what shows that it is the same log.
async fn forget_what_is_read(world: &World) {
    for (of, stream) in [("journal", GROUP.settlement_stream()), ("events", GROUP.event_stream())] {
        let end = snapshot_end(world, of).await;
        assert!(end > 1, "{of} is read to {end}");
        run(
            world,
            &format!("delete from log.record where sequence < {end} - 1 and stream_id = (select id from log.stream where name = '{stream}')"),
        )
        .await;
    }
}

/// An order that rests, a fill whose transaction is on its way, and all that is to come of both are known to the second life.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_reads_only_what_is_new_and_loses_nothing() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    world.place(&world.seller, Side::Sell, 9, 10, 2).await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the first fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    exhaust(&mut settler).await;
    world.place(&world.buyer, Side::Buy, 4, 10, 3).await;
    exhaust(&mut settler).await;
    assert_eq!(settler.state().waiting().len(), 1, "on its way");
    drop(settler);

    forget_what_is_read(&world).await;
    let mut settler = world.settler().await;
    assert_eq!(settler.queue().len(), 1);
    // Another fill against the order that rests.
    world.place(&world.buyer, Side::Buy, 5, 10, 4).await;
    exhaust(&mut settler).await;
    for _ in 0..2 {
        world.mine(1 + DEPTH).await;
        exhaust(&mut settler).await;
    }
    world.mine(1 + DEPTH).await;
    world.until("all to be settled", |engine| engine.settled().0 == 3).await;
    exhaust(&mut settler).await;
    assert!(settler.queue().is_empty() && settler.state().mined().is_empty());
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 14);
    assert_eq!(world.row(2).await, ("final".into(), world.row(2).await.1, 1));
}

/// A chain that goes back past finality wants fills that the snapshot has no more: everything is read, and they are settled again.
#[tokio::test(flavor = "multi_thread")]
async fn fills_that_the_chain_lost_are_settled_again_by_who_began_with_a_snapshot() {
    let world = World::trading().await;
    let mark = world.snapshot().await;
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    exhaust(&mut settler).await;
    // The snapshot is taken before the step that has nothing to do.
    exhaust(&mut settler).await;
    drop(settler);

    world.go_back(mark).await;
    world.forward(5).await;
    world.mine(1).await;
    let mut settler = world.settler().await;
    assert_eq!(
        (settler.queue().last_over(), settler.queue().is_empty()),
        (FillNumber(1), true),
        "it went on from the snapshot"
    );
    exhaust(&mut settler).await;
    assert_eq!(settler.queue().len(), 1);
    // Who goes on from the same snapshot finds the same.
    drop(settler);
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 5);
}

/// Whatever is wrong with a snapshot, everything is read anew, and the tables are what they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_used_is_as_good_as_none() {
    let world = World::trading().await;
    souk_ledger::store::migrate(&world.pool, &Schema::live()).await.unwrap();
    let place = |of: &str, last: &str| {
        format!(
            "update settlement.settler_snapshot set body = convert_to(jsonb_set(convert_from(body, 'utf8')::jsonb, '{{{of},last_record}}',
                 to_jsonb('0x{}'::text))::text, 'utf8')",
            last.repeat(64)
        )
    };
    let harms = [
        "update settlement.settler_snapshot set body = set_byte(body, 40, get_byte(body, 40) # 1)".into(),
        "update settlement.settler_snapshot set version = version + 1".into(),
        // The records that it ends with are others: the streams are not those of which it was taken.
        place("journal", "9"),
        place("events", "9"),
        // Somebody has emptied tables that it would not write again.
        "delete from settlement.transaction".into(),
        "delete from exchange.settlement".into(),
    ];
    for (nonce, harm) in (1..).zip(harms) {
        world.trade(1, nonce).await;
        let mut settler = world.settler().await;
        exhaust(&mut settler).await;
        world.mine(1 + DEPTH).await;
        world
            .until("the fill to be settled", |engine| engine.settled().0 == nonce)
            .await;
        exhaust(&mut settler).await;
        exhaust(&mut settler).await;
        drop(settler);
        run(&world, &harm).await;
        if harm.contains("jsonb_set") {
            // With a right check sum over it.
            let body: Vec<u8> = sqlx::query_scalar("select body from settlement.settler_snapshot")
                .fetch_one(&world.pool)
                .await
                .unwrap();
            sqlx::query("update settlement.settler_snapshot set body_hash = $1")
                .bind(alloy::primitives::keccak256(&body).to_vec())
                .execute(&world.pool)
                .await
                .unwrap();
        }
        let settler = world.settler().await;
        assert_eq!(
            settler.queue().last_over(),
            FillNumber(0),
            "it has read nothing yet: {harm}"
        );
        assert!(settler.queue().is_empty(), "{harm}");
        let rows: (i64, i64) = sqlx::query_as(
            "select (select count(*) from settlement.transaction where state = 'final' and attempts = 1),
                    (select count(*) from exchange.settlement)",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        let fills = i64::try_from(nonce).unwrap();
        assert_eq!(rows, (fills, fills), "{harm}");
    }
}
