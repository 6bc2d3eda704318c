//! What one request sees: one view of the tables, batch loading over it, and the lineage graph held to the same blocks (API-1).
//!
//! A [`Session`] opens its view at the first question, so that a request which asks nothing of the tables costs no connection. Start
//! at [`Session::moment`] for how "as of" becomes a block, and at [`Session::with_graph`] for how the graph is kept from telling more,
//! or other, than the tables.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, OneofObject};
use souk_provenance::graph::{Cut, Graph, GraphHandle};
use souk_schema::{BlockRef, ChainId};
use sqlx::PgPool;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ErrorCode};
use crate::exchange::{Exchange, Live, not_running};
use crate::payouts::{Payouts, Seen};
use crate::scalars::{LONGEST, Long};
use crate::store::exchange::groups::{self, GroupTables};
use crate::store::loaders::{BlockByNumber, BlockByTime, Loaders};
use crate::store::{Reader, Snapshot, chain_number};

/// How long an answer waits for the graph to reach the tables' head; it follows within milliseconds.
const GRAPH_PATIENCE: Duration = Duration::from_secs(3);

/// As of when: the end of a block, or a time. Without it, the newest block.
#[derive(Clone, Copy, Debug, OneofObject)]
pub enum AsOf {
    /// As of the end of the block with this number on the chain of what is asked about; other chains as of that block's time.
    Block(Long),
    /// As of this Unix time in seconds: on each chain the last block that is not later. What expires without an event is judged at this time.
    Time(Long),
}

/// A moment that holds for several chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// The newest block that the request sees.
    Head,
    /// A block of one chain.
    Block(ChainId, i64),
    /// A time.
    Time(i64),
}

impl Pin {
    /// What a field's own `asOf` says, else what holds around it.
    pub fn or(self, as_of: Option<AsOf>, chain: ChainId) -> Pin {
        match as_of {
            None => self,
            Some(AsOf::Block(Long(number))) => Pin::Block(chain, number),
            Some(AsOf::Time(Long(time))) => Pin::Time(time),
        }
    }
}

/// A moment on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The end of this block; -1 before the first.
    pub block: i64,
    /// Unix time in seconds by which expiry is judged.
    pub time: i64,
}

/// How long a request waits for its turn at the database.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// Where sessions read from. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// The tables.
    pub pool: PgPool,
    /// The lineage graph.
    pub graph: GraphHandle,
    /// The exchange, where one runs.
    pub exchange: Option<Exchange>,
    /// What is owed, where that is followed.
    pub payouts: Option<Payouts>,
    /// How many views may be open at the same time.
    turns: Arc<Semaphore>,
}

impl Sources {
    /// Views leave a third of the pool, and six connections where it has them, to those who follow the tables and who check the graph
    /// against them: a view that waited for one while it held one could wait for ever.
    pub fn new(pool: PgPool, graph: GraphHandle, exchange: Option<Exchange>, payouts: Option<Payouts>) -> Sources {
        let connections = pool.options().get_max_connections() as usize;
        let turns = Arc::new(Semaphore::new(
            (connections * 2 / 3).min(connections.saturating_sub(6)).max(1),
        ));
        Sources {
            pool,
            graph,
            exchange,
            payouts,
            turns,
        }
    }
}

/// A view and its turn.
struct Open {
    reader: Reader,
    _turn: OwnedSemaphorePermit,
}

/// The view of one request, opened when it is first needed.
pub struct ReaderCell {
    sources: Sources,
    open: OnceCell<Open>,
}

impl ReaderCell {
    /// The view.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reader(&self) -> Result<&Reader, ApiError> {
        let open = self.open.get_or_try_init(|| async {
            let busy = || ApiError::new(ErrorCode::Unavailable, "the server is busy: try again in a moment");
            let turn = tokio::time::timeout(TURN_PATIENCE, self.sources.turns.clone().acquire_owned()).await;
            let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
            Ok::<Open, ApiError>(Open {
                reader: Reader::begin(&self.sources.pool).await?,
                _turn: turn,
            })
        });
        Ok(&open.await?.reader)
    }
}

/// What one request sees. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    cell: Arc<ReaderCell>,
    loader: DataLoader<Loaders, HashMapCache>,
    live: OnceLock<Arc<Live>>,
    exchange_tables: OnceCell<Vec<GroupTables>>,
    payouts: Seen,
    /// Heads of the graph that were found to fit the view.
    fitting: Mutex<Option<Vec<(ChainId, BlockRef)>>>,
    /// Held by who finds that out.
    checking: futures::lock::Mutex<()>,
    moved: AtomicBool,
}

impl Session {
    /// A view that is not open yet.
    pub fn new(sources: Sources) -> Session {
        let cell = Arc::new(ReaderCell {
            sources,
            open: OnceCell::new(),
        });
        let loader = DataLoader::with_cache(Loaders(cell.clone()), tokio::spawn, HashMapCache::default());
        Session(Arc::new(Inner {
            cell,
            loader,
            live: OnceLock::new(),
            exchange_tables: OnceCell::new(),
            payouts: Seen::default(),
            fitting: Mutex::default(),
            checking: futures::lock::Mutex::default(),
            moved: AtomicBool::new(false),
        }))
    }

    /// The session of the request that is being answered.
    pub fn of(ctx: &Context<'_>) -> Session {
        ctx.data_unchecked::<Session>().clone()
    }

    /// The view of the tables.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reader(&self) -> Result<&Reader, ApiError> {
        self.0.cell.reader().await
    }

    /// What the view stands at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot(&self) -> Result<&Snapshot, ApiError> {
        Ok(&self.reader().await?.snapshot)
    }

    /// What the view stands at, if anything was asked of it.
    pub fn seen(&self) -> Option<&Snapshot> {
        self.0.cell.open.get().map(|open| &open.reader.snapshot)
    }

    /// The exchange.
    ///
    /// # Errors
    /// `EXCHANGE_NOT_RUNNING` where there is none.
    pub fn exchange(&self) -> Result<&Exchange, ApiError> {
        self.0.cell.sources.exchange.as_ref().ok_or_else(not_running)
    }

    /// Markets of the exchange, all of one moment.
    ///
    /// # Errors
    /// `EXCHANGE_NOT_RUNNING` where there is none.
    pub fn live(&self) -> Result<&Arc<Live>, ApiError> {
        let exchange = self.exchange()?;
        Ok(self.0.live.get_or_init(|| Arc::new(exchange.live())))
    }

    /// The exchange's groups, and how far the tables that are seen know each.
    ///
    /// # Errors
    /// `EXCHANGE_NOT_RUNNING`, or when the database does not answer.
    pub async fn exchange_tables(&self) -> Result<&[GroupTables], ApiError> {
        self.exchange()?;
        let load = || async { groups::tables(self.reader().await?).await };
        Ok(self.0.exchange_tables.get_or_try_init(load).await?)
    }

    /// What the exchange stood at, if anything was asked of it.
    pub fn seen_exchange(&self) -> (Option<&Arc<Live>>, Option<&[GroupTables]>) {
        let tables = self.0.exchange_tables.get().map(Vec::as_slice);
        (self.0.live.get(), tables)
    }

    /// What is owed, where that is followed.
    pub(crate) fn payouts(&self) -> Option<&Payouts> {
        self.0.cell.sources.payouts.as_ref()
    }

    /// What the request saw of payouts.
    pub(crate) fn seen_payouts(&self) -> &Seen {
        &self.0.payouts
    }

    /// Says that the request has to be answered anew: its parts are of different moments.
    pub(crate) fn set_moved(&self) {
        self.0.moved.store(true, Ordering::Relaxed);
    }

    /// Whether a chain went on or was reorganised between two parts of the answer, so that the request has to be answered anew.
    pub fn moved(&self) -> bool {
        self.0.moved.load(Ordering::Relaxed)
    }

    /// Loads by key, together with whatever else is asked for at the same time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load<K>(&self, key: K) -> Result<Option<<Loaders as Loader<K>>::Value>, ApiError>
    where
        K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
        Loaders: Loader<K, Error = ApiError>,
    {
        self.0.loader.load_one(key).await
    }

    /// Which block of a chain a pin means.
    ///
    /// # Errors
    /// `NOT_FOUND` for a chain that is not indexed, `AS_OF_UNKNOWN` for a moment that is not.
    pub async fn moment(&self, pin: Pin, chain: ChainId) -> Result<Moment, ApiError> {
        let row = self.snapshot().await?.chain(chain)?;
        let head = Moment {
            block: row.head_number.unwrap_or(-1),
            time: row.head_timestamp.unwrap_or(0),
        };
        match pin {
            Pin::Head => Ok(head),
            Pin::Time(time) => self.moment_of_time(chain, time, row.start_block).await,
            Pin::Block(pinned, number) => {
                let pinned_row = self.snapshot().await?.chain(pinned)?;
                let block = self.load(BlockByNumber((pinned, number))).await?.ok_or_else(|| {
                    let head = pinned_row.head_number.map_or("none".into(), |head| head.to_string());
                    let start = pinned_row.start_block;
                    ApiError::new(
                        ErrorCode::AsOfUnknown,
                        format!("block {number} of chain eip155:{pinned} is not indexed: the first is {start}, the newest {head}"),
                    )
                })?;
                if pinned == chain {
                    Ok(Moment {
                        block: number,
                        time: block.timestamp.0,
                    })
                } else {
                    self.moment_of_time(chain, block.timestamp.0, row.start_block).await
                }
            }
        }
    }

    async fn moment_of_time(&self, chain: ChainId, time: i64, start: i64) -> Result<Moment, ApiError> {
        let found = self.load(BlockByTime((chain, time))).await?;
        // Before the first block of a chain that is indexed from its beginning there was nothing, and that is known.
        let block = found.map(|block| block.number.0).or((start == 0).then_some(-1));
        block.map(|block| Moment { block, time }).ok_or_else(|| {
            ApiError::new(
                ErrorCode::AsOfUnknown,
                format!("chain eip155:{chain} is indexed from block {start} on, which is later than time {time}"),
            )
        })
    }

    /// Every chain with its moment, for questions that span chains.
    ///
    /// # Errors
    /// As [`Session::moment`].
    pub async fn moments(&self, pin: Pin) -> Result<Vec<(ChainId, Moment)>, ApiError> {
        let mut moments = Vec::new();
        for chain in self.snapshot().await?.chains.keys() {
            match self.moment(pin, *chain).await {
                Ok(moment) => moments.push((*chain, moment)),
                // Nothing of this chain is known as of then; the others still have an answer.
                Err(error)
                    if error.code == ErrorCode::AsOfUnknown
                        && !matches!(pin, Pin::Block(pinned, _) if pinned == *chain) =>
                {
                    moments.push((*chain, Moment { block: -1, time: 0 }));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(moments)
    }

    /// Asks the graph as of a pin, on exactly the blocks that the view sees.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the graph does not reach the view in time, or a reorganisation came between.
    pub async fn with_graph<T>(&self, pin: Pin, ask: impl FnOnce(&Graph, &Cut) -> T) -> Result<T, ApiError> {
        let mut cut = Cut::head();
        for (chain, moment) in self.moments(pin).await? {
            // A cut has no place before block 0; an asset registered in block 0 of such a chain is not asked about.
            cut = cut.and(chain, u64::try_from(moment.block).unwrap_or(0));
        }
        let heads = self.fitting_heads().await?;
        let (answer, at) = {
            let graph = self.0.cell.sources.graph.read();
            (ask(&graph, &cut), positions(&graph))
        };
        // The graph went on between the check and the answer: what it answered is checked against the heads it answered at.
        if at != heads && !self.fits(&at) {
            self.check_forks(&at).await?;
        }
        Ok(answer)
    }

    /// The graph's heads once they fit the view. Fields that ask at the same time share one look at the tables, and what was found
    /// once is found again without waiting: whatever waits would come too late for its batch.
    async fn fitting_heads(&self) -> Result<Vec<(ChainId, BlockRef)>, ApiError> {
        let now = || positions(&self.0.cell.sources.graph.read());
        let heads = now();
        if self.fits(&heads) {
            return Ok(heads);
        }
        let _one_at_a_time = self.0.checking.lock().await;
        let heads = now();
        if self.fits(&heads) {
            return Ok(heads);
        }
        let behind = || {
            ApiError::new(
                ErrorCode::Unavailable,
                "the lineage graph has not reached the tables yet; try again",
            )
        };
        tokio::time::timeout(GRAPH_PATIENCE, self.graph_reaches_view())
            .await
            .map_err(|_| behind())??;
        let heads = now();
        self.check_forks(&heads).await?;
        Ok(heads)
    }

    async fn graph_reaches_view(&self) -> Result<(), ApiError> {
        for (chain, row) in &self.snapshot().await?.chains {
            let Some(head) = row.head_number.and_then(|head| u64::try_from(head).ok()) else {
                continue;
            };
            if !self.0.cell.sources.graph.wait_until(*chain, head).await {
                return Err(ApiError::new(ErrorCode::Unavailable, "the server is shutting down"));
            }
        }
        Ok(())
    }

    fn fits(&self, heads: &[(ChainId, BlockRef)]) -> bool {
        self.0.fitting.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(heads)
    }

    /// Whether the view's heads are ancestors of the graph's, or the same.
    async fn check_forks(&self, heads: &[(ChainId, BlockRef)]) -> Result<(), ApiError> {
        self.compare_with_view(heads).await?;
        *self.0.fitting.lock().unwrap_or_else(PoisonError::into_inner) = Some(heads.to_vec());
        Ok(())
    }

    async fn compare_with_view(&self, heads: &[(ChainId, BlockRef)]) -> Result<(), ApiError> {
        let snapshot = self.snapshot().await?;
        let moved = || {
            self.0.moved.store(true, Ordering::Relaxed);
            ApiError::new(
                ErrorCode::Unavailable,
                "the chain was reorganised while this was answered; try again",
            )
        };
        for (chain, head) in heads {
            let seen = snapshot
                .chains
                .get(chain)
                .and_then(|row| Some((row.head_number?, row.head_hash?.0)));
            let Some((number, hash)) = seen else {
                return Err(moved());
            };
            let graph_number = i64::try_from(head.number).unwrap_or(LONGEST);
            if (graph_number, head.hash) == (number, hash) {
                continue;
            }
            // Not in the view but now: both have to be canonical at one time.
            let both: (i64,) = sqlx::query_as(
                "select count(*) from block where chain_id = $1 and ((number = $2 and hash = $3) or (number = $4 and hash = $5))",
            )
            .bind(chain_number(*chain))
            .bind(number)
            .bind(hash.to_vec())
            .bind(graph_number)
            .bind(head.hash.to_vec())
            .fetch_one(&self.0.cell.sources.pool)
            .await?;
            if graph_number < number || both.0 != 2 {
                return Err(moved());
            }
        }
        Ok(())
    }
}

fn positions(graph: &Graph) -> Vec<(ChainId, BlockRef)> {
    graph
        .position()
        .into_iter()
        .filter_map(|(chain, position)| Some((chain, position.head?)))
        .collect()
}
