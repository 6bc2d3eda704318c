//! `souk index`, `souk project`, `souk observe`, `souk serve`, `souk exchange` and `souk payouts`: one part each, with Kafka and Postgres between them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use souk_distribution::Distributions;
use souk_provenance::graph::GraphHandle;
use souk_schema::exchange::GroupId;
use souk_sequencer::Clock;
use tokio::sync::watch;

use crate::cli::{ExchangeArgs, IndexArgs, ObserveArgs, PayoutsArgs, ProjectArgs, ServeArgs};
use crate::config::{self, Config};
use crate::exchange::{self, Settling};
use crate::parts::{Store, Supervisor};
use crate::payouts::{self, Lines, Publishing};
use crate::progress::Progress;
use crate::{keys, observations, projectors, web};

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
    let lines = payouts::run(
        log.clone(),
        Lines::Written(pool.clone()),
        Distributions::default(),
        cancel.clone(),
    );
    supervisor.run("payouts".into(), lines);
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
    let (distributions, cancel) = (Distributions::default(), supervisor.cancel().clone());
    let exchange = tokio::select! {
        exchange = web::exchange_elsewhere(&mut supervisor, args, &log, &pool) => exchange?,
        () = cancel.cancelled() => return supervisor.until_stopped().await,
    };
    let following = payouts::run(
        log.clone(),
        Lines::Elsewhere(pool.clone()),
        distributions.clone(),
        cancel.clone(),
    );
    supervisor.run("payouts".into(), following);
    let mut server = web::bind(&args.http, pool, graph, log, Vec::new(), cancel)
        .await?
        .with_payouts(distributions);
    if let Some(exchange) = exchange {
        server = server.with_exchange(exchange)?;
    }
    tracing::info!("serving {}", web::url(&server)?);
    supervisor.run("api".into(), async move { Ok(server.run().await?) });
    supervisor.until_stopped().await
}

/// Runs a market group until told to stop: its engine, its ledger, the facts that its chain tells, its settlement; with `--standby` once it
/// has taken over from another process.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn exchange(args: &ExchangeArgs) -> Result<()> {
    let store = Store::named(&args.store)?;
    let operator = keys::operator(args.operator_key_file.as_deref())?
        .context("settling needs the key of the vault's operator: give --operator-key-file, or SOUK_OPERATOR_KEY")?;
    let settling = Settling {
        rpc: args.rpc.to_string(),
        deployment: config::read_deployment(&args.deployment)?,
        finality: config::settlement_finality(&args.finality)?,
        operator,
        flush_from: args.flush_from,
        clock: Clock::default(),
        own_chain: false,
    };
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    let cancel = supervisor.cancel().clone();
    let group = GroupId(args.group);
    let started = async {
        if args.standby {
            let after = Duration::from_secs(args.takeover_after);
            return exchange::stand_by(&mut supervisor, group, after, settling, &log, &pool).await;
        }
        exchange::start(&mut supervisor, group, settling, &log, &pool).await?;
        Ok(())
    };
    tokio::select! {
        started = started => started?,
        () = cancel.cancelled() => return Ok(()),
    }
    supervisor.until_stopped().await
}

/// Fetches the metadata documents that chains point at, and what attestations say, until told to stop.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn observe(args: &ObserveArgs, config: &Config) -> Result<()> {
    let store = Store::named(&args.store)?;
    let policy = observations::policy(&args.metadata)?.context("--metadata off leaves `souk observe` nothing to do")?;
    let nodes = config.nodes(&args.rpc)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    observations::start(&mut supervisor, policy, nodes, &log, &pool);
    supervisor.until_stopped().await
}

/// Publishes the roots of payouts until told to stop.
///
/// # Errors
/// One line for what is misconfigured or cannot go on.
pub async fn payouts(args: &PayoutsArgs) -> Result<()> {
    let store = Store::named(&args.store)?;
    let proposer = keys::proposer(args.proposer_key_file.as_deref())?
        .context("roots need the key of the distributor's proposer: give --proposer-key-file, or SOUK_PROPOSER_KEY")?;
    let publishing = Publishing {
        rpc: args.rpc.to_string(),
        deployment: config::read_deployment(&args.deployment)?,
        proposer: proposer.into(),
        epoch: Duration::from_secs(args.epoch_secs),
    };
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut supervisor = Supervisor::new()?;
    let (distributions, cancel) = (Distributions::default(), supervisor.cancel().clone());
    let following = payouts::run(
        log.clone(),
        Lines::Elsewhere(pool.clone()),
        distributions.clone(),
        cancel.clone(),
    );
    supervisor.run("payouts".into(), following);
    let started = payouts::publish(&mut supervisor, publishing, &distributions, log.as_ref(), &pool);
    tokio::select! {
        started = started => started?,
        () = cancel.cancelled() => {}
    }
    supervisor.until_stopped().await
}
