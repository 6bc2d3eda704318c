//! Listening, routes, and stopping in order: requests finish, WebSockets are closed with 1001.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::routing::{any, get};
use axum::serve::ListenerExt;
use souk_distribution::Distributions;
use souk_provenance::graph::GraphHandle;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::auth::SignIn;
use crate::config::ApiConfig;
use crate::engine::Engine;
use crate::exchange::{Exchange, ExchangeParts};
use crate::feed::Feed;
use crate::http::pages;
use crate::payouts::Payouts;
use crate::session::Sources;
use crate::status::StatusSources;
use crate::ws::WsLimits;
use crate::{export, graphql, http, operations};

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error("{0} is taken: stop what listens there, or choose another port with --port")]
    PortTaken(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address or port with --listen or --port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// An origin that is no header value.
    #[error("{0:?} is no origin: write it like https://souk.example, or * for all")]
    Origin(String),
    /// Metrics are gathered once in a process.
    #[error("the metrics recorder of this process is taken: {0}")]
    Metrics(String),
    /// Accepting connections failed.
    #[error("the server stopped listening: {0}")]
    Accept(#[from] std::io::Error),
}

/// What every handler needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) engine: Engine,
    pub(crate) pool: PgPool,
    pub(crate) graph: GraphHandle,
    pub(crate) status: StatusSources,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) behind_proxy: bool,
    pub(crate) body_limit: usize,
    pub(crate) body_patience: Duration,
    pub(crate) ws: WsLimits,
    pub(crate) subscriptions: Arc<Semaphore>,
    pub(crate) connections: TaskTracker,
    pub(crate) cancel: CancellationToken,
}

impl App {
    /// Whether a token is a session's.
    pub(crate) fn is_session(&self, token: &str) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(|exchange| exchange.sign_in().viewer(token).is_some())
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    config: ApiConfig,
    pool: PgPool,
    graph: GraphHandle,
    status: StatusSources,
    exchange: Option<Exchange>,
    payouts: Option<Payouts>,
    cancel: CancellationToken,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`ServeError::PortTaken`] or [`ServeError::Listen`].
    pub async fn bind(
        config: ApiConfig,
        pool: PgPool,
        graph: GraphHandle,
        status: StatusSources,
        cancel: CancellationToken,
    ) -> Result<Server, ServeError> {
        let address = config.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServeError::PortTaken(address),
            _ => ServeError::Listen { address, source },
        })?;
        operations::record_metrics().map_err(ServeError::Metrics)?;
        cors(&config.cors_origins)?;
        Ok(Server {
            listener,
            config,
            pool,
            graph,
            status,
            exchange: None,
            payouts: None,
            cancel,
        })
    }

    /// Offers an exchange too. Its tables are in the schema `exchange` of the same database.
    ///
    /// # Errors
    /// When the system does not say which port the server listens on, which sign-in messages are for.
    pub fn with_exchange(mut self, parts: ExchangeParts) -> Result<Server, ServeError> {
        let sign_in = SignIn::new(&self.config.sign_in, self.address()?.port());
        let (pool, log) = (self.pool.clone(), self.status.log.clone());
        let exchange = Exchange::start(parts, self.config.exchange, sign_in, pool, log, &self.cancel);
        self.exchange = Some(exchange);
        Ok(self)
    }

    /// Answers what is owed, and why, too. The lines are in the schema `payouts` of the same database.
    #[must_use]
    pub fn with_payouts(mut self, distributions: Distributions) -> Server {
        self.payouts = Some(Payouts::new(distributions));
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until it is cancelled, then finishes what is under way.
    ///
    /// # Errors
    /// When connections can no longer be accepted.
    pub async fn run(self) -> Result<(), ServeError> {
        let (listener, app) = self.into_app();
        let router = routes(app.clone())?;
        let cancel = app.cancel.clone();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stopping = cancel.clone();
        let listener = listener.tap_io(|connection| {
            // Messages are small, and those of a book must not wait until the one before is acknowledged.
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection gathers small packets");
            }
        });
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopping.cancelled().await });
        let grace = app.config.shutdown_grace;
        let overdue = async {
            cancel.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            served = serving.into_future() => served?,
            () = overdue => tracing::warn!(?grace, "stopped with requests under way"),
        }
        app.connections.close();
        let _ = tokio::time::timeout(grace, app.connections.wait()).await;
        Ok(())
    }
}

impl Server {
    fn into_app(self) -> (TcpListener, App) {
        let Server {
            listener,
            config,
            pool,
            graph,
            status,
            exchange,
            payouts,
            cancel,
        } = self;
        let feed = Feed::start(pool.clone(), cancel.clone());
        let schema = graphql::builder().data(status.clone()).data(feed).finish();
        let sources = Sources::new(pool.clone(), graph.clone(), exchange.clone(), payouts);
        let app = App {
            engine: Engine::new(schema, sources, config.limits),
            pool,
            graph,
            status,
            exchange,
            behind_proxy: config.behind_proxy,
            body_limit: config.body_limit,
            body_patience: config.body_timeout,
            ws: config.websocket,
            subscriptions: Arc::new(Semaphore::new(config.subscriptions)),
            connections: TaskTracker::new(),
            cancel,
            config: Arc::new(config),
        };
        (listener, app)
    }
}

/// Serves until `cancel`. The pool's connections have to search the schema of the projection first.
///
/// # Errors
/// [`ServeError`], in one line that says what to do.
pub async fn serve(
    config: ApiConfig,
    pool: PgPool,
    graph: GraphHandle,
    status: StatusSources,
    cancel: CancellationToken,
) -> Result<(), ServeError> {
    Server::bind(config, pool, graph, status, cancel).await?.run().await
}

fn routes(app: App) -> Result<Router, ServeError> {
    let cors = cors(&app.config.cors_origins)?;
    let router = Router::new()
        .route("/", get(pages::landing))
        .route("/graphql", any(http::graphql))
        .route("/assets/{name}", get(pages::asset))
        .route("/schema.graphql", get(pages::schema))
        .route("/export/{format}", get(export::document))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .fallback(pages::missing)
        .layer(CatchPanicLayer::custom(operations::panicked))
        .with_state(app);
    Ok(match cors {
        Some(cors) => router.layer(cors),
        None => router,
    })
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>, ServeError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let read = |origin: &String| {
            let well_formed = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            HeaderValue::from_str(origin)
                .ok()
                .filter(|_| well_formed)
                .ok_or_else(|| ServeError::Origin(origin.clone()))
        };
        AllowOrigin::list(origins.iter().map(read).collect::<Result<Vec<_>, _>>()?)
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION]);
    Ok(Some(layer.max_age(Duration::from_secs(3600))))
}
