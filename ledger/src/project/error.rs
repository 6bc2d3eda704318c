//! What can end a projection, and whether waiting mends it.

use souk_eventlog::LogError;
use souk_schema::exchange::GroupId;
use souk_schema::exchange::encoding::DecodeError;
use sqlx::migrate::MigrateError;

use crate::fold::FoldError;

/// Why a projection stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Postgres failed or could not be reached, or refused what it must not take.
    #[error("Postgres: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the tables cannot be migrated: {0}")]
    Migrate(#[from] MigrateError),
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
        souk_schema::exchange::encoding::VERSION_HEADER
    )]
    NoVersion {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
    },
    /// Outcomes that do not follow from those before them.
    #[error("record {sequence} of {stream}: {source}")]
    Outcome {
        /// The stream.
        stream: String,
        /// The record.
        sequence: u64,
        /// What is wrong.
        source: FoldError,
    },
    /// Another projector wrote the group's tables meanwhile, or a rebuild replaced them.
    #[error("another projector works on group {0}; continuing from where it is")]
    Overtaken(GroupId),
    /// Another rebuild of the group runs.
    #[error("group {0} is being rebuilt by another process; wait until it has ended")]
    RebuildRuns(GroupId),
    /// The fold panicked: a defect.
    #[error("folding stopped: {0}")]
    Fold(#[from] tokio::task::JoinError),
}

impl ProjectError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            ProjectError::Database(error) => is_transient(error),
            ProjectError::Migrate(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                is_transient(error)
            }
            ProjectError::Log(error) => error.retryable(),
            ProjectError::Overtaken(_) | ProjectError::RebuildRuns(_) => true,
            _ => false,
        }
    }
}

/// Whether a database error is of the connection, of resources, or of other transactions, rather than of the statement.
fn is_transient(error: &sqlx::Error) -> bool {
    // Classes of <https://www.postgresql.org/docs/15/errcodes-appendix.html>: connection, rollback, resources, operator, system. 3F000 and
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
