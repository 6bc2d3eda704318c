//! The exchange under measurement, in this process: what `souk up --demo` starts on its own dev chain.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use souk_demo::Family;
use souk_eventlog::{EmbeddedLog, EventLog, StreamName};
use souk_indexer::IndexerStatus;
use souk_provenance::graph::GraphHandle;
use souk_schema::exchange::GroupId;
use tokio::sync::watch;

use super::stamps::{Durable, StampedLog};
use crate::cli::HttpArgs;
use crate::commands::bench::child::Folder;
use crate::commands::bench::parts::Parts;
use crate::commands::demo;
use crate::commands::demo::client::Exchange;
use crate::commands::demo::desk::{Desk, open_markets};
use crate::dev_chain::{DEV_CHAIN, RunningDevChain};
use crate::parts::Supervisor;
use crate::{exchange, projectors, web};

/// The demo's seed, which the flow of orders has too.
const SEED: u64 = 1;
const GROUP: GroupId = GroupId(1);

/// The running parts.
pub struct RunningExchange {
    /// When commands became durable.
    pub durable: Durable,
    chain: Arc<RunningDevChain>,
    url: String,
    supervisor: Supervisor,
    // Held for its `Drop`, after the chain in it has ended.
    _folder: Folder,
}

impl RunningExchange {
    /// Starts everything, with the demo's economy loaded and its markets open.
    ///
    /// # Errors
    /// One line when a part does not start.
    pub async fn start(parts: &Parts) -> Result<RunningExchange> {
        let folder = Folder::new()?;
        let chain = Arc::new(RunningDevChain::start(folder.path().join("chain"), None, GROUP).await?);
        let database = parts.database().await?;
        let pool = database.pool;
        let bare: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(pool.clone()).await?);
        let durable = Durable::default();
        let commands = StreamName::new(GROUP.command_stream())?;
        let log: Arc<dyn EventLog> = Arc::new(StampedLog::new(bare, commands, durable.clone()));

        let mut supervisor = Supervisor::new()?;
        let cancel = supervisor.cancel().clone();
        let (status, indexer) = watch::channel(IndexerStatus::starting(DEV_CHAIN));
        let indexing = souk_indexer::run(chain.source()?, log.clone(), status, cancel.clone());
        supervisor.run("indexer".into(), async move { Ok(indexing.await?) });
        supervisor.run(
            "projector".into(),
            projectors::run(log.clone(), pool.clone(), cancel.clone()),
        );
        let (final_soon, told) = (chain.clone(), cancel.clone());
        supervisor.run("finality".into(), async move { final_soon.keep_final(told).await });
        let group = exchange::start(&mut supervisor, GROUP, chain.settling()?, &log, &pool).await?;
        supervisor.run("stamps".into(), durable.clone().listen(group.handle.outcomes()));
        let graph = GraphHandle::start(pool.clone(), cancel.clone()).await?;
        let args = HttpArgs {
            port: 0,
            host: Ipv4Addr::LOCALHOST.into(),
            cors_origin: Vec::new(),
            behind_proxy: false,
        };
        let server = web::bind(&args, pool, graph, log, vec![indexer], cancel).await?;
        let exchange = web::exchange_of(&mut supervisor, &group, None).await;
        let server = server.with_exchange(exchange)?;
        let url = web::url(&server)?;
        supervisor.run("api".into(), async move { Ok(server.run().await?) });

        let described = chain.description();
        let summary = demo::load_family(&described, SEED).await?;
        demo::open_markets(&described, SEED, &summary, &group).await?;
        Ok(RunningExchange {
            durable,
            chain,
            url,
            supervisor,
            _folder: folder,
        })
    }

    /// The demo's traders, signed in to trade on the busiest market alone.
    ///
    /// # Errors
    /// One line when the exchange does not let them in.
    pub async fn desk(&self) -> Result<Desk> {
        let plan = souk_demo::plan(SEED, &Family::embedded().context("the demo's family tree")?)?;
        let exchange = Exchange::new(&self.url);
        let mut markets = open_markets(&exchange, &plan).await?;
        markets.truncate(1);
        Desk::open(exchange, &self.chain.description().deployment, &plan, markets, SEED).await
    }

    /// Where the server listens.
    ///
    /// # Errors
    /// Never for the address that it gave.
    pub fn address(&self) -> Result<SocketAddr> {
        let address = self
            .url
            .strip_prefix("http://")
            .context("the server is not reached over HTTP")?;
        Ok(address.parse()?)
    }

    /// Does something while the parts run.
    ///
    /// # Errors
    /// What stopped a part, or the work's own error.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.supervisor.meanwhile(work).await?.context("told to stop")
    }

    /// Stops the parts.
    ///
    /// # Errors
    /// That of the first part that failed.
    pub async fn stop(self) -> Result<()> {
        self.supervisor.cancel().cancel();
        let ended = self.supervisor.until_stopped().await;
        self.chain.stop().await;
        ended
    }
}
