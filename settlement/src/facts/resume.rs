//! Taking snapshots while following, and going on from the last one.

use souk_eventlog::{StoredRecord, StreamName};

use super::folder::FactFolder;
use super::follow::{FactFollower, FollowError, Session};
use super::held::Held;
use super::snapshot::{Snapshot, Unusable};
use crate::place::Place;

/// Bytes of a snapshot that are worth one record of reading: a large one is taken less often.
const BYTES_PER_RECORD: usize = 2_048;

/// When the last snapshot was taken, and where the next one would be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// Records folded since.
    records: u64,
    bytes: usize,
    place: Place,
}

impl Kept {
    /// Another record was folded.
    pub(super) fn folded(&mut self, record: &StoredRecord) {
        self.records += 1;
        self.place = Place::after(record.sequence, &record.payload);
    }
}

impl FactFollower {
    /// A session where the last snapshot was taken, with the generation and the record that it goes on with; or one that knows nothing.
    pub(super) async fn resume(&self) -> Result<(Session<'_>, Option<(u32, u64)>), FollowError> {
        let heard = self.group.chain_position(self.chain).unwrap_or(0);
        let mut session = Session {
            follower: self,
            folder: FactFolder::new(self.config.clone()),
            held: Held::default(),
            heard,
            told_record: None,
            retries: 0,
            kept: Kept::default(),
        };
        let Some(snapshot) = self.usable_snapshot(heard).await? else {
            return Ok((session, None));
        };
        session.folder = snapshot.folder(self.config.clone());
        let at = (session.folder.generation(), snapshot.next_sequence);
        session.held = snapshot.held;
        session
            .held
            .forget_credited(|deposit_id| self.group.read(|engine| engine.deposit(deposit_id).is_some()));
        (session.told_record, session.retries) = (snapshot.told_record, snapshot.retries);
        Ok((session, Some(at)))
    }

    async fn usable_snapshot(&self, heard: u64) -> Result<Option<Snapshot>, FollowError> {
        let group = self.config.group;
        let Some(stored) = self.store.fact_snapshot(group, self.chain).await? else {
            return Ok(None);
        };
        let usable = match Snapshot::read(&stored, &self.config, heard) {
            Ok(snapshot) => self.check_place(&snapshot).await?.map(|()| snapshot),
            Err(unusable) => Err(unusable),
        };
        match usable {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(why) => {
                tracing::warn!(%group, chain = %self.chain, %why, "the snapshot of the chain's facts is not used: they are folded anew");
                metrics::counter!("souk_settlement_fact_snapshots_refused_total", "group" => group.to_string())
                    .increment(1);
                Ok(None)
            }
        }
    }

    /// Whether the snapshot's place is in the streams.
    async fn check_place(&self, snapshot: &Snapshot) -> Result<Result<(), Unusable>, FollowError> {
        let generation = snapshot.folded.generation;
        let until = self.store.told_until(self.config.group, self.chain, generation).await?;
        if until.is_some_and(|until| until < snapshot.next_sequence) {
            return Ok(Err(Unusable::BeyondEnd));
        }
        let place = Place {
            next_sequence: snapshot.next_sequence,
            last_record: snapshot.last_record,
        };
        let stream = StreamName::new(self.chain.stream(generation))?;
        let is_there = place.is_in(self.log.as_ref(), &stream).await?;
        Ok(is_there.then_some(()).ok_or(Unusable::OtherStream))
    }
}

impl Session<'_> {
    /// Takes a snapshot if enough was folded since the last one. Everything that was folded is told.
    pub(super) async fn keep(&mut self) -> Result<(), FollowError> {
        let worth_it = (self.kept.bytes / BYTES_PER_RECORD) as u64;
        if self.kept.records < self.follower.snapshot_every.max(worth_it) {
            return Ok(());
        }
        let snapshot = Snapshot {
            next_sequence: self.kept.place.next_sequence,
            last_record: self.kept.place.last_record,
            heard: self.heard,
            told_record: self.told_record,
            retries: self.retries,
            folded: self.folder.state.clone(),
            held: self.held.clone(),
        };
        let FactFollower {
            config, chain, store, ..
        } = self.follower;
        let owned = config.clone();
        let stored = tokio::task::spawn_blocking(move || snapshot.store(&owned)).await;
        let stored = match stored {
            Ok(Ok(stored)) => stored,
            // Following is right without it.
            Ok(Err(error)) => {
                tracing::warn!(group = %config.group, %error, "no snapshot of the chain's facts");
                return Ok(());
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        store.set_fact_snapshot(config.group, *chain, &stored).await?;
        self.kept.records = 0;
        self.kept.bytes = stored.body.len();
        Ok(())
    }
}
