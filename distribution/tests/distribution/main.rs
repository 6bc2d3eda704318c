//! What is owed, followed from a real log into a real Postgres: through reorganisations, restarts, a newer generation and a second writer.
//! And roots on a real chain: what they count, who takes them back, and that nothing goes to another chain.

mod chain;
mod distributors;
mod node;
mod proxy;
mod publishing;
mod roots;
mod snapshots;
mod stuck;
mod support;

use souk_distribution::fold::FoldError;
use souk_distribution::{DistributionState, fold_to_end, verify};
use souk_payouts::merkle::{self, MerkleTree};
use souk_schema::{B256, BlockRef, U256};

use chain::{ALICE, BOB, CHAIN, Chain, Deed, REGISTRY, TOKEN};
use support::Stand;

/// An asset of Alice's, one of Bob's, and revenues for both.
fn beginning() -> Chain {
    let mut chain = Chain::new(1);
    chain.block(&[Deed::Register(1, ALICE), Deed::Register(2, BOB)]);
    chain.block(&[Deed::Pay(1, 1_000), Deed::Pay(2, 500)]);
    chain
}

#[tokio::test]
async fn pay_1_lines_in_the_tables_sum_to_the_revenues_that_the_stream_tells() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    assert_eq!(stand.owed().await, [(ALICE, 1_000), (BOB, 500)]);

    chain.block(&[Deed::Pay(1, 7)]);
    stand.append(&mut chain).await;
    running.reached(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_007), (BOB, 500)]);
    running.stop().await;
}

#[tokio::test]
async fn what_a_reorganisation_takes_back_is_gone_from_memory_and_tables() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    let before = running.hash();

    chain.block(&[Deed::Pay(2, 90), Deed::Dispute(1, 2)]);
    chain.block(&[Deed::Pay(2, 10)]);
    stand.append(&mut chain).await;
    running.reached(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_000), (BOB, 600)]);
    // The fee's and the asset's own portion of each of Bob's three revenues.
    let held = stand.count("select count(*) from payouts.portion_change where change = 'held'");
    assert_eq!(held.await, 6);

    chain.revert(2);
    stand.append(&mut chain).await;
    running.reached(&chain).await;
    assert_eq!(running.hash(), before);
    assert_eq!(stand.owed().await, [(ALICE, 1_000), (BOB, 500)]);
    assert_eq!(stand.count("select count(*) from payouts.portion_change").await, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_broken_promise_of_finality_is_undone_as_well() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    chain.block(&[Deed::Pay(2, 90)]);
    chain.finalise();
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    chain.revert(1);
    chain.block(&[Deed::Pay(2, 1)]);
    stand.append(&mut chain).await;
    running.reached(&chain).await;
    stand.written(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_000), (BOB, 501)]);
    running.stop().await;
}

#[test]
fn a_stream_with_a_broken_promise_can_be_folded_record_by_record() {
    let mut chain = beginning();
    chain.finalise();
    chain.revert(1);
    let fold = |mut state: DistributionState| {
        let mut records = chain.new.iter().map(|record| record.body.clone());
        records.try_for_each(|record| state.fold([record]).map(|_| ()))
    };
    assert!(matches!(
        fold(DistributionState::default()),
        Err(FoldError::BeyondFinality(_))
    ));
    fold(DistributionState::keeping_undo()).expect("everything can be undone");
}

#[tokio::test]
async fn log_2_a_second_life_writes_no_line_twice_and_misses_none() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    stand.append(&mut chain).await;
    stand.follow().await.stop().await;
    chain.block(&[Deed::Pay(1, 3)]);
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    assert_eq!(stand.owed().await, [(ALICE, 1_003), (BOB, 500)]);
    running.stop().await;
}

#[tokio::test]
async fn two_writers_take_turns_and_write_each_line_once() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    stand.append(&mut chain).await;
    let (one, other) = (stand.follow().await, stand.follow().await);
    for amount in 1..=20 {
        chain.block(&[Deed::Pay(2, amount)]);
        stand.append(&mut chain).await;
    }
    one.reached(&chain).await;
    other.reached(&chain).await;
    stand.written(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_000), (BOB, 710)]);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_newer_generation_replaces_what_the_older_one_said() {
    let stand = Stand::new().await;
    stand.append(&mut beginning()).await;
    let running = stand.follow().await;
    let mut anew = Chain::new(2);
    anew.block(&[Deed::Register(1, BOB)]);
    anew.block(&[Deed::Pay(1, 11)]);
    stand.append(&mut anew).await;
    running.reached(&anew).await;
    stand.written(&anew).await;
    assert_eq!(stand.owed().await, [(BOB, 11)]);
    running.stop().await;
}

#[tokio::test]
async fn a_stream_that_began_after_the_contracts_says_so_and_stops_nothing_else() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    chain.block(&[Deed::Pay(9, 5)]);
    chain.block(&[]);
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    running.reached(&chain).await;
    let refused = running
        .handle
        .read(|state| state.of(&REGISTRY).and_then(|deployed| deployed.refused.clone()));
    let refused = refused.expect("payouts cannot be computed");
    let why = refused.reason.to_string();
    assert!(why.contains("asset 9 was never registered"), "{why}");
    // The opening is record 0.
    assert_eq!(
        (refused.registry, refused.block.number, refused.sequence),
        (REGISTRY, chain::START, 1)
    );
    let seen = running.handle.status().refused;
    assert_eq!((seen.count, seen.last), (1, Some(refused)));

    // It stays told after a reorganisation took it back, and another one is counted.
    chain.revert(2);
    chain.block(&[Deed::Register(1, ALICE)]);
    chain.block(&[Deed::Pay(7, 5)]);
    stand.append(&mut chain).await;
    let seen = running.until(|status| status.refused.count == 2).await.refused;
    assert_eq!(seen.last.expect("it is told").block, chain.head());
    running.stop().await;
}

#[tokio::test]
async fn pay_3_a_root_is_recomputed_from_the_log_and_a_false_one_or_a_changed_leaf_is_named() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    let at = chain.head();
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    let entries = running.handle.read(|state| {
        let deployed = state.of_mut(&REGISTRY).expect("it is watched");
        deployed.state.entries(at.number)
    });
    let root = MerkleTree::new(&entries).expect("something is owed").root();
    stand
        .store()
        .await
        .keep_root(REGISTRY, 1, root, &entries)
        .await
        .unwrap();
    chain.block(&[Deed::Propose(1, root, at)]);
    // Revenue after the block that a root was computed at is not in it.
    chain.block(&[Deed::Pay(1, 50), Deed::Finalise(1, root)]);
    let next = chain.head();
    chain.block(&[Deed::Propose(2, B256::repeat_byte(9), next)]);
    stand.append(&mut chain).await;
    running.reached(&chain).await;

    let report = verify::verify(CHAIN, &stand.log, &stand.store().await)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        report.roots.iter().map(verify::RootReport::is_same).collect::<Vec<_>>(),
        [true, false]
    );
    assert!(
        !report.is_same() && report.to_string().contains("epoch 2: the root is"),
        "{report}"
    );

    let claimable = running.handle.claimable(REGISTRY).expect("an epoch is final");
    let (entry, proof) = claimable.entry(ALICE, TOKEN).expect("Alice is owed something");
    assert_eq!((claimable.epoch, entry.cumulative), (1, U256::from(1_000)));
    assert!(merkle::verify(root, merkle::leaf(&entry), &proof));
    assert!(claimable.entry(TOKEN, ALICE).is_none());

    stand
        .execute("update payouts.root_entry set cumulative = 1001 where cumulative = 1000")
        .await;
    let report = verify::verify(CHAIN, &stand.log, &stand.store().await)
        .await
        .unwrap()
        .unwrap();
    let differing = &report.roots[0].differing;
    assert_eq!(differing.len(), 1);
    assert_eq!(
        (differing[0].account, differing[0].published.as_deref()),
        (ALICE, Some("1001"))
    );
    assert!(report.to_string().contains("is published with 1001"), "{report}");

    // That there were some is known when all of them are gone.
    stand.execute("delete from payouts.root_entry").await;
    let report = verified(&stand).await;
    assert!(!report.roots[0].is_same(), "{report}");
    assert!(report.to_string().contains("published with it are gone"), "{report}");
    // Unless they are kept no more because they are of no use.
    stand
        .store()
        .await
        .drop_other_roots(REGISTRY, &[(2, B256::ZERO)])
        .await
        .unwrap();
    assert!(verified(&stand).await.roots[0].is_same());
    running.stop().await;
}

async fn verified(stand: &Stand) -> verify::PayoutReport {
    let report = verify::verify(CHAIN, &stand.log, &stand.store().await).await;
    report.expect("it is recomputed").expect("there is a stream")
}

#[tokio::test]
async fn pay_3_a_root_of_another_chains_block_is_named_however_old_the_block_is() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    let at = chain.head();
    stand.append(&mut chain).await;
    let report = verified(&stand).await;
    assert!(report.to_string().starts_with("nothing was published yet"), "{report}");

    let mut state = fold_to_end(CHAIN, &stand.log).await.unwrap().expect("it has records");
    let entries = state
        .state
        .of_mut(&REGISTRY)
        .expect("it is watched")
        .state
        .entries(at.number);
    let root = MerkleTree::new(&entries).expect("something is owed").root();
    let elsewhere = BlockRef {
        hash: B256::repeat_byte(3),
        ..at
    };
    let propose = |chain: &mut Chain| {
        chain.block(&[Deed::Propose(1, root, elsewhere)]);
        chain.block(&[Deed::Propose(1, root, at)]);
    };
    propose(&mut chain);
    // More than the fold remembers.
    (0..5_000).for_each(|_| chain.block(&[]));
    propose(&mut chain);
    stand.append(&mut chain).await;
    let report = verified(&stand).await;
    let same: Vec<bool> = report.roots.iter().map(verify::RootReport::is_same).collect();
    assert_eq!(same, [false, true, false, true], "{report}");
    let named = format!(
        "it is of block {} ({}), but the log's is {}",
        at.number, elsewhere.hash, at.hash
    );
    assert_eq!(report.to_string().matches(&named).count(), 2, "{report}");
}

#[tokio::test]
async fn a_root_that_a_reorganisation_took_back_is_not_judged() {
    let stand = Stand::new().await;
    let mut chain = beginning();
    let at = chain.head();
    chain.block(&[Deed::Propose(1, B256::repeat_byte(9), at)]);
    stand.append(&mut chain).await;
    chain.revert(1);
    chain.block(&[]);
    stand.append(&mut chain).await;
    let report = verify::verify(CHAIN, &stand.log, &stand.store().await)
        .await
        .unwrap()
        .unwrap();
    assert!(report.is_same(), "{report}");
    // Read together or apart, the same is judged.
    assert!(report.roots.is_empty(), "{report}");
}
