//! Why a group stopped, and why a command was not decided.

use souk_eventlog::LogError;
use souk_exchange::SnapshotError;
use souk_schema::exchange::CommandNumber;
use souk_schema::exchange::encoding::DecodeError;

/// Why a group no longer runs.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// The engine came to another outcome than the events say. It must not serve; find out which of the two builds is wrong.
    #[error("command {command}: this engine comes to another outcome than the one written to {stream}: {problem}")]
    Diverged {
        /// The first command whose outcomes differ.
        command: CommandNumber,
        /// The stream of events.
        stream: String,
        /// What differs.
        problem: &'static str,
    },
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
    /// The stream of events leaves a command out.
    #[error("{stream} goes from command {after} to {found}: outcomes between are missing")]
    EventGap {
        /// The stream of events.
        stream: String,
        /// The last command before the gap.
        after: CommandNumber,
        /// The first after it.
        found: CommandNumber,
    },
    /// The event log refuses; waiting does not mend it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Postgres failed or could not be reached while snapshots were looked for.
    #[error("the snapshots: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema `sequencer` could not be brought up to date.
    #[error("the schema `sequencer` cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A part of the group ended without having been told to.
    #[error("a part of the group ended by itself: {0}")]
    Ended(String),
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Nothing was appended: the group is stopping, or has stopped.
    #[error("the group has stopped; nothing was sent")]
    Stopped,
    /// The command may be in the log, and then has an outcome; the group stopped before this gateway heard of it.
    #[error("the group stopped while the command was on its way: it may have taken effect")]
    Unknown,
    /// Nothing was appended: more quotes in one command than a record takes.
    #[error("the command holds {orders} orders; at most {limit} fit a record")]
    TooLarge {
        /// What it holds.
        orders: usize,
        /// The bound.
        limit: usize,
    },
    /// This engine differs from the events and does not serve.
    #[error("this engine differs from the events of its group and does not serve")]
    Diverged,
}

/// Why a stored snapshot is passed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it does not restore: {0}")]
    NotRestored(#[from] SnapshotError),
    #[error("its state hashes to something else")]
    OtherHash,
    #[error("it is of another command than it says")]
    OtherCommand,
    #[error("its pieces are not all there")]
    Incomplete,
    #[error("the events go only to command {0}")]
    AheadOfEvents(CommandNumber),
}
