//! Taking snapshots while settling, and going on from the last one.

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::exchange::GroupId;

use super::error::SettleError;
use super::journal::{Entry, from_record};
use super::run::Settler;
use super::snapshot::{Snapshot, Unusable};
use crate::place::Place;
use crate::store::Store;

/// Bytes of a snapshot that are worth one record of reading: a large one is taken less often.
const BYTES_PER_RECORD: usize = 2_048;

/// When the last snapshot was taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// Records of both streams since.
    pub(super) records: u64,
    bytes: usize,
}

/// The last snapshot, where it can be gone on from; one that knows nothing otherwise. `journal_end` is where the journal ends.
pub(super) async fn last_snapshot(
    log: &dyn EventLog,
    store: &Store,
    group: GroupId,
    journal_end: u64,
) -> Result<Snapshot, SettleError> {
    let Some(stored) = store.settler_snapshot(group).await? else {
        return Ok(Snapshot::default());
    };
    let usable = match Snapshot::read(&stored) {
        Ok(snapshot) => check(log, store, group, journal_end, &snapshot)
            .await?
            .map(|()| snapshot),
        Err(unusable) => Err(unusable),
    };
    usable.or_else(|why| {
        tracing::warn!(%group, %why, "the snapshot of settlement is not used: journal and events are read from their beginning");
        metrics::counter!("souk_settlement_snapshots_refused_total", "group" => group.to_string()).increment(1);
        Ok(Snapshot::default())
    })
}

/// Whether streams and tables are those that the snapshot was taken of.
async fn check(
    log: &dyn EventLog,
    store: &Store,
    group: GroupId,
    journal_end: u64,
    snapshot: &Snapshot,
) -> Result<Result<(), Unusable>, SettleError> {
    let (journal, events) = (group.settlement_stream(), group.event_stream());
    let are_there = snapshot.journal.next_sequence <= journal_end
        && snapshot.journal.is_in(log, &StreamName::new(journal)?).await?
        && snapshot.events.is_in(log, &StreamName::new(events)?).await?;
    if !are_there {
        return Ok(Err(Unusable::OtherStream));
    }
    Ok(match store.has_through(group, snapshot.state.last_id()).await? {
        true => Ok(()),
        false => Err(Unusable::AheadOfTables),
    })
}

/// The journal's entries from a place on to `until`, exclusive, and the place after them.
pub(super) async fn read_journal(
    log: &dyn EventLog,
    name: &StreamName,
    group: GroupId,
    from: Place,
    until: u64,
) -> Result<(Vec<Entry>, Place), SettleError> {
    let limits = ReadLimits {
        max_records: 1_024,
        max_bytes: 8 << 20,
    };
    let (mut entries, mut at) = (Vec::new(), from);
    while at.next_sequence < until {
        let records = log.read(name, at.next_sequence, limits).await?;
        if records.is_empty() {
            break;
        }
        for stored in records.iter().filter(|stored| stored.sequence < until) {
            entries.push(from_record(group, stored)?);
            at = Place::after(stored.sequence, &stored.payload);
        }
    }
    Ok((entries, at))
}

impl Settler {
    /// Takes a snapshot if enough was read and written since the last one. Everything that was written is in the tables.
    pub(super) async fn keep(&mut self) -> Result<(), SettleError> {
        let worth_it = (self.kept.bytes / BYTES_PER_RECORD) as u64;
        // Where the chain has lost fills that were final, the queue has more than the events say, and nobody else should.
        if self.kept.records < self.config.snapshot_every.max(worth_it) || self.queue.keeps_over() {
            return Ok(());
        }
        let snapshot = Snapshot {
            journal: self.journal,
            state: self.state.clone(),
            events: self.read,
            queue: self.queue.clone(),
        };
        let group = self.config.group;
        let stored = match tokio::task::spawn_blocking(move || snapshot.store()).await {
            Ok(Ok(stored)) => stored,
            // Settling is right without it.
            Ok(Err(error)) => {
                tracing::warn!(%group, %error, "no snapshot of settlement");
                return Ok(());
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        self.store.set_settler_snapshot(group, &stored).await?;
        self.kept = Kept {
            records: 0,
            bytes: stored.body.len(),
        };
        Ok(())
    }
}
