//! Restarts from snapshots, and in spite of them.

use souk_schema::exchange::{CommandNumber, Side};
use souk_sequencer::{Phase, Role};

use crate::trade::{expiry_secs, order, place};
use crate::world::{Running, World, audit, config};

/// A group that rests orders until it has two snapshots, and its state's hash.
async fn with_two_snapshots(world: &World) -> (Running, souk_schema::B256) {
    let running = world.run(config(Role::Primary)).await;
    running.open(1).await;
    let expiry = expiry_secs();
    let bodies = |nonces: std::ops::Range<u64>| {
        nonces
            .map(|nonce| place(order(0, nonce, Side::Buy, 1 + nonce, 1, expiry)))
            .collect()
    };
    for (nonces, snapshot) in [(1..100, 100), (100..200, 200), (200..300, 300)] {
        running.group.submit_all(bodies(nonces)).await.expect("decided");
        running
            .until("kept", |status| status.snapshot.is_some_and(|kept| kept.0 >= snapshot))
            .await;
    }
    running.group.submit_all(bodies(300..310)).await.expect("decided");
    let hash = running.group.read(|engine| engine.state_hash());
    (running, hash)
}

async fn kept(world: &World) -> Vec<i64> {
    sqlx::query_scalar("SELECT command_number FROM sequencer.snapshot ORDER BY command_number")
        .fetch_all(&world.pool().await)
        .await
        .expect("read")
}

async fn sql(world: &World, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(&world.pool().await)
        .await
        .expect("done");
}

/// Starts again; where it starts from, and that it comes to the same state.
async fn restarted_from(world: &World, hash: souk_schema::B256) -> Option<CommandNumber> {
    let running = world.run(config(Role::Primary)).await;
    let from = running.group.status().borrow().snapshot;
    assert!(running.group.running().await);
    assert_eq!(running.group.read(|engine| engine.state_hash()), hash);
    assert!(running.group.status().borrow().recovery.is_some());
    running.stop().await;
    from
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_the_newest_snapshot_that_is_good() {
    let world = World::new().await;
    let (running, hash) = with_two_snapshots(&world).await;
    running.kill().await;
    let kept = kept(&world).await;
    assert_eq!(kept.len(), 2, "the newest two are kept: {kept:?}");
    let number = |place: usize| Some(CommandNumber(kept[place].unsigned_abs()));
    assert_eq!(restarted_from(&world, hash).await, number(1));

    let flip = "UPDATE sequencer.snapshot_piece SET data = set_byte(data, 100, get_byte(data, 100) # 1)
                WHERE command_number = (SELECT max(command_number) FROM sequencer.snapshot)";
    sql(&world, flip).await;
    assert_eq!(
        restarted_from(&world, hash).await,
        number(0),
        "a bit of the newest is wrong"
    );
    let claim = "UPDATE sequencer.snapshot SET state_hash = sha256(state_hash)
                 WHERE command_number = (SELECT min(command_number) FROM sequencer.snapshot)";
    sql(&world, claim).await;
    assert_eq!(restarted_from(&world, hash).await, None, "neither is good");
    sql(&world, "DELETE FROM sequencer.snapshot_piece").await;
    assert_eq!(restarted_from(&world, hash).await, None, "their pieces are gone");
    sql(&world, "DELETE FROM sequencer.snapshot").await;
    assert_eq!(restarted_from(&world, hash).await, None, "there is none");
    audit(&*world.log().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_snapshot_is_ahead_of_are_written_all_the_same() {
    let world = World::new().await;
    let (running, hash) = with_two_snapshots(&world).await;
    running.stop().await;
    let cut = "DELETE FROM log.record r USING log.stream s WHERE s.id = r.stream_id AND s.name = 'exchange.events.1' AND r.sequence >= 2;
               UPDATE log.stream SET next_sequence = 2 WHERE name = 'exchange.events.1'";
    sql(&world, cut).await;
    assert_eq!(restarted_from(&world, hash).await, None);
    audit(&*world.log().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_starts_and_serves_without_any_history() {
    let world = World::new().await;
    let running = world.run(config(Role::Primary)).await;
    let status = running.group.status().borrow().clone();
    assert_eq!((status.phase, status.command), (Phase::Running, CommandNumber(0)));
    running.stop().await;
}
