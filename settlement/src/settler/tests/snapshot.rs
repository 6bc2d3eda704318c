//! What was written down and read back. The queue and the journal's state go through it wherever these tests change them.

use souk_schema::exchange::FillNumber;

use crate::settler::queue::Queue;
use crate::settler::snapshot::{Snapshot, StoredSettling, Unusable, VERSION};
use crate::settler::state::State;

/// The queue as the next life has it.
pub(super) fn another_life(queue: &Queue) -> Queue {
    // One that keeps more than the events say is not written down.
    if queue.keeps_over() {
        return queue.clone();
    }
    let snapshot = Snapshot {
        queue: queue.clone(),
        ..Snapshot::default()
    };
    read(&snapshot.store().unwrap()).unwrap().queue
}

/// The same of the journal's state.
pub(super) fn another_life_of_state(state: &State) -> State {
    let snapshot = Snapshot {
        state: state.clone(),
        ..Snapshot::default()
    };
    read(&snapshot.store().unwrap()).unwrap().state
}

fn read(stored: &StoredSettling) -> Result<Snapshot, Unusable> {
    Snapshot::read(stored)
}

#[test]
fn a_snapshot_that_is_not_what_it_should_be_is_refused() {
    let good = Snapshot::default().store().unwrap();
    assert_eq!(read(&good), Ok(Snapshot::default()));
    for at in 0..good.body.len() {
        let mut damaged = good.clone();
        damaged.body[at] ^= 1;
        assert_eq!(read(&damaged), Err(Unusable::Damaged));
    }
    let mut newer = good.clone();
    newer.version += 1;
    assert_eq!(read(&newer), Err(Unusable::Version(VERSION + 1)));
    let mut nonsense = good;
    nonsense.body.truncate(20);
    nonsense.body_hash = alloy::primitives::keccak256(&nonsense.body);
    assert!(matches!(read(&nonsense), Err(Unusable::Malformed(_))));
}

#[test]
fn a_queue_that_keeps_what_is_over_is_known() {
    assert!(!Queue::new().keeps_over());
    assert!(Queue::keeping_from(FillNumber(2)).keeps_over());
}
