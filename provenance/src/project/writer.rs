//! One batch, one transaction: what the tables hold is loaded, the core decides, rows and offset are written together (law LOG-2).

use souk_adapters::DECODER_VERSION;
use souk_schema::ChainId;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::sync::mpsc;

use super::error::ProjectError;
use super::stage::Batch;
use super::status::Committed;
use crate::fold::{Closed, DecodedBlock, WorkingSet, Writes, apply};
use crate::store::{self, TableRows};

pub(super) struct Writer {
    connection: PgConnection,
    chain: ChainId,
    stream: String,
    generation: u32,
    /// Of the rows that the batches were prepared for.
    epoch: u64,
    announce: bool,
}

/// So many portions of rows may wait for Postgres.
const PORTIONS_AHEAD: usize = 4;

/// What the core decided beside the rows that are inserted.
struct Decided {
    closed: Closed,
    quarantined: usize,
}

impl Writer {
    /// A writer on a connection whose search path is the schema. Listeners are told of commits only if `announce` is set.
    pub(super) fn new(connection: PgConnection, chain: ChainId, generation: u32, epoch: u64, announce: bool) -> Writer {
        Writer {
            connection,
            chain,
            stream: chain.stream(generation),
            generation,
            epoch,
            announce,
        }
    }

    /// From now on a batch is done when it is on the disk.
    pub(super) async fn commit_durably(&mut self) -> Result<(), ProjectError> {
        self.connection.execute("reset synchronous_commit").await?;
        Ok(())
    }

    pub(super) async fn write(&mut self, batch: Batch) -> Result<Committed, ProjectError> {
        let chain = self.chain;
        let logs = batch.logs();
        let mut transaction = self.connection.begin().await?;
        if let Some(opened) = &batch.opened {
            let (stream, generation) = (&self.stream, self.generation);
            store::insert_projection(&mut transaction, chain, stream, generation, opened, DECODER_VERSION).await?;
        }
        let expected = Some((batch.first_sequence, self.epoch));
        let found = store::lock_projection(&mut transaction, chain).await?;
        if found != expected {
            return Err(ProjectError::Overtaken(chain));
        }
        let mut may_change_quarantine = batch.opened.is_some();
        if let Some(number) = batch.revert_from {
            store::revert_from(&mut transaction, chain, number).await?;
            may_change_quarantine = true;
        }
        if !batch.blocks.is_empty() {
            let (blocks, mut keys) = (batch.blocks, batch.keys);
            store::load(&mut transaction, chain, &mut keys).await?;
            let (sender, mut rows) = mpsc::channel(PORTIONS_AHEAD);
            let deciding = tokio::task::spawn_blocking(move || decide(chain, &blocks, keys, &sender));
            while let Some(rows) = rows.recv().await {
                store::insert(&mut transaction, rows).await?;
            }
            let decided = deciding.await?;
            store::close(&mut transaction, chain, &decided.closed).await?;
            may_change_quarantine |= decided.quarantined > 0;
        }
        store::advance(
            &mut transaction,
            chain,
            batch.next_sequence,
            batch.head,
            batch.finalized,
        )
        .await?;
        let quarantined = if may_change_quarantine {
            Some(store::quarantined(&mut transaction, chain).await?)
        } else {
            None
        };
        if self.announce {
            store::notify(&mut transaction, chain).await?;
        }
        transaction.commit().await?;
        Ok(Committed {
            next_sequence: batch.next_sequence,
            head: batch.head,
            finalized: batch.finalized,
            logs,
            quarantined,
        })
    }
}

/// Applies the blocks and sends the rows that they insert.
fn decide(chain: ChainId, blocks: &[DecodedBlock], mut set: WorkingSet, rows: &mpsc::Sender<TableRows>) -> Decided {
    let mut writes = Writes::default();
    for block in blocks {
        apply(&mut set, block, &mut writes);
    }
    set.finish(&mut writes);
    store::encode(chain, &writes, DECODER_VERSION, |portion| {
        // Nobody listens when Postgres failed: then the whole batch is taken back.
        let _ = rows.blocking_send(portion);
    });
    Decided {
        quarantined: writes.quarantine.len(),
        closed: writes.closed,
    }
}
