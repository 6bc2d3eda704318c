//! Follows a chain's stream and keeps what is owed in memory, at its head; and, where asked, its lines in Postgres.
//!
//! It folds from the first record of the newest generation whenever it starts, so start-up takes time in proportion to the chain. Whatever
//! can be waited out is, and then it begins anew; two that write take turns by the position in Postgres.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use souk_eventlog::{EventLog, LogError};
use souk_payouts::merkle::MerkleTree;
use souk_payouts::state::Epoch;
use souk_payouts::{Entry, State};
use souk_schema::{Address, BlockRef, ChainId};
use souk_streams::{Reader, StreamError, generations};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fold::{DistributionState, FoldError};
use crate::store::Store;

/// How long to wait for a record before looking for a newer generation.
const IDLE: Duration = Duration::from_secs(2);

/// How long to wait after something went wrong.
const PAUSE: Duration = Duration::from_secs(1);

/// Why what is owed is not followed any more.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// The log does not give a stream.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stream is damaged.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Records cannot be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// Postgres does not answer.
    #[error("the tables of payouts: {0}")]
    Database(#[from] sqlx::Error),
    /// Somebody else writes the tables.
    #[error("another process writes the payouts of chain {0}")]
    Overtaken(ChainId),
    /// Folding panicked.
    #[error("folding: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl DistributionError {
    /// Whether trying again is of no use.
    fn is_fatal(&self) -> bool {
        match self {
            DistributionError::Log(error) | DistributionError::Stream(StreamError::Log(error)) => !error.retryable(),
            DistributionError::Stream(_) | DistributionError::Panicked(_) => true,
            DistributionError::Fold(error) => !matches!(error, FoldError::BeyondFinality(_)),
            DistributionError::Database(_) | DistributionError::Overtaken(_) => false,
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistributionStatus {
    /// Whether it has seen the end of the stream since it began.
    pub is_live: bool,
    /// The next record.
    pub next_sequence: u64,
    /// The newest block that is folded.
    pub head: Option<BlockRef>,
    /// The newest final block.
    pub finalized: Option<BlockRef>,
}

/// What may be claimed now.
#[derive(Debug)]
pub struct Claimable {
    /// The last finalised epoch.
    pub epoch: u64,
    /// Its root as it was finalised, which another replaces after a reorganisation.
    pub finalised: Option<Epoch>,
    /// What its root says, by rising account and token.
    pub entries: Vec<Entry>,
    /// The proofs.
    pub tree: MerkleTree,
}

impl Claimable {
    /// What an account may have claimed of a token in all, with its proof.
    pub fn entry(&self, account: Address, token: Address) -> Option<(Entry, Vec<souk_schema::B256>)> {
        let key = |entry: &Entry| (entry.account, entry.token);
        let place = self.entries.binary_search_by_key(&(account, token), key).ok()?;
        Some((self.entries[place], self.tree.proof(place)?))
    }
}

/// A finalised epoch's entries, by registry.
type Claimables = BTreeMap<Address, Arc<Claimable>>;

/// What is owed on one chain, for whoever asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DistributionHandle {
    chain: ChainId,
    state: Arc<Mutex<DistributionState>>,
    claimable: Arc<Mutex<Claimables>>,
    status: watch::Receiver<DistributionStatus>,
}

impl DistributionHandle {
    /// The chain.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// How far it is.
    pub fn status(&self) -> DistributionStatus {
        self.status.borrow().clone()
    }

    /// Waits until it has seen the end of the stream; false if it was stopped before.
    pub async fn live(&self) -> bool {
        self.status.clone().wait_for(|status| status.is_live).await.is_ok()
    }

    /// Waits until something was folded after `seen`; false if it was stopped.
    pub async fn changed(&self, seen: &DistributionStatus) -> bool {
        self.status.clone().wait_for(|status| status != seen).await.is_ok()
    }

    /// Asks the state. Nothing is folded meanwhile, so the question should be short.
    pub fn read<T>(&self, question: impl FnOnce(&mut DistributionState) -> T) -> T {
        question(&mut lock(&self.state))
    }

    /// What may be claimed of a deployment, by its last finalised root; `None` before the first. Made once an epoch.
    pub fn claimable(&self, registry: Address) -> Option<Arc<Claimable>> {
        let known = lock(&self.claimable).get(&registry).cloned();
        let last = |state: &State| (state.finalised_epoch(), state.epoch(state.finalised_epoch()).cloned());
        let now = self.read(|state| state.of(&registry).map(|deployed| last(&deployed.state)))?;
        if let Some(known) = known.filter(|known| (known.epoch, &known.finalised) == (now.0, &now.1)) {
            return Some(known);
        }
        let ((epoch, finalised), entries) = self.read(|state| {
            let state = &mut state.of_mut(&registry)?.state;
            // As of a block before every revenue: what finalised roots count, and no more.
            Some((last(state), state.entries(0)))
        })?;
        let tree = MerkleTree::new(&entries)?;
        let made = Arc::new(Claimable {
            epoch,
            finalised,
            entries,
            tree,
        });
        lock(&self.claimable).insert(registry, Arc::clone(&made));
        Some(made)
    }
}

/// What is owed on every chain that is followed in this process. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Distributions(Arc<Mutex<BTreeMap<ChainId, DistributionHandle>>>);

impl Distributions {
    /// Adds a chain.
    pub fn insert(&self, handle: DistributionHandle) {
        lock(&self.0).insert(handle.chain(), handle);
    }

    /// A chain's.
    pub fn of(&self, chain: ChainId) -> Option<DistributionHandle> {
        lock(&self.0).get(&chain).cloned()
    }

    /// Every chain's, by rising id.
    pub fn all(&self) -> Vec<DistributionHandle> {
        lock(&self.0).values().cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A question that panics changes nothing that is kept.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle, and the future that keeps it up with the chain until it is cancelled. Lines are written where there is a store.
pub fn follow(
    chain: ChainId,
    log: Arc<dyn EventLog>,
    store: Option<Store>,
    cancel: CancellationToken,
) -> (
    DistributionHandle,
    impl Future<Output = Result<(), DistributionError>> + Send + 'static,
) {
    let (sender, status) = watch::channel(DistributionStatus::default());
    let handle = DistributionHandle {
        chain,
        state: Arc::default(),
        claimable: Arc::default(),
        status,
    };
    let follower = Follower {
        chain,
        log,
        store,
        state: Arc::clone(&handle.state),
        status: sender,
    };
    (handle, follower.run(cancel))
}

struct Follower {
    chain: ChainId,
    log: Arc<dyn EventLog>,
    store: Option<Store>,
    state: Arc<Mutex<DistributionState>>,
    status: watch::Sender<DistributionStatus>,
}

impl Follower {
    async fn run(self, cancel: CancellationToken) -> Result<(), DistributionError> {
        let mut was_finality_broken = false;
        loop {
            let ended = tokio::select! {
                ended = self.session(was_finality_broken) => ended,
                () = cancel.cancelled() => return Ok(()),
            };
            was_finality_broken |= matches!(ended, Err(DistributionError::Fold(FoldError::BeyondFinality(_))));
            match ended {
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => tracing::warn!(chain = %self.chain, %error, "payouts pause"),
                Ok(()) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = cancel.cancelled() => return Ok(()),
            }
        }
    }

    /// Follows the newest generation from its first record until there is a newer one. Where a chain once broke its promise of finality, that
    /// promise counts only from the end that the stream has now.
    async fn session(&self, was_finality_broken: bool) -> Result<(), DistributionError> {
        let Some(generation) = generations(self.log.as_ref(), self.chain).await?.pop() else {
            return Ok(());
        };
        let stream = self.chain.stream(generation);
        let mut reader = Reader::new(&self.log, stream.as_str())?;
        let written = match &self.store {
            Some(store) => store.begin(&stream).await?,
            None => u64::MAX,
        };
        *lock(&self.state) = match was_finality_broken {
            true => DistributionState::keeping_undo(),
            false => DistributionState::default(),
        };
        self.status.send_replace(DistributionStatus::default());
        loop {
            let first = reader.next_sequence();
            let records = reader.read().await?;
            let mut bodies = Vec::with_capacity(records.len());
            for stored in &records {
                bodies.push(reader.chain_record(self.chain, stored)?);
            }
            // What is written already is folded and not written again.
            let known = usize::try_from(written.saturating_sub(first)).unwrap_or(usize::MAX);
            let news = bodies.split_off(known.min(bodies.len()));
            let next = reader.next_sequence();
            if !bodies.is_empty() {
                self.fold(bodies).await?;
            }
            if !news.is_empty() {
                let changes = self.fold(news).await?;
                if let Some(store) = &self.store
                    && !store.write(&stream, first.max(written), next, &changes).await?
                {
                    return Err(DistributionError::Overtaken(self.chain));
                }
            }
            let is_empty = records.is_empty();
            if is_empty {
                lock(&self.state).trust_finality();
            }
            self.report(next, is_empty);
            if is_empty && !reader.wait(IDLE).await? {
                let newest = generations(self.log.as_ref(), self.chain).await?.pop();
                if newest > Some(generation) {
                    return Ok(());
                }
            }
        }
    }

    async fn fold(
        &self,
        records: Vec<souk_schema::record::ChainRecordBody>,
    ) -> Result<crate::fold::Changes, DistributionError> {
        let state = Arc::clone(&self.state);
        let folding = tokio::task::spawn_blocking(move || lock(&state).fold(records));
        Ok(folding.await??)
    }

    fn report(&self, next_sequence: u64, is_at_end: bool) {
        let (head, finalized) = {
            let state = lock(&self.state);
            (state.head(), state.finalized())
        };
        self.status.send_if_modified(|status| {
            let is_live = status.is_live || is_at_end;
            let new = DistributionStatus {
                is_live,
                next_sequence,
                head,
                finalized,
            };
            std::mem::replace(status, new.clone()) != new
        });
    }
}

/// The state at the end that a chain's stream has now; `None` for a chain that has no stream. Waits for nothing.
///
/// # Errors
/// [`DistributionError`] when the log does not answer, or its records cannot be folded.
pub async fn fold_to_end(
    chain: ChainId,
    log: &Arc<dyn EventLog>,
) -> Result<Option<DistributionState>, DistributionError> {
    let Some(generation) = generations(log.as_ref(), chain).await?.pop() else {
        return Ok(None);
    };
    let mut reader = Reader::new(log, chain.stream(generation))?;
    let mut state = DistributionState::keeping_undo();
    loop {
        let records = reader.read().await?;
        if records.is_empty() {
            return Ok(Some(state));
        }
        let mut bodies = Vec::with_capacity(records.len());
        for stored in &records {
            bodies.push(reader.chain_record(chain, stored)?);
        }
        state = tokio::task::spawn_blocking(move || state.fold(bodies).map(|_| state)).await??;
    }
}
