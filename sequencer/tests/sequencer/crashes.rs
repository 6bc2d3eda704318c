//! Nothing acknowledged is lost and nothing takes effect twice, whatever dies when.

use std::sync::Arc;
use std::time::Duration;

use souk_schema::exchange::{Outcome, OutcomeBatch, Side};
use souk_sequencer::{GroupHandle, Role};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinHandle;

use crate::faulty::Faulty;
use crate::random::Random;
use crate::trade::{expiry_secs, order, place};
use crate::world::{PATIENCE, Running, World, assert_kept, audit, config, last_number, submit_while_it_runs};

const TRADERS: u64 = 6;

/// Orders of each trader, from a nonce on, until the group ends or `most` are sent.
fn trade(group: &GroupHandle, seed: u64, first_nonce: u64, most: u64) -> Vec<JoinHandle<Vec<Outcome>>> {
    let expiry = expiry_secs();
    let traders = (0..TRADERS).map(|trader| {
        let group = group.clone();
        let mut random = Random(seed ^ (trader << 32));
        let mut nonces = first_nonce..first_nonce + most;
        tokio::spawn(async move {
            let next = || {
                let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
                let (price, lots) = (995 + random.below(10), 1 + random.below(9));
                nonces
                    .next()
                    .map(|nonce| place(order(trader, nonce, side, price, lots, expiry)))
            };
            submit_while_it_runs(&group, next).await
        })
    });
    traders.collect()
}

async fn all(trading: Vec<JoinHandle<Vec<Outcome>>>) -> Vec<Outcome> {
    let mut acknowledged = Vec::new();
    for trader in trading {
        // Also of a group that is gone: nobody waits for an answer that cannot come.
        let ended = tokio::time::timeout(PATIENCE, trader)
            .await
            .expect("an answer, or none");
        acknowledged.extend(ended.expect("no panic"));
    }
    acknowledged
}

/// What a listener has missed nothing of, or was told that it has: numbers rise without gaps but there.
fn all_heard(mut listener: Receiver<Arc<OutcomeBatch>>) -> Vec<Outcome> {
    let mut heard: Vec<Outcome> = Vec::new();
    let mut missed = true;
    loop {
        let batch = match listener.try_recv() {
            Ok(batch) => batch,
            Err(TryRecvError::Lagged(_)) => {
                missed = true;
                continue;
            }
            Err(TryRecvError::Empty | TryRecvError::Closed) => return heard,
        };
        for outcome in &batch.outcomes {
            let follows = last_number(&heard).0 + 1 == outcome.number.0;
            assert!(
                follows || std::mem::take(&mut missed),
                "a gap before {}",
                outcome.number
            );
            heard.push(outcome.clone());
        }
        missed = false;
    }
}

/// Lives that end at a drawn command, with a log that fails at drawn calls. Prints its seed when it fails.
async fn lives(seed: u64) {
    const LIVES: u64 = 10;
    let world = World::new().await;
    let mut random = Random(seed);
    let (mut acknowledged, mut heard) = (Vec::new(), Vec::new());
    let mut failed = 0;
    for life in 0..LIVES {
        let log = Arc::new(Faulty::new(world.log().await, random.next(), 12));
        let running = Running::start(config(Role::Primary), Arc::clone(&log) as _, world.pool().await).await;
        if life == 0 {
            running.open(TRADERS).await;
        }
        // As slow as a listener can be: it looks when all is over.
        let listener = running.group.outcomes();
        let trading = trade(&running.group, random.next(), 1 + life * 1_000, 1_000);
        let dies_at = running.group.status().borrow().command.0 + random.below(300);
        running
            .until("at its death", |status| status.command.0 >= dies_at)
            .await;
        running.kill().await;
        acknowledged.extend(all(trading).await);
        heard.extend(all_heard(listener));
        failed += log.failed();
    }
    let running = world.run(config(Role::Primary)).await;
    assert!(running.group.running().await);
    running.stop().await;
    let written = audit(&*world.log().await).await;
    assert_kept(&acknowledged, &written);
    assert_kept(&heard, &written);
    assert!(heard.len() > 50, "only {} outcomes were heard live", heard.len());
    assert!(failed > 20, "only {failed} calls of the log failed");
    assert!(
        acknowledged.len() > 50,
        "only {} commands were acknowledged",
        acknowledged.len()
    );
    assert!(
        written.iter().any(|outcome| outcome.result.is_err()),
        "no repetition reached the log"
    );
}

/// `SOUK_SIMULATION_SEED` runs one seed, `SOUK_CRASH_SEEDS` that many.
#[tokio::test(flavor = "multi_thread")]
async fn lives_that_end_anywhere_lose_nothing_and_repeat_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match (number("SOUK_SIMULATION_SEED"), number("SOUK_CRASH_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(count)) => (0..count).collect(),
        (None, None) => vec![1, 20_260_727, 0xdead_beef],
    };
    for seed in seeds {
        let living = tokio::spawn(lives(seed));
        assert!(living.await.is_ok(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_for_a_while_delays_and_loses_nothing() {
    const ORDERS: u64 = 200;
    let mut world = World::new().await;
    let running = world.run(config(Role::Primary)).await;
    running.open(TRADERS).await;
    let trading = trade(&running.group, 5, 1, ORDERS);
    let opened = running.group.status().borrow().command.0;
    running.until("trading", |status| status.command.0 > opened + 30).await;
    world.postgres.kill9().await;
    // Meanwhile everything waits: whatever is decided now was in the log before.
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.postgres.restart().await.expect("starts again");
    let acknowledged = all(trading).await;
    assert_eq!(acknowledged.len() as u64, TRADERS * ORDERS, "everybody has an answer");
    running
        .until("published", |status| status.published == status.command)
        .await;
    running.stop().await;
    assert_kept(&acknowledged, &audit(&*world.log().await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_primaries_at_once_write_every_outcome_once() {
    const ORDERS: u64 = 60;
    let world = World::new().await;
    let one = world.run(config(Role::Primary)).await;
    one.open(TRADERS).await;
    let first = trade(&one.group, 1, 1, ORDERS);
    let other = world.run(config(Role::Primary)).await;
    other.until("primary", |status| status.role == Role::Primary).await;
    let second = trade(&other.group, 2, 1_000, ORDERS);
    one.until("fenced", |status| status.role == Role::Standby).await;
    one.group.promote();
    one.until("primary again", |status| status.role == Role::Primary).await;
    let third = trade(&one.group, 3, 2_000, ORDERS);
    let mut acknowledged = all(first).await;
    acknowledged.extend(all(second).await);
    acknowledged.extend(all(third).await);
    assert_eq!(
        acknowledged.len() as u64,
        3 * TRADERS * ORDERS,
        "a gateway serves whatever its engine's role is"
    );
    let last = last_number(&acknowledged).max(acknowledged.iter().map(|outcome| outcome.number).max().expect("some"));
    for engine in [&one, &other] {
        engine.until("complete", |status| status.published >= last).await;
    }
    other.until("fenced", |status| status.role == Role::Standby).await;
    let hash = |running: &Running| running.group.read(|engine| (engine.commands(), engine.state_hash()));
    assert_eq!(hash(&one), hash(&other));
    one.stop().await;
    other.stop().await;
    assert_kept(&acknowledged, &audit(&*world.log().await).await);
}
