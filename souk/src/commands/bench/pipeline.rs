//! The pipeline under measurement, in this process: indexer → embedded log → projector → Postgres.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use souk_eventlog::{EmbeddedLog, EventLog};
use souk_indexer::{ChainSource, IndexerStatus};
use souk_provenance::project::{self, ProjectionStatus, ProjectorConfig};
use souk_schema::BlockRef;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::parts::Database;

/// The running tasks.
pub struct Pipeline {
    /// The log that they write and read.
    pub log: Arc<dyn EventLog>,
    /// What the indexer says of itself.
    pub indexer: watch::Receiver<IndexerStatus>,
    /// What the projector says of itself; nothing if there is none.
    pub projection: watch::Receiver<ProjectionStatus>,
    tasks: JoinSet<Result<()>>,
    cancel: CancellationToken,
}

impl Pipeline {
    /// Starts the indexer, and the projector as soon as there is a stream: one that finds none looks again after a second only.
    ///
    /// # Errors
    /// One line when the log cannot be opened.
    pub async fn start(source: ChainSource, database: &Database) -> Result<Pipeline> {
        let chain = source.chain;
        let mut pipeline = Pipeline::index_only(source, database).await?;
        let (status, projection) = watch::channel(ProjectionStatus::new(chain));
        let config = ProjectorConfig::new(chain);
        let mut indexer = pipeline.indexer.clone();
        let opened = async move { indexer.wait_for(|status| status.generation > 0).await.map(|_| ()) };
        pipeline.meanwhile(opened).await?.context("the indexer ended")?;
        let (log, pool, cancel) = (pipeline.log.clone(), database.pool.clone(), pipeline.cancel.clone());
        pipeline
            .tasks
            .spawn(async move { Ok(project::run(config, log, pool, status, cancel).await?) });
        pipeline.projection = projection;
        Ok(pipeline)
    }

    /// Starts the indexer alone.
    ///
    /// # Errors
    /// One line when the log cannot be opened.
    pub async fn index_only(source: ChainSource, database: &Database) -> Result<Pipeline> {
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(database.pool.clone()).await?);
        let cancel = CancellationToken::new();
        let (status, indexer) = watch::channel(IndexerStatus::starting(source.chain));
        let (_, projection) = watch::channel(ProjectionStatus::new(source.chain));
        let mut tasks = JoinSet::new();
        let (of_indexer, told) = (log.clone(), cancel.clone());
        tasks.spawn(async move { Ok(souk_indexer::run(source, of_indexer, status, told).await?) });
        Ok(Pipeline {
            log,
            indexer,
            projection,
            tasks,
            cancel,
        })
    }

    /// Waits until the tables are at this block and can be searched.
    ///
    /// # Errors
    /// What stopped a task before.
    pub async fn until_tables_at(&mut self, block: BlockRef) -> Result<()> {
        let mut projection = self.projection.clone();
        let reached = async move {
            projection
                .wait_for(|status| status.head == Some(block) && status.has_read_indexes)
                .await
                .map(|_| ())
        };
        self.meanwhile(reached).await?.context("the projector ended")
    }

    /// Waits until the log is at this block.
    ///
    /// # Errors
    /// What stopped a task before.
    pub async fn until_log_at(&mut self, block: BlockRef) -> Result<()> {
        let mut indexer = self.indexer.clone();
        let reached = async move { indexer.wait_for(|status| status.tail == Some(block)).await.map(|_| ()) };
        self.meanwhile(reached).await?.context("the indexer ended")
    }

    /// Does something while the tasks run; a task that ends before is an error.
    ///
    /// # Errors
    /// What stopped a task.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            Some(ended) = self.tasks.join_next() => {
                ended??;
                Err(anyhow!("a part ended before it was told to"))
            }
        }
    }

    /// Tells the tasks to end, and waits for them.
    ///
    /// # Errors
    /// That of the first task that failed.
    pub async fn stop(mut self) -> Result<()> {
        self.cancel.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}
