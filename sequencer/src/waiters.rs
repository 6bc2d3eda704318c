//! Who waits for which command's outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use souk_schema::exchange::{Outcome, OutcomeBatch, Source};
use tokio::sync::oneshot;

use crate::SubmitError;

/// The outcome of a command within its batch.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    batch: Arc<OutcomeBatch>,
    place: usize,
}

impl Decided {
    pub(crate) fn into_outcome(self) -> Outcome {
        self.batch.outcomes[self.place].clone()
    }
}

/// Where an answer goes.
pub(crate) type Reply = oneshot::Sender<Result<Decided, SubmitError>>;

/// The commands that this process sent and has no outcome of, by source: the first outcome with a source answers all who wait for it.
/// (Whatever comes later with the same source is a duplicate.)
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<Source, Vec<Reply>>>);

impl Waiters {
    pub(crate) fn add(&self, waiting: impl IntoIterator<Item = (Source, Reply)>) {
        let mut all = self.lock();
        for (source, reply) in waiting {
            all.entry(source).or_default().push(reply);
        }
    }

    pub(crate) fn answer(&self, batch: &Arc<OutcomeBatch>) {
        let mut all = self.lock();
        if all.is_empty() {
            return;
        }
        for (place, outcome) in batch.outcomes.iter().enumerate() {
            for reply in all.remove(&outcome.source).into_iter().flatten() {
                let decided = Decided {
                    batch: Arc::clone(batch),
                    place,
                };
                // An error means that the caller no longer waits.
                let _ = reply.send(Ok(decided));
            }
        }
    }

    /// Lets everybody go without an outcome.
    pub(crate) fn release(&self, why: &SubmitError) {
        for reply in std::mem::take(&mut *self.lock()).into_values().flatten() {
            let _ = reply.send(Err(why.clone()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, Vec<Reply>>> {
        // Nobody can panic while holding it with the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
