//! Starting from a snapshot is starting from the first record: whatever was reverted since, wherever it was cut; and where a snapshot is of no
//! use, the stream is folded. Settled revenues leave memory on the way and are explained all the same.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_distribution::{DistributionState, Keeping, verify};
use souk_payouts::Role;
use souk_payouts::merkle::MerkleTree;
use souk_schema::record::ChainRecordBody;
use souk_schema::{B256, U256};

use crate::chain::{ALICE, BOB, CHAIN, Chain, Deed, REGISTRY};
use crate::support::{Running, Stand};

/// Snapshots are due after so many records.
const OFTEN: u64 = 6;

async fn writes(stand: &Stand) -> Keeping {
    Keeping::Writes(stand.store().await.with_snapshots_after(OFTEN))
}

/// A chain with a finalised epoch, of which a follower has a snapshot; and blocks that are not final.
async fn with_a_snapshot(stand: &Stand) -> (Chain, u64) {
    let mut chain = Chain::new(1);
    chain.block(&[Deed::Register(1, ALICE), Deed::Register(2, BOB)]);
    chain.block(&[Deed::Pay(1, 1_000), Deed::Pay(2, 500)]);
    let at = chain.head();
    stand.append(&mut chain).await;
    let running = stand.follow_with(writes(stand).await).await;
    let root = root_at(&running, at.number);
    chain.block(&[Deed::Propose(1, root, at)]);
    chain.block(&[Deed::Finalise(1, root)]);
    chain.block(&[Deed::Pay(1, 7)]);
    chain.finalise();
    chain.block(&[Deed::Pay(2, 9)]);
    chain.block(&[Deed::Pay(2, 11)]);
    stand.append(&mut chain).await;
    let status = running.until(|status| status.snapshot.is_some()).await;
    running.reached(&chain).await;
    running.stop().await;
    (chain, status.snapshot.expect("just seen"))
}

fn root_at(running: &Running, block: u64) -> B256 {
    let entries = running.handle.read(|state| {
        let deployed = state.of_mut(&REGISTRY).expect("it is watched");
        deployed.state.entries(block)
    });
    MerkleTree::new(&entries).expect("something is owed").root()
}

#[tokio::test]
async fn a_second_life_goes_on_from_the_snapshot_across_a_reorganisation() {
    let stand = Stand::new().await;
    let (mut chain, snapshot) = with_a_snapshot(&stand).await;
    // Its block is final, so what comes after it may be taken back.
    chain.revert(2);
    chain.block(&[Deed::Pay(2, 13), Deed::Dispute(1, 2)]);
    stand.append(&mut chain).await;
    let lives = [Keeping::Reads(stand.store().await), writes(&stand).await];
    for keeping in lives {
        let running = stand.follow_with(keeping).await;
        running.reached(&chain).await;
        assert_eq!(running.handle.status().snapshot, Some(snapshot));
        assert_eq!(running.hash(), stand.folded_anew().await);
        running.stop().await;
    }
    stand.written(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_007), (BOB, 513)]);
    // What the snapshot begins with is not what roots are checked against.
    let report = verify::verify(CHAIN, &stand.log, &stand.store().await)
        .await
        .unwrap()
        .unwrap();
    assert!(report.is_same() && report.roots.len() == 1, "{report}");
}

#[tokio::test]
async fn a_snapshot_that_is_of_no_use_is_named_and_the_stream_is_folded() {
    let harms = [
        "update payouts.snapshot_piece set data = overlay(data placing '\\x00' from octet_length(data) / 2)",
        "update payouts.snapshot_piece set data = substring(data for octet_length(data) - 1)",
        "delete from payouts.snapshot_piece",
        // Another version: after the heading's length and name.
        "update payouts.snapshot_piece set data = set_byte(data, 26, 9)",
        // Positions that are not its own, that the log does not have, and that the tables do not know.
        "alter table payouts.snapshot_piece drop constraint snapshot_piece_chain_id_next_sequence_fkey;
         update payouts.snapshot set next_sequence = next_sequence - 1;
         update payouts.snapshot_piece set next_sequence = next_sequence - 1",
        "alter table payouts.snapshot_piece drop constraint snapshot_piece_chain_id_next_sequence_fkey;
         update payouts.snapshot set next_sequence = next_sequence + 1000;
         update payouts.snapshot_piece set next_sequence = next_sequence + 1000",
        "truncate payouts.line, payouts.portion_change, payouts.settled; update payouts.position set next_sequence = 1",
    ];
    for harm in harms {
        let stand = Stand::new().await;
        let (chain, snapshot) = with_a_snapshot(&stand).await;
        stand.execute(harm).await;
        // One that writes none itself, so that none is there but the harmed one.
        let running = stand.follow_with(Keeping::Reads(stand.store().await)).await;
        running.reached(&chain).await;
        assert_eq!(running.handle.status().snapshot, None, "{harm}");
        assert_eq!(running.hash(), stand.folded_anew().await, "{harm}");
        running.stop().await;
        // Who writes drops it, and stores another.
        let running = stand.follow_with(writes(&stand).await).await;
        let status = running.until(|status| status.snapshot.is_some()).await;
        assert_eq!(status.snapshot, Some(snapshot), "{harm}");
        assert_eq!(stand.count("select count(*) from payouts.snapshot").await, 1, "{harm}");
        stand.written(&chain).await;
        assert_eq!(stand.owed().await, [(ALICE, 1_007), (BOB, 520)], "{harm}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_snapshot_of_a_chain_that_broke_its_promise_is_not_gone_on_from() {
    let stand = Stand::new().await;
    let (mut chain, _) = with_a_snapshot(&stand).await;
    chain.revert(3);
    chain.block(&[Deed::Pay(1, 8)]);
    stand.append(&mut chain).await;
    let running = stand.follow_with(writes(&stand).await).await;
    running.reached(&chain).await;
    stand.written(&chain).await;
    assert_eq!(running.hash(), stand.folded_anew().await);
    assert_eq!(stand.owed().await, [(ALICE, 1_008), (BOB, 500)]);
    running.stop().await;
}

#[tokio::test]
async fn settled_revenues_leave_memory_and_are_explained_all_the_same() {
    let stand = Stand::new().await;
    let (mut chain, _) = with_a_snapshot(&stand).await;
    let unforgetting = stand.follow_with(Keeping::Nothing).await;
    let (writer, reader) = (
        stand.follow_with(writes(&stand).await).await,
        stand.follow_with(Keeping::Reads(stand.store().await)).await,
    );
    chain.block(&[]);
    chain.finalise();
    stand.append(&mut chain).await;
    let settled = unforgetting
        .handle
        .read(|state| state.of(&REGISTRY).expect("it is watched").state.settled_in_memory());
    assert_eq!(settled, 2);
    for running in [&writer, &reader] {
        running.reached(&chain).await;
        let forgotten = running.handle.read(|state| {
            let state = &state.of(&REGISTRY).expect("it is watched").state;
            (state.settled_in_memory(), state.settled_count())
        });
        assert_eq!(forgotten, (0, 2));
        for (revenue, owner, amount) in [(1_000u64, ALICE, 1_000u64), (500, BOB, 500)] {
            let revenue = U256::from(revenue);
            let evidence = running
                .handle
                .evidence(REGISTRY, revenue)
                .await
                .unwrap()
                .expect("it is kept");
            let expected = unforgetting
                .handle
                .evidence(REGISTRY, revenue)
                .await
                .unwrap()
                .expect("it is there");
            assert_eq!(evidence.revenue(), expected.revenue());
            let why = evidence.explain(1, owner, Role::Owner).expect("the owner's line");
            assert_eq!(why.line.amount, U256::from(amount));
            assert_eq!(evidence.paths(&why).count(), 1);
        }
        assert!(
            running
                .handle
                .evidence(REGISTRY, U256::from(77))
                .await
                .unwrap()
                .is_none()
        );
    }
    for running in [unforgetting, writer, reader] {
        running.stop().await;
    }
    // A reorganisation of the block that settled them takes them back out of the tables.
    assert_eq!(stand.count("select count(*) from payouts.settled").await, 2);
    chain.revert(5);
    chain.block(&[]);
    stand.append(&mut chain).await;
    let running = stand.follow().await;
    running.reached(&chain).await;
    stand.written(&chain).await;
    assert_eq!(stand.count("select count(*) from payouts.settled").await, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_deployment_with_a_refused_fact_has_snapshots_and_nothing_is_folded_into_it_again() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    chain.block(&[Deed::Register(1, ALICE)]);
    chain.block(&[Deed::Pay(1, 1_000)]);
    // Nobody registered asset 9. The rest of its block does not count either.
    chain.block(&[Deed::Pay(1, 20), Deed::Pay(9, 5)]);
    chain.block(&[Deed::Pay(1, 7)]);
    chain.finalise();
    chain.block(&[Deed::Pay(1, 11)]);
    stand.append(&mut chain).await;
    let running = stand.follow_with(writes(&stand).await).await;
    let before = running.until(|status| status.snapshot.is_some()).await;
    running.reached(&chain).await;
    running.stop().await;
    assert_eq!(before.refused.count, 1);

    chain.block(&[Deed::Pay(1, 13)]);
    stand.append(&mut chain).await;
    let running = stand.follow_with(writes(&stand).await).await;
    running.reached(&chain).await;
    let status = running.handle.status();
    assert_eq!(status.snapshot, before.snapshot, "it goes on from the snapshot");
    assert_eq!(status.refused, before.refused, "what was refused before is told");
    let refused = running
        .handle
        .read(|state| state.of(&REGISTRY).and_then(|deployed| deployed.refused.clone()));
    assert_eq!(refused, before.refused.last);
    assert_eq!(running.hash(), stand.folded_anew().await);
    stand.written(&chain).await;
    assert_eq!(stand.owed().await, [(ALICE, 1_000)]);
    running.stop().await;
}

/// The paths are held half way while the stream goes on; with the state's lock held, nothing would be folded.
#[tokio::test]
async fn an_explanation_that_takes_long_stops_nothing() {
    let stand = Stand::new().await;
    let (mut chain, _) = with_a_snapshot(&stand).await;
    let running = stand.follow().await;
    let open = running.handle.read(|state| {
        let state = &state.of(&REGISTRY).expect("it is watched").state;
        state.open_revenues().next().expect("one is open").payment.revenue
    });
    let evidence = running
        .handle
        .evidence(REGISTRY, open)
        .await
        .unwrap()
        .expect("it is there");
    let why = evidence.explain(1, ALICE, Role::Owner).expect("the owner's line");
    let mut paths = evidence.paths(&why);
    chain.block(&[Deed::Register(3, BOB), Deed::Pay(3, 4)]);
    stand.append(&mut chain).await;
    tokio::time::timeout(Duration::from_secs(60), running.reached(&chain))
        .await
        .expect("the fold goes on");
    assert_eq!(paths.next().expect("the only one").edges, []);
    running.stop().await;
}

/// Records of a random chain: payments, disputes, epochs, reorganisations above what is final; in some also a fact that is refused.
fn random(seed: u64) -> Vec<ChainRecordBody> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chain = Chain::new(1);
    chain.block(&[Deed::Register(1, ALICE), Deed::Register(2, BOB)]);
    let (mut open, mut epoch, mut disputes) = (0, 1, 0);
    let blocks = rng.random_range(10..60);
    let refused = seed.is_multiple_of(4).then(|| rng.random_range(blocks / 2..blocks));
    for block in 0..blocks {
        if Some(block) == refused {
            chain.block(&[Deed::Pay(9, 1)]);
            open += 1;
            continue;
        }
        match rng.random_range(0..10) {
            0 => {
                let at = chain.head();
                let root = B256::repeat_byte(epoch as u8);
                chain.block(&[Deed::Propose(epoch, root, at), Deed::Pay(1, 3)]);
                chain.block(&[Deed::Finalise(epoch, root)]);
                // What is proposed and final goes together, whatever is reverted.
                chain.finalise();
                (open, epoch) = (0, epoch + 1);
                continue;
            }
            1 if open > 0 => {
                let depth = rng.random_range(1..=open);
                chain.revert(depth);
                open -= depth;
                continue;
            }
            2 => {
                chain.finalise();
                open = 0;
                continue;
            }
            3 => {
                disputes += 1;
                chain.block(&[Deed::Dispute(disputes, 2), Deed::Pay(2, 5)]);
            }
            amount => chain.block(&[Deed::Pay(1 + amount % 2, amount)]),
        }
        open += 1;
    }
    chain.new.into_iter().map(|record| record.body).collect()
}

#[test]
fn log_1_a_fold_from_any_snapshot_is_the_fold_from_the_first_record() {
    let hash = |state: &DistributionState| state.of(&REGISTRY).expect("it is watched").state.state_hash();
    let refused = |state: &DistributionState| state.of(&REGISTRY).expect("it is watched").refused.clone();
    let (mut cuts, mut reverted_after, mut epochs_after, mut refused_before) = (0, 0, 0, 0);
    for seed in 0..60 {
        let records = random(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 1_000);
        let mut whole = DistributionState::default();
        whole.fold(records.iter().cloned()).expect("a lawful stream");
        let mut running = DistributionState::default();
        let mut next = 0;
        while next < records.len() {
            let end = (next + rng.random_range(1..8)).min(records.len());
            running
                .fold(records[next..end].iter().cloned())
                .expect("a lawful stream");
            running.forget_settled();
            next = end;
            let Some(cut) = running.cut() else { continue };
            let mut restored = DistributionState::restore(&cut.encode()).expect("it was cut");
            assert_eq!(restored.next_sequence(), cut.next_sequence());
            let tail = &records[usize::try_from(cut.next_sequence()).unwrap()..];
            reverted_after += tail
                .iter()
                .filter(|record| matches!(record, ChainRecordBody::BlockReverted(_)))
                .count();
            refused_before += usize::from(refused(&restored).is_some());
            let before = restored.of(&REGISTRY).expect("it is watched").state.finalised_epoch();
            while !tail.is_empty() && restored.next_sequence() < records.len() as u64 {
                let from = usize::try_from(restored.next_sequence()).unwrap();
                let to = (from + rng.random_range(1..8)).min(records.len());
                restored
                    .fold(records[from..to].iter().cloned())
                    .expect("a lawful stream");
            }
            let after = restored.of(&REGISTRY).expect("it is watched").state.finalised_epoch();
            epochs_after += usize::from(before > 0 && after > before);
            assert_eq!(hash(&restored), hash(&whole), "seed {seed}, cut after record {next}");
            assert_eq!(
                (restored.head(), restored.finalized(), restored.genesis()),
                (whole.head(), whole.finalized(), whole.genesis())
            );
            assert_eq!(
                refused(&restored),
                refused(&whole),
                "seed {seed}, cut after record {next}"
            );
            cuts += 1;
        }
        assert_eq!(hash(&running), hash(&whole), "seed {seed}");
    }
    assert!(
        cuts > 200 && reverted_after > 200 && epochs_after > 50 && refused_before > 10,
        "{cuts}, {reverted_after}, {epochs_after}, {refused_before}"
    );
}
