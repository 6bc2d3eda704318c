//! Follows a group's stream into one schema: a task reads and folds the next batch while those before are being written.

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_streams::read_to_its_end;
use sqlx::{Connection, Executor};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Projector;
use super::error::ProjectError;
use super::stage::{Batch, Stage};
use super::status::{Phase, Reporter};
use super::writer::{Writer, Written};
use crate::store;
use crate::tables::Schema;

/// Where following ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// When the record with this sequence would be the next.
    Sequence(u64),
    /// Never.
    Forever,
}

/// Follows the stream from where the schema's tables are, to the goal.
pub(super) async fn follow(
    projector: &Projector,
    schema: &Schema,
    goal: Goal,
    reporter: &mut Reporter,
) -> Result<(), ProjectError> {
    let config = &projector.config;
    let is_live = *schema == config.schema;
    let phase = if is_live { Phase::Following } else { Phase::Rebuilding };
    let mut connection = store::connect_for_batches(&projector.pool, schema).await?;
    let mut snapshot = connection.begin().await?;
    // One snapshot: a second projector may commit between two statements.
    snapshot
        .execute("set transaction isolation level repeatable read, read only")
        .await?;
    let at = store::read_projection(&mut snapshot, config.group).await?;
    let context = store::load(&mut snapshot, config.group, at.last_number).await?;
    snapshot.commit().await?;
    connection.close().await?;
    reporter.begins(phase, at);
    let stream = StreamName::new(config.group.event_stream())?;
    let reader = Reader {
        log: Arc::clone(&projector.log),
        stream: stream.clone(),
        limits: config.batch,
        portion: FIRST_BYTES,
        idle: config.idle,
        next_sequence: at.next_sequence,
        goal,
    };
    // One batch waits while two are written and another is folded: memory is bounded by four batches.
    let (sender, mut batches) = mpsc::channel(1);
    let stage = Stage::new(config.group, context);
    let reading = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = reader.run(stage, &sender).await {
            // Nobody listens when the writer failed first.
            let _ = sender.send(Err(error)).await;
        }
    }));
    let mut writer = Writer::connect(&projector.pool, schema, config.group, at, is_live).await?;
    let mut looks = tokio::time::interval(config.idle);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            biased;
            _ = looks.tick() => reporter.tick(projector.log.next_sequence(&stream).await?),
            written = writer.next(), if writer.is_busy() => {
                if let Some(Written { at, fills }) = written? {
                    reporter.committed(phase, at, fills);
                }
            }
            batch = batches.recv(), if writer.has_room() => match batch {
                Some(Ok(batch)) => writer.begin(batch),
                Some(Err(error)) => break Err(error),
                // At its goal, or by a panic.
                None => break reading.await.map_err(ProjectError::from),
            },
        }
    };
    // What was read before the end, or before what cannot be read, stands.
    while let Some(Written { at, fills }) = writer.next().await? {
        reporter.committed(phase, at, fills);
    }
    end
}

/// What the first batch of a backlog is read of; each of those that follow may be twice as large, up to the limit. So there is soon something
/// to write while more is read and folded.
const FIRST_BYTES: usize = 1 << 20;

/// Reads a stream in order and prepares batches of it.
struct Reader {
    log: Arc<dyn EventLog>,
    stream: StreamName,
    limits: ReadLimits,
    /// How many bytes the next batch is read of, within the limits.
    portion: usize,
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
        loop {
            let left = match self.goal {
                Goal::Sequence(end) => usize::try_from(end.saturating_sub(self.next_sequence)).unwrap_or(usize::MAX),
                Goal::Forever => usize::MAX,
            };
            if left == 0 {
                return Ok(());
            }
            let limits = ReadLimits {
                max_records: self.limits.max_records.min(left),
                max_bytes: self.limits.max_bytes.min(self.portion),
            };
            let records = read_to_its_end(&self.log, &self.stream, self.next_sequence, limits).await?;
            let Some(last) = records.last() else {
                self.log
                    .wait_beyond(&self.stream, self.next_sequence, self.idle)
                    .await?;
                self.portion = FIRST_BYTES;
                continue;
            };
            self.next_sequence = last.sequence + 1;
            self.portion = self.limits.max_bytes.min(self.portion.saturating_mul(2));
            let prepared = tokio::task::spawn_blocking(move || (stage.prepare(&records), stage)).await?;
            stage = prepared.1;
            if batches.send(Ok(prepared.0?)).await.is_err() {
                return Ok(());
            }
        }
    }
}
