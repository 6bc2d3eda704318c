//! The loop: reads the stream, folds it, writes what changed, and takes snapshots as it goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use souk_eventlog::EventLog;
use souk_schema::ChainId;
use souk_schema::record::ChainRecordBody;
use souk_streams::retry::{Sessions, keep_going};
use souk_streams::{Reader, generations};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{DistributionError, DistributionStatus, Keeping, lock};
use crate::fold::{Changes, DistributionState, FoldError, RefusedFact};
use crate::snapshot::Unusable;
use crate::store::{Heading, Store};

/// How long to wait for a record before looking for a newer generation.
const IDLE: Duration = Duration::from_secs(2);

/// How long to wait for a chain's first record before looking again.
const NOT_THERE: Duration = Duration::from_secs(1);

/// How many times as many records lie between two snapshots while a long history is folded for the first time.
const RARER_AT_FIRST: u64 = 20;

pub(super) struct Follower {
    pub(super) chain: ChainId,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) keeping: Keeping,
    pub(super) state: Arc<Mutex<DistributionState>>,
    pub(super) status: watch::Sender<DistributionStatus>,
    /// Whether the chain once broke its promise of finality.
    pub(super) was_finality_broken: bool,
}

/// A stream that is followed, and how far its tables and snapshots are.
struct Session {
    stream: String,
    reader: Reader,
    /// The first record that this process has to write.
    written: u64,
    /// The record that the newest snapshot goes on with.
    snapshot: u64,
    saving: Option<JoinHandle<()>>,
}

impl Sessions for Follower {
    type Error = DistributionError;

    async fn session(&mut self) -> Result<(), DistributionError> {
        self.follow().await
    }

    fn progress(&self) -> u64 {
        self.status.borrow().next_sequence
    }

    fn failed(&mut self, error: &DistributionError) -> bool {
        self.was_finality_broken |= matches!(error, DistributionError::Fold(FoldError::BeyondFinality(_)));
        !error.is_fatal()
    }
}

impl Follower {
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), DistributionError> {
        let what = format!("payouts of chain {}", self.chain);
        keep_going(&mut self, what, &cancel).await
    }

    /// Follows the newest generation until there is a newer one. Where a chain once broke its promise of finality, it is folded from its first
    /// record, and that promise counts only from the end that the stream has now.
    async fn follow(&self) -> Result<(), DistributionError> {
        let Some(generation) = generations(self.log.as_ref(), self.chain).await?.pop() else {
            tokio::time::sleep(NOT_THERE).await;
            return Ok(());
        };
        let mut session = self.begin(generation).await?;
        loop {
            let is_at_end = self.step(&mut session).await?;
            if is_at_end && !session.reader.wait(IDLE).await? {
                let newest = generations(self.log.as_ref(), self.chain).await?.pop();
                if newest > Some(generation) {
                    return Ok(());
                }
            }
        }
    }

    async fn begin(&self, generation: u32) -> Result<Session, DistributionError> {
        let stream = self.chain.stream(generation);
        let written = match &self.keeping {
            Keeping::Writes(store) => store.begin(&stream).await?,
            Keeping::Reads(store) => store.position(&stream).await?,
            Keeping::Nothing => 0,
        };
        let restored = match self.keeping.store() {
            Some(store) if !self.was_finality_broken => self.restored(store, &stream, written).await?,
            _ => None,
        };
        let snapshot = restored.as_ref().map(DistributionState::next_sequence);
        // Nobody folds again what was refused before the snapshot, so it is told here.
        let deployed = restored.iter().flat_map(DistributionState::deployed);
        let refused: Vec<RefusedFact> = deployed.filter_map(|(_, deployed)| deployed.refused.clone()).collect();
        let state = match restored {
            Some(state) => state,
            None if self.was_finality_broken => DistributionState::keeping_undo(),
            None => DistributionState::default(),
        };
        let reader = Reader::new(&self.log, stream.as_str())?.starting_at(state.next_sequence());
        *lock(&self.state) = state;
        self.status.send_modify(|status| {
            *status = DistributionStatus {
                snapshot,
                next_sequence: snapshot.unwrap_or(0),
                refused: std::mem::take(&mut status.refused),
                ..DistributionStatus::default()
            };
        });
        self.tell_of(&refused);
        Ok(Session {
            stream,
            reader,
            written: match &self.keeping {
                Keeping::Writes(_) => written,
                // Everything is known to whoever writes it.
                _ => u64::MAX,
            },
            snapshot: snapshot.unwrap_or(0),
            saving: None,
        })
    }

    /// Folds and writes what comes next; whether that is nothing, for now.
    async fn step(&self, session: &mut Session) -> Result<bool, DistributionError> {
        let first = session.reader.next_sequence();
        let records = session.reader.read().await?;
        let mut bodies = Vec::with_capacity(records.len());
        for stored in &records {
            bodies.push(session.reader.chain_record(self.chain, stored)?);
        }
        // What is written already is folded and not written again.
        let known = usize::try_from(session.written.saturating_sub(first)).unwrap_or(usize::MAX);
        let news = bodies.split_off(known.min(bodies.len()));
        let next = session.reader.next_sequence();
        if !bodies.is_empty() {
            self.fold(bodies).await?;
        }
        if !news.is_empty() {
            let changes = self.fold(news).await?;
            if let Keeping::Writes(store) = &self.keeping
                && !store
                    .write(&session.stream, first.max(session.written), next, &changes)
                    .await?
            {
                return Err(DistributionError::Overtaken(self.chain));
            }
        }
        let is_at_end = records.is_empty();
        if is_at_end {
            lock(&self.state).trust_finality();
        }
        self.forget_settled(&session.stream, next).await?;
        self.report(next, is_at_end);
        self.take_snapshot(session, next, is_at_end);
        Ok(is_at_end)
    }

    async fn fold(&self, records: Vec<ChainRecordBody>) -> Result<Changes, DistributionError> {
        let state = Arc::clone(&self.state);
        let folding = tokio::task::spawn_blocking(move || lock(&state).fold(records));
        let changes = folding.await??;
        self.tell_of(&changes.refused);
        Ok(changes)
    }

    fn tell_of(&self, refused: &[RefusedFact]) {
        if let Some(last) = refused.last() {
            self.status.send_modify(|status| {
                status.refused.count += refused.len() as u64;
                status.refused.last = Some(last.clone());
            });
        }
    }

    /// Settled revenues leave memory once they are in Postgres.
    async fn forget_settled(&self, stream: &str, next: u64) -> Result<(), DistributionError> {
        let is_kept = match &self.keeping {
            Keeping::Nothing => false,
            _ if !lock(&self.state).has_settled() => false,
            Keeping::Writes(_) => true,
            Keeping::Reads(store) => store.position(stream).await? >= next,
        };
        if is_kept {
            lock(&self.state).forget_settled();
        }
        Ok(())
    }

    fn report(&self, next_sequence: u64, is_at_end: bool) {
        let (head, finalized) = {
            let state = lock(&self.state);
            (state.head(), state.finalized())
        };
        self.status.send_if_modified(|status| {
            let new = DistributionStatus {
                is_live: status.is_live || is_at_end,
                next_sequence,
                head,
                finalized,
                ..status.clone()
            };
            std::mem::replace(status, new.clone()) != new
        });
    }

    /// Takes a snapshot if it is time, beside what goes on. The state waits while it is copied, and not while the copy is written down.
    fn take_snapshot(&self, session: &mut Session, next: u64, is_at_end: bool) {
        let Keeping::Writes(store) = &self.keeping else { return };
        let is_live = is_at_end || self.status.borrow().is_live;
        let wanted = store
            .snapshot_records()
            .saturating_mul(if is_live { 1 } else { RARER_AT_FIRST });
        let is_saving = session.saving.as_ref().is_some_and(|saving| !saving.is_finished());
        if is_saving || next.saturating_sub(session.snapshot) < wanted {
            return;
        }
        // Whatever comes of it, the next one is due so many records from here.
        session.snapshot = next;
        let (state, status, store) = (Arc::clone(&self.state), self.status.clone(), store.clone());
        let (chain, stream) = (self.chain, session.stream.clone());
        session.saving = Some(tokio::spawn(async move {
            let encoding = tokio::task::spawn_blocking(move || {
                // The lock is given back before the copy is encoded.
                let cut = lock(&state).cut();
                cut.map(|cut| (cut.next_sequence(), cut.encode()))
            });
            let (next, bytes) = match encoding.await {
                Ok(Some(taken)) => taken,
                Ok(None) => return,
                Err(error) => return tracing::error!(%chain, %error, "a snapshot of payouts could not be taken"),
            };
            match store.save_snapshot(&stream, next, &bytes).await {
                Ok(true) => {
                    tracing::debug!(%chain, next, bytes = bytes.len(), "a snapshot of payouts was stored");
                    status.send_modify(|status| status.snapshot = Some(next));
                }
                Ok(false) => {}
                // The next one will do; a restart folds more until then.
                Err(error) => tracing::warn!(%chain, %error, "a snapshot of payouts was not stored"),
            }
        }));
    }

    /// The state of the newest snapshot that can be gone on from; those that cannot are named.
    async fn restored(
        &self,
        store: &Store,
        stream: &str,
        written: u64,
    ) -> Result<Option<DistributionState>, DistributionError> {
        for heading in store.snapshots(stream).await? {
            let next = heading.next_sequence;
            match self.restore(store, stream, &heading, written).await? {
                Ok(state) => {
                    tracing::info!(chain = %self.chain, next, "payouts go on from a snapshot");
                    return Ok(Some(state));
                }
                Err(unusable) => {
                    tracing::warn!(chain = %self.chain, next, reason = %unusable, "a snapshot of payouts is of no use");
                    if matches!(self.keeping, Keeping::Writes(_)) {
                        store.drop_snapshot(&heading).await?;
                    }
                }
            }
        }
        if written > 0 {
            tracing::info!(chain = %self.chain, "payouts are folded from the first record");
        }
        Ok(None)
    }

    async fn restore(
        &self,
        store: &Store,
        stream: &str,
        heading: &Heading,
        written: u64,
    ) -> Result<Result<DistributionState, Unusable>, DistributionError> {
        let next_sequence = heading.next_sequence;
        if next_sequence > written {
            return Ok(Err(Unusable::AheadOfTables { next_sequence, written }));
        }
        let Some(bytes) = store.snapshot(heading).await? else {
            return Ok(Err(Unusable::Incomplete));
        };
        let restoring = tokio::task::spawn_blocking(move || DistributionState::restore(&bytes));
        let state = match restoring.await? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error.into())),
        };
        let Some(block) = state.head() else {
            return Ok(Err(Unusable::Incomplete));
        };
        let mut reader = Reader::new(&self.log, stream)?.starting_at(next_sequence.saturating_sub(1));
        let records = reader.read().await?;
        let record = records.first().map(|stored| reader.chain_record(self.chain, stored));
        let is_there = match record.transpose()? {
            Some(ChainRecordBody::BlockAppended(found)) => found.block_ref() == block,
            _ => false,
        };
        Ok(if is_there && state.next_sequence() == next_sequence {
            Ok(state)
        } else {
            Err(Unusable::NotInTheLog { block, next_sequence })
        })
    }
}
