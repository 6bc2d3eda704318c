//! Which batches are being written, and where the tables are when they are.

use std::collections::VecDeque;

use souk_schema::exchange::GroupId;
use sqlx::postgres::PgPool;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::error::ProjectError;
use super::lane::{Before, LANES, Lane, Progress};
use super::stage::Batch;
use crate::store::Offset;
use crate::tables::Schema;

/// What a batch came to.
pub(super) struct Written {
    /// Where the tables are with it.
    pub(super) at: Offset,
    /// Its fills.
    pub(super) fills: u64,
}

/// A batch that is being written.
struct UnderWay {
    from: Offset,
    written: Written,
    progress: watch::Receiver<Progress>,
    /// Gives the lane back.
    task: AbortOnDropHandle<Result<Lane, ProjectError>>,
}

/// Writes batches in order; dropped, it leaves none half written.
pub(super) struct Writer {
    /// Lanes that nothing is written on, the one that was free longest first.
    free: VecDeque<Lane>,
    /// In order.
    under_way: VecDeque<UnderWay>,
    /// Where the tables are when all of them are committed, if nobody else writes.
    at: Offset,
}

impl Writer {
    /// A writer of a schema whose tables are at this offset.
    pub(super) async fn connect(
        pool: &PgPool,
        schema: &Schema,
        group: GroupId,
        at: Offset,
        announce: bool,
    ) -> sqlx::Result<Writer> {
        let mut free = VecDeque::new();
        for index in 0..LANES {
            free.push_back(Lane::connect(pool, schema, group, index, announce).await?);
        }
        Ok(Writer {
            free,
            under_way: VecDeque::new(),
            at,
        })
    }

    /// Whether a batch can be begun.
    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Whether a batch is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Begins to write a batch.
    ///
    /// # Panics
    /// Where there is no room.
    pub(super) fn begin(&mut self, batch: Batch) {
        let mut lane = self.free.pop_front().expect("there is room for a batch");
        let from = self.at;
        self.at = Offset {
            next_sequence: batch.next_sequence,
            last_number: batch.last_number,
            ..from
        };
        let written = Written {
            at: self.at,
            fills: batch.changes.fills.len() as u64,
        };
        let before = self.under_way.back().map(|before| Before {
            from: before.from,
            progress: before.progress.clone(),
        });
        let (sender, progress) = watch::channel(Progress::Waiting);
        let offsets = [from, self.at];
        let task = tokio::spawn(async move {
            lane.write(batch, offsets, before, &sender).await?;
            Ok(lane)
        });
        self.under_way.push_back(UnderWay {
            from,
            written,
            progress,
            task: AbortOnDropHandle::new(task),
        });
    }

    /// Waits until the oldest batch that is under way is committed; `None` if there is none. Dropped half-way, it has taken nothing away.
    pub(super) async fn next(&mut self) -> Result<Option<Written>, ProjectError> {
        let Some(oldest) = self.under_way.front_mut() else {
            return Ok(None);
        };
        let lane = (&mut oldest.task).await??;
        self.free.push_back(lane);
        Ok(self.under_way.pop_front().map(|oldest| oldest.written))
    }
}
