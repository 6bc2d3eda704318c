//! How fast a replay is beside the fastest that Postgres can do: a raw `COPY` of the very rows that the replay made, into the same
//! tables with the same indexes, in the same run.

use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use serde::Serialize;
use souk_eventlog::EventLog;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection, Executor};

use crate::hash::{TableHash, combine, table_hashes};
use crate::project::{ProjectError, ProjectorConfig, project_until};
use crate::store;
use crate::tables::{Schema, TABLES};

/// What a measurement found.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// Records replayed.
    pub records: u64,
    /// Logs in them: decoded or quarantined.
    pub logs: u64,
    /// Rows made.
    pub rows: u64,
    /// How long the replay took.
    pub replay: Duration,
    /// How long a raw `COPY` of the rows took.
    pub copy: Duration,
}

impl Replay {
    /// The replay's speed as a part of raw `COPY`'s; the project's limit is 0.5.
    pub fn ratio(&self) -> f64 {
        self.copy.as_secs_f64() / self.replay.as_secs_f64()
    }
}

impl std::fmt::Display for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (replay, copy) = (self.replay.as_secs_f64(), self.copy.as_secs_f64());
        write!(
            f,
            "replay of {} logs ({} records, {} rows): {replay:.2} s, {:.0} logs/s; raw COPY of the rows: {copy:.2} s; ratio {:.2}",
            self.logs,
            self.records,
            self.rows,
            self.logs as f64 / replay,
            self.ratio()
        )
    }
}

/// Replays a chain's stream of the given generation into a schema beside the configured one, copies the rows into another, and drops
/// both.
///
/// # Errors
/// [`ProjectError`]: those of projecting, and of Postgres.
pub async fn replay(
    config: ProjectorConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    generation: u32,
) -> Result<Replay, ProjectError> {
    let chain = config.chain;
    let (replayed, copied) = (
        config.schema.beside("bench", chain),
        config.schema.beside("copy", chain),
    );
    for schema in [&replayed, &copied] {
        store::drop_schema(&pool, schema).await?;
        store::migrate(&pool, schema).await?;
    }
    let records = log
        .next_sequence(&souk_eventlog::StreamName::new(chain.stream(generation))?)
        .await?;
    let config = ProjectorConfig {
        schema: replayed.clone(),
        ..config
    };
    let started = Instant::now();
    project_until(config, log, pool.clone(), generation, records).await?;
    let replay = started.elapsed();

    let mut from = store::connect(&pool, &replayed).await?;
    let hashes = table_hashes(&mut from, chain).await?;
    let copy = copy(&mut from, &pool, &copied).await?;
    let mut to = store::connect(&pool, &copied).await?;
    assert_eq!(
        combine(&table_hashes(&mut to, chain).await?),
        combine(&hashes),
        "the rows that were copied"
    );
    let logs = sqlx::query_scalar::<_, i64>(
        "select (select count(*) from (select distinct block_number, log_index from event) e) + (select count(*) from quarantine)",
    )
    .fetch_one(&mut from)
    .await?;
    for schema in [&replayed, &copied] {
        store::drop_schema(&pool, schema).await?;
    }
    Ok(Replay {
        records,
        logs: logs.cast_unsigned(),
        rows: hashes.iter().map(|TableHash { rows, .. }| rows).sum(),
        replay,
        copy,
    })
}

/// Copies every table into `schema` and makes the read indexes, as the replay does; only the time of writing counts.
async fn copy(from: &mut PgConnection, pool: &PgPool, schema: &Schema) -> Result<Duration, ProjectError> {
    const CHUNK: usize = 1 << 20;
    let mut took = Duration::ZERO;
    let mut to = store::connect(pool, schema).await?;
    // Warm, as the connection of the replay is.
    to.execute("select 1").await?;
    let mut transaction = to.begin().await?;
    for table in &TABLES {
        let mut rows = tempfile::tempfile().map_err(sqlx::Error::Io)?;
        let statement = format!("copy {} to stdout (format binary)", table.name);
        let mut chunks = from.copy_out_raw(&statement).await?;
        while let Some(chunk) = chunks.try_next().await? {
            rows.write_all(&chunk).map_err(sqlx::Error::Io)?;
        }
        drop(chunks);
        rows.rewind().map_err(sqlx::Error::Io)?;
        let started = Instant::now();
        let mut copy = transaction
            .copy_in_raw(&format!("copy {} from stdin (format binary)", table.name))
            .await?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = rows.read(&mut chunk).map_err(sqlx::Error::Io)?;
            if read == 0 {
                break;
            }
            copy.send(&chunk[..read]).await?;
        }
        copy.finish().await?;
        took += started.elapsed();
    }
    let started = Instant::now();
    transaction.commit().await?;
    store::build_read_indexes(pool, schema).await?;
    Ok(took + started.elapsed())
}
