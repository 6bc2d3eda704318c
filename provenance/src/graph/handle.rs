//! The shell around the graph: loads it from Postgres, follows the tables, and hands it out to be read.
//!
//! The graph stands behind one reader-writer lock and is changed in place. Readers share it and cost each other nothing; a writer
//! holds it for one window of at most a few thousand facts, a few milliseconds, and waits for no more than the questions under
//! way. Swapping whole graphs behind an `Arc` would have no waiting at all, yet twice the memory or a copy of everything per block.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use souk_schema::ChainId;

use super::facts::{ChainPosition, InvalidChange};
use super::follow::Follower;
use super::store::Graph;

/// The channel on which a projector says that it committed.
const CHANNEL: &str = "souk_projection";

/// How long a lost notification can go unnoticed.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits between attempts while Postgres is away: doubled from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Why the graph could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The database did not answer, or not as expected. Following retries by itself.
    #[error(
        "the graph cannot read its tables: {0}; it retries, check that Postgres runs and that the migrations are applied"
    )]
    Database(#[from] sqlx::Error),
    /// Postgres closed the connection on which commits are announced. Following connects anew by itself.
    #[error("the connection to the graph's tables is lost; it connects anew, check that Postgres runs")]
    ConnectionLost,
    /// The rows do not follow from what the graph holds. Following loads the chain anew by itself.
    #[error(transparent)]
    Invalid(#[from] InvalidChange),
    /// A row says what no projector writes.
    #[error("chain {chain}: {what} ({value}); project the chain again")]
    Row {
        /// The chain.
        chain: ChainId,
        /// What is wrong.
        what: &'static str,
        /// Where, or with which value.
        value: String,
    },
    /// A number or hash that no projector writes.
    #[error("{column} is {value}, which is out of range; project the chain again")]
    Number {
        /// The column.
        column: String,
        /// What it holds.
        value: String,
    },
    /// Facts of a block that is not canonical.
    #[error("chain {chain}: block {number} is not in table `block`; project the chain again")]
    NoBlock {
        /// The chain.
        chain: ChainId,
        /// The block's number.
        number: u64,
    },
}

/// Whether the graph is kept up to date, and how large it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphStatus {
    /// What stops it from following, if anything. It keeps answering meanwhile, as of its position.
    pub problem: Option<String>,
    /// How many nodes there are.
    pub nodes: usize,
    /// How many edges there are.
    pub edges: usize,
}

/// The graph in use: cheap to clone, read by many, followed by one task.
#[derive(Clone)]
pub struct GraphHandle {
    shared: Arc<Shared>,
}

/// A graph that does not change while this is held. Hold it for one answer and never across an `await`, which it refuses by not being `Send`.
pub struct GraphGuard<'a>(RwLockReadGuard<'a, Graph>);

impl Deref for GraphGuard<'_> {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.0
    }
}

/// What readers and the following task have in common.
pub(super) struct Shared {
    graph: RwLock<Graph>,
    positions: watch::Sender<BTreeMap<ChainId, ChainPosition>>,
    problem: watch::Sender<Option<String>>,
    stopped: CancellationToken,
}

impl Shared {
    pub fn read(&self) -> GraphGuard<'_> {
        // A panic while changing leaves a graph that is thrown away at once, see `supervise`.
        GraphGuard(self.graph.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the graph and says where it stands then.
    pub fn change<T>(&self, change: impl FnOnce(&mut Graph) -> T) -> T {
        let mut graph = self.graph.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut graph);
        let (positions, nodes, edges) = (graph.position(), graph.node_count(), graph.edge_count());
        drop(graph);
        metrics::gauge!("souk_graph_nodes").set(nodes as f64);
        metrics::gauge!("souk_graph_edges").set(edges as f64);
        for (chain, head) in positions
            .iter()
            .filter_map(|(chain, position)| Some((chain, position.head?)))
        {
            metrics::gauge!("souk_graph_head", "chain" => chain.to_string()).set(head.number as f64);
        }
        self.positions.send_replace(positions);
        result
    }
}

impl Shared {
    /// Says what stops the graph from following, or that nothing does any more.
    fn report(&self, problem: Option<GraphError>) {
        let changed = self.problem.send_if_modified(|known| {
            let problem = problem.as_ref().map(ToString::to_string);
            std::mem::replace(known, problem.clone()) != problem
        });
        match &problem {
            Some(problem) if changed => warn!(%problem, "the graph falls behind"),
            None if changed => info!("the graph follows again"),
            _ => {}
        }
    }
}

impl GraphHandle {
    /// Loads the graph from the schema that the pool's connections search first, then follows it until `cancel`. Following keeps one
    /// connection of the pool and takes a second one for each pass.
    ///
    /// # Errors
    /// When the first load fails.
    pub async fn start(pool: PgPool, cancel: CancellationToken) -> Result<GraphHandle, GraphError> {
        let shared = Arc::new(Shared {
            graph: RwLock::default(),
            positions: watch::Sender::default(),
            problem: watch::Sender::default(),
            stopped: cancel,
        });
        let mut follower = Follower::default();
        follower.pass(&pool, &shared).await?;
        tokio::spawn(supervise(pool, shared.clone(), follower));
        Ok(GraphHandle { shared })
    }

    /// The graph as it is now.
    pub fn read(&self) -> GraphGuard<'_> {
        self.shared.read()
    }

    /// How far each chain is known, without waiting for a change under way.
    pub fn position(&self) -> BTreeMap<ChainId, ChainPosition> {
        self.shared.positions.borrow().clone()
    }

    /// Changes of [`GraphHandle::position`].
    pub fn positions(&self) -> watch::Receiver<BTreeMap<ChainId, ChainPosition>> {
        self.shared.positions.subscribe()
    }

    /// Waits until the graph knows the chain up to `block` or further. False when following stopped before.
    pub async fn wait_until(&self, chain: ChainId, block: u64) -> bool {
        let mut positions = self.shared.positions.subscribe();
        let head = |positions: &BTreeMap<ChainId, ChainPosition>| positions.get(&chain)?.head.map(|head| head.number);
        tokio::select! {
            reached = positions.wait_for(|positions| head(positions).is_some_and(|head| head >= block)) => reached.is_ok(),
            () = self.shared.stopped.cancelled() => false,
        }
    }

    /// Whether it follows, and its size.
    pub fn status(&self) -> GraphStatus {
        let graph = self.read();
        GraphStatus {
            problem: self.shared.problem.borrow().clone(),
            nodes: graph.node_count(),
            edges: graph.edge_count(),
        }
    }
}

/// Keeps following. A panic in it is a defect of the graph's bookkeeping: the graph is dropped and loaded again.
async fn supervise(pool: PgPool, shared: Arc<Shared>, follower: Follower) {
    let mut follower = Some(follower);
    while let Err(failed) = tokio::spawn(follow(
        pool.clone(),
        shared.clone(),
        follower.take().unwrap_or_default(),
    ))
    .await
    {
        error!(%failed, "following the tables failed: loading the graph anew");
        shared.change(|graph| *graph = Graph::new());
        shared.graph.clear_poison();
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn follow(pool: PgPool, shared: Arc<Shared>, mut follower: Follower) {
    let mut listener = None;
    let mut wait = FIRST_WAIT;
    while !shared.stopped.is_cancelled() {
        // Listening begins before the tables are read, or a commit between the two would be noticed late.
        let passed = async {
            if listener.is_none() {
                listener = Some(listen(&pool).await?);
            }
            follower.pass(&pool, &shared).await
        };
        let problem = tokio::select! {
            passed = passed => passed.err(),
            () = shared.stopped.cancelled() => break,
        };
        let failed = problem.is_some();
        shared.report(problem);
        let pause = async {
            if failed {
                listener = None;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LAST_WAIT);
                return;
            }
            wait = FIRST_WAIT;
            let notified = tokio::time::timeout(POLL_INTERVAL, notified(&mut listener));
            if let Ok(Err(lost)) = notified.await {
                // Said now: the next pass may wait long for a connection before it fails.
                shared.report(Some(lost));
                listener = None;
            }
        };
        tokio::select! {
            () = pause => {}
            () = shared.stopped.cancelled() => break,
        }
    }
}

async fn listen(pool: &PgPool) -> Result<PgListener, GraphError> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Waits for a commit; several at once count as one.
async fn notified(listener: &mut Option<PgListener>) -> Result<(), GraphError> {
    let listening = listener.as_mut().ok_or(GraphError::ConnectionLost)?;
    match listening.try_recv().await? {
        Some(_) => {
            while listening.next_buffered().is_some() {}
            Ok(())
        }
        None => Err(GraphError::ConnectionLost),
    }
}
