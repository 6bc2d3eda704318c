//! One batch, one transaction: rows and offset are written together (law LOG-2).
//!
//! Two lanes work off a backlog, so that two batches are written at once and still committed in order. What a batch only adds needs nothing
//! of the batch before and is most of the work; it is added while that one is under way. What changes rows, and the offset, waits until that
//! one is committed.
//!
//! Projectors of one group keep one another out by two advisory locks, one for each lane, which a transaction holds to its end. A batch that
//! follows another of ours takes its own lane's lock, while that other still holds the other one; a batch that follows none takes both, and
//! so waits until no other projector is under way. Whoever then finds that the offset is neither where its batch begins nor where the batch
//! before it began was overtaken, and has added nothing yet. So a batch only ever waits for one of its own that came before it, and for a
//! projector that waits for nobody who waits for it.

use std::ops::Range;

use souk_schema::exchange::GroupId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::watch;

use super::error::ProjectError;
use super::stage::Batch;
use crate::store::{self, CHANNEL, Offset};
use crate::tables::Schema;

/// How many batches are written at once.
pub(super) const LANES: usize = 2;

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Other projectors may still be under way.
    Waiting,
    /// It holds the lock of its lane, and the offset is what it must be.
    Admitted,
    /// It is over, and what follows may change rows.
    Committed,
}

/// A batch of ours that was not committed when another was begun.
pub(super) struct Before {
    /// The offset at which it began.
    pub(super) from: Offset,
    /// How far it has come; closed early where it failed.
    pub(super) progress: watch::Receiver<Progress>,
}

/// A connection that writes one batch after the other.
pub(super) struct Lane {
    connection: PgConnection,
    group: GroupId,
    /// What takes its own lock.
    follows: String,
    /// What takes every lane's, in their order.
    stands_alone: String,
    announce: bool,
}

impl Lane {
    /// Connects to the schema. Listeners are told of commits only if `announce` is set.
    pub(super) async fn connect(
        pool: &PgPool,
        schema: &Schema,
        group: GroupId,
        index: usize,
        announce: bool,
    ) -> sqlx::Result<Lane> {
        Ok(Lane {
            connection: store::connect_for_batches(pool, schema).await?,
            group,
            follows: admission(schema, group, index..index + 1),
            stands_alone: admission(schema, group, 0..LANES),
            announce,
        })
    }

    /// Writes a batch from the offset at which it begins to the one at which it ends.
    pub(super) async fn write(
        &mut self,
        batch: Batch,
        [from, to]: [Offset; 2],
        mut before: Option<Before>,
        progress: &watch::Sender<Progress>,
    ) -> Result<(), ProjectError> {
        let group = self.group;
        if let Some(before) = &mut before {
            reaches(&mut before.progress, Progress::Admitted, group).await?;
        }
        let admission = match before {
            Some(_) => &self.follows,
            None => &self.stands_alone,
        };
        let mut transaction = self.connection.begin().await?;
        transaction.execute(AssertSqlSafe(admission.as_str())).await?;
        let at = store::read_projection(&mut transaction, group).await?;
        if at != from && before.as_ref().is_none_or(|before| at != before.from) {
            return Err(ProjectError::Overtaken(group));
        }
        progress.send_replace(Progress::Admitted);
        let Batch {
            changes,
            mut encoded,
            is_news,
            ..
        } = batch;
        if is_news {
            store::add(&mut transaction, &mut encoded).await?;
        }
        if let Some(before) = &mut before {
            reaches(&mut before.progress, Progress::Committed, group).await?;
        }
        if !store::advance(&mut transaction, group, from, to).await? {
            return Err(ProjectError::Overtaken(group));
        }
        if is_news {
            store::change(&mut transaction, group, &changes, encoded).await?;
        }
        if self.announce {
            sqlx::query("select pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(group.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        progress.send_replace(Progress::Committed);
        Ok(())
    }
}

/// Statements that wait until no rebuild swaps rows, and then for the locks of these lanes.
fn admission(schema: &Schema, group: GroupId, lanes: Range<usize>) -> String {
    // The table first: a swap locks it before all others, so that it never waits for rows of ours while we wait for it.
    let mut statements = "lock table projection in row exclusive mode".to_owned();
    for lane in lanes {
        let name = format!("souk ledger {schema} group {group} lane {lane}");
        statements += &format!("; select pg_advisory_xact_lock(hashtextextended('{name}', 0))");
    }
    statements
}

/// Waits until the batch before has come so far. Where it failed, nothing of what follows it may stand.
async fn reaches(progress: &mut watch::Receiver<Progress>, goal: Progress, group: GroupId) -> Result<(), ProjectError> {
    let reached = progress.wait_for(|progress| *progress >= goal).await;
    reached.map(|_| ()).map_err(|_closed| ProjectError::Overtaken(group))
}
