//! Peak memory of `souk index` and `souk project` as processes of their own, on a short and on a long chain: it should not grow.

use anyhow::Result;
use indicatif::HumanCount;
use souk_provenance::store;
use souk_provenance::tables::Schema;
use souk_schema::BlockRef;

use super::chain::BenchChain;
use super::child::{Folder, Part};
use super::parts::{Database, LOOK_INTERVAL, Parts};
use super::row::{Figure, Row, Target};
use crate::dev_chain::DEV_CHAIN;

/// Growth over a chain twice as long that still counts as none: allocators round, batches differ.
const TARGET: f64 = 1.25;

/// Peaks in MiB, on a chain with so many logs.
pub struct Memory {
    logs: u64,
    index: f64,
    project: f64,
    replay: f64,
}

impl Memory {
    /// Indexes and projects the chain at the same time, then replays it from the log alone.
    ///
    /// # Errors
    /// One line when a process ends early.
    pub async fn measure(parts: &Parts, chain: &BenchChain) -> Result<Memory> {
        let (database, head, folder) = (parts.database().await?, chain.head().await?, Folder::new()?);
        let deployment = folder.path().join("deployment.json");
        std::fs::write(&deployment, serde_json::to_vec(&chain.deployment)?)?;
        let (deployment, rpc) = (deployment.display().to_string(), chain.http_url());
        let money = format!("erc20:{}", chain.deployment.addresses.test_usd);
        let in_database = ["--database-url", &database.store.database_url];
        let of_chain = ["--rpc", &rpc, "--deployment", &deployment, "--watch", &money];
        let project = [&["project"][..], &in_database].concat();

        let mut projector = Part::start(folder.path(), &project)?;
        let mut indexer = Part::start(folder.path(), &[&["index"][..], &in_database, &of_chain].concat())?;
        until_tables_at(&database, head, &mut [&mut projector, &mut indexer]).await?;
        let (index, together) = (indexer.peak_mebibytes()?, projector.peak_mebibytes()?);
        indexer.stop().await?;
        projector.stop().await?;

        store::drop_schema(&database.pool, &Schema::live()).await?;
        let mut projector = Part::start(folder.path(), &project)?;
        until_tables_at(&database, head, &mut [&mut projector]).await?;
        let replay = projector.peak_mebibytes()?;
        projector.stop().await?;
        let logs = logs(&database).await?;
        tracing::info!(logs, index, project = together, replay, "peak memory in MiB");
        Ok(Memory {
            logs,
            index,
            project: together,
            replay,
        })
    }

    /// Of a backfill: both processes.
    pub fn backfill(&self) -> f64 {
        self.index + self.project
    }

    /// Of a replay.
    pub fn replay(&self) -> f64 {
        self.replay
    }
}

/// The rows that set the longest chain beside shorter ones. Only the second longest is judged by: it is long enough to fill every buffer,
/// which the shorter ones may not be.
pub fn rows(name: &'static str, by_length: &[Memory], of: impl Fn(&Memory) -> f64) -> Vec<Row> {
    let Some((long, shorter)) = by_length.split_last() else {
        return Vec::new();
    };
    let row = |short: &Memory, target| Row {
        name,
        measured: format!("peak memory over {} logs", HumanCount(long.logs)),
        figure: Figure::Mebibytes(of(long)),
        peer: format!("over {} logs", HumanCount(short.logs)),
        peer_figure: Figure::Mebibytes(of(short)),
        target,
    };
    let judged = shorter.last().map(|short| row(short, Target::TimesLimit(TARGET)));
    let rest = shorter
        .iter()
        .rev()
        .skip(1)
        .map(|short| row(short, Target::ForComparison));
    judged.into_iter().chain(rest).collect()
}

/// Waits until the tables are at a block, while the processes run.
async fn until_tables_at(database: &Database, block: BlockRef, running: &mut [&mut Part]) -> Result<()> {
    loop {
        for part in running.iter_mut() {
            part.check()?;
        }
        // There are no tables until the projector made them.
        let mut connection = store::connect(&database.pool, &Schema::live()).await?;
        let projection = store::read_projection(&mut connection, DEV_CHAIN).await;
        if projection.is_ok_and(|projection| projection.is_some_and(|at| at.head == Some(block))) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn logs(database: &Database) -> Result<u64> {
    let count = "select count(*) from (select distinct block_number, log_index from souk.event) e";
    let logs: i64 = sqlx::query_scalar(count).fetch_one(&database.pool).await?;
    Ok(logs.unsigned_abs())
}
