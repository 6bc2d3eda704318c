//! The HTTP side: looks at the port early, so that a taken one is said before anything is started, and tells the API how parts are.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use souk_api::exchange::tokens::TokenNames;
use souk_api::exchange::{ExchangeParts, RunningGroup as ApiGroup};
use souk_api::{ApiConfig, IndexerReport, Server, StatusSources, scalars};
use souk_eventlog::EventLog;
use souk_indexer::{IndexerStatus, Phase};
use souk_provenance::graph::GraphHandle;
use souk_schema::ChainId;
use souk_schema::exchange::{GroupId, Venue};
use souk_settlement::{Cosigner, CosignerKey};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{HttpArgs, ServeArgs};
use crate::exchange::{self, RunningGroup};
use crate::parts::Supervisor;
use crate::{keys, token_names, waiting};

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

/// What the API holds of a group: its engine, its co-signer where there is a key, and how its payment tokens are written.
pub async fn exchange_of(
    supervisor: &mut Supervisor,
    group: &RunningGroup,
    cosigner: Option<CosignerKey>,
) -> ExchangeParts {
    let venue = group.venue();
    let tokens = TokenNames::default();
    token_names::keep(supervisor, &tokens, &group.node, &group.handle).await;
    let cosigner = cosigner.map(|key| Cosigner::new(key, venue, group.opened.group));
    ExchangeParts {
        groups: vec![ApiGroup {
            handle: group.handle.clone(),
            cosigner,
        }],
        tokens,
    }
}

/// What the API holds of the groups that run elsewhere: engines of this process's own, which read the same streams. `None` where there is no
/// group, or no node to ask how payment tokens are written: amounts would be guesses. A node that is named and away is waited for, because
/// what a co-signer signs for another chain's vault could be paid there.
///
/// # Errors
/// One line when the log or the database does not answer.
pub async fn exchange_elsewhere(
    supervisor: &mut Supervisor,
    args: &ServeArgs,
    log: &Arc<dyn EventLog>,
    pool: &PgPool,
) -> Result<Option<ExchangeParts>> {
    let key = keys::cosigner(args.cosigner_key_file.as_deref())?;
    let (mut groups, tokens) = (Vec::new(), TokenNames::default());
    let known = exchange::groups_of(log.as_ref()).await?;
    let Some(rpc) = &args.rpc else {
        if !known.is_empty() {
            tracing::warn!(
                "the exchange is left out: name with --rpc the node that says how its payment tokens are written"
            );
        }
        return Ok(None);
    };
    for group in known {
        let handle = exchange::follow(supervisor, group, log, pool).await?;
        ensure!(
            handle.running().await,
            "the engine of market group {group} did not get ready; see the log lines above"
        );
        let opened = handle.read(|engine| engine.group().cloned());
        let Some(opened) = opened else {
            tracing::warn!(%group, "left out: it is not open yet; start again once it is");
            continue;
        };
        let connecting = async || exchange::connected(rpc.as_str(), opened.vault).await;
        let node = waiting::for_node(&who(group), connecting).await?;
        let asking = async || exchange::is_of_present_chain(&handle, &node, log).await;
        if !waiting::for_node(&who(group), asking).await? {
            tracing::info!(%group, "left out: its chain was begun anew since");
            continue;
        }
        token_names::keep(supervisor, &tokens, &node, &handle).await;
        exchange::watch_chain(supervisor, handle.clone(), node, Arc::clone(log));
        let cosigner = key.clone().map(|key| {
            let venue = Venue {
                chain: opened.chain,
                vault: opened.vault,
            };
            Cosigner::new(key, venue, group)
        });
        groups.push(ApiGroup { handle, cosigner });
    }
    Ok((!groups.is_empty()).then_some(ExchangeParts { groups, tokens }))
}

/// Who waits for a node, in the words of the log.
fn who(group: GroupId) -> String {
    format!("serving market group {group}")
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
