//! Projects a chain anew into a schema beside the live one and swaps the rows in one transaction, so that readers see the old state or
//! the new one and nothing between.
//!
//! It is how a new generation of a stream replaces the old one, how a better decoder gets at what was quarantined, and what
//! `souk replay` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_eventlog::EventLog;
use souk_schema::ChainId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::watch;

use super::error::ProjectError;
use super::follow::{Follow, Goal, stream_name};
use super::status::{ProjectionStatus, Reporter};
use super::{Projector, ProjectorConfig};
use crate::store::{self, Projection};
use crate::tables::{Schema, TABLES};

/// What a rebuild did.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    /// The generation that the tables now follow.
    pub generation: u32,
    /// Records that were applied.
    pub records: u64,
    /// How long it took, the swap included.
    pub took: Duration,
}

/// Projects a chain's newest stream from its beginning and swaps the result in. A projector that runs meanwhile continues from it.
///
/// # Errors
/// [`ProjectError`]; the live tables are untouched then. `Ok(None)` when the chain has no stream.
pub async fn rebuild(
    config: ProjectorConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    status: watch::Sender<ProjectionStatus>,
) -> Result<Option<Rebuilt>, ProjectError> {
    let mut reporter = Reporter::new(config.chain, status);
    let projector = Projector { config, log, pool };
    store::migrate(&projector.pool, &projector.config.schema).await?;
    match projector.newest_generation().await? {
        None => Ok(None),
        Some(generation) => replace(&projector, generation, &mut reporter).await.map(Some),
    }
}

/// Replaces the rows of the chain by those of a generation's stream.
pub(super) async fn replace(
    projector: &Projector,
    generation: u32,
    reporter: &mut Reporter,
) -> Result<Rebuilt, ProjectError> {
    let started = Instant::now();
    let (chain, live) = (projector.config.chain, &projector.config.schema);
    let beside = live.beside("rebuild", chain);
    let mut connection = store::connect(&projector.pool, live).await?;
    if !store::lock(&mut connection, &beside).await? {
        return Err(ProjectError::RebuildRuns(chain));
    }
    store::drop_schema(&projector.pool, &beside).await?;
    store::migrate(&projector.pool, &beside).await?;
    let stream = stream_name(chain, generation)?;
    let records = loop {
        let reached = store::read_projection(&mut connection, chain).await?;
        let reached = reached
            .filter(|live| live.generation == generation)
            .map_or(0, |live| live.next_sequence);
        let goal = projector.log.next_sequence(&stream).await?.max(reached);
        let follow = Follow::new(projector, &beside, generation, Goal::Sequence(goal))?;
        follow.run(reporter).await?;
        if swap(&mut connection, live, &beside, chain).await? {
            break goal;
        }
        // The indexer has not come as far with the new stream as the old one reaches.
        projector.log.wait_beyond(&stream, goal, projector.config.idle).await?;
    };
    store::drop_schema(&projector.pool, &beside).await?;
    Ok(Rebuilt {
        generation,
        records,
        took: started.elapsed(),
    })
}

/// Moves the chain's rows from `beside` to `live`, unless they do not reach as far as those that they would replace.
async fn swap(
    connection: &mut PgConnection,
    live: &Schema,
    beside: &Schema,
    chain: ChainId,
) -> Result<bool, ProjectError> {
    let mut transaction = connection.begin().await?;
    // A projector of the chain waits for this row; afterwards it sees the new epoch and begins anew from there.
    let locked = store::lock_projection(&mut transaction, chain).await?;
    let old = store::read_projection(&mut transaction, chain).await?;
    sqlx::query("select set_config('search_path', $1, true)")
        .bind(beside.as_str())
        .execute(&mut *transaction)
        .await?;
    let new = store::read_projection(&mut transaction, chain).await?;
    let Some(new) = new.filter(|new| reaches(new, old.as_ref())) else {
        return Ok(false);
    };
    for table in TABLES.iter().map(|table| table.name).chain(["projection"]) {
        let delete = format!("delete from {live}.{table} where chain_id = $1");
        let insert = format!("insert into {live}.{table} select * from {beside}.{table} where chain_id = $1");
        for statement in [delete, insert] {
            sqlx::query(AssertSqlSafe(statement))
                .bind(chain.0.cast_signed())
                .execute(&mut *transaction)
                .await?;
        }
    }
    let epoch = locked.map_or(new.epoch, |(_, epoch)| epoch + 1);
    sqlx::query(AssertSqlSafe(format!(
        "update {live}.projection set epoch = $2 where chain_id = $1"
    )))
    .bind(chain.0.cast_signed())
    .bind(epoch.cast_signed())
    .execute(&mut *transaction)
    .await?;
    store::notify(&mut transaction, chain).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Whether a new projection reaches as far as the old one: as many records of the same stream, or as high a block of a newer one.
fn reaches(new: &Projection, old: Option<&Projection>) -> bool {
    match old {
        None => true,
        Some(old) if old.generation == new.generation => new.next_sequence >= old.next_sequence,
        Some(old) => new.head.map(|head| head.number) >= old.head.map(|head| head.number),
    }
}
