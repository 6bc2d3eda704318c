//! Readers that wait for their next use: some rest at a place, for whoever reads on from there, some are spare.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::KafkaOptions;
use super::reader::Reader;
use crate::{LogError, StreamName};

/// Each may hold some 16 MiB read ahead.
const MAX_RESTING: usize = 8;
const MAX_REST: Duration = Duration::from_secs(120);
const MAX_SPARE: usize = 4;

/// The readers that nobody uses at the moment.
#[derive(Default)]
pub(super) struct Readers {
    resting: Mutex<Vec<Reader>>,
    spare: Mutex<Vec<Reader>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    /// The reader whose next record has this sequence.
    pub(super) fn resting_at(&self, stream: &StreamName, sequence: u64) -> Option<Reader> {
        let mut resting = lock(&self.resting);
        let at = resting
            .iter()
            .position(|reader| reader.stream() == stream && reader.place().sequence == sequence)?;
        Some(resting.swap_remove(at))
    }

    /// Keeps a reader where it stands.
    pub(super) fn let_rest(&self, mut reader: Reader) {
        reader.rest();
        let mut resting = lock(&self.resting);
        resting.push(reader);
        let mut leaving: Vec<Reader> = resting.extract_if(.., |reader| reader.idle_for() > MAX_REST).collect();
        if resting.len() > MAX_RESTING {
            let longest = (0..resting.len()).max_by_key(|&at| resting[at].idle_for());
            leaving.extend(longest.map(|at| resting.swap_remove(at)));
        }
        // They are destroyed after the lock is free: that takes a moment.
        drop(resting);
        drop(leaving);
    }

    /// A reader to be sent somewhere.
    pub(super) fn spare(
        &self,
        bootstrap: &str,
        options: &KafkaOptions,
        stream: &StreamName,
    ) -> Result<Reader, LogError> {
        let mut spare = lock(&self.spare);
        if let Some(at) = spare.iter().position(|reader| reader.stream() == stream) {
            return Ok(spare.swap_remove(at));
        }
        drop(spare);
        Reader::new(bootstrap, options, stream)
    }

    /// Keeps a reader, but not its place.
    pub(super) fn set_aside(&self, mut reader: Reader) -> Result<(), LogError> {
        reader.leave()?;
        let mut spare = lock(&self.spare);
        spare.push(reader);
        let leaving = (spare.len() > MAX_SPARE).then(|| spare.remove(0));
        drop(spare);
        drop(leaving);
        Ok(())
    }
}
