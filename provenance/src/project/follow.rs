//! Follows one stream into one schema: a task reads and prepares the next batch while this one is being written.

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::ChainId;
use souk_streams::read_to_its_end;
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

/// A projector that has applied so many logs and finds no more records has caught up. With fewer, the indexer may have hardly begun: then
/// it has caught up once nothing came for as long as it waits at a tail.
const LOGS_BEFORE_INDEXES: u64 = 10_000;

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
        let has_read_indexes = store::has_read_indexes(&mut connection).await?;
        if is_live {
            reporter.read_indexes(phase, has_read_indexes);
        }
        if !has_read_indexes {
            // What is committed until they are there needs no durable acknowledgement: rows and position are lost or kept together.
            connection.execute("set synchronous_commit = off").await?;
        }
        let reader = Reader {
            log: Arc::clone(&self.projector.log),
            stream: self.stream.clone(),
            limits: config.batch,
            idle: config.idle,
            next_sequence,
            goal: self.goal,
            tells_of_tail: is_live && !has_read_indexes,
            logs: 0,
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
        let reading = AbortOnDropHandle::new(tokio::spawn(async move {
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
                news = batches.recv() => match news.transpose()? {
                    Some(News::Batch(batch)) => {
                        let committed = writer.write(*batch).await?;
                        reporter.committed(phase, &committed);
                    }
                    Some(News::Tail) => {
                        reporter.read_indexes(Phase::Indexing, false);
                        store::build_read_indexes(&self.projector.pool, self.schema).await?;
                        writer.commit_durably().await?;
                        reporter.read_indexes(phase, true);
                    }
                    // At its goal, or by a panic.
                    None => return reading.await.map_err(ProjectError::from),
                },
            }
        }
    }
}

/// What the reader has for the writer.
enum News {
    Batch(Box<Batch>),
    /// For the first time there is no more to be read.
    Tail,
}

/// Reads a stream in order and prepares batches of it.
struct Reader {
    log: Arc<dyn EventLog>,
    stream: StreamName,
    limits: ReadLimits,
    idle: Duration,
    next_sequence: u64,
    goal: Goal,
    /// Whether the writer waits to hear of the tail.
    tells_of_tail: bool,
    /// Logs read so far.
    logs: u64,
}

impl Reader {
    async fn run(
        mut self,
        mut stage: Stage,
        news: &mpsc::Sender<Result<News, ProjectError>>,
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
                break;
            }
            let records = read_to_its_end(&self.log, &self.stream, self.next_sequence, limits).await?;
            let Some(last) = records.last() else {
                let has_caught_up = self.tells_of_tail && self.logs >= LOGS_BEFORE_INDEXES;
                if (has_caught_up || !self.wait().await?) && !self.tell_of_tail(news).await {
                    return Ok(());
                }
                continue;
            };
            self.next_sequence = last.sequence + 1;
            let prepared = tokio::task::spawn_blocking(move || (stage.prepare(records), stage)).await?;
            stage = prepared.1;
            let batch = prepared.0?;
            self.logs += batch.logs();
            if news.send(Ok(News::Batch(Box::new(batch)))).await.is_err() {
                return Ok(());
            }
        }
        self.tell_of_tail(news).await;
        Ok(())
    }

    /// Waits at the tail; returns false when nothing came.
    async fn wait(&self) -> Result<bool, ProjectError> {
        Ok(self
            .log
            .wait_beyond(&self.stream, self.next_sequence, self.idle)
            .await?)
    }

    /// Tells of the tail, once, if the writer waits to hear of it. Returns false when nobody listens any more.
    async fn tell_of_tail(&mut self, news: &mpsc::Sender<Result<News, ProjectError>>) -> bool {
        !std::mem::take(&mut self.tells_of_tail) || news.send(Ok(News::Tail)).await.is_ok()
    }
}
