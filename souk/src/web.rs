//! The HTTP side: looks at the port early, so that a taken one is said before anything is started, and tells the API how parts are.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use souk_api::{ApiConfig, IndexerReport, Server, StatusSources, scalars};
use souk_eventlog::EventLog;
use souk_indexer::{IndexerStatus, Phase};
use souk_provenance::graph::GraphHandle;
use souk_schema::ChainId;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::HttpArgs;

/// What the indexers of this process say of themselves.
pub type Indexers = Vec<watch::Receiver<IndexerStatus>>;

/// Makes sure that the port can be had.
///
/// # Errors
/// One line that names the port and the flag.
pub async fn check_port(args: &HttpArgs) -> Result<()> {
    let address = SocketAddr::new(args.host, args.port);
    match TcpListener::bind(address).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            anyhow::bail!(
                "port {} is taken by another program: choose another with --port",
                args.port
            )
        }
        Err(error) => {
            Err(anyhow::Error::new(error).context(format!("cannot listen on {address}; see --host and --port")))
        }
    }
}

/// Takes the port and prepares to serve.
///
/// # Errors
/// One line for a port that cannot be had or an origin that is none.
pub async fn bind(
    args: &HttpArgs,
    pool: PgPool,
    graph: GraphHandle,
    log: Arc<dyn EventLog>,
    indexers: Indexers,
    cancel: CancellationToken,
) -> Result<Server> {
    let expected_chains: Vec<ChainId> = indexers.iter().map(|status| status.borrow().chain).collect();
    let config = ApiConfig {
        listen: SocketAddr::new(args.host, args.port),
        cors_origins: args.cors_origin.clone(),
        behind_proxy: args.behind_proxy,
        expected_chains,
        ..ApiConfig::default()
    };
    let reports = move || indexers.iter().map(|status| report(&status.borrow())).collect();
    let status = StatusSources {
        log,
        indexers: Arc::new(reports),
    };
    Ok(Server::bind(config, pool, graph, status, cancel).await?)
}

/// Where the server can be reached.
///
/// # Errors
/// When the system does not say.
pub fn url(server: &Server) -> Result<String> {
    Ok(format!("http://{}", server.address()?))
}

fn report(status: &IndexerStatus) -> IndexerReport {
    let going_well = matches!(status.phase, Phase::Live | Phase::Backfilling | Phase::Reverting);
    IndexerReport {
        chain_id: scalars::ChainId(status.chain),
        phase: words_of(status.phase).into(),
        node_head: status.head.map(|head| scalars::Long::saturating(head.number)),
        blocks_per_second: status.blocks_per_sec,
        logs_per_second: status.logs_per_sec,
        seconds_left: status.eta_secs.map(scalars::Long::saturating),
        // What was overcome is history; it is in the log lines.
        problem: status.last_error.clone().filter(|_| !going_well),
    }
}

fn words_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Backfilling => "backfilling",
        Phase::Live => "live",
        Phase::Reverting => "absorbing a reorganisation",
        Phase::NodeBehind => "waiting for the node to catch up",
        Phase::Retrying => "retrying",
        Phase::Stopped => "stopped",
    }
}
