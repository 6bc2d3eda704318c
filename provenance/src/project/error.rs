//! What can end a projection, and whether waiting mends it.

use souk_eventlog::LogError;
use souk_schema::ChainId;
use souk_schema::encoding::DecodeError;
use souk_streams::retry::{is_transient, is_transient_migration};

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
    /// Reading or decoding panicked: a defect.
    #[error("reading or decoding stopped: {0}; this is a defect, report it with what was logged before")]
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

#[cfg(test)]
mod tests {
    use std::io;

    use sqlx::migrate::MigrateError;

    use super::ProjectError;

    #[test]
    fn a_database_that_is_starting_up_while_tables_are_migrated_is_waited_for() {
        let gone = sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionRefused));
        let migration = ProjectError::Migrate(MigrateError::ExecuteMigration(gone, 2));
        assert!(migration.is_retryable());
        let defect = ProjectError::Migrate(MigrateError::ExecuteMigration(sqlx::Error::RowNotFound, 2));
        assert!(!defect.is_retryable());
    }
}
