//! Roots on a real chain, above all on the right one: a chain that is begun anew has the same id, and its contracts the same addresses.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use souk_devstack::{Anvil, AnvilConfig, Gate};
use souk_distribution::Keeping;
use souk_distribution::publish::{Due, PublishError, Publisher};

use crate::chain::{ALICE, Chain, Deed, REGISTRY};
use crate::node::{Node, WINDOW_SECS, admin};
use crate::support::Stand;

/// A stream that says that Alice is owed something, as of a final block, and reaches beyond whatever the node will mine here.
fn owing(generation: u32, genesis: B256) -> Chain {
    let mut chain = Chain::of(generation, genesis);
    chain.block(&[Deed::Register(1, ALICE)]);
    chain.block(&[Deed::Pay(1, 1_000)]);
    chain.finalise();
    (0..100).for_each(|_| chain.block(&[]));
    chain
}

/// A connection that the old node left behind may fail once.
async fn step(publisher: &mut Publisher) -> Result<Due, PublishError> {
    match publisher.step().await {
        Err(PublishError::Node(_)) => publisher.step().await,
        stepped => stepped,
    }
}

#[tokio::test]
async fn a_chain_that_is_begun_anew_between_two_looks_gets_no_root_of_the_old_one() {
    begun_anew_between_two_looks(|node| node.anvil.http_url()).await;
}

/// Over a WebSocket the new chain is met on another connection.
#[tokio::test]
async fn a_chain_that_is_begun_anew_behind_a_websocket_gets_no_root_of_the_old_one() {
    begun_anew_between_two_looks(|node| node.anvil.ws_url()).await;
}

async fn begun_anew_between_two_looks(url: impl Fn(&Node) -> String) {
    let stand = Stand::new().await;
    let node = Node::start(1_700_000_000, None).await;
    let old = node.genesis().await;
    stand.append(&mut owing(1, old)).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let mut publisher = node.publisher(&stand, &running, &url(&node), Duration::ZERO).await;
    assert_eq!(step(&mut publisher).await.expect("a root"), Due::Propose { epoch: 1 });
    assert_ne!(node.pending().await, B256::ZERO);

    // The stream has not told of the root, so it would be proposed again.
    let node = node.begun_anew(1_700_000_001).await;
    let new = node.genesis().await;
    assert_ne!(new, old);
    let error = step(&mut publisher).await.expect_err("it is another chain");
    assert!(
        matches!(error, PublishError::OtherChain { expected, found } if (expected, found) == (old, new)),
        "{error}"
    );
    assert!(
        error.to_string().contains("index the new one and start again"),
        "{error}"
    );
    assert_eq!(node.pending().await, B256::ZERO);
    // Waiting does not mend it.
    let ended = publisher.run(Duration::from_millis(1), Default::default()).await;
    assert!(matches!(ended, Err(PublishError::OtherChain { .. })), "{ended:?}");
    running.stop().await;
}

#[tokio::test]
async fn what_is_owed_on_another_chain_waits_until_the_stream_is_of_the_nodes() {
    let stand = Stand::new().await;
    let node = Node::start(1_700_000_000, None).await;
    let (ours, theirs) = (node.genesis().await, B256::repeat_byte(7));
    stand.append(&mut owing(1, theirs)).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let mut publisher = node
        .publisher(&stand, &running, &node.anvil.http_url(), Duration::ZERO)
        .await;
    let error = step(&mut publisher).await.expect_err("it is owed elsewhere");
    assert!(
        matches!(error, PublishError::OwedElsewhere { owed, found } if (owed, found) == (theirs, ours)),
        "{error}"
    );
    assert_eq!(node.pending().await, B256::ZERO);

    let mut anew = owing(2, ours);
    stand.append(&mut anew).await;
    running.reached(&anew).await;
    assert_eq!(step(&mut publisher).await.expect("a root"), Due::Propose { epoch: 1 });
    assert_ne!(node.pending().await, B256::ZERO);
    running.stop().await;
}

/// The node is away for longer than a WebSocket is patient, and nobody starts the publisher anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_root_is_published_over_another_connection_after_a_long_outage() {
    let stand = Stand::new().await;
    let node = Node::start(1_700_000_000, None).await;
    let gate = Gate::before(node.anvil.port()).await.expect("a gate");
    let mut chain = owing(1, node.genesis().await);
    stand.append(&mut chain).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let mut publisher = node.publisher(&stand, &running, &gate.ws_url(), Duration::ZERO).await;
    gate.shut();
    for _ in 0..3 {
        let error = publisher.step().await.expect_err("nobody answers");
        assert!(matches!(error, PublishError::Node(_)), "{error}");
    }
    // What alloy tries by itself, and each step.
    gate.turned_away(4).await;
    gate.open();
    assert_eq!(publisher.step().await.expect("a root"), Due::Propose { epoch: 1 });
    let root = node.pending().await;
    assert_ne!(root, B256::ZERO);

    // And one more transaction, which goes by the nonce that the first one left.
    gate.shut();
    publisher.step().await.expect_err("nobody answers");
    gate.turned_away(2).await;
    gate.open();
    let at = running.handle.status().finalized.expect("there is one");
    chain.block(&[Deed::Propose(1, root, at)]);
    stand.append(&mut chain).await;
    running.reached(&chain).await;
    node.passes(WINDOW_SECS).await;
    assert_eq!(
        publisher.step().await.expect("its end"),
        Due::Finalise { epoch: 1, root }
    );
    assert_eq!(node.pending().await, B256::ZERO);
    running.stop().await;
}

#[tokio::test]
async fn a_node_of_a_chain_with_another_id_is_refused() {
    let stand = Stand::new().await;
    let config = AnvilConfig {
        chain_id: 5,
        ..AnvilConfig::default()
    };
    let anvil = Anvil::start(&config).await.expect("anvil starts");
    stand.append(&mut owing(1, B256::repeat_byte(7))).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    let (payouts, nobody) = (running.handle.clone(), Address::ZERO);
    let (url, store) = (anvil.ws_url(), stand.store().await);
    let connecting = Publisher::connect(&url, admin(), REGISTRY, nobody, payouts, store, Duration::ZERO);
    let error = connecting.await.expect_err("it is of another chain");
    assert!(error.to_string().contains("the node is of chain 5"), "{error}");
    running.stop().await;
}
