//! Follows one stream into one schema: a task reads and prepares the next batch while this one is being written.

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, ReadLimits, StoredRecord, StreamName};
use souk_schema::ChainId;
use sqlx::{Connection, Executor};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Projector;
use super::error::ProjectError;
use super::stage::{Batch, Stage};
use super::status::{Phase, Reporter};
use super::writer::Writer;
use crate::fold::{ChainDecoder, Linker};
use crate::store;
use crate::tables::Schema;

/// Where following ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// When the record with this sequence would be the next.
    Sequence(u64),
    /// When a newer generation of the chain has a stream.
    Forever,
}

/// Listing all streams costs a broker more than asking for one stream's tail.
const LOOKS_BETWEEN_LISTS: u32 = 5;

/// A stream to be followed.
pub(super) struct Follow<'a> {
    projector: &'a Projector,
    schema: &'a Schema,
    generation: u32,
    stream: StreamName,
    goal: Goal,
}

/// The stream of a chain's generation.
pub(super) fn stream_name(chain: ChainId, generation: u32) -> Result<StreamName, ProjectError> {
    Ok(StreamName::new(chain.stream(generation))?)
}

impl<'a> Follow<'a> {
    pub(super) fn new(
        projector: &'a Projector,
        schema: &'a Schema,
        generation: u32,
        goal: Goal,
    ) -> Result<Follow<'a>, ProjectError> {
        let chain = projector.config.chain;
        if i64::try_from(chain.0).is_err() {
            return Err(ProjectError::ChainIdTooLarge(chain));
        }
        Ok(Follow {
            projector,
            schema,
            generation,
            stream: stream_name(chain, generation)?,
            goal,
        })
    }

    /// Follows the stream from where the schema's tables are, to the goal.
    pub(super) async fn run(self, reporter: &mut Reporter) -> Result<(), ProjectError> {
        let config = &self.projector.config;
        let is_live = *self.schema == config.schema;
        let phase = if is_live { Phase::Following } else { Phase::Rebuilding };
        let mut connection = store::connect_for_batches(&self.projector.pool, self.schema).await?;
        let mut snapshot = connection.begin().await?;
        // One snapshot: a second projector may commit between two statements.
        snapshot
            .execute("set transaction isolation level repeatable read, read only")
            .await?;
        let projection = store::read_projection(&mut snapshot, config.chain).await?;
        if projection
            .as_ref()
            .is_some_and(|projection| projection.generation != self.generation)
        {
            return Err(ProjectError::Overtaken(config.chain));
        }
        let quarantined = store::quarantined(&mut snapshot, config.chain).await?;
        reporter.begins(phase, self.stream.as_str(), projection.as_ref(), quarantined);
        let (next_sequence, epoch) = projection.as_ref().map_or((0, 1), |at| (at.next_sequence, at.epoch));
        let stage = match projection {
            None => Stage::new(config.chain, self.stream.as_str(), Linker::default(), None),
            Some(at) => {
                let recent = store::recent_blocks(&mut snapshot, config.chain, Linker::REMEMBERED).await?;
                let children = store::children(&mut snapshot, config.chain).await?;
                let decoder = ChainDecoder::new(&at.watch_set, children);
                let linker = Linker::resume(at.start_block, at.finalized, recent);
                Stage::new(config.chain, self.stream.as_str(), linker, Some(decoder))
            }
        };
        snapshot.commit().await?;
        let reader = Reader {
            log: Arc::clone(&self.projector.log),
            stream: self.stream.clone(),
            limits: config.batch,
            idle: config.idle,
            next_sequence,
            goal: self.goal,
        };
        let writer = Writer::new(connection, config.chain, self.generation, epoch, is_live);
        self.write_all(reader, stage, writer, phase, reporter).await
    }

    async fn write_all(
        &self,
        reader: Reader,
        stage: Stage,
        mut writer: Writer,
        phase: Phase,
        reporter: &mut Reporter,
    ) -> Result<(), ProjectError> {
        // One batch waits while another is written and a third is prepared: memory is bounded by three batches.
        let (sender, mut batches) = mpsc::channel(1);
        let _reading = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = reader.run(stage, &sender).await {
                // Nobody listens when the writer failed first.
                let _ = sender.send(Err(error)).await;
            }
        }));
        let mut looks = tokio::time::interval(self.projector.config.idle);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut until_streams_are_listed = LOOKS_BETWEEN_LISTS;
        loop {
            tokio::select! {
                biased;
                _ = looks.tick() => {
                    reporter.tick(self.projector.log.next_sequence(&self.stream).await?);
                    until_streams_are_listed -= 1;
                    if until_streams_are_listed == 0 {
                        until_streams_are_listed = LOOKS_BETWEEN_LISTS;
                        if self.goal == Goal::Forever && self.projector.newest_generation().await? > Some(self.generation) {
                            return Ok(());
                        }
                    }
                }
                batch = batches.recv() => match batch {
                    Some(batch) => {
                        let committed = writer.write(batch?).await?;
                        reporter.committed(phase, &committed);
                    }
                    None => return Ok(()),
                },
            }
        }
    }
}

/// Reads a stream in order and prepares batches of it.
struct Reader {
    log: Arc<dyn EventLog>,
    stream: StreamName,
    limits: ReadLimits,
    idle: Duration,
    next_sequence: u64,
    goal: Goal,
}

impl Reader {
    async fn run(
        mut self,
        mut stage: Stage,
        batches: &mpsc::Sender<Result<Batch, ProjectError>>,
    ) -> Result<(), ProjectError> {
        while self.goal != Goal::Sequence(self.next_sequence) {
            let limits = ReadLimits {
                max_records: match self.goal {
                    Goal::Sequence(end) => {
                        let left = usize::try_from(end.saturating_sub(self.next_sequence)).unwrap_or(usize::MAX);
                        self.limits.max_records.min(left)
                    }
                    Goal::Forever => self.limits.max_records,
                },
                ..self.limits
            };
            if limits.max_records == 0 {
                return Ok(());
            }
            let records = self.read(limits).await?;
            let Some(last) = records.last() else {
                self.log
                    .wait_beyond(&self.stream, self.next_sequence, self.idle)
                    .await?;
                continue;
            };
            self.next_sequence = last.sequence + 1;
            let prepared = tokio::task::spawn_blocking(move || (stage.prepare(records), stage)).await?;
            stage = prepared.1;
            if batches.send(Ok(prepared.0?)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads in a task of its own, so that a read that was begun is read to its end even when the session ends meanwhile: a log's
    /// connection that is left in the middle of an answer would give it to the next who asks.
    async fn read(&self, limits: ReadLimits) -> Result<Vec<StoredRecord>, ProjectError> {
        let (log, stream, from) = (Arc::clone(&self.log), self.stream.clone(), self.next_sequence);
        let reading = tokio::spawn(async move { log.read(&stream, from, limits).await });
        Ok(reading.await??)
    }
}
