//! What is to be done, by what is in hand and what the chain says.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use souk_schema::exchange::FillNumber;
use souk_wire::fees::{FeePolicy, Fees};

use super::snapshot::another_life_of_state;
use crate::settler::decide::{Action, Observation, Policy, Sent, SentAt, Want, decide};
use crate::settler::journal::{Attempt, Entry, MinedIn, Planned, Purpose};
use crate::settler::state::{Inconsistent, State};

const POLICY: Policy = Policy {
    fees: FeePolicy {
        tip_wei: 10,
        highest_wei: 300,
        patience_blocks: 3,
    },
    fills_per_batch: 8,
    longest_wait_ms: 100,
    heartbeat_after_secs: 1_000,
};

fn attempt(mark: u8) -> Attempt {
    Attempt {
        hash: B256::repeat_byte(mark),
        fees: Fees {
            max_wei: 210,
            tip_wei: 10,
        },
        signed: vec![mark].into(),
    }
}

fn planned(id: u64, nonce: u64, first: u64, last: u64) -> Entry {
    Entry::Planned(Planned {
        id,
        nonce,
        to: Address::ZERO,
        gas_limit: 1,
        call_hash: B256::ZERO,
        purpose: Purpose::Batch {
            first: FillNumber(first),
            last: FillNumber(last),
            voided: 0,
        },
        attempt: attempt(id as u8),
    })
}

fn mined(mark: u8, block: u64, succeeded: bool) -> MinedIn {
    MinedIn {
        hash: B256::repeat_byte(mark),
        block_number: block,
        block_hash: B256::with_last_byte(block as u8),
        gas_used: 5,
        succeeded,
    }
}

/// The operator's view, changed step by step.
struct Desk {
    state: State,
    seen: Observation,
    sent: SentAt,
}

impl Desk {
    fn new() -> Desk {
        let seen = Observation {
            head: 10,
            head_secs: 500,
            base_fee_wei: 100,
            final_block: None,
            nonce: 4,
            next_fill: FillNumber(1),
            heartbeat_secs: 0,
            receipts: BTreeMap::new(),
            waiting_fills: 0,
            oldest_age_ms: 0,
            flushable: None,
        };
        Desk {
            state: State::default(),
            seen,
            sent: SentAt::new(),
        }
    }

    fn decide(&self) -> Vec<Action> {
        decide(&self.state, &self.seen, &self.sent, &POLICY)
    }

    fn note(&mut self, entries: &[Entry]) {
        for entry in entries {
            let resumed = another_life_of_state(&self.state);
            assert_eq!(resumed, self.state);
            self.state = resumed;
            self.state.apply(entry).unwrap();
        }
    }

    /// Does all that is to be recorded.
    fn record(&mut self) -> Vec<Entry> {
        let entries = self.decide().into_iter().filter_map(|action| match action {
            Action::Record(entry) => Some(entry),
            _ => None,
        });
        let entries: Vec<Entry> = entries.collect();
        self.note(&entries);
        entries
    }

    fn mine(&mut self, receipt: MinedIn) {
        self.seen.receipts.insert(receipt.hash, receipt);
    }
}

#[test]
fn a_batch_is_planned_when_it_is_full_or_old() {
    let mut desk = Desk::new();
    assert_eq!(desk.decide(), []);
    desk.seen.waiting_fills = 7;
    assert_eq!(desk.decide(), []);
    let settle = |at_most| {
        vec![Action::Plan(Want::Settle {
            first: FillNumber(1),
            at_most,
        })]
    };
    desk.seen.oldest_age_ms = 100;
    assert_eq!(desk.decide(), settle(8));
    (desk.seen.oldest_age_ms, desk.seen.waiting_fills) = (0, 8);
    assert_eq!(desk.decide(), settle(8));
}

#[test]
fn an_idle_operator_sends_a_heartbeat_and_then_flushes() {
    let mut desk = Desk::new();
    desk.seen.flushable = Some(B256::ZERO);
    assert_eq!(desk.decide(), [Action::Plan(Want::Flush { market: B256::ZERO })]);
    desk.seen.head_secs = 1_000;
    assert_eq!(desk.decide(), [Action::Plan(Want::Heartbeat)]);
    desk.seen.heartbeat_secs = 1;
    assert_eq!(desk.decide(), [Action::Plan(Want::Flush { market: B256::ZERO })]);
}

#[test]
fn what_is_recorded_is_sent_also_after_a_crash_and_nothing_else_meanwhile() {
    let mut desk = Desk::new();
    desk.seen.waiting_fills = 20;
    desk.note(&[planned(1, 4, 1, 8)]);
    let send = || {
        vec![Action::Broadcast {
            id: 1,
            signed: vec![1].into(),
        }]
    };
    assert_eq!(desk.decide(), send());
    desk.sent.insert(
        1,
        Sent {
            form_since: 10,
            last: 10,
        },
    );
    assert_eq!(desk.decide(), []);
    desk.seen.head = 11;
    assert_eq!(desk.decide(), send(), "again with every head");
    // Who starts anew knows nothing of what was sent.
    desk.sent.clear();
    assert_eq!(desk.decide(), send());
}

#[test]
fn a_stuck_transaction_is_replaced_until_it_offers_enough() {
    let mut desk = Desk::new();
    desk.note(&[planned(1, 4, 1, 8)]);
    desk.sent.insert(
        1,
        Sent {
            form_since: 10,
            last: 12,
        },
    );
    desk.seen.head = 13;
    let fees = Fees {
        max_wei: 238,
        tip_wei: 13,
    };
    assert_eq!(desk.decide(), [Action::Replace { id: 1, fees }]);
    desk.note(&[Entry::Attempted {
        id: 1,
        attempt: Attempt { fees, ..attempt(2) },
    }]);
    desk.sent.clear();
    assert_eq!(
        desk.decide(),
        [Action::Broadcast {
            id: 1,
            signed: vec![2].into()
        }]
    );
    desk.note(&[Entry::Attempted {
        id: 1,
        attempt: Attempt {
            fees: Fees {
                max_wei: 299,
                tip_wei: 20,
            },
            ..attempt(3)
        },
    }]);
    desk.sent.insert(
        1,
        Sent {
            form_since: 13,
            last: 13,
        },
    );
    desk.seen.head = 16;
    assert_eq!(desk.decide(), [Action::ReportStuck { id: 1 }]);
    // Any of its forms may be the one that is mined.
    desk.mine(mined(2, 16, true));
    assert_eq!(
        desk.record(),
        [Entry::Mined {
            id: 1,
            mined: mined(2, 16, true)
        }]
    );
}

#[test]
fn a_nonce_that_something_else_used_voids_the_transaction() {
    let mut desk = Desk::new();
    desk.seen.waiting_fills = 20;
    desk.note(&[planned(1, 4, 1, 8)]);
    desk.seen.nonce = 5;
    assert_eq!(desk.record(), [Entry::Voided { id: 1 }]);
    assert_eq!(
        desk.decide(),
        [Action::Plan(Want::Settle {
            first: FillNumber(1),
            at_most: 8
        })]
    );
}

#[test]
fn a_failed_batch_is_halved_until_one_succeeds() {
    let mut desk = Desk::new();
    desk.seen.waiting_fills = 20;
    desk.note(&[planned(1, 4, 1, 8)]);
    desk.mine(mined(1, 11, false));
    desk.seen.nonce = 5;
    desk.record();
    assert_eq!(
        desk.decide(),
        [Action::Plan(Want::Settle {
            first: FillNumber(1),
            at_most: 4
        })]
    );
    desk.note(&[planned(2, 5, 1, 4)]);
    desk.mine(mined(2, 12, true));
    (desk.seen.nonce, desk.seen.next_fill) = (6, FillNumber(5));
    desk.record();
    assert_eq!(
        desk.decide(),
        [Action::Plan(Want::Settle {
            first: FillNumber(5),
            at_most: 8
        })]
    );
}

#[test]
fn a_reverted_transaction_waits_again_until_its_block_is_final() {
    let mut desk = Desk::new();
    desk.note(&[planned(1, 4, 1, 8)]);
    desk.mine(mined(1, 11, true));
    desk.seen.nonce = 5;
    desk.record();
    desk.note(&[planned(2, 5, 9, 9)]);
    desk.mine(mined(2, 12, true));
    desk.seen.nonce = 6;
    desk.record();
    assert_eq!((desk.state.waiting().len(), desk.state.mined().len()), (0, 2));

    // Both blocks are gone; the second one's transaction is in another block at once.
    desk.seen.receipts.clear();
    let elsewhere = MinedIn {
        block_hash: B256::repeat_byte(0xee),
        ..mined(2, 12, true)
    };
    desk.mine(elsewhere);
    desk.seen.nonce = 4;
    assert_eq!(desk.record(), [Entry::Reverted { id: 1 }, Entry::Reverted { id: 2 }]);
    assert_eq!(
        desk.record(),
        [Entry::Mined {
            id: 2,
            mined: elsewhere
        }]
    );
    assert_eq!(
        desk.decide(),
        [Action::Broadcast {
            id: 1,
            signed: vec![1].into()
        }]
    );
    desk.mine(mined(1, 13, true));
    desk.seen.nonce = 6;
    desk.record();
    desk.seen.final_block = Some(12);
    assert_eq!(desk.record(), [Entry::Final { id: 2 }]);
    desk.seen.final_block = Some(13);
    assert_eq!(desk.record(), [Entry::Final { id: 1 }]);
    assert_eq!(desk.state.mined(), []);
}

/// A transaction of the same account that was reverted and is nowhere any more.
#[test]
fn a_gap_of_nonces_is_filled_by_a_heartbeat() {
    let mut desk = Desk::new();
    desk.note(&[planned(1, 6, 1, 8)]);
    desk.sent.insert(
        1,
        Sent {
            form_since: 10,
            last: 12,
        },
    );
    desk.seen.head = 12;
    desk.seen.nonce = 5;
    assert_eq!(desk.decide(), []);
    desk.seen.head = 13;
    assert_eq!(desk.decide(), [Action::Plan(Want::Heartbeat)]);
}

#[test]
fn a_journal_that_contradicts_itself_is_refused() {
    let mut state = State::default();
    assert_eq!(state.apply(&planned(2, 4, 1, 1)), Err(Inconsistent { id: 2 }));
    assert_eq!(state.apply(&Entry::Voided { id: 1 }), Err(Inconsistent { id: 1 }));
    state.apply(&planned(1, 4, 1, 1)).unwrap();
    assert_eq!(state.apply(&Entry::Final { id: 1 }), Err(Inconsistent { id: 1 }));
}

/// A chain that went back past finality has lost nonces and fills: the lost nonce brings the lost fills.
#[test]
fn a_gap_of_nonces_where_fills_were_lost_is_filled_by_these() {
    let mut desk = Desk::new();
    desk.note(&[planned(1, 6, 9, 16)]);
    let sent = Sent {
        form_since: 10,
        last: 10,
    };
    desk.sent.insert(1, sent);
    desk.seen.head = 13;
    desk.seen.waiting_fills = 16;
    desk.seen.next_fill = FillNumber(1);
    let lost = Want::Settle {
        first: FillNumber(1),
        at_most: 8,
    };
    assert_eq!(desk.decide(), [Action::Plan(lost)]);
    // What is on its way already has the fill that is wanted: only the nonce is missing.
    desk.seen.next_fill = FillNumber(9);
    assert_eq!(desk.decide(), [Action::Plan(Want::Heartbeat)]);
}
