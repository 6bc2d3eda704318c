//! How the server is run.

use std::net::SocketAddr;
use std::time::Duration;

use souk_schema::ChainId;

use crate::auth::SignInConfig;
use crate::engine::EngineLimits;
use crate::exchange::ExchangeLimits;
use crate::limits::budget::Allowance;
use crate::limits::document::DocumentLimits;
use crate::ws::WsLimits;

/// How the server is run. The default listens on port 8080 of the loopback interface.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// Web pages of these origins may ask from a browser, for example `https://souk.example`; `*` for all. None may by default.
    pub cors_origins: Vec<String>,
    /// The address of a client is what the proxy in front of us writes into `X-Forwarded-For`. Without a proxy anyone could write it.
    pub behind_proxy: bool,
    /// Chains that have to be projected before the server is ready.
    pub expected_chains: Vec<ChainId>,
    /// The server is ready while each chain's tables are at most this many records behind their stream.
    pub ready_lag_records: u64,
    /// Bytes of a request's body, or of a WebSocket message.
    pub body_limit: usize,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How large questions may be.
    pub limits: EngineLimits,
    /// What one WebSocket connection may do.
    pub websocket: WsLimits,
    /// Subscriptions of all clients together.
    pub subscriptions: usize,
    /// How signing in is done.
    pub sign_in: SignInConfig,
    /// How the exchange is offered.
    pub exchange: ExchangeLimits,
    /// How long requests may go on after the server was told to stop.
    pub shutdown_grace: Duration,
}

impl Default for ApiConfig {
    fn default() -> ApiConfig {
        ApiConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            cors_origins: Vec::new(),
            behind_proxy: false,
            expected_chains: Vec::new(),
            ready_lag_records: 16,
            body_limit: 256 * 1024,
            body_timeout: Duration::from_secs(10),
            limits: EngineLimits {
                document: DocumentLimits {
                    depth: 24,
                    fields: 2_000,
                    aliases: 60,
                },
                cost: 50_000,
                allowance: Allowance {
                    capacity: 1_000_000,
                    per_second: 100_000,
                },
                persisted_bytes: 8 * 1024 * 1024,
            },
            websocket: WsLimits {
                init_timeout: Duration::from_secs(5),
                operations: 32,
                patience: Duration::from_secs(10),
            },
            subscriptions: 2_000,
            sign_in: SignInConfig::default(),
            exchange: ExchangeLimits::default(),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}
