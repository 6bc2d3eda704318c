//! Taking snapshots while settling, and going on from the last one.

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::exchange::GroupId;

use super::error::SettleError;
use super::journal::Entry;
use super::run::Settler;
use super::settling::Settling;
use super::snapshot::Unusable;
use crate::store::Store;

/// Bytes of a snapshot that are worth one record of reading: a large one is taken less often.
const BYTES_PER_RECORD: usize = 2_048;

/// Settling as it was when the last snapshot was taken, where that can be gone on from; from the beginning otherwise. `journal_end` is where
/// the journal ends.
pub(super) async fn last_snapshot(
    log: &dyn EventLog,
    store: &Store,
    group: GroupId,
    journal_end: u64,
) -> Result<Settling, SettleError> {
    let Some(stored) = store.settler_snapshot(group).await? else {
        return Ok(Settling::default());
    };
    let usable = match Settling::restore(&stored) {
        Ok(settling) => check(log, store, group, journal_end, &settling)
            .await?
            .map(|()| settling),
        Err(unusable) => Err(unusable),
    };
    usable.or_else(|why| {
        tracing::warn!(%group, %why, "the snapshot of settlement is not used: journal and events are read from their beginning");
        metrics::counter!("souk_settlement_snapshots_refused_total", "group" => group.to_string()).increment(1);
        Ok(Settling::default())
    })
}

/// Whether streams and tables are those that the snapshot was taken of.
async fn check(
    log: &dyn EventLog,
    store: &Store,
    group: GroupId,
    journal_end: u64,
    settling: &Settling,
) -> Result<Result<(), Unusable>, SettleError> {
    let (journal, events) = (group.settlement_stream(), group.event_stream());
    let are_there = settling.journal().next_sequence <= journal_end
        && settling.journal().is_in(log, &StreamName::new(journal)?).await?
        && settling.events().is_in(log, &StreamName::new(events)?).await?;
    if !are_there {
        return Ok(Err(Unusable::OtherStream));
    }
    Ok(match store.has_through(group, settling.state().last_id()).await? {
        true => Ok(()),
        false => Err(Unusable::AheadOfTables),
    })
}

/// Takes the journal's records from where settling knows it to `until`, exclusive, and returns their entries.
pub(super) async fn read_journal(
    log: &dyn EventLog,
    name: &StreamName,
    group: GroupId,
    settling: &mut Settling,
    until: u64,
) -> Result<Vec<Entry>, SettleError> {
    let limits = ReadLimits {
        max_records: 1_024,
        max_bytes: 8 << 20,
    };
    let mut entries = Vec::new();
    while settling.journal().next_sequence < until {
        let records = log.read(name, settling.journal().next_sequence, limits).await?;
        if records.is_empty() {
            break;
        }
        for stored in records.iter().filter(|stored| stored.sequence < until) {
            entries.push(settling.replay(group, stored)?);
        }
    }
    Ok(entries)
}

impl Settler {
    /// Takes a snapshot if enough was read and written since the last one. Everything that was written is in the tables.
    pub(super) async fn keep(&mut self) -> Result<(), SettleError> {
        let worth_it = (self.snapshot_bytes / BYTES_PER_RECORD) as u64;
        if self.settling.records_since_snapshot() < self.config.snapshot_every.max(worth_it) {
            return Ok(());
        }
        let Some(snapshot) = self.settling.snapshot() else {
            return Ok(());
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
        self.settling.snapshot_taken();
        self.snapshot_bytes = stored.body.len();
        Ok(())
    }
}
