//! All that settlement knows, and what it makes of what it is told: journal, fills that wait, transactions on their way.
//!
//! Pure. The shell around it ([`super::Settler`]) asks the node, writes and sends; beside this it keeps when it last looked for royalties. Start at
//! [`Settling::next_action`].

use alloy::primitives::{B256, Bytes};
use souk_eventlog::StoredRecord;
use souk_schema::exchange::{FillNumber, GroupId, Outcome, UnixMillis};

use super::decide::{Action, Observation, Policy, Sent, SentAt, decide};
use super::error::SettleError;
use super::journal::{Entry, from_record};
use super::queue::{Queue, QueueError};
use super::snapshot::{Snapshot, StoredSettling, Unusable};
use super::state::{Inconsistent, State};
use crate::place::Place;

/// What is known between two steps.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    /// The end of the journal.
    journal: Place,
    state: State,
    /// How far the events are read.
    events: Place,
    queue: Queue,
    /// Lost in a crash.
    sent: SentAt,
    /// Records of both streams since the last snapshot.
    records: u64,
}

impl Settling {
    /// Where a snapshot was taken. Whether both streams still have its places is for whoever has the streams to say.
    ///
    /// # Errors
    /// [`Unusable`] says why it must not be used.
    pub fn restore(stored: &StoredSettling) -> Result<Settling, Unusable> {
        Ok(Settling::resumed(Snapshot::read(stored)?))
    }

    pub(super) fn resumed(snapshot: Snapshot) -> Settling {
        let Snapshot {
            journal,
            state,
            events,
            queue,
        } = snapshot;
        Settling {
            journal,
            state,
            events,
            queue,
            ..Settling::default()
        }
    }

    /// What another life can go on from. `None` where the chain has lost fills that were final: the queue has more than the events say
    /// then, and nobody else should.
    pub fn snapshot(&self) -> Option<Snapshot> {
        (!self.queue.keeps_over()).then(|| Snapshot {
            journal: self.journal,
            state: self.state.clone(),
            events: self.events,
            queue: self.queue.clone(),
        })
    }

    /// Records of both streams since the last snapshot, or since this life began.
    pub fn records_since_snapshot(&self) -> u64 {
        self.records
    }

    /// A snapshot was stored.
    pub fn snapshot_taken(&mut self) {
        self.records = 0;
    }

    /// The journal's end, as far as it was read and written.
    pub fn journal(&self) -> Place {
        self.journal
    }

    /// How far the events are read.
    pub fn events(&self) -> Place {
        self.events
    }

    /// What is in hand.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What waits.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Takes the journal's next record, written in an earlier life.
    ///
    /// # Errors
    /// [`SettleError::Journal`] and [`SettleError::Inconsistent`]: the journal is damaged.
    pub fn replay(&mut self, group: GroupId, stored: &StoredRecord) -> Result<Entry, SettleError> {
        let entry = from_record(group, stored)?;
        self.state.apply(&entry)?;
        self.journal = Place::after(stored.sequence, &stored.payload);
        Ok(entry)
    }

    /// Takes the next record of the group's events, with the outcomes in it.
    ///
    /// # Errors
    /// [`QueueError`]: the stream is damaged.
    pub fn hear(&mut self, stored: &StoredRecord, outcomes: &[Outcome]) -> Result<(), QueueError> {
        for outcome in outcomes {
            self.queue.apply(outcome)?;
        }
        self.events = Place::after(stored.sequence, &stored.payload);
        self.records += 1;
        Ok(())
    }

    /// The vault wants a fill again that was over: events are to be heard from their beginning, and fills from that one on are kept.
    pub fn hear_anew(&mut self, next_fill: FillNumber) {
        self.queue = Queue::keeping_from(next_fill);
        self.events = Place::default();
    }

    /// Transactions in hand that may have receipts: all forms of those on their way, and those that were mined.
    pub fn in_question(&self) -> Vec<B256> {
        let waiting = self.state.waiting().iter().flat_map(|waiting| &waiting.attempts);
        let mined = self.state.mined().iter().map(|(_, mined)| mined.hash);
        waiting.map(|attempt| attempt.hash).chain(mined).collect()
    }

    /// How many fills wait from this one on, and the age of the oldest of them in milliseconds.
    pub fn waiting_fills(&self, next_fill: FillNumber, now: UnixMillis) -> (u64, u64) {
        let oldest = self.queue.from(next_fill).next();
        let age_ms = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.matched_at.0));
        (self.queue.from(next_fill).count() as u64, age_ms)
    }

    /// The first thing that is to be done; after it the node is to be asked anew.
    pub fn next_action(&self, seen: &Observation, policy: &Policy) -> Option<Action> {
        decide(&self.state, seen, &self.sent, policy).into_iter().next()
    }

    /// The form of a transaction on its way that was sent last.
    ///
    /// # Errors
    /// [`Inconsistent`]: it is not on its way.
    pub fn latest_form(&self, id: u64) -> Result<&Bytes, Inconsistent> {
        let waiting = self.state.waiting().iter().find(|waiting| waiting.planned.id == id);
        Ok(&waiting.ok_or(Inconsistent { id })?.latest().signed)
    }

    /// A step was written down, and the journal ends there now.
    ///
    /// # Errors
    /// [`Inconsistent`]: it does not fit to what was written before.
    pub fn record(&mut self, entry: &Entry, end: Place) -> Result<(), Inconsistent> {
        self.journal = end;
        self.records += 1;
        self.state.apply(entry)?;
        if !matches!(entry, Entry::Planned(_) | Entry::Final { .. }) {
            // What comes of it is sent for the first time.
            self.sent.remove(&entry.id());
        }
        Ok(())
    }

    /// A transaction was sent while this was the head.
    pub fn sent(&mut self, id: u64, head: u64) {
        let sent = self.sent.entry(id).or_insert(Sent {
            form_since: head,
            last: head,
        });
        sent.last = head;
    }
}
