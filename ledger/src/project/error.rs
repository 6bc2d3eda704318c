//! What can end a projection, and whether waiting mends it.

use souk_eventlog::LogError;
use souk_schema::exchange::GroupId;
use souk_schema::exchange::encoding::DecodeError;
use souk_streams::retry::{is_transient, is_transient_migration};
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
    /// Reading, folding or writing panicked: a defect.
    #[error("reading, folding or writing stopped: {0}; this is a defect, report it with what was logged before")]
    Stopped(#[from] tokio::task::JoinError),
}

impl ProjectError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            ProjectError::Database(error) => is_transient(error),
            ProjectError::Migrate(error) => is_transient_migration(error),
            ProjectError::Log(error) => error.retryable(),
            ProjectError::Overtaken(_) | ProjectError::RebuildRuns(_) => true,
            _ => false,
        }
    }
}
