//! What the journal adds up to: transactions that may be on their way, and mined ones that a reorganisation can still take back.
//!
//! Pure. Start at [`State::apply`].

use serde::{Deserialize, Serialize};

use super::journal::{Attempt, Entry, MinedIn, Planned, Purpose};

/// A transaction, in one or more signed forms of one nonce, at most one of which is ever mined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// As it was planned.
    pub planned: Planned,
    /// Its forms, oldest first; the first is the planned one.
    pub attempts: Vec<Attempt>,
}

impl Transaction {
    /// The form that was sent last.
    pub fn latest(&self) -> &Attempt {
        self.attempts.last().unwrap_or(&self.planned.attempt)
    }

    /// What the journal said of it, save that it was reverted and mined again, which leaves nothing.
    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let id = self.planned.id;
        let again = self.attempts.iter().skip(1).cloned();
        std::iter::once(Entry::Planned(self.planned.clone()))
            .chain(again.map(move |attempt| Entry::Attempted { id, attempt }))
    }

    /// The fills that it settles, from and to (inclusive), if it does.
    pub fn fills(&self) -> Option<(u64, u64)> {
        match self.planned.purpose {
            Purpose::Batch { first, last, .. } => Some((first.0, last.0)),
            Purpose::Heartbeat | Purpose::Flush { .. } => None,
        }
    }
}

/// An entry that does not fit to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal speaks of transaction {id}, which does not fit to what it said before")]
pub struct Inconsistent {
    /// The transaction.
    pub id: u64,
}

/// What is in hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    last_id: u64,
    /// By rising nonce.
    waiting: Vec<Transaction>,
    /// By rising nonce; not final yet.
    mined: Vec<(Transaction, MinedIn)>,
    /// Fills of the last batch that failed on chain, until one succeeds.
    failed_fills: Option<u64>,
}

impl State {
    /// The id of the next transaction.
    pub fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// Transactions that may be on their way, by rising nonce.
    pub fn waiting(&self) -> &[Transaction] {
        &self.waiting
    }

    /// Mined transactions that are not final yet, by rising nonce.
    pub fn mined(&self) -> &[(Transaction, MinedIn)] {
        &self.mined
    }

    /// How many fills the last batch had, where it failed on chain.
    pub fn failed_fills(&self) -> Option<u64> {
        self.failed_fills
    }

    /// What the journal said of the transactions in hand, in an order that it may have said it in.
    pub fn entries(&self) -> Vec<Entry> {
        let mined = self.mined.iter().flat_map(|(transaction, mined)| {
            let (id, mined) = (transaction.planned.id, *mined);
            transaction.entries().chain([Entry::Mined { id, mined }])
        });
        mined
            .chain(self.waiting.iter().flat_map(Transaction::entries))
            .collect()
    }

    /// The id of the newest transaction; 0 before the first.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`Inconsistent`]: the journal is damaged.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Inconsistent> {
        match entry {
            Entry::Planned(planned) => {
                if planned.id != self.next_id() {
                    return Err(Inconsistent { id: planned.id });
                }
                self.last_id = planned.id;
                self.wait(Transaction {
                    attempts: vec![planned.attempt.clone()],
                    planned: planned.clone(),
                });
            }
            Entry::Attempted { id, attempt } => {
                let waiting = self.waiting.iter_mut().find(|waiting| waiting.planned.id == *id);
                waiting.ok_or(Inconsistent { id: *id })?.attempts.push(attempt.clone());
            }
            Entry::Mined { id, mined } => {
                let transaction = self.take(*id)?;
                if let Some((first, last)) = transaction.fills() {
                    self.failed_fills = (!mined.succeeded).then_some(last - first + 1);
                }
                let place = self
                    .mined
                    .partition_point(|(other, _)| other.planned.nonce < transaction.planned.nonce);
                self.mined.insert(place, (transaction, *mined));
            }
            Entry::Reverted { id } => {
                let (transaction, _) = self.mined.remove(self.mined_place(*id)?);
                self.wait(transaction);
            }
            Entry::Voided { id } => {
                self.take(*id)?;
            }
            Entry::Final { id } => {
                self.mined.remove(self.mined_place(*id)?);
            }
        }
        Ok(())
    }

    fn wait(&mut self, transaction: Transaction) {
        let nonce = transaction.planned.nonce;
        let place = self.waiting.partition_point(|other| other.planned.nonce < nonce);
        self.waiting.insert(place, transaction);
    }

    fn take(&mut self, id: u64) -> Result<Transaction, Inconsistent> {
        let place = self.waiting.iter().position(|waiting| waiting.planned.id == id);
        Ok(self.waiting.remove(place.ok_or(Inconsistent { id })?))
    }

    fn mined_place(&self, id: u64) -> Result<usize, Inconsistent> {
        let place = self.mined.iter().position(|(mined, _)| mined.planned.id == id);
        place.ok_or(Inconsistent { id })
    }
}
