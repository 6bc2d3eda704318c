//! What to do about what the node says. Pure: the same state and observation give the same actions.
//!
//! One transaction is on its way at a time. It is sent again with every new head until it is mined, at a higher fee when it is stuck, and
//! given up only when its nonce is used. Start at [`decide`].

use std::collections::BTreeMap;

use alloy::primitives::{B256, Bytes};
use souk_schema::exchange::FillNumber;
use souk_wire::fees::{FeePolicy, Fees};

use super::journal::{Entry, MinedIn};
use super::state::{State, Transaction};

/// What the node says, asked in the order of the fields, and what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Number of the newest block.
    pub head: u64,
    /// Its time, unix seconds.
    pub head_secs: u64,
    /// Its base fee, in wei per gas.
    pub base_fee_wei: u128,
    /// The newest block that will not be reverted.
    pub final_block: Option<u64>,
    /// The operator account's transactions up to the newest block. Asked before the receipts: a nonce that was used without a receipt was
    /// used by something else.
    pub nonce: u64,
    /// The number that the vault wants next.
    pub next_fill: FillNumber,
    /// When the vault last heard of the operator, unix seconds.
    pub heartbeat_secs: u64,
    /// Where attempts were mined, of those that the state has in hand.
    pub receipts: BTreeMap<B256, MinedIn>,
    /// Fills that wait from `next_fill` on.
    pub waiting_fills: u64,
    /// The age of the oldest of them, in milliseconds.
    pub oldest_age_ms: u64,
    /// A market whose royalties are worth flushing.
    pub flushable: Option<B256>,
}

/// How eager to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fees.
    pub fees: FeePolicy,
    /// A batch is sent as soon as so many fills wait …
    pub fills_per_batch: u64,
    /// … or the oldest has waited for so long, in milliseconds.
    pub longest_wait_ms: u64,
    /// Seconds of silence after which a heartbeat is sent.
    pub heartbeat_after_secs: u64,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this down.
    Record(Entry),
    /// Send these bytes (again).
    Broadcast {
        /// Which transaction.
        id: u64,
        /// As it was signed.
        signed: Bytes,
    },
    /// Sign the transaction anew with these fees, write it down, send it.
    Replace {
        /// Which.
        id: u64,
        /// What to offer.
        fees: Fees,
    },
    /// It is stuck, and offers as much as may be offered.
    ReportStuck {
        /// Which.
        id: u64,
    },
    /// Make a new transaction.
    Plan(Want),
}

/// A new transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Settle fills from this one on.
    Settle {
        /// The first.
        first: FillNumber,
        /// Most fills.
        at_most: u64,
    },
    /// Say that the operator is there.
    Heartbeat,
    /// Pay royalties out.
    Flush {
        /// Of which market.
        market: B256,
    },
}

/// At which head each transaction was last sent. Lost in a crash, which only has them sent once more.
pub type SentAt = BTreeMap<u64, Sent>;

/// When a transaction was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The head when its latest form was first sent.
    pub form_since: u64,
    /// The head when it was last sent.
    pub last: u64,
}

/// What to do now. Where something is to be recorded, only that: what follows from it is decided on the next call.
pub fn decide(state: &State, seen: &Observation, sent: &SentAt, policy: &Policy) -> Vec<Action> {
    let records = records(state, seen);
    if !records.is_empty() {
        return records.into_iter().map(Action::Record).collect();
    }
    let Some(next) = state.waiting().first() else {
        return plan(state, seen, policy).map(Action::Plan).into_iter().collect();
    };
    let is_overdue = sent
        .get(&next.planned.id)
        .is_some_and(|sent| seen.head >= sent.form_since.saturating_add(policy.fees.patience_blocks));
    if next.planned.nonce > seen.nonce && is_overdue {
        // A transaction with a lower nonce is gone, for instance with a block that was reverted; nothing moves until that nonce is used. Where
        // final blocks were reverted, the vault wants fills again that nothing on its way has.
        let is_on_its_way = |fill: u64| {
            let mut waiting = state.waiting().iter().filter_map(Transaction::fills);
            waiting.any(|(first, _)| first == fill)
        };
        let want = match seen.waiting_fills > 0 && !is_on_its_way(seen.next_fill.0) {
            true => plan(state, seen, policy).unwrap_or(Want::Heartbeat),
            false => Want::Heartbeat,
        };
        return vec![Action::Plan(want)];
    }
    let waiting = state.waiting().iter();
    waiting.flat_map(|waiting| push(waiting, seen, sent, policy)).collect()
}

/// What the node's answers say of transactions in hand.
fn records(state: &State, seen: &Observation) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (transaction, mined) in state.mined() {
        let id = transaction.planned.id;
        let is_there = seen
            .receipts
            .get(&mined.hash)
            .is_some_and(|receipt| receipt.block_hash == mined.block_hash);
        if !is_there {
            entries.push(Entry::Reverted { id });
        } else if seen.final_block.is_some_and(|block| mined.block_number <= block) {
            entries.push(Entry::Final { id });
        }
    }
    for transaction in state.waiting() {
        let id = transaction.planned.id;
        let receipt = transaction
            .attempts
            .iter()
            .find_map(|attempt| seen.receipts.get(&attempt.hash));
        if let Some(mined) = receipt {
            entries.push(Entry::Mined { id, mined: *mined });
        } else if transaction.planned.nonce < seen.nonce {
            entries.push(Entry::Voided { id });
        }
    }
    entries
}

/// Keeps a waiting transaction going.
fn push(waiting: &Transaction, seen: &Observation, sent: &SentAt, policy: &Policy) -> Option<Action> {
    let id = waiting.planned.id;
    let again = Action::Broadcast {
        id,
        signed: waiting.latest().signed.clone(),
    };
    let Some(sent) = sent.get(&id) else { return Some(again) };
    let patience = policy.fees.patience_blocks;
    if seen.head >= sent.form_since.saturating_add(patience) {
        let fees = policy.fees.replacement(waiting.latest().fees, seen.base_fee_wei);
        if let Some(fees) = fees {
            return Some(Action::Replace { id, fees });
        }
        if seen.head >= sent.last.saturating_add(patience) {
            return Some(Action::ReportStuck { id });
        }
        return None;
    }
    (seen.head > sent.last).then_some(again)
}

/// Whether the vault has heard nothing for long.
pub fn heartbeat_is_due(seen: &Observation, policy: &Policy) -> bool {
    seen.head_secs >= seen.heartbeat_secs.saturating_add(policy.heartbeat_after_secs)
}

fn plan(state: &State, seen: &Observation, policy: &Policy) -> Option<Want> {
    let enough = seen.waiting_fills >= policy.fills_per_batch || seen.oldest_age_ms >= policy.longest_wait_ms;
    if seen.waiting_fills > 0 && enough {
        // A batch that failed although it had been tried before was, most likely, short of gas.
        let at_most = state
            .failed_fills()
            .map_or(policy.fills_per_batch, |fills| (fills / 2).max(1));
        return Some(Want::Settle {
            first: seen.next_fill,
            at_most: at_most.min(policy.fills_per_batch),
        });
    }
    if heartbeat_is_due(seen, policy) {
        return Some(Want::Heartbeat);
    }
    seen.flushable.map(|market| Want::Flush { market })
}
