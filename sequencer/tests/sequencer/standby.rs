//! Engines beside the primary: they compare, take over, and never serve once they differ.

use std::time::Duration;

use souk_eventlog::{ReadLimits, StreamName};
use souk_schema::exchange::encoding::encode_outcomes;
use souk_schema::exchange::{CommandBody, CommandNumber, Side, UnixMillis};
use souk_sequencer::{GroupConfig, Phase, Role, SequencerError, SubmitError, record};

use crate::trade::{GROUP, expiry_secs, order, place};
use crate::world::{World, assert_kept, audit, config, gateways};

fn orders(nonces: std::ops::Range<u64>) -> Vec<CommandBody> {
    let expiry = expiry_secs();
    nonces
        .map(|nonce| place(order(0, nonce, Side::Buy, 900, 1, expiry)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_standby_takes_over_where_the_primary_died() {
    let world = World::new().await;
    let primary = world.run(config(Role::Primary)).await;
    primary.open(1).await;
    let patient = GroupConfig {
        takeover_after: Some(Duration::from_millis(300)),
        tick_every: Duration::from_millis(50),
        ..config(Role::Standby)
    };
    let standby = world.run(patient).await;
    let mut acknowledged = primary.group.submit_all(orders(1..50)).await.expect("decided");
    // A standby is a gateway like any other.
    acknowledged.extend(standby.group.submit_all(orders(50..100)).await.expect("decided"));
    standby.until("comparing", |status| status.published.0 >= 105).await;
    let group = primary.group.clone();
    primary.kill().await;
    assert_eq!(group.submit(CommandBody::Tick).await, Err(SubmitError::Stopped));
    acknowledged.extend(standby.group.submit_all(orders(100..150)).await.expect("decided"));
    let status = standby.until("primary", |status| status.role == Role::Primary).await;
    assert_eq!(status.phase, Phase::Running);
    let taken_over = status.command;
    standby
        .until("ticking", |status| {
            status.command > taken_over && status.published >= status.command
        })
        .await;
    standby.stop().await;
    let written = audit(&*world.log().await).await;
    assert_kept(&acknowledged, &written);
    assert_eq!(gateways(&written), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_primary_is_noticed_though_nobody_trades() {
    let world = World::new().await;
    let ticking = |role| GroupConfig {
        takeover_after: Some(Duration::from_secs(1)),
        tick_every: Duration::from_millis(50),
        ..config(role)
    };
    let primary = world.run(ticking(Role::Primary)).await;
    primary.open(1).await;
    let standby = world.run(ticking(Role::Standby)).await;
    standby.until("comparing", |status| status.published.0 >= 10).await;
    primary.kill().await;
    let status = standby.until("primary", |status| status.role == Role::Primary).await;
    standby
        .until("ticking", |now| now.published.0 >= status.command.0 + 3)
        .await;
    standby.stop().await;
    audit(&*world.log().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_goes_on_though_the_primary_is_gone_and_nobody_may_take_over() {
    let world = World::new().await;
    let primary = world.run(config(Role::Primary)).await;
    primary.open(1).await;
    let gateway = GroupConfig {
        tick_every: Duration::from_millis(20),
        ..config(Role::Standby)
    };
    let gateway = world.run(gateway).await;
    primary.kill().await;
    let status = gateway.until("ticking", |status| status.command.0 >= 9).await;
    assert_eq!(status.role, Role::Standby);
    let ticks = world.run(config(Role::Primary)).await;
    ticks
        .until("written", |status| status.published >= status.command)
        .await;
    gateway.stop().await;
    ticks.stop().await;
    audit(&*world.log().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_differs_names_the_command_and_never_serves() {
    let world = World::new().await;
    let primary = world.run(config(Role::Primary)).await;
    primary.open(1).await;
    for body in orders(1..6) {
        primary.group.submit(body).await.expect("decided");
    }
    primary.stop().await;

    // What another build would have written: the third order came to another time.
    let log = world.log().await;
    let stream = StreamName::new(GROUP.event_stream()).expect("valid");
    let everything = ReadLimits {
        max_records: usize::MAX,
        max_bytes: usize::MAX,
    };
    let wrong = CommandNumber(9);
    for stored in log.read(&stream, 0, everything).await.expect("read") {
        let mut batch = record::outcomes(&stream, &stored).expect("decoded");
        if let Some(outcome) = batch.outcomes.iter_mut().find(|outcome| outcome.number == wrong) {
            outcome.time = UnixMillis(outcome.time.0 + 1);
            sqlx::query("UPDATE log.record SET payload = $1 WHERE sequence = $2 AND stream_id = (SELECT id FROM log.stream WHERE name = $3)")
                .bind(&encode_outcomes(&batch)[..])
                .bind(i64::try_from(stored.sequence).expect("small"))
                .bind(stream.as_str())
                .execute(&world.pool().await)
                .await
                .expect("changed");
        }
    }
    for role in [Role::Standby, Role::Primary] {
        let running = world.run(config(role)).await;
        let group = running.group.clone();
        match running.failure().await {
            SequencerError::Diverged { command, .. } => assert_eq!(command, wrong),
            other => panic!("{other}"),
        }
        assert_eq!(group.status().borrow().phase, Phase::Diverged(wrong));
        assert_eq!(group.submit(CommandBody::Tick).await, Err(SubmitError::Diverged));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_fenced_and_does_not_know_it_leads_again_where_it_is_asked_to() {
    let world = World::new().await;
    let one = world.run(config(Role::Primary)).await;
    one.open(1).await;
    one.until("published", |status| status.published == status.command)
        .await;
    let other = world.run(config(Role::Primary)).await;
    other.until("primary", |status| status.role == Role::Primary).await;
    // Without a command it has nothing to write, and so does not learn that another may write now.
    assert_eq!(one.group.status().borrow().role, Role::Primary);
    one.group.promote();
    let acknowledged = one.group.submit_all(orders(1..20)).await.expect("decided");
    other.until("fenced", |status| status.role == Role::Standby).await;
    for engine in [&one, &other] {
        engine
            .until("complete", |status| status.published == status.command)
            .await;
    }
    assert_eq!(one.group.status().borrow().role, Role::Primary);
    one.stop().await;
    other.stop().await;
    assert_kept(&acknowledged, &audit(&*world.log().await).await);
}
