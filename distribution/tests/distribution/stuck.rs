//! A transaction of the proposer that offers too little for gas: another one takes its place, whoever sent the first.

use std::time::Duration;

use alloy::consensus::Transaction as _;
use alloy::primitives::{B256, U256};
use alloy::rpc::types::Transaction;
use souk_distribution::Keeping;
use souk_distribution::publish::{Due, PublishError, Withheld};

use crate::chain::{ALICE, Chain, Deed};
use crate::node::Node;
use crate::support::{PATIENCE, Running, Stand};

const GWEI: u64 = 1_000_000_000;

/// Alice is owed something as of a final block, and the stream reaches beyond whatever the node will mine here.
async fn owing() -> (Stand, Node, Running) {
    let (stand, node) = (Stand::new().await, Node::start(1_700_000_000, None).await);
    let mut chain = Chain::of(1, node.genesis().await);
    chain.block(&[Deed::Register(1, ALICE)]);
    chain.block(&[Deed::Pay(1, 1_000)]);
    chain.finalise();
    (0..100).for_each(|_| chain.block(&[]));
    stand.append(&mut chain).await;
    let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
    (stand, node, running)
}

/// A root is sent, and left out of one block after the other until it counts as stuck; what was sent.
async fn stuck_root(stand: &Stand, node: &Node, running: &Running) -> Transaction {
    let before = node.proposals().await;
    let mut publisher = node
        .publisher(stand, running, &node.anvil.http_url(), Duration::ZERO)
        .await;
    node.mines_by_itself(false).await;
    let mut first = tokio::spawn(async move { publisher.step().await });
    let stuck = node.waiting_of_proposer().await;
    assert_eq!(stuck.nonce(), before);
    let ended = loop {
        node.mines_at(20 * GWEI).await;
        let patience = tokio::time::timeout(Duration::from_millis(100), &mut first);
        if let Ok(ended) = patience.await {
            break ended;
        }
    };
    let error = ended.expect("it does not panic").expect_err("it is in no block");
    assert!(
        matches!(error, PublishError::Withheld(Withheld::Waits { nonce, .. }) if nonce == before),
        "{error}"
    );
    assert_eq!((node.proposals().await, node.pending().await), (before, B256::ZERO));
    stuck
}

/// The process has ended, and another one knows of the stuck root from the tables alone; what it has mined in its place.
async fn replaced(stand: &Stand, node: &Node, running: &Running, stuck: &Transaction) -> Transaction {
    let mut publisher = node
        .publisher(stand, running, &node.anvil.http_url(), Duration::ZERO)
        .await;
    node.mines_by_itself(true).await;
    assert_eq!(publisher.step().await.expect("a root"), Due::Propose { epoch: 1 });
    assert_ne!(node.pending().await, B256::ZERO);
    assert_eq!(
        node.proposals().await,
        stuck.nonce() + 1,
        "it was sent at the same nonce"
    );
    let mined = node.newest_of_proposer().await;
    assert_eq!(mined.nonce(), stuck.nonce());
    mined
}

#[tokio::test]
async fn a_root_that_offers_too_little_for_gas_is_replaced_at_its_nonce_in_another_life_too() {
    let (stand, node, running) = owing().await;
    let stuck = stuck_root(&stand, &node, &running).await;
    node.base_fee_is(20 * GWEI).await;
    let mined = replaced(&stand, &node, &running, &stuck).await;
    let (old, new) = (stuck.max_fee_per_gas(), mined.max_fee_per_gas());
    assert!(
        old < u128::from(20 * GWEI) && new >= u128::from(20 * GWEI),
        "{old} {new}"
    );
    // Most nodes want a tenth more of both fees; this one is content with less.
    let tip = |transaction: &Transaction| transaction.max_priority_fee_per_gas().expect("it has one");
    assert!(tip(&mined) * 10 >= tip(&stuck) * 11, "{} {}", tip(&stuck), tip(&mined));
    running.stop().await;
}

/// The node's next block would have the stuck root in it, and in that state another one is cheaper than it will be.
#[tokio::test]
async fn what_takes_the_place_of_a_root_that_the_next_block_would_have_is_given_the_gas_that_it_needs() {
    let (stand, node, running) = owing().await;
    let mut publisher = node
        .publisher(&stand, &running, &node.anvil.http_url(), Duration::ZERO)
        .await;
    node.mines_by_itself(false).await;
    let first = tokio::spawn(async move { publisher.step().await });
    let stuck = node.waiting_of_proposer().await;
    first.abort();
    assert!(first.await.is_err_and(|ended| ended.is_cancelled()));
    // Blocks have left it out for long, as far as this life knows: anvil itself leaves nothing out that pays.
    stand.execute("update payouts.sent set since_block = 0").await;
    let mut publisher = node
        .publisher(&stand, &running, &node.anvil.http_url(), Duration::ZERO)
        .await;
    let second = tokio::spawn(async move { publisher.step().await });
    let placed = async {
        while node.waiting_of_proposer().await.max_fee_per_gas() == stuck.max_fee_per_gas() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, placed).await.expect("it is replaced");
    node.mines_at(GWEI).await;
    assert_eq!(
        second.await.expect("no panic").expect("a root"),
        Due::Propose { epoch: 1 }
    );
    assert_ne!(node.pending().await, B256::ZERO);
    assert_eq!(node.newest_of_proposer().await.nonce(), stuck.nonce());
    running.stop().await;
}

#[tokio::test]
async fn what_a_node_refuses_makes_the_next_attempt_no_dearer() {
    let (stand, node, running) = owing().await;
    let url = node.anvil.http_url();
    let mut publisher = node.publisher(&stand, &running, &url, Duration::ZERO).await;
    node.proposer_has(U256::ZERO).await;
    for _ in 0..5 {
        let error = publisher.step().await.expect_err("it cannot pay for gas");
        assert!(matches!(error, PublishError::Contract(_)), "{error}");
        node.mines_at(GWEI).await;
    }
    assert_eq!(stand.count("select count(*) from payouts.sent").await, 0);
    node.proposer_has(U256::from(10).pow(U256::from(18))).await;
    node.base_fee_is(GWEI).await;
    assert_eq!(publisher.step().await.expect("a root"), Due::Propose { epoch: 1 });
    let fee = node.newest_of_proposer().await.max_fee_per_gas();
    assert!(fee < u128::from(4 * GWEI), "{fee}");
    running.stop().await;
}
