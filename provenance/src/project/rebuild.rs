//! Projects a chain anew into a schema beside the live one and swaps the rows in one transaction, so that readers see the old state or
//! the new one and nothing between.
//!
//! It is how a new generation of a stream replaces the old one, how a better decoder gets at what was quarantined, and what
//! `souk replay` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_eventlog::EventLog;
use souk_schema::{BlockRef, ChainId};
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

/// Moves the chain's rows from `beside` to `live`, unless they do not yet reach as far as those that they would replace.
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
    let Some(new) = new else { return Ok(false) };
    let block = old_block(&mut transaction, live, chain, new.head).await?;
    if !reaches(&new, old.as_ref(), block) {
        return Ok(false);
    }
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

/// Whether a new projection may replace the old one.
fn reaches(new: &Projection, old: Option<&Projection>, block: OldBlock) -> bool {
    let Some(old) = old else { return true };
    if old.generation == new.generation {
        return new.next_sequence >= old.next_sequence;
    }
    if old.genesis_hash != new.genesis_hash || block == OldBlock::Other {
        // The old rows are of a chain that is no more, however long it was.
        return true;
    }
    new.head.map(|head| head.number) >= old.head.map(|head| head.number)
}

/// What the old projection holds at the height of the new one's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OldBlock {
    /// No block: the new one is ahead, or not yet where the old one begins.
    None,
    /// The same block.
    Same,
    /// Another block: the chain was rewritten.
    Other,
}

async fn old_block(
    connection: &mut PgConnection,
    live: &Schema,
    chain: ChainId,
    head: Option<BlockRef>,
) -> sqlx::Result<OldBlock> {
    let Some(head) = head else {
        return Ok(OldBlock::None);
    };
    let statement = format!("select hash from {live}.block where chain_id = $1 and number = $2");
    let hash: Option<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(chain.0.cast_signed())
        .bind(head.number.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(match hash {
        None => OldBlock::None,
        Some(hash) if hash == head.hash.as_slice() => OldBlock::Same,
        Some(_) => OldBlock::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_adapters::WatchSet;
    use souk_schema::B256;

    fn at(generation: u32, genesis: u8, head: Option<u64>, next_sequence: u64) -> Projection {
        Projection {
            stream: String::new(),
            generation,
            next_sequence,
            start_block: 0,
            genesis_hash: B256::repeat_byte(genesis),
            watch_set: WatchSet::default(),
            decoder_version: 1,
            head: head.map(|number| BlockRef {
                number,
                hash: B256::ZERO,
            }),
            finalized: None,
            epoch: 1,
        }
    }

    #[test]
    fn a_new_projection_waits_until_it_reaches_as_far_unless_the_old_chain_is_no_more() {
        let old = at(1, 0, Some(10), 20);
        assert!(reaches(&at(1, 0, None, 0), None, OldBlock::None));
        assert!(!reaches(&at(1, 0, Some(9), 19), Some(&old), OldBlock::Same));
        assert!(reaches(&at(1, 0, Some(10), 20), Some(&old), OldBlock::Same));
        assert!(!reaches(&at(2, 0, None, 1), Some(&old), OldBlock::None));
        assert!(!reaches(&at(2, 0, Some(9), 30), Some(&old), OldBlock::Same));
        assert!(reaches(&at(2, 0, Some(10), 2), Some(&old), OldBlock::Same));
        assert!(
            reaches(&at(2, 0, Some(3), 4), Some(&old), OldBlock::Other),
            "rewritten from below"
        );
        assert!(
            reaches(&at(2, 7, None, 1), Some(&old), OldBlock::None),
            "a reset dev chain"
        );
    }
}
