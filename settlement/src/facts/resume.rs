//! Taking snapshots while following, and going on from the last one.

use souk_eventlog::StreamName;

use super::follow::{FactFollower, FollowError, Session};
use super::snapshot::Unusable;
use super::telling::Telling;

/// Bytes of a snapshot that are worth one record of reading: a large one is taken less often.
const BYTES_PER_RECORD: usize = 2_048;

impl FactFollower {
    /// A session where the last snapshot was taken, with the generation and the record that it goes on with; or one that knows nothing.
    pub(super) async fn resume(&self) -> Result<(Session<'_>, Option<(u32, u64)>), FollowError> {
        let heard = self.group.chain_position(self.chain).unwrap_or(0);
        let mut session = Session {
            follower: self,
            telling: Telling::new(self.config.clone(), heard),
            snapshot_bytes: 0,
        };
        let Some(telling) = self.usable_snapshot(heard).await? else {
            return Ok((session, None));
        };
        let at = (telling.generation(), telling.place().next_sequence);
        session.telling = telling;
        Ok((session, Some(at)))
    }

    async fn usable_snapshot(&self, heard: u64) -> Result<Option<Telling>, FollowError> {
        let group = self.config.group;
        let Some(stored) = self.store.fact_snapshot(group, self.chain).await? else {
            return Ok(None);
        };
        let usable = match Telling::restore(&stored, self.config.clone(), heard, &self.group) {
            Ok(telling) => self.check_place(&telling).await?.map(|()| telling),
            Err(unusable) => Err(unusable),
        };
        match usable {
            Ok(telling) => Ok(Some(telling)),
            Err(why) => {
                tracing::warn!(%group, chain = %self.chain, %why, "the snapshot of the chain's facts is not used: they are folded anew");
                metrics::counter!("souk_settlement_fact_snapshots_refused_total", "group" => group.to_string())
                    .increment(1);
                Ok(None)
            }
        }
    }

    /// Whether the snapshot's place is in the streams.
    async fn check_place(&self, telling: &Telling) -> Result<Result<(), Unusable>, FollowError> {
        let (generation, place) = (telling.generation(), telling.place());
        let until = self.store.told_until(self.config.group, self.chain, generation).await?;
        if until.is_some_and(|until| until < place.next_sequence) {
            return Ok(Err(Unusable::BeyondEnd));
        }
        let stream = StreamName::new(self.chain.stream(generation))?;
        let is_there = place.is_in(self.log.as_ref(), &stream).await?;
        Ok(is_there.then_some(()).ok_or(Unusable::OtherStream))
    }
}

impl Session<'_> {
    /// Takes a snapshot if enough was folded since the last one. Everything that was folded is told.
    pub(super) async fn keep(&mut self) -> Result<(), FollowError> {
        let worth_it = (self.snapshot_bytes / BYTES_PER_RECORD) as u64;
        if self.telling.records_since_snapshot() < self.follower.snapshot_every.max(worth_it) {
            return Ok(());
        }
        let snapshot = self.telling.snapshot();
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
        self.telling.snapshot_taken();
        self.snapshot_bytes = stored.body.len();
        Ok(())
    }
}
