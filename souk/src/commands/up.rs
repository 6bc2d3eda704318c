//! `souk up`: the whole system in one process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use souk_devstack::{Kafka, KafkaConfig, Postgres, PostgresConfig};
use souk_distribution::Distributions;
use souk_eventlog::EventLog;
use souk_indexer::{ChainSource, IndexerStatus};
use souk_observations::Nodes;
use souk_provenance::graph::GraphHandle;
use souk_schema::exchange::GroupId;
use souk_sequencer::Clock;
use souk_settlement::CosignerKey;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::cli::{StoreArgs, UpArgs};
use crate::commands::say;
use crate::config::Config;
use crate::dev_chain::{RunningDevChain, log_tail};
use crate::exchange::{self, Settling};
use crate::instance::{DataDir, Held, Instance};
use crate::parts::{Store, Supervisor};
use crate::payouts::{self, Lines, Publishing};
use crate::progress::Progress;
use crate::{commands, config, keys, observations, projectors, web};

/// How long a second `souk up` waits for the first to be ready.
const OTHER_START_LIMIT: Duration = Duration::from_secs(120);

/// Between two epochs of payouts on chains that are not for development.
const DAILY: Duration = Duration::from_secs(86_400);

/// How often readiness is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Starts everything and stays until told to stop; beside a live instance it names that one and ends.
///
/// # Errors
/// One line for what is misconfigured, missing, or cannot go on.
pub async fn run(args: &UpArgs, config: &Config, dir: &DataDir) -> Result<()> {
    let Some(held) = dir.hold()? else {
        let other = wait_for_other(dir).await?;
        say(format!(
            "ready {} (already running as process {})",
            other.url, other.pid
        ));
        return Ok(());
    };
    web::check_port(&args.http).await?;
    let mut supervisor = Supervisor::new()?;
    let Some(local) = supervisor.meanwhile(LocalParts::start(&args.store, &held)).await? else {
        return Ok(());
    };
    let ended = serve_until_stopped(args, config, &held, &local, supervisor).await;
    local.stop().await;
    ended
}

async fn serve_until_stopped(
    args: &UpArgs,
    config: &Config,
    held: &Held,
    local: &LocalParts,
    mut supervisor: Supervisor,
) -> Result<()> {
    let opening = async {
        let pool = local.store.database().await?;
        let log = local.store.log(&pool).await?;
        Ok((pool, log, config.sources(&args.chain).await?))
    };
    let Some((pool, log, mut sources)) = supervisor.meanwhile(opening).await? else {
        return Ok(());
    };
    let dev_chain = if sources.is_empty() {
        let Some(chain) = start_dev_chain(&mut supervisor, held, &log).await? else {
            return Ok(());
        };
        sources.push(chain.source()?);
        Some(chain)
    } else {
        None
    };
    if args.demo && dev_chain.is_none() {
        bail!(
            "--demo writes to the dev chain that `souk up` runs itself, but another chain is configured: leave out one of the two"
        );
    }
    let here = Here {
        args,
        held,
        local,
        pool,
        log,
        sources,
        dev_chain: dev_chain.as_deref(),
    };
    let ended = here.until_stopped(supervisor).await;
    if let Some(chain) = dev_chain {
        chain.stop().await;
    }
    ended
}

/// What everything else is started on.
struct Here<'a> {
    args: &'a UpArgs,
    held: &'a Held,
    local: &'a LocalParts,
    pool: PgPool,
    log: Arc<dyn EventLog>,
    sources: Vec<ChainSource>,
    dev_chain: Option<&'a RunningDevChain>,
}

impl Here<'_> {
    async fn until_stopped(self, mut supervisor: Supervisor) -> Result<()> {
        let Here {
            args,
            held,
            local,
            pool,
            log,
            sources,
            dev_chain,
        } = self;
        let statuses = start_indexers(&mut supervisor, sources.clone(), &log);
        let cancel = supervisor.cancel().clone();
        supervisor.run(
            "projector".into(),
            projectors::run(log.clone(), pool.clone(), cancel.clone()),
        );
        let distributions = Distributions::default();
        let lines = Lines::Written(pool.clone());
        let following = payouts::run(log.clone(), lines, distributions.clone(), cancel.clone());
        supervisor.run("payouts".into(), following);
        if let Some(policy) = observations::policy(&args.metadata)? {
            let nodes = sources.iter().map(|source| (source.chain, source.endpoints.clone()));
            observations::start(&mut supervisor, policy, Nodes::new(nodes, &[])?, &log, &pool);
        }
        if let Some(publishing) = publishing(args, dev_chain)? {
            let started = payouts::publish(&mut supervisor, publishing, &distributions, log.as_ref(), &pool);
            tokio::select! {
                started = started => started?,
                () = cancel.cancelled() => return supervisor.until_stopped().await,
            }
        }
        let group = match settling(args, dev_chain)? {
            Some((group, settling)) => {
                let started = exchange::start(&mut supervisor, group, settling, &log, &pool);
                tokio::select! {
                    group = started => Some(group?),
                    () = cancel.cancelled() => return supervisor.until_stopped().await,
                }
            }
            None => None,
        };
        let loading = GraphHandle::start(pool.clone(), cancel.clone());
        let Some(graph) = cancel.run_until_cancelled(loading).await.transpose()? else {
            return supervisor.until_stopped().await;
        };
        let mut server = web::bind(&args.http, pool, graph.clone(), log, statuses.clone(), cancel)
            .await?
            .with_payouts(distributions);
        if let Some(group) = &group {
            let cosigner = cosigner(args, dev_chain.is_some())?;
            let exchange = web::exchange_of(&mut supervisor, group, cosigner).await;
            server = server.with_exchange(exchange)?;
        }
        let url = web::url(&server)?;
        supervisor.run("api".into(), async move { Ok(server.run().await?) });
        let instance = Instance {
            pid: std::process::id(),
            url: url.clone(),
            database_url: local.store.database_url.clone(),
            kafka: local.store.kafka.clone(),
            kafka_options: local.store.kafka_options.clone(),
            chains: sources,
            dev_chain: dev_chain.as_ref().map(|chain| chain.description()),
        };

        let ready = async {
            let mut demo = None;
            if let (true, Some(chain)) = (args.demo, &instance.dev_chain) {
                let summary = commands::demo::load_family(chain, args.demo_seed).await?;
                say(commands::demo::in_words(&summary));
                if let Some(group) = &group {
                    commands::demo::open_markets(chain, args.demo_seed, &summary, group).await?;
                }
                demo = Some((chain, summary));
            }
            catch_up(&statuses, &graph).await;
            held.publish(&instance)?;
            say(format!("ready {url}"));
            if let Some((chain, summary)) = demo {
                commands::demo::print_queries(chain, &summary, &url);
            }
            Ok(())
        };
        match supervisor.meanwhile(ready).await {
            Ok(_) => supervisor.until_stopped().await,
            Err(error) => {
                supervisor.cancel().cancel();
                supervisor.until_stopped().await.and(Err(error))
            }
        }
    }
}

/// Starts the dev chain, and what watches over it; `None` where a signal came first.
async fn start_dev_chain(
    supervisor: &mut Supervisor,
    held: &Held,
    log: &Arc<dyn EventLog>,
) -> Result<Option<Arc<RunningDevChain>>> {
    let tail = log_tail(log.as_ref()).await?;
    let fresh_group = exchange::fresh_group(log.as_ref()).await?;
    let start = RunningDevChain::start(held.dir().join("chain"), tail, fresh_group);
    let Some(chain) = supervisor.meanwhile(start).await? else {
        return Ok(None);
    };
    let chain = Arc::new(chain);
    let (watched, cancel) = (chain.clone(), supervisor.cancel().clone());
    supervisor.run("the dev chain".into(), async move {
        tokio::select! {
            () = watched.ended() => bail!("its process ended; start again"),
            () = cancel.cancelled() => Ok(()),
        }
    });
    let (final_soon, cancel) = (chain.clone(), supervisor.cancel().clone());
    supervisor.run("the dev chain's finality".into(), async move {
        final_soon.keep_final(cancel).await
    });
    let (led, cancel) = (chain.clone(), supervisor.cancel().clone());
    supervisor.run(
        "the dev chain's clock".into(),
        async move { led.lead_clock(cancel).await },
    );
    Ok(Some(chain))
}

/// What the exchange of this process settles on: the dev chain's vault, or that of `--deployment` where an operator's key is given.
fn settling(args: &UpArgs, dev_chain: Option<&RunningDevChain>) -> Result<Option<(GroupId, Settling)>> {
    if let Some(chain) = dev_chain {
        return Ok(Some((chain.group(), chain.settling()?)));
    }
    let Some(operator) = keys::operator(args.keys.operator_key_file.as_deref())? else {
        return Ok(None);
    };
    let (Some(rpc), Some(deployment)) = (args.chain.rpc.first(), &args.chain.deployment) else {
        bail!("an operator's key is given, but no vault: name its chain with --rpc and --deployment");
    };
    let settling = Settling {
        rpc: rpc.to_string(),
        deployment: config::read_deployment(deployment)?,
        finality: config::settlement_finality(&args.chain.finality)?,
        operator,
        flush_from: None,
        clock: Clock::default(),
        own_chain: false,
    };
    Ok(Some((GroupId(1), settling)))
}

/// Where this process publishes payout roots: on the dev chain, or by `--deployment` where a proposer's key is given.
fn publishing(args: &UpArgs, dev_chain: Option<&RunningDevChain>) -> Result<Option<Publishing>> {
    if let Some(chain) = dev_chain {
        return chain.publishing().map(Some);
    }
    let Some(proposer) = keys::proposer(args.keys.proposer_key_file.as_deref())? else {
        return Ok(None);
    };
    let (Some(rpc), Some(deployment)) = (args.chain.rpc.first(), &args.chain.deployment) else {
        bail!("a proposer's key is given, but no distributor: name its chain with --rpc and --deployment");
    };
    Ok(Some(Publishing {
        rpc: rpc.to_string(),
        deployment: config::read_deployment(deployment)?,
        proposer: proposer.into(),
        epoch: DAILY,
    }))
}

fn cosigner(args: &UpArgs, is_dev: bool) -> Result<Option<CosignerKey>> {
    let given = keys::cosigner(args.keys.cosigner_key_file.as_deref())?;
    if given.is_none() && is_dev {
        return keys::dev_cosigner().map(Some);
    }
    Ok(given)
}

fn start_indexers(
    supervisor: &mut Supervisor,
    sources: Vec<ChainSource>,
    log: &Arc<dyn EventLog>,
) -> Vec<watch::Receiver<IndexerStatus>> {
    let mut progress = Progress::start(supervisor.cancel().clone());
    let start = |source: ChainSource| {
        let (status, receiver) = watch::channel(IndexerStatus::starting(source.chain));
        progress.follow(receiver.clone());
        let (log, cancel) = (log.clone(), supervisor.cancel().clone());
        supervisor.run(format!("indexer of chain {}", source.chain), async move {
            Ok(souk_indexer::run(source, log, status, cancel).await?)
        });
        receiver
    };
    sources.into_iter().map(start).collect()
}

/// Waits until every chain that answers is indexed up to its head, and the graph with it.
async fn catch_up(statuses: &[watch::Receiver<IndexerStatus>], graph: &GraphHandle) {
    for status in statuses {
        let mut status = status.clone();
        let live = status
            .wait_for(|status| status.phase == souk_indexer::Phase::Live && status.lag_blocks() == Some(0))
            .await;
        let Ok((chain, Some(tail))) = live.map(|status| (status.chain, status.tail)) else {
            continue;
        };
        graph.wait_until(chain, tail.number).await;
    }
}

/// The parts that nobody named, and that this process therefore runs itself.
struct LocalParts {
    store: Store,
    postgres: Option<Postgres>,
    kafka: Option<Kafka>,
}

impl LocalParts {
    async fn start(args: &StoreArgs, held: &Held) -> Result<LocalParts> {
        let mut postgres = None;
        let database_url = match &args.database_url {
            Some(url) => url.clone(),
            None => {
                let started = Postgres::start(&PostgresConfig::kept(held.dir().join("postgres"))).await?;
                let url = started.create_database("souk").await?;
                postgres = Some(started);
                url
            }
        };
        let mut kafka = None;
        let servers = match args.kafka.as_deref() {
            Some("local") => {
                tracing::info!("starting a one-node Apache Kafka");
                let config = KafkaConfig {
                    dir: Some(held.dir().join("kafka")),
                    ..KafkaConfig::default()
                };
                let started = Kafka::start(&config).await?;
                let servers = started.bootstrap();
                kafka = Some(started);
                Some(servers)
            }
            other => other.map(str::to_string),
        };
        let store = Store {
            database_url,
            kafka: servers,
            kafka_options: args.kafka_options.clone(),
        };
        Ok(LocalParts { store, postgres, kafka })
    }

    async fn stop(self) {
        if let Some(kafka) = self.kafka {
            kafka.stop().await;
        }
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

async fn wait_for_other(dir: &DataDir) -> Result<Instance> {
    let found = async {
        loop {
            if let Some(instance) = dir.instance()? {
                return Ok(instance);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::time::timeout(OTHER_START_LIMIT, found)
        .await
        .unwrap_or_else(|_| {
            bail!(
                "another souk holds {} but does not get ready; look at its output, or end it",
                dir.path().display()
            )
        })
}
