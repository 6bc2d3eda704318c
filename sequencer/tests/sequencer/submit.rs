//! Submitting, being answered, hearing of outcomes, stopping in order.

use std::time::Duration;

use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{CommandBody, CommandNumber, Event, Rejection, Side};
use souk_sequencer::{GroupConfig, Phase, Role, SubmitError};

use crate::trade::{expiry_secs, fact_source, order, place};
use crate::world::{PATIENCE, World, assert_kept, audit, config};

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_heard_of_and_written_down() {
    let world = World::new().await;
    let running = world.run(config(Role::Primary)).await;
    let mut live = running.group.outcomes();
    running.open(2).await;
    let expiry = expiry_secs();
    let sold = running
        .group
        .submit(place(order(0, 1, Side::Sell, 1_000, 5, expiry)))
        .await;
    let bought = running
        .group
        .submit(place(order(1, 1, Side::Buy, 1_000, 5, expiry)))
        .await;
    let (sold, bought) = (sold.expect("decided"), bought.expect("decided"));
    assert_eq!(sold.signed, [order(0, 1, Side::Sell, 1_000, 5, expiry)]);
    let events = bought.result.as_ref().expect("accepted");
    assert!(
        events.iter().any(|event| matches!(event, Event::Traded(_))),
        "{events:?}"
    );

    let refused = running
        .group
        .submit(place(order(1, 1, Side::Buy, 1_000, 5, expiry)))
        .await;
    let refused = refused.expect("a refusal is an outcome");
    assert_eq!(refused.result, Err(Rejection::NonceUsed));
    assert!(refused.signed.is_empty());
    let again = running.group.submit_fact(fact_source(1), Fact::EscapeEntered).await;
    let again = again.expect("a duplicate is an outcome");
    assert_eq!(again.result, Err(Rejection::Duplicate));
    assert_eq!(running.group.chain_position(crate::trade::CHAIN), Some(4));

    let mut heard = Vec::new();
    while heard.len() < 12 {
        let batch = tokio::time::timeout(PATIENCE, live.recv())
            .await
            .expect("in time")
            .expect("not too slow");
        heard.extend(batch.outcomes.clone());
    }
    assert_eq!(running.group.read(|engine| engine.commands()), CommandNumber(12));
    running.stop().await;
    let written = audit(&*world.log().await).await;
    assert_eq!(written, heard, "an orderly stop writes what was decided");
    assert_kept(&[sold, bought, refused, again], &written);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commands_share_records_and_keep_their_callers_order() {
    const CALLERS: u64 = 8;
    const COMMANDS: u64 = 60;
    let world = World::new().await;
    let running = world.run(config(Role::Primary)).await;
    running.open(CALLERS).await;
    let expiry = expiry_secs();
    let callers = (0..CALLERS).map(|caller| {
        let group = running.group.clone();
        tokio::spawn(async move {
            let bodies = (1..=COMMANDS).map(|nonce| place(order(caller, nonce, Side::Buy, 900 + nonce, 1, expiry)));
            group.submit_all(bodies.collect()).await.expect("decided")
        })
    });
    let mut acknowledged = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        let outcomes = caller.await.expect("no panic");
        assert!(outcomes.is_sorted_by_key(|outcome| outcome.number));
        let nonces: Vec<u64> = outcomes.iter().map(|outcome| outcome.signed[0].nonce).collect();
        assert_eq!(nonces, (1..=COMMANDS).collect::<Vec<_>>());
        acknowledged.extend(outcomes);
    }
    let status = running
        .until("published", |status| status.published == status.command)
        .await;
    assert!(
        status.next_sequence < CALLERS * COMMANDS / 4,
        "{} records",
        status.next_sequence
    );
    running.stop().await;
    assert_kept(&acknowledged, &audit(&*world.log().await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_goes_on_by_itself() {
    let world = World::new().await;
    let ticking = GroupConfig {
        tick_every: Duration::from_millis(20),
        ..config(Role::Primary)
    };
    let running = world.run(ticking).await;
    assert_eq!(
        running.group.status().borrow().command,
        CommandNumber(0),
        "nobody opened the group"
    );
    running.open(1).await;
    let opened = running.group.status().borrow().command;
    running.until("ticked", |status| status.command.0 >= opened.0 + 3).await;
    running.stop().await;
    let written = audit(&*world.log().await).await;
    assert!(written.iter().all(|outcome| outcome.result.is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_group_says_so_and_goes_on_later() {
    let world = World::new().await;
    let running = world.run(config(Role::Primary)).await;
    running.open(1).await;
    let group = running.group.clone();
    running.stop().await;
    assert_eq!(group.submit(CommandBody::Tick).await, Err(SubmitError::Stopped));
    assert_eq!(group.status().borrow().phase, Phase::Stopped);
    assert_eq!(
        group.read(|engine| engine.commands()),
        CommandNumber(6),
        "its last state can still be looked at"
    );

    let running = world.run(config(Role::Primary)).await;
    assert!(running.group.running().await);
    let outcome = running.group.submit(CommandBody::Tick).await.expect("decided");
    assert_eq!(outcome.number, CommandNumber(7));
    running.stop().await;
    audit(&*world.log().await).await;
}
