//! The fenced writer. LOG-2: opening one raises the stream's epoch, and an append holds only for the current epoch and position, so an
//! earlier writer can write nothing more; an append whose outcome is unknown is settled from the tail before anything is sent again.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Connection, PgConnection, PgPool};

use super::append::{Claim, append, in_time};
use super::fault::classify;
use crate::record::check;
use crate::{LogError, NewRecord, StreamName, StreamWriter};

/// How long the new writer waits for an append of the old one to finish before ending it.
const PATIENCE: &str = "5s";

/// Fences and reads the tail in one statement: it waits for an append in flight, whose records the tail then has.
const OPEN: &str = "INSERT INTO log.stream AS s (name, epoch) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET epoch = s.epoch + 1 WHERE s.epoch > 0 OR s.next_sequence = 0
    RETURNING epoch, next_sequence";

/// Ends the session that holds the stream's lock: a writer that stands still in the middle of an append must not keep its successor out.
const END_HOLDER: &str =
    "SELECT pg_terminate_backend(a.pid) FROM log.stream s JOIN pg_stat_activity a ON a.backend_xid = s.xmax
    WHERE s.name = $1";

/// The one writer of a stream in the embedded log.
pub(super) struct EmbeddedWriter {
    pool: PgPool,
    stream: StreamName,
    epoch: i64,
    next: u64,
    /// Its own, so that dropping it in the middle of an append closes it, and the server rolls back.
    connection: Option<PgConnection>,
    /// What was sent at `next` without an answer.
    in_doubt: Option<Arc<[NewRecord]>>,
}

/// What the tail says of records in doubt.
enum Outcome {
    Landed,
    NotWritten,
}

impl EmbeddedWriter {
    pub(super) async fn open(pool: &PgPool, stream: &StreamName) -> Result<EmbeddedWriter, LogError> {
        let mut connection = connect(pool).await?;
        let (epoch, next) = match fence(&mut connection, stream).await {
            Err(error) if is_lock_timeout(&error) => {
                tracing::warn!(%stream, "an earlier writer stands still in the middle of an append, ending its session");
                sqlx::query(END_HOLDER)
                    .bind(stream.as_str())
                    .execute(&mut connection)
                    .await
                    .map_err(classify)?;
                fence(&mut connection, stream).await
            }
            fenced => fenced,
        }
        .map_err(classify)?
        .ok_or_else(|| LogError::WrongWriter {
            stream: stream.to_string(),
            problem: "has many writers; append to it shared",
        })?;
        Ok(EmbeddedWriter {
            pool: pool.clone(),
            stream: stream.clone(),
            epoch,
            next: next.unsigned_abs(),
            connection: Some(connection),
            in_doubt: None,
        })
    }

    /// Finds out whether the records in doubt are in the stream. Takes the stream's lock, so an append of ours that the server still works
    /// on has ended by then, one way or the other.
    async fn settle(&mut self, count: u64) -> Result<Outcome, LogError> {
        let mut connection = self.take_connection().await?;
        let (epoch, next): (i64, i64) =
            sqlx::query_as("SELECT epoch, next_sequence FROM log.stream WHERE name = $1 FOR UPDATE")
                .bind(self.stream.as_str())
                .fetch_one(&mut connection)
                .await
                .map_err(classify)?;
        self.connection = Some(connection);
        if epoch != self.epoch {
            return Err(self.fenced());
        }
        match next.unsigned_abs() {
            next if next == self.next => Ok(Outcome::NotWritten),
            next if next == self.next + count => Ok(Outcome::Landed),
            next => Err(LogError::Corrupt {
                stream: self.stream.to_string(),
                problem: format!("its tail is {next}, and this writer, alone, left it at {}", self.next),
            }),
        }
    }

    /// Sends the records at `next`; with an error, or dropped, it leaves no connection behind.
    async fn send(&mut self, records: &[NewRecord]) -> Result<(), LogError> {
        let mut connection = self.take_connection().await?;
        let claim = Claim::Fenced {
            epoch: self.epoch,
            first: i64::try_from(self.next).map_err(LogError::unavailable)?,
        };
        let first = in_time(append(&mut connection, &self.stream, claim, records)).await?;
        self.connection = Some(connection);
        // Nothing but another writer moves the epoch or the tail.
        first.map(|_| ()).ok_or_else(|| self.fenced())
    }

    async fn take_connection(&mut self) -> Result<PgConnection, LogError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => connect(&self.pool).await,
        }
    }

    fn fenced(&self) -> LogError {
        LogError::Fenced {
            stream: self.stream.to_string(),
        }
    }
}

#[async_trait]
impl StreamWriter for EmbeddedWriter {
    fn next_sequence(&self) -> u64 {
        self.next
    }

    async fn append(&mut self, records: Vec<NewRecord>) -> Result<u64, LogError> {
        check(&self.stream, &records)?;
        let first = self.next;
        if let Some(doubtful) = &self.in_doubt {
            let same = doubtful[..] == records[..];
            let count = doubtful.len() as u64;
            match self.settle(count).await? {
                Outcome::NotWritten => {}
                Outcome::Landed if same => {
                    self.next += count;
                    self.in_doubt = None;
                    return Ok(first);
                }
                Outcome::Landed => {
                    return Err(LogError::WriterLost {
                        stream: self.stream.to_string(),
                        reason: format!("the append at {first} had succeeded after all, and these are other records"),
                    });
                }
            }
        }
        if records.is_empty() {
            return Ok(first);
        }
        // From here on, an error or a drop leaves the records in doubt.
        let count = records.len() as u64;
        let records: Arc<[NewRecord]> = records.into();
        self.in_doubt = Some(Arc::clone(&records));
        self.send(&records).await?;
        self.next += count;
        self.in_doubt = None;
        Ok(first)
    }
}

async fn connect(pool: &PgPool) -> Result<PgConnection, LogError> {
    Ok(pool.acquire().await.map_err(classify)?.detach())
}

async fn fence(connection: &mut PgConnection, stream: &StreamName) -> sqlx::Result<Option<(i64, i64)>> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT set_config('lock_timeout', $1, true), set_config('synchronous_commit', 'on', true)")
        .bind(PATIENCE)
        .execute(&mut *transaction)
        .await?;
    let tail = sqlx::query_as(OPEN)
        .bind(stream.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(tail)
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "55P03")
}
