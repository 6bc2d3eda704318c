//! The operator's node away for longer than a WebSocket is patient: whoever settles through it goes on without a new life.

use std::time::Duration;

use serde_json::json;
use souk_contracts::dev;
use souk_devstack::Gate;
use souk_ledger::reconcile::VaultBalances;
use souk_settlement::{Node, Settler, VaultSource};
use tokio_util::sync::CancellationToken;

use crate::settle::exhaust;
use crate::world::{World, contracts};

/// One batch is on its way when the node goes, and is mined without anybody seeing it; another one waits for the node to come back.
#[tokio::test(flavor = "multi_thread")]
async fn settlement_goes_on_over_another_connection_after_a_long_outage() {
    let world = World::trading().await;
    let gate = Gate::before(world.anvil.port()).await.unwrap();
    for (outage, url) in [gate.ws_url(), gate.http_url()].into_iter().enumerate() {
        let node = Node::connect(&url, world.vault).await.unwrap();
        let balances = VaultSource::new(world.log.clone(), node.clone(), contracts(&world.at));
        let mut config = world.settler_config();
        config.poll = Duration::from_millis(5);
        let cancel = CancellationToken::new();
        let (operator, log, store) = (world.operator.clone(), world.log.clone(), world.store.clone());
        let settling = tokio::spawn(Settler::run(config, operator, node, log, store, cancel.clone()));

        let batches = 2 * outage as u64;
        world.trade(5, batches + 1).await;
        world.until_sent().await;
        gate.shut();
        // What alloy tries by itself, and some lives of the settler.
        gate.turned_away(4).await;
        world.mine(1).await;
        world.trade(5, batches + 2).await;
        assert!(balances.at_finality().await.is_err(), "{url}");
        gate.open();

        world.rpc("evm_setIntervalMining", json!([1])).await;
        world
            .until("both batches to be settled", |engine| engine.settled().0 == batches + 2)
            .await;
        world.rpc("evm_setIntervalMining", json!([0])).await;
        assert_eq!(
            world.node.nonce(dev::OPERATOR).await.unwrap(),
            batches + 2,
            "nothing is sent twice"
        );
        // Whoever else holds the node sees through it again, too.
        assert!(balances.at_finality().await.unwrap().is_some(), "{url}");
        cancel.cancel();
        settling.await.unwrap().unwrap();
        // The journal is whole: the next life finds nothing left to do but to note that all is final.
        let mut settler = world.settler().await;
        exhaust(&mut settler).await;
        assert!(
            settler.state().waiting().is_empty() && settler.queue().is_empty(),
            "{url}: {:?}",
            settler.state()
        );
    }
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 20);
}
