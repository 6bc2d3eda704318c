//! The life of roots on a real chain: what they count when something is held, who takes them back, and what is sent when little is known.

use std::time::Duration;

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use souk_contracts::PayoutDistributor::PendingRoot;
use souk_distribution::Keeping;
use souk_distribution::publish::{Due, PublishError, Publisher, Withheld};
use souk_payouts::Entry;
use souk_payouts::merkle::MerkleTree;
use souk_schema::{Address, BlockRef};

use crate::chain::{ALICE, BOB, Chain, Deed, TOKEN};
use crate::node::{Node, WINDOW_SECS, admin};
use crate::proxy::Unwilling;
use crate::support::{Running, Stand};

/// Long enough that no second epoch begins by itself.
const EPOCH: Duration = Duration::from_secs(86_400);

/// A chain, a stream that tells what a test lets it tell of it, and a publisher between.
struct Stage {
    stand: Stand,
    node: Node,
    chain: Chain,
    running: Running,
    publisher: Publisher,
}

impl Stage {
    /// Alice has earned 1,000 with asset 1, and Bob 500 with asset 2 and 70 with asset 3, all of it final.
    async fn set() -> Stage {
        let (stand, node) = (Stand::new().await, Node::start(1_700_000_000, None).await);
        let mut chain = Chain::of(1, node.genesis().await);
        chain.block(&[Deed::Register(1, ALICE), Deed::Register(2, BOB), Deed::Register(3, BOB)]);
        chain.block(&[Deed::Pay(1, 1_000), Deed::Pay(2, 500)]);
        chain.block(&[Deed::Pay(3, 70)]);
        chain.finalise();
        // The stream is to reach beyond whatever the node will mine here.
        (0..100).for_each(|_| chain.block(&[]));
        stand.append(&mut chain).await;
        let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
        let publisher = node.publisher(&stand, &running, &node.anvil.http_url(), EPOCH).await;
        Stage {
            stand,
            node,
            chain,
            running,
            publisher,
        }
    }

    /// The stream tells of another block.
    async fn tell(&mut self, deeds: &[Deed]) {
        self.chain.block(deeds);
        self.append().await;
    }

    /// Everything that the stream has told is final, and the node is as far, so that the distributor takes a root at that block.
    async fn finalise(&mut self) {
        let last = self.chain.head();
        self.node.reaches(last.number + 1).await;
        self.chain.finalise();
        (0..100).for_each(|_| self.chain.block(&[]));
        self.append().await;
        assert_eq!(self.finalized(), last);
    }

    async fn append(&mut self) {
        self.stand.append(&mut self.chain).await;
        self.running.reached(&self.chain).await;
    }

    /// The stream tells of the pending root that the distributor has; which it is.
    async fn tell_pending(&mut self) -> B256 {
        let PendingRoot {
            root,
            blockNumber,
            blockHash,
            ..
        } = self.node.distributor().pendingRoot().call().await.expect("it answers");
        assert_ne!(root, B256::ZERO, "nothing is pending");
        let at = BlockRef {
            number: blockNumber,
            hash: blockHash,
        };
        self.tell(&[Deed::Propose(1, root, at)]).await;
        root
    }

    /// The newest final block.
    fn finalized(&self) -> BlockRef {
        self.running.handle.status().finalized.expect("there is one")
    }

    /// Somebody with the proposer's key proposes this; the stream tells of it.
    async fn proposed_by_hand(&mut self, root: B256, at: BlockRef) {
        let distributor = self.node.distributor();
        let proposal = distributor
            .proposeRoot(1, root, at.number, at.hash)
            .from(admin().address());
        let receipt = proposal.send().await.expect("it is sent").get_receipt().await;
        assert!(receipt.expect("it is mined").status());
        self.tell_pending().await;
    }

    /// The publisher takes the pending root back; the stream tells of it.
    async fn withdraws(&mut self, root: B256) {
        assert_eq!(self.step().await, Due::Withdraw { epoch: 1, root });
        assert_eq!(self.node.pending().await, B256::ZERO);
        self.tell(&[Deed::Withdraw(1, root)]).await;
    }

    async fn step(&mut self) -> Due {
        self.publisher.step().await.expect("it answers")
    }
}

/// The root by which these are owed so much.
fn root_of(owed: &[(Address, u64)]) -> B256 {
    let entry = |(account, cumulative): &(Address, u64)| Entry {
        account: *account,
        token: TOKEN,
        cumulative: U256::from(*cumulative),
    };
    let mut entries: Vec<Entry> = owed.iter().map(entry).collect();
    entries.sort_unstable();
    MerkleTree::new(&entries).expect("somebody is owed something").root()
}

#[tokio::test]
async fn what_is_held_since_the_final_block_is_in_no_root() {
    let mut stage = Stage::set().await;
    stage.tell(&[Deed::Dispute(1, 2)]).await;
    assert_eq!(stage.step().await, Due::Nothing);
    assert_eq!(stage.node.pending().await, B256::ZERO, "it counts what is held");
    stage.finalise().await;
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    assert_eq!(stage.node.pending().await, root_of(&[(ALICE, 1_000), (BOB, 70)]));
    stage.running.stop().await;
}

#[tokio::test]
async fn a_spoiled_root_is_taken_back_until_what_spoiled_it_is_final_and_replaced_then() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    let first = stage.tell_pending().await;
    assert_eq!(first, root_of(&[(ALICE, 1_000), (BOB, 570)]));
    assert_eq!(stage.step().await, Due::Nothing, "its window is open");

    // One that replaced it now would count what is held just as well.
    stage.tell(&[Deed::Dispute(1, 2)]).await;
    stage.withdraws(first).await;
    assert_eq!(stage.step().await, Due::Nothing);
    stage.finalise().await;
    // At once, though no other epoch is due.
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    let second = stage.tell_pending().await;
    assert_eq!(second, root_of(&[(ALICE, 1_000), (BOB, 70)]));

    // What spoils it is final when it is seen.
    stage.chain.block(&[Deed::Dispute(2, 3)]);
    stage.finalise().await;
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    let third = stage.tell_pending().await;
    assert_eq!(third, root_of(&[(ALICE, 1_000)]));
    stage.node.passes(WINDOW_SECS).await;
    assert_eq!(stage.step().await, Due::Finalise { epoch: 1, root: third });
    let finalised = stage.node.distributor().finalisedRoot().call().await;
    assert_eq!(finalised.expect("it answers"), third);

    // Entries are cumulative, and kept of no root but the last. Of all three it is known that there were some.
    let count = async |query| stage.stand.count(query).await;
    assert_eq!(count("select count(*) from payouts.root_entry").await, 1);
    assert_eq!(count("select count(*) from payouts.root").await, 3);
    assert_eq!(count("select count(*) from payouts.root where is_kept").await, 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_root_that_is_not_what_the_log_says_is_taken_back_and_a_true_one_of_somebody_else_is_finalised() {
    let mut stage = Stage::set().await;
    let (at, owed) = (stage.finalized(), root_of(&[(ALICE, 1_000), (BOB, 570)]));
    let elsewhere = BlockRef {
        hash: B256::repeat_byte(3),
        ..at
    };
    for (root, at) in [(B256::repeat_byte(9), at), (owed, elsewhere)] {
        stage.proposed_by_hand(root, at).await;
        stage.node.passes(WINDOW_SECS).await;
        stage.withdraws(root).await;
    }
    // One of a block that may be another yet.
    let number = at.number + 1;
    let hash = stage
        .running
        .handle
        .read(|state| state.hash_of(number))
        .expect("it is one of the newest");
    stage.proposed_by_hand(owed, BlockRef { number, hash }).await;
    assert_eq!(stage.step().await, Due::Nothing, "its window is open");
    stage.node.passes(WINDOW_SECS).await;
    assert_eq!(stage.step().await, Due::Nothing, "its block is not final");
    stage.finalise().await;
    assert_eq!(stage.step().await, Due::Finalise { epoch: 1, root: owed });
    stage.running.stop().await;
}

/// The state forgets hashes of blocks that are thousands of blocks old.
#[tokio::test]
async fn the_node_is_asked_for_the_block_of_a_root_that_waited_for_long() {
    let mut stage = Stage::set().await;
    let (at, owed) = (stage.finalized(), root_of(&[(ALICE, 1_000), (BOB, 570)]));
    (0..4_200).for_each(|_| stage.chain.block(&[]));
    // The node has another chain than the stream, so the stream's block is none of its blocks.
    stage.proposed_by_hand(owed, at).await;
    stage.node.passes(WINDOW_SECS).await;
    stage.withdraws(owed).await;
    let block = stage.node.provider.get_block_by_number(at.number.into()).await;
    let hash = block.expect("it answers").expect("it has it").header.hash;
    stage.proposed_by_hand(owed, BlockRef { hash, ..at }).await;
    stage.node.passes(WINDOW_SECS).await;
    assert_eq!(stage.step().await, Due::Finalise { epoch: 1, root: owed });
    stage.running.stop().await;
}

#[tokio::test]
async fn one_transaction_is_under_way_at_a_time_and_none_before_the_stream_tells_of_the_last() {
    let mut stage = Stage::set().await;
    let (at, root) = (stage.finalized(), B256::repeat_byte(9));
    // What another life of the publisher sent, and saw no receipt of.
    stage.node.mines_by_itself(false).await;
    let distributor = stage.node.distributor();
    let proposal = distributor
        .proposeRoot(1, root, at.number, at.hash)
        .from(admin().address());
    let sent = proposal.send().await.expect("it is sent");
    let error = stage.publisher.step().await.expect_err("one is under way");
    assert!(
        matches!(error, PublishError::Withheld(Withheld::UnderWay(1))),
        "{error}"
    );
    stage.node.mines_by_itself(true).await;
    stage.node.passes(1).await;
    assert!(sent.get_receipt().await.expect("it is mined").status());

    let error = stage
        .publisher
        .step()
        .await
        .expect_err("the stream does not tell of it");
    assert!(
        matches!(error, PublishError::Untold { on_chain, told } if (on_chain, told) == (root, B256::ZERO)),
        "{error}"
    );
    let count = stage.node.provider.get_transaction_count(admin().address()).await;
    let sent_by_now = count.expect("it answers");
    stage.tell_pending().await;
    stage.withdraws(root).await;
    let count = stage.node.provider.get_transaction_count(admin().address()).await;
    assert_eq!(count.expect("it answers"), sent_by_now + 1);
    stage.running.stop().await;
}

#[tokio::test]
async fn a_node_that_knows_no_pending_block_gets_roots_finalised_and_what_else_it_refuses_is_told() {
    let mut stage = Stage::set().await;
    let unwilling = Unwilling::before(stage.node.anvil.http_url()).await;
    let stand = &stage.stand;
    stage.publisher = stage.node.publisher(stand, &stage.running, &unwilling.url, EPOCH).await;
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    let root = stage.tell_pending().await;
    unwilling.refuse(|method, block| method == "eth_call" && block == "pending");
    assert_eq!(stage.step().await, Due::Nothing, "its window is open");
    unwilling.refuse(|method, _| method == "eth_call");
    let error = stage.publisher.step().await.expect_err("it answers no call");
    assert!(error.to_string().contains("not today"), "{error}");

    unwilling.refuse(|method, block| method == "eth_call" && block == "pending");
    stage.node.passes(WINDOW_SECS).await;
    assert_eq!(stage.step().await, Due::Finalise { epoch: 1, root });
    stage.running.stop().await;
}

#[tokio::test]
async fn what_is_owed_is_summed_once_however_often_it_is_looked_at() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.step().await, Due::Propose { epoch: 1 });
    let root = stage.tell_pending().await;
    for _ in 0..3 {
        assert_eq!(stage.step().await, Due::Nothing);
        stage.tell(&[Deed::Pay(1, 5)]).await;
    }
    assert_eq!(
        stage.publisher.sums(),
        1,
        "a root that waits is judged by the sum that it was made of"
    );
    stage.node.passes(WINDOW_SECS).await;
    assert_eq!(stage.step().await, Due::Finalise { epoch: 1, root });

    // It is time for an epoch, as far as a publisher knows that has just begun, and there is no news.
    stage.tell(&[Deed::Finalise(1, root)]).await;
    let url = stage.node.anvil.http_url();
    stage.publisher = stage.node.publisher(&stage.stand, &stage.running, &url, EPOCH).await;
    for _ in 0..3 {
        assert_eq!(stage.step().await, Due::Nothing);
        stage.tell(&[]).await;
    }
    assert_eq!(stage.publisher.sums(), 0, "there is nothing to sum");
    // More was earned meanwhile, which becomes final; a node that is away changes nothing of it.
    stage.finalise().await;
    stage.node.anvil.stop().await;
    for _ in 0..3 {
        stage.publisher.step().await.expect_err("the node is away");
    }
    assert_eq!(stage.publisher.sums(), 1);
    stage.running.stop().await;
}
