//! What can end a projection, and whether waiting mends it.

use souk_eventlog::LogError;
use souk_schema::ChainId;
use souk_schema::encoding::DecodeError;

use crate::fold::NotLinked;
use crate::tables::InvalidSchema;

/// Why a projection stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Postgres failed or could not be reached.
    #[error("Postgres: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the tables cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The event log failed or could not be reached.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stored record cannot be read.
    #[error("record {sequence} of {stream} cannot be read: {source}")]
    Record {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
        /// Why.
        source: DecodeError,
    },
    /// A record lacks the header that says how it is encoded.
    #[error(
        "record {sequence} of {stream} has no readable header `{}`",
        souk_schema::encoding::VERSION_HEADER
    )]
    NoVersion {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
    },
    /// Records do not follow one another.
    #[error("{stream}, records {first} to {last}: {source}")]
    NotLinked {
        /// The stream.
        stream: String,
        /// The first record of the batch that holds the fault.
        first: u64,
        /// The last record of that batch.
        last: u64,
        /// The fault.
        source: Box<NotLinked>,
    },
    /// A record of another chain.
    #[error("record {sequence} of {stream} is of chain {found}: two chains were written to one stream")]
    WrongChain {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
        /// Its chain.
        found: ChainId,
    },
    /// A chain whose id no table can hold.
    #[error("chain id {0} is beyond 2^63 - 1, the largest that can be kept (EIP-2294)")]
    ChainIdTooLarge(ChainId),
    /// What the stream watches cannot be read.
    #[error("the watch set of {stream} cannot be read: {source}")]
    WatchSet {
        /// The stream.
        stream: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Another projector wrote the chain's tables meanwhile.
    #[error("another projector works on chain {0}; continuing from where it is")]
    Overtaken(ChainId),
    /// Another rebuild of the chain runs.
    #[error("chain {0} is being rebuilt by another process; wait until it has ended")]
    RebuildRuns(ChainId),
    /// A schema's name is not usable.
    #[error(transparent)]
    Schema(#[from] InvalidSchema),
    /// The decoder panicked: a defect.
    #[error("decoding stopped: {0}")]
    Decoder(#[from] tokio::task::JoinError),
}

impl ProjectError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            ProjectError::Database(error) => is_transient(error),
            ProjectError::Migrate(sqlx::migrate::MigrateError::Execute(error)) => is_transient(error),
            ProjectError::Log(error) => error.retryable(),
            ProjectError::Overtaken(_) | ProjectError::RebuildRuns(_) => true,
            _ => false,
        }
    }
}

/// Whether a database error is of the connection, of resources, or of other transactions, rather than of the statement.
fn is_transient(error: &sqlx::Error) -> bool {
    // Classes of <https://www.postgresql.org/docs/15/errcodes-appendix.html>: connection, rollback, resources, operator, system. 3F and
    // 42P01 are a schema or table that somebody dropped under us: the next attempt makes them anew.
    const CLASSES: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            CLASSES.iter().any(|class| code.starts_with(class)) || matches!(&*code, "3F000" | "42P01")
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}
