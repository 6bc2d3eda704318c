//! The log in Postgres: schema `log`, tables `stream` and `record`. Nothing else of the database is read or written.
//!
//! Start at [`EmbeddedLog`]; `append` is the one transaction that writes, `writer` what fences and retries around it.

mod append;
mod binary;
mod fault;
mod watch;
mod writer;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::{Connection, PgConnection, PgPool};

use self::append::Claim;
use self::fault::classify;
use self::watch::Watch;
use self::writer::EmbeddedWriter;
use crate::record::check;
use crate::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};

/// The log in a Postgres database. Each open writer holds a connection of its own, and each log one that listens for appends, beside those
/// that the pool lends to reads.
#[derive(Debug)]
pub struct EmbeddedLog {
    pool: PgPool,
    watch: Watch,
    /// What shared appends went through last, while none is under way: making a connection takes longer than an append.
    shared: Mutex<Option<PgConnection>>,
}

/// How long a connection that was kept may take to say that it is still there.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// Why a stream of one writer takes no shared append.
const HAS_ONE_WRITER: &str = "has one fenced writer; append through that";

impl EmbeddedLog {
    /// Brings the schema `log` up to date and starts to listen for appends.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the database does not answer, [`LogError::Misconfigured`] when the schema is of a newer version
    /// or may not be changed.
    pub async fn connect(pool: PgPool) -> Result<EmbeddedLog, LogError> {
        let mut migrator = sqlx::migrate!("../migrations/log");
        migrator.create_schema("log");
        migrator.dangerous_set_table_name("log.migration");
        // A connection of its own, which takes its lock along however this ends.
        let mut connection = pool.acquire().await.map_err(classify)?.detach();
        let migrated = migrator.run_direct(None, &mut connection, false).await;
        migrated.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => classify(error),
            other => LogError::Misconfigured {
                reason: other.to_string(),
            },
        })?;
        Ok(EmbeddedLog {
            watch: Watch::start(&pool),
            pool,
            shared: Mutex::default(),
        })
    }

    /// A connection for a shared append: the one that is kept, if it still answers, else a new one. It is nobody else's, so that a future
    /// dropped half-way closes it, and never hands it on in the middle of a COPY.
    async fn connection_of_ours(&self) -> Result<PgConnection, LogError> {
        let kept = self.kept().take();
        if let Some(mut kept) = kept
            && matches!(tokio::time::timeout(PING_LIMIT, kept.ping()).await, Ok(Ok(())))
        {
            return Ok(kept);
        }
        Ok(self.pool.acquire().await.map_err(classify)?.detach())
    }

    fn kept(&self) -> MutexGuard<'_, Option<PgConnection>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id and the next sequence of a stream, if it was ever written to or opened.
    async fn tail(&self, stream: &StreamName) -> Result<Option<(i64, u64)>, LogError> {
        let row: Option<(i64, i64)> = sqlx::query_as("SELECT id, next_sequence FROM log.stream WHERE name = $1")
            .bind(stream.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(classify)?;
        Ok(row.map(|(id, next)| (id, next.unsigned_abs())))
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    async fn open_writer(&self, stream: &StreamName) -> Result<Box<dyn StreamWriter>, LogError> {
        Ok(Box::new(EmbeddedWriter::open(&self.pool, stream).await?))
    }

    async fn append_shared(&self, stream: &StreamName, records: Vec<NewRecord>) -> Result<u64, LogError> {
        check(stream, &records)?;
        if records.is_empty() {
            return self.next_sequence(stream).await;
        }
        let mut connection = self.connection_of_ours().await?;
        let appending = append::append(&mut connection, stream, Claim::Shared, &records);
        let first = append::in_time(appending).await?;
        *self.kept() = Some(connection);
        first.map(i64::unsigned_abs).ok_or_else(|| LogError::WrongWriter {
            stream: stream.to_string(),
            problem: HAS_ONE_WRITER,
        })
    }

    async fn read(&self, stream: &StreamName, from: u64, limits: ReadLimits) -> Result<Vec<StoredRecord>, LogError> {
        let Some((stream_id, next)) = self.tail(stream).await? else {
            return Ok(Vec::new());
        };
        if from >= next {
            return Ok(Vec::new());
        }
        let pool = self.pool.clone();
        // A task of its own, so that a caller who drops us half-way cannot hand the connection back in the middle of a COPY.
        let reading = tokio::spawn(async move {
            let mut connection = pool.acquire().await?;
            read_from(&mut connection, stream_id, from, limits).await
        });
        let records = match reading.await {
            Ok(records) => records.map_err(classify)?,
            Err(stopped) => {
                return Err(LogError::Unavailable {
                    reason: format!("a read was stopped: {stopped}"),
                });
            }
        };
        let gapless = (from..)
            .zip(&records)
            .all(|(sequence, record)| sequence == record.sequence);
        if records.is_empty() || !gapless {
            return Err(LogError::Corrupt {
                stream: stream.to_string(),
                problem: format!("records are missing from sequence {from} on, though it goes on to {next}"),
            });
        }
        Ok(records)
    }

    async fn next_sequence(&self, stream: &StreamName) -> Result<u64, LogError> {
        Ok(self.tail(stream).await?.map_or(0, |(_, next)| next))
    }

    async fn wait_beyond(&self, stream: &StreamName, sequence: u64, timeout: Duration) -> Result<bool, LogError> {
        let mut appends = self.watch.subscribe();
        let exists = async {
            while self.next_sequence(stream).await? <= sequence {
                appends.next_on(stream).await;
            }
            Ok(true)
        };
        tokio::time::timeout(timeout, exists).await.unwrap_or(Ok(false))
    }

    async fn streams(&self) -> Result<Vec<StreamName>, LogError> {
        let names: Vec<String> =
            sqlx::query_scalar(r#"SELECT name FROM log.stream WHERE next_sequence > 0 ORDER BY name COLLATE "C""#)
                .fetch_all(&self.pool)
                .await
                .map_err(classify)?;
        names.into_iter().map(StreamName::new).collect()
    }
}

async fn read_from(
    connection: &mut PgConnection,
    stream_id: i64,
    from: u64,
    limits: ReadLimits,
) -> sqlx::Result<Vec<StoredRecord>> {
    let (records, bytes) = (
        i64::try_from(limits.max_records).unwrap_or(i64::MAX),
        i64::try_from(limits.max_bytes).unwrap_or(i64::MAX),
    );
    let statement = format!(
        "COPY (SELECT sequence, headers, payload FROM log.record
               WHERE stream_id = {stream_id} AND sequence >= {from}
                 AND sequence <= (SELECT log.read_to({stream_id}, {from}, {records}, {bytes}))
               ORDER BY sequence) TO STDOUT (FORMAT binary)"
    );
    let mut pieces = connection.copy_out_raw(&statement).await?;
    let mut rows = binary::Rows::default();
    let mut records = Vec::new();
    while let Some(piece) = pieces.try_next().await? {
        records.extend(rows.take(piece).map_err(sqlx::Error::Protocol)?);
    }
    Ok(records)
}
