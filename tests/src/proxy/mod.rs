//! A faulty JSON-RPC proxy in front of real nodes: everything that users of other indexers suffered from, seeded and switchable.
//!
//! It never invents a chain: every answer comes from a node behind it and is then withheld, cut, delayed, exchanged or spoilt. It knows
//! nothing of the indexer. Start at [`FaultyRpc::start`]; [`Fault`] lists what it can do.

mod faults;
mod http;
mod spoil;
mod ws;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use faults::Fault;

/// A node that the proxy asks.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// `http://…`
    pub http: String,
    /// `ws://…`
    pub ws: String,
}

/// The running proxy; stops when dropped.
#[derive(Debug)]
pub struct FaultyRpc {
    state: Arc<State>,
    port: u16,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstreams: Vec<Upstream>,
    /// Which upstream answers unless [`Fault::OtherFork`] strikes.
    main: AtomicUsize,
    faults: Mutex<BTreeMap<Fault, f64>>,
    random: Mutex<ChaCha8Rng>,
    struck: Mutex<BTreeMap<Fault, u64>>,
    requests: AtomicU64,
    is_down: AtomicBool,
    /// Changes when open sockets have to be dropped.
    drop_sockets: watch::Sender<u64>,
    client: reqwest::Client,
}

impl FaultyRpc {
    /// Listens on a free loopback port; no fault is switched on yet, and the first upstream answers.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(upstreams: Vec<Upstream>, seed: u64) -> std::io::Result<FaultyRpc> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            upstreams,
            main: AtomicUsize::new(0),
            faults: Mutex::default(),
            random: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
            struck: Mutex::default(),
            requests: AtomicU64::new(0),
            is_down: AtomicBool::new(false),
            drop_sockets: watch::Sender::new(0),
            client: reqwest::Client::new(),
        });
        let limit = axum::extract::DefaultBodyLimit::disable();
        let router = Router::new()
            .route("/", get(ws::upgrade).post(http::post))
            .layer(limit)
            .with_state(state.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the faulty proxy ended");
            }
        });
        Ok(FaultyRpc { state, port, server })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `ws://127.0.0.1:<port>`.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Lets a fault strike with this probability, from 0 to 1, wherever it can.
    pub fn set(&self, fault: Fault, probability: f64) {
        lock(&self.state.faults).insert(fault, probability);
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        lock(&self.state.faults).clear();
    }

    /// Answers from this upstream from now on, as a load balancer does that moves to another node.
    pub fn switch_to(&self, upstream: usize) {
        self.state.main.store(upstream, Ordering::Relaxed);
        self.drop_sockets();
    }

    /// Refuses everything, as while the node is away, or stops doing so.
    pub fn set_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::Relaxed);
        self.drop_sockets();
    }

    /// Drops every open WebSocket.
    pub fn drop_sockets(&self) {
        self.state.drop_sockets.send_modify(|count| *count += 1);
    }

    /// How often each fault struck: a test of a fault that never struck shows nothing.
    pub fn struck(&self) -> BTreeMap<Fault, u64> {
        lock(&self.state.struck).clone()
    }

    /// JSON-RPC calls that came in.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FaultyRpc {
    fn drop(&mut self) {
        self.drop_sockets();
        self.server.abort();
    }
}

impl State {
    /// Whether the fault strikes now; counts if it does.
    fn strikes(&self, fault: Fault) -> bool {
        let probability = lock(&self.faults).get(&fault).copied().unwrap_or(0.0);
        let strikes = probability > 0.0 && lock(&self.random).random_bool(probability.min(1.0));
        if strikes {
            self.count(fault);
        }
        strikes
    }

    fn is_on(&self, fault: Fault) -> bool {
        lock(&self.faults)
            .get(&fault)
            .is_some_and(|probability| *probability > 0.0)
    }

    fn count(&self, fault: Fault) {
        *lock(&self.struck).entry(fault).or_default() += 1;
    }

    /// A number below `bound`, which is not 0.
    fn below(&self, bound: usize) -> usize {
        lock(&self.random).random_range(0..bound)
    }

    /// Who answers this request.
    fn upstream(&self) -> &Upstream {
        let main = self.main.load(Ordering::Relaxed) % self.upstreams.len();
        let others = self.upstreams.len() - 1;
        let at = if others > 0 && self.strikes(Fault::OtherFork) {
            main + 1 + self.below(others)
        } else {
            main
        };
        &self.upstreams[at % self.upstreams.len()]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
