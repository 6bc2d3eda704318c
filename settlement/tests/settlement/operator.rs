//! The operator's transactions: crashes between any two steps, stuck ones, and others that use its nonces.

use std::time::Duration;

use alloy::primitives::Address;
use serde_json::json;
use souk_contracts::{ExchangeVault, dev};
use souk_settlement::settler::Step;
use souk_settlement::settler::journal::Purpose;
use souk_settlement::{SettleError, Settler};
use tokio_util::sync::CancellationToken;

use crate::settle::exhaust;
use crate::world::{DEPTH, World};

async fn transactions_of_operator(world: &World) -> u64 {
    world.node.nonce(dev::OPERATOR).await.unwrap()
}

/// An operator that stops after every single step, and starts anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_sends_nothing_twice() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    // Written down and not sent.
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Acted);
    assert_eq!(world.rpc("txpool_status", json!([])).await["pending"], "0x0");
    let planned = world.row(1).await;
    // Sent, and nobody waits for it.
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Acted);
    assert_eq!(world.rpc("txpool_status", json!([])).await["pending"], "0x1");
    // Sent again by who cannot know that it was sent.
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Acted);
    assert_eq!(world.rpc("txpool_status", json!([])).await["pending"], "0x1");
    world.mine(1).await;
    // Found mined.
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Acted);
    assert_eq!(
        (planned.0.as_str(), world.row(1).await.0.as_str()),
        ("submitted", "mined")
    );
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Idle);
    world.mine(DEPTH).await;
    assert_eq!(world.settler().await.step().await.unwrap(), Step::Acted);
    assert_eq!(world.row(1).await.0, "final");
    assert_eq!(transactions_of_operator(&world).await, 1);
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 5);
}

/// The future of a running settler is dropped at arbitrary moments.
#[tokio::test(flavor = "multi_thread")]
async fn dropped_in_the_middle_it_settles_all_the_same() {
    let world = World::trading().await;
    for nonce in 1..=6 {
        world.trade(1, nonce).await;
    }
    let mut config = world.settler_config();
    config.limits.max_fills = 1;
    config.poll = Duration::from_millis(5);
    let mut patience = 1;
    let mut lives = 0;
    while world.group.read(|engine| engine.settled().0) < 6 {
        lives += 1;
        assert!(lives < 2_000, "it does not get on");
        let (node, log) = (world.node.clone(), world.log.clone());
        let cancel = CancellationToken::new();
        let run = Settler::run(
            config.clone(),
            world.operator.clone(),
            node,
            log,
            world.store.clone(),
            cancel,
        );
        // Longer lives as it goes, so that it ends on a busy machine too.
        let ended = tokio::time::timeout(Duration::from_millis(patience + lives / 4), run).await;
        assert!(ended.is_err(), "{ended:?}");
        world.mine(1).await;
        patience = patience % 60 + 7;
    }
    assert_eq!(transactions_of_operator(&world).await, 6, "one for each fill");
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_transaction_is_replaced_at_a_higher_fee() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    let mut config = world.settler_config();
    config.policy.fees.patience_blocks = 1;
    let mut settler = world.settler_with(config.clone()).await;
    exhaust(&mut settler).await;
    // Blocks become dearer than what was offered.
    for _ in 0..3 {
        // Another life, whose snapshot has some of the forms, and the journal the rest.
        drop(settler);
        settler = world.settler_with(config.clone()).await;
        exhaust(&mut settler).await;
        let offered = settler.state().waiting()[0].latest().fees.max_wei;
        let dear = format!("{:#x}", offered + 1);
        world.rpc("anvil_setNextBlockBaseFeePerGas", json!([dear])).await;
        world.mine(1).await;
        exhaust(&mut settler).await;
    }
    let attempts = settler.state().waiting()[0].attempts.clone();
    assert!(attempts.len() > 1);
    assert_eq!(world.row(1).await.2, attempts.len() as i64);
    world.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x1"])).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(world.row(1).await.0, "mined");
    assert_eq!(transactions_of_operator(&world).await, 1);
    let mined = settler.state().mined()[0].1.hash;
    assert!(attempts[1..].iter().any(|attempt| attempt.hash == mined));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_somebody_else_used_makes_a_new_transaction() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    assert_eq!(settler.step().await.unwrap(), Step::Acted);
    // Whoever else has the operator's key is quicker.
    let transaction = json!({ "from": dev::OPERATOR, "to": Address::repeat_byte(9), "value": "0x1", "gas": "0x5208" });
    world.rpc("eth_sendTransaction", json!([transaction])).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(
        (world.row(1).await.0, world.row(2).await.0),
        ("voided".into(), "submitted".into())
    );
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
}

/// A transaction of the operator that settlement knows nothing of goes with its block, and leaves a gap before settlement's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_nonces_is_closed() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    let mut config = world.settler_config();
    config.policy.fees.patience_blocks = 1;
    let mut settler = world.settler_with(config).await;
    let mark = world.snapshot().await;
    let heartbeat = ExchangeVault::heartbeatCall {};
    let hash = world.send(dev::OPERATOR, world.vault, heartbeat).await;
    world.mine(1).await;
    assert!(world.succeeded(hash).await);
    exhaust(&mut settler).await;
    assert_eq!(settler.state().waiting()[0].planned.nonce, 1);
    world.go_back(mark).await;
    world.forward(5).await;
    for _ in 0..6 {
        world.mine(1).await;
        exhaust(&mut settler).await;
    }
    assert!(settler.state().waiting().is_empty(), "{:?}", settler.state());
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 5);
}

/// Blocks have become too small for a fill, not for a heartbeat.
#[tokio::test(flavor = "multi_thread")]
async fn fills_that_cannot_be_settled_do_not_silence_the_operator() {
    let world = World::trading().await;
    let mut config = world.settler_config();
    config.policy.heartbeat_after_secs = 1_000;
    let mut settler = world.settler_with(config).await;
    world.trade(5, 1).await;
    world.rpc("evm_setBlockGasLimit", json!(["0x186a0"])).await;
    world.mine(1).await;
    let silent = settler.step().await;
    assert!(matches!(silent, Err(SettleError::FillTooDear { .. })), "{silent:?}");
    world.forward(1_000).await;
    world.mine(1).await;
    assert_eq!(settler.step().await.unwrap(), Step::Acted);
    let waiting = settler.state().waiting();
    assert_eq!(waiting[0].planned.purpose, Purpose::Heartbeat);
    exhaust(&mut settler).await;
    world.mine(1).await;
    assert_eq!(transactions_of_operator(&world).await, 1);
}

/// The router takes no royalties for a while, and settlement goes on with everything else.
#[tokio::test(flavor = "multi_thread")]
async fn royalties_that_cannot_be_flushed_hold_up_nothing() {
    let world = World::trading().await;
    let mut config = world.settler_config();
    config.flush_from = Some(1);
    let mut settler = world.settler_with(config).await;
    let router = world.at.revenue_router;
    let code = world.rpc("eth_getCode", json!([router, "latest"])).await;
    world.rpc("anvil_setCode", json!([router, "0xfe"])).await;
    for nonce in 1..=2 {
        world.trade(5, nonce).await;
        exhaust(&mut settler).await;
        world.mine(1).await;
        exhaust(&mut settler).await;
    }
    assert_eq!(transactions_of_operator(&world).await, 2, "both fills, and no flush");
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 10);
    world.rpc("anvil_setCode", json!([router, code])).await;
    world.forward(700).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    let flushed = settler.state().waiting()[0].planned.purpose;
    assert!(matches!(flushed, Purpose::Flush { .. }), "{flushed:?}");
}
