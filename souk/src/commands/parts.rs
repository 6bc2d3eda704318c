//! `souk index`, `souk project` and `souk serve`: one part each, with Kafka and Postgres between them.

use anyhow::{Result, bail};
use souk_provenance::graph::GraphHandle;
use tokio::sync::watch;

use crate::cli::{IndexArgs, ProjectArgs, ServeArgs};
use crate::config::Config;
use crate::parts::{Store, Supervisor};
use crate::progress::Progress;
use crate::{projectors, web};

/// Indexes the configured chains into the log until told to stop.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn index(args: &IndexArgs, config: &Config) -> Result<()> {
    let store = Store::named(&args.store)?;
    let sources = config.sources(&args.chain).await?;
    if sources.is_empty() {
        bail!("no chain to index: give --rpc <URL> and --watch <STANDARD:ADDRESS>, or [[chain]] tables in souk.toml");
    }
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    let mut progress = Progress::start(supervisor.cancel().clone());
    for source in sources {
        let (status, receiver) = watch::channel(souk_indexer::IndexerStatus::starting(source.chain));
        progress.follow(receiver);
        let (log, cancel) = (log.clone(), supervisor.cancel().clone());
        let name = format!("indexer of chain {}", source.chain);
        supervisor.run(name, async move {
            Ok(souk_indexer::run(source, log, status, cancel).await?)
        });
    }
    supervisor.until_stopped().await
}

/// Projects every chain of the log until told to stop.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn project(args: &ProjectArgs) -> Result<()> {
    let store = Store::named(&args.store)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    let cancel = supervisor.cancel().clone();
    supervisor.run("projector".into(), projectors::run(log, pool, cancel));
    supervisor.until_stopped().await
}

/// Serves GraphQL and the web until told to stop.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn serve(args: &ServeArgs) -> Result<()> {
    let store = Store::named(&args.store)?;
    web::check_port(&args.http).await?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    let graph = GraphHandle::start(pool.clone(), supervisor.cancel().clone()).await?;
    let server = web::bind(&args.http, pool, graph, log, Vec::new(), supervisor.cancel().clone()).await?;
    tracing::info!("serving {}", web::url(&server)?);
    supervisor.run("api".into(), async move { Ok(server.run().await?) });
    supervisor.until_stopped().await
}
