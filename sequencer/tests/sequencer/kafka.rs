//! The same on Apache Kafka, where records of other writers come between and a lost acknowledgement appends twice.

use std::sync::Arc;
use std::time::Duration;

use souk_devstack::{Kafka, KafkaConfig};
use souk_eventlog::{EventLog, KafkaLog, KafkaOptions};
use souk_schema::exchange::{CommandBody, Side};
use souk_sequencer::Role;

use crate::faulty::Faulty;
use crate::trade::{expiry_secs, order, place};
use crate::world::{Running, World, assert_kept, audit, config};

async fn connect(broker: &Kafka) -> Arc<dyn EventLog> {
    let options = KafkaOptions {
        patience: Duration::from_secs(10),
        ..KafkaOptions::default()
    };
    Arc::new(
        KafkaLog::connect(&broker.bootstrap(), options)
            .await
            .expect("connected"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_on_kafka_survives_crashes_faults_and_a_second_primary() {
    let world = World::new().await;
    let broker = Kafka::start(&KafkaConfig::default()).await.expect("Kafka starts");
    let expiry = expiry_secs();
    let bodies = |trader: u64, nonces: std::ops::Range<u64>| -> Vec<CommandBody> {
        let side = if trader == 0 { Side::Buy } else { Side::Sell };
        nonces
            .map(|nonce| place(order(trader, nonce, side, 1_000, 1, expiry)))
            .collect()
    };
    let one = Running::start(config(Role::Primary), connect(&broker).await, world.pool().await).await;
    one.open(2).await;
    let mut acknowledged = one.group.submit_all(bodies(0, 1..100)).await.expect("decided");
    one.kill().await;

    let faulty = Arc::new(Faulty::new(connect(&broker).await, 11, 8));
    let two = Running::start(config(Role::Primary), Arc::clone(&faulty) as _, world.pool().await).await;
    let three = Running::start(config(Role::Primary), connect(&broker).await, world.pool().await).await;
    for nonce in 0..30 {
        let (bought, sold) = tokio::join!(
            two.group.submit_all(bodies(0, 200 + 2 * nonce..202 + 2 * nonce)),
            three.group.submit_all(bodies(1, 200 + 2 * nonce..202 + 2 * nonce)),
        );
        acknowledged.extend(bought.expect("decided"));
        acknowledged.extend(sold.expect("decided"));
    }
    assert!(faulty.failed() > 0);
    let last = acknowledged.iter().map(|outcome| outcome.number).max().expect("some");
    three.until("published", |status| status.published >= last).await;
    two.stop().await;
    three.stop().await;
    // What was sent again at the very end is in the stream without an outcome, until an engine comes that nothing happens to.
    let last = Running::start(config(Role::Primary), connect(&broker).await, world.pool().await).await;
    assert!(last.group.running().await);
    last.until("complete", |status| status.published >= status.command)
        .await;
    last.stop().await;
    assert_kept(&acknowledged, &audit(&*connect(&broker).await).await);
}
