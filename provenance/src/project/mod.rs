//! The projector: follows a chain's stream and keeps the tables equal to what it says.
//!
//! A batch of records is one transaction: the rows of its blocks and the sequence of the next record (law LOG-2). Whatever ends a
//! projector, `kill -9` included, the next one continues from there. It never asks a node and writes no stream.
//!
//! Start with [`run`]; `follow` is the loop, `stage` turns records into a batch off the async threads, `writer` is the transaction, and
//! `rebuild` projects anew beside the live tables and swaps.

mod error;
mod follow;
mod rebuild;
mod stage;
mod status;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use souk_adapters::DECODER_VERSION;
use souk_eventlog::{EventLog, ReadLimits};
use souk_schema::ChainId;
use souk_streams::retry::{Sessions, keep_going};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use error::ProjectError;
pub use rebuild::{Rebuilt, rebuild};
pub use status::{Phase, ProjectionStatus};

use crate::store;
use crate::tables::Schema;
use follow::{Follow, Goal};
use status::Reporter;

/// Which chain is projected where, and in what portions.
#[derive(Clone, Debug)]
pub struct ProjectorConfig {
    /// The chain.
    pub chain: ChainId,
    /// The schema that holds the tables.
    pub schema: Schema,
    /// How much is read, decided and written at once: what bounds the projector's memory.
    pub batch: ReadLimits,
    /// How long to wait at the tail of the stream before looking around again.
    pub idle: Duration,
}

impl ProjectorConfig {
    /// The usual configuration: the live schema, batches of at most 2,000 blocks or 8 MiB.
    pub fn new(chain: ChainId) -> ProjectorConfig {
        ProjectorConfig {
            chain,
            schema: Schema::live(),
            batch: ReadLimits {
                max_records: 2_000,
                max_bytes: 8 << 20,
            },
            idle: Duration::from_secs(1),
        }
    }
}

/// Projects a chain until `cancel` is cancelled. Lost connections and an unavailable log are waited out.
///
/// # Errors
/// [`ProjectError`] for what waiting does not mend: records that do not follow one another, a stream of a newer encoding.
pub async fn run(
    config: ProjectorConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    status: watch::Sender<ProjectionStatus>,
    cancel: CancellationToken,
) -> Result<(), ProjectError> {
    let (reporter, chain) = (Reporter::new(config.chain, status), config.chain);
    let projector = Projector { config, log, pool };
    let mut projecting = Projecting { projector, reporter };
    keep_going(&mut projecting, format!("projection of chain {chain}"), &cancel).await
}

/// Projects a stream into the configured schema until the record with this sequence would be the next, making the schema if it is missing.
///
/// # Errors
/// [`ProjectError`]; nothing is retried.
pub async fn project_until(
    config: ProjectorConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    generation: u32,
    sequence: u64,
) -> Result<(), ProjectError> {
    let (sender, _receiver) = watch::channel(ProjectionStatus::new(config.chain));
    let mut reporter = Reporter::new(config.chain, sender);
    let projector = Projector { config, log, pool };
    store::migrate(&projector.pool, &projector.config.schema).await?;
    let follow = Follow::new(
        &projector,
        &projector.config.schema,
        generation,
        Goal::Sequence(sequence),
    )?;
    follow.run(&mut reporter).await
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
pub(crate) struct Projector {
    pub(crate) config: ProjectorConfig,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) pool: PgPool,
}

impl Projector {
    /// Projects until something fails, or until the tables must be looked at anew.
    async fn session(&self, reporter: &mut Reporter) -> Result<(), ProjectError> {
        let (chain, schema) = (self.config.chain, &self.config.schema);
        store::migrate(&self.pool, schema).await?;
        let projection = {
            let mut connection = store::connect(&self.pool, schema).await?;
            store::read_projection(&mut connection, chain).await?
        };
        let newest = self.newest_generation().await?;
        let generation = match (&projection, newest) {
            (None, None) => {
                reporter.waiting();
                tokio::time::sleep(self.config.idle).await;
                return Ok(());
            }
            (None, Some(newest)) => newest,
            (Some(projection), newest) => {
                let newest = newest.unwrap_or(projection.generation);
                let is_stale =
                    projection.decoder_version != DECODER_VERSION && !self.keep_with_new_decoder(projection).await?;
                if newest > projection.generation || is_stale {
                    let newest = newest.max(projection.generation);
                    return rebuild::replace(self, newest, reporter).await.map(|_| ());
                }
                projection.generation
            }
        };
        Follow::new(self, schema, generation, Goal::Forever)?
            .run(reporter)
            .await
    }

    /// Rows of an older decoder are kept if it could decode everything and took it for what it is: then they are what today's makes.
    async fn keep_with_new_decoder(&self, projection: &store::Projection) -> Result<bool, ProjectError> {
        let chain = self.config.chain;
        if projection.watch_set.means_more_since(projection.decoder_version) {
            return Ok(false);
        }
        let mut connection = store::connect(&self.pool, &self.config.schema).await?;
        let is_clean = store::quarantined(&mut connection, chain).await? == 0;
        if is_clean {
            store::set_decoder_version(&mut connection, chain, DECODER_VERSION).await?;
        }
        Ok(is_clean)
    }

    /// The newest generation of the chain that has a stream with records.
    pub(crate) async fn newest_generation(&self) -> Result<Option<u32>, ProjectError> {
        let first = self.config.chain.stream(1);
        let streams = self.log.streams().await?;
        let generation = |stream: &str| match stream.strip_prefix(&first)? {
            "" => Some(1),
            later => later.strip_prefix(".g")?.parse().ok(),
        };
        let mut generations: Vec<u32> = streams
            .iter()
            .filter_map(|stream| generation(stream.as_str()))
            .collect();
        generations.sort_unstable();
        while let Some(newest) = generations.pop() {
            if self
                .log
                .next_sequence(&follow::stream_name(self.config.chain, newest)?)
                .await?
                > 0
            {
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }
}
