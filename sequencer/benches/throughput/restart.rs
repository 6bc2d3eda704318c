//! A restart with a million orders at rest.

use std::time::{Duration, Instant};

use souk_exchange::Engine;
use souk_schema::exchange::Side;
use souk_sequencer::GroupConfig;

use crate::trade::{GROUP, expiry_secs, order, place};
use crate::{Server, TRADERS, traders};

const ORDERS: u64 = 1_000_000;

pub(crate) async fn measure(server: &Server) {
    let config = GroupConfig {
        snapshot_every: 990_000,
        tick_every: Duration::ZERO,
        ..GroupConfig::new(GROUP)
    };
    let running = server.run(config.clone()).await;
    running.open(&traders(), 20_000).await;
    let expiry = expiry_secs();
    let resting = (0..ORDERS).map(|number| {
        let (side, price) = match number % 2 {
            0 => (Side::Buy, 1 + number / 2 % 50_000),
            _ => (Side::Sell, 60_000 + number / 2 % 50_000),
        };
        place(order(number % TRADERS, 1 + number / TRADERS, side, price, 1, expiry))
    });
    running.submit(resting).await;
    let mut status = running.group.status();
    let begun = Instant::now();
    status
        .wait_for(|status| status.snapshot.is_some())
        .await
        .expect("running");
    println!("snapshot stored {:?} after the last command", begun.elapsed());
    let begun = Instant::now();
    let copy = running.group.read(Engine::clone);
    println!("copying the engine takes {:?}", begun.elapsed());
    assert_eq!(copy.open_orders() as u64, ORDERS);
    drop(copy);
    running.stop().await;
    let begun = Instant::now();
    let running = server.run(config).await;
    assert!(running.group.running().await);
    let took = begun.elapsed();
    assert_eq!(running.group.read(Engine::open_orders) as u64, ORDERS);
    println!("restart with {ORDERS} resting orders: {took:?}");
    running.stop().await;
}
