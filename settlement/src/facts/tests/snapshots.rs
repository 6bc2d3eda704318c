//! Snapshots: to go on from one is never to have stopped, and one that is not what it should be is refused.

use alloy::primitives::B256;
use souk_schema::exchange::GroupId;
use souk_schema::record::ChainRecordBody;

use super::super::folder::{FactConfig, FactFolder};
use super::super::held::Held;
use super::super::snapshot::{Snapshot, StoredSnapshot, Unusable, VERSION};
use super::{ALICE, BOB, CONTRACTS, Stream, deposit, exit, exit_executed, flushed, key, settled, skipped, withdrawn};

/// A chain with a bit of everything: blocks that are reverted, a generation that is another chain past finality.
fn eventful() -> Vec<(u64, ChainRecordBody)> {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 5, 1), exit(1), key(true)]);
    stream.block(0, vec![settled(1), withdrawn(3)]).finalize(1);
    stream.block(0, vec![exit(2), flushed(7)]).revert();
    stream.block(1, vec![deposit(2, BOB, 6, 1), skipped(2)]).finalize(3);
    stream.open(2);
    stream.block(0, vec![deposit(1, ALICE, 5, 1), exit(1), key(true)]);
    stream.block(1, vec![settled(1)]).block(1, vec![exit_executed(1)]);
    stream.block(1, vec![key(false)]).finalize(3);
    stream.block(1, vec![settled(2), flushed(7), withdrawn(3)]).finalize(5);
    stream.records
}

fn taken(folder: &FactFolder) -> Snapshot {
    Snapshot {
        next_sequence: 7,
        last_record: B256::repeat_byte(3),
        heard: 9,
        told_record: Some(6),
        retries: 1,
        folded: folder.state.clone(),
        held: Held::default(),
    }
}

#[test]
fn a_folder_that_goes_on_from_a_snapshot_tells_what_one_that_never_stopped_tells() {
    let config = FactConfig::alone(GroupId(1), CONTRACTS);
    let records = eventful();
    let mut straight = FactFolder::new(config.clone());
    let mut told = 0;
    for (place, (sequence, body)) in records.iter().enumerate() {
        told += straight.fold(*sequence, body).unwrap().len();
        let stored = taken(&straight).store(&config).unwrap();
        let snapshot = Snapshot::read(&stored, &config, 9).unwrap();
        assert_eq!(snapshot, taken(&straight));
        let (mut resumed, mut ahead) = (snapshot.folder(config.clone()), straight.clone());
        for (sequence, body) in &records[place + 1..] {
            assert_eq!(
                resumed.fold(*sequence, body),
                ahead.fold(*sequence, body),
                "after record {place}"
            );
        }
    }
    assert!(told > 15, "{told} facts");
}

#[test]
fn a_snapshot_that_is_not_what_it_should_be_is_refused() {
    let config = FactConfig::alone(GroupId(1), CONTRACTS);
    let mut folder = FactFolder::new(config.clone());
    for (sequence, body) in eventful() {
        folder.fold(sequence, &body).unwrap();
    }
    let good = taken(&folder).store(&config).unwrap();
    let refused = |stored: &StoredSnapshot| Snapshot::read(stored, &config, 9).unwrap_err();
    for at in (0..good.body.len()).step_by(7) {
        let mut damaged = good.clone();
        damaged.body[at] ^= 1;
        assert_eq!(refused(&damaged), Unusable::Damaged);
    }
    let mut older = good.clone();
    older.version += 1;
    assert_eq!(refused(&older), Unusable::Version(VERSION + 1));
    let mut nonsense = good.clone();
    nonsense.body.truncate(20);
    nonsense.body_hash = alloy::primitives::keccak256(&nonsense.body);
    assert!(matches!(refused(&nonsense), Unusable::Malformed(_)));
    let mut others = config.clone();
    others.others = vec![GroupId(2)];
    assert_eq!(Snapshot::read(&good, &others, 9), Err(Unusable::OtherConfig));
    assert_eq!(Snapshot::read(&good, &config, 8), Err(Unusable::AheadOfEngine));
}
