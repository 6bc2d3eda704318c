//! The projector: follows a group's stream of outcomes and keeps the tables equal to what it says.
//!
//! A batch of records is one transaction: the rows that they make and the offset (law LOG-2). Whatever ends a projector, `kill -9`
//! included, the next one continues from there. Command numbers that were seen are skipped, so that a second engine's records do no harm.
//!
//! Start with [`run`]; `follow` is the loop, `stage` turns records into a batch off the async threads, `writer` keeps batches in order, each
//! of which is a transaction in a `lane`, and `rebuild` projects anew beside the live tables and swaps.

mod error;
mod follow;
mod lane;
mod rebuild;
mod stage;
mod status;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, ReadLimits};
use souk_schema::exchange::GroupId;
use souk_streams::retry::{Sessions, keep_going};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use error::ProjectError;
pub use rebuild::{Rebuilt, rebuild};
pub use status::{LedgerStatus, Phase};

use crate::store;
use crate::tables::Schema;
use follow::{Goal, follow};
use status::Reporter;

/// Which group is projected where, and in what portions.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// The group.
    pub group: GroupId,
    /// The schema that holds the tables.
    pub schema: Schema,
    /// How much is read, folded and written at once: what bounds the projector's memory.
    pub batch: ReadLimits,
    /// How long to wait at the tail of the stream before looking around again.
    pub idle: Duration,
}

impl LedgerConfig {
    /// The usual configuration: the live schema, batches of at most 2,000 records or 16 MiB.
    pub fn new(group: GroupId) -> LedgerConfig {
        LedgerConfig {
            group,
            schema: Schema::live(),
            batch: ReadLimits {
                max_records: 2_000,
                max_bytes: 16 << 20,
            },
            idle: Duration::from_secs(1),
        }
    }
}

/// Projects a group until `cancel` is cancelled. Lost connections and an unavailable log are waited out.
///
/// # Errors
/// [`ProjectError`] for what waiting does not mend: outcomes that do not follow from one another, a stream of a newer encoding, rows that the
/// database refuses.
pub async fn run(
    config: LedgerConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    status: watch::Sender<LedgerStatus>,
    cancel: CancellationToken,
) -> Result<(), ProjectError> {
    let (reporter, group) = (Reporter::new(config.group, status), config.group);
    let projector = Projector { config, log, pool };
    let mut projecting = Projecting { projector, reporter };
    keep_going(&mut projecting, format!("projection of group {group}"), &cancel).await
}

/// Projects a stream into the configured schema until the record with this sequence would be the next, making the schema if it is missing.
///
/// # Errors
/// [`ProjectError`]; nothing is retried.
pub async fn project_until(
    config: LedgerConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    sequence: u64,
) -> Result<(), ProjectError> {
    let (sender, _receiver) = watch::channel(LedgerStatus::new(config.group));
    let mut reporter = Reporter::new(config.group, sender);
    let projector = Projector { config, log, pool };
    store::migrate(&projector.pool, &projector.config.schema).await?;
    let schema = &projector.config.schema;
    follow(&projector, schema, Goal::Sequence(sequence), &mut reporter).await
}

/// A projector that goes on for ever.
struct Projecting {
    projector: Projector,
    reporter: Reporter,
}

impl Sessions for Projecting {
    type Error = ProjectError;

    async fn session(&mut self) -> Result<(), ProjectError> {
        self.projector.session(&mut self.reporter).await
    }

    fn progress(&self) -> u64 {
        self.reporter.next_sequence()
    }

    fn failed(&mut self, error: &ProjectError) -> bool {
        self.reporter.failed(error);
        error.is_retryable()
    }
}

/// What every part of a projector needs.
struct Projector {
    config: LedgerConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
}

impl Projector {
    /// Projects until something fails.
    async fn session(&self, reporter: &mut Reporter) -> Result<(), ProjectError> {
        store::migrate(&self.pool, &self.config.schema).await?;
        follow(self, &self.config.schema, Goal::Forever, reporter).await
    }
}
