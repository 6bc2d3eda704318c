//! Follows a chain's stream and keeps what is owed in memory, at its head; and, where asked, its lines in Postgres.
//!
//! Where there is a Postgres it goes on from the newest snapshot that the log still bears out, and from the first record of the newest
//! generation otherwise. Whatever can be waited out is, and then it begins anew; two that write take turns by the position in Postgres.

mod follower;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use souk_eventlog::{EventLog, LogError};
use souk_payouts::explain::Evidence;
use souk_payouts::merkle::MerkleTree;
use souk_payouts::state::{Epoch, Revenue};
use souk_payouts::{Entry, State};
use souk_schema::{Address, BlockRef, ChainId, U256};
use souk_streams::StreamError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fold::{DistributionState, FoldError, RefusedFact};
use crate::store::Store;
use follower::Follower;

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
    /// The record that the newest snapshot goes on with: the one that was begun with, or that was stored since.
    pub snapshot: Option<u64>,
    /// Facts that the rule refused.
    pub refused: RefusedFacts,
}

/// Facts that the rule refused since the process began, or before the snapshot that it began with: events that our contracts cannot emit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedFacts {
    /// How many. One that is folded again, as after a restart of the stream, is counted again.
    pub count: u64,
    /// The last one.
    pub last: Option<RefusedFact>,
}

/// What is kept in Postgres, and by whom.
#[derive(Clone, Debug)]
pub enum Keeping {
    /// This process writes lines, settled revenues and snapshots there.
    Writes(Store),
    /// Another process does, and they are read here.
    Reads(Store),
    /// There is no Postgres: everything stays in memory, and is folded from the first record.
    Nothing,
}

impl Keeping {
    fn store(&self) -> Option<&Store> {
        match self {
            Keeping::Writes(store) | Keeping::Reads(store) => Some(store),
            Keeping::Nothing => None,
        }
    }
}

/// Where the evidence of a revenue is.
#[derive(Debug)]
pub enum Found {
    /// In memory.
    Here(Box<Evidence>),
    /// The revenue is settled and was forgotten: it is in Postgres.
    Kept,
    /// There is no such revenue.
    Nowhere,
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
    keeping: Keeping,
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

    /// A settled revenue that the state has forgotten, from Postgres; `None` for one that is not there.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn settled(&self, registry: Address, revenue: U256) -> Result<Option<Arc<Revenue>>, sqlx::Error> {
        match self.keeping.store() {
            Some(store) => Ok(store.settled(registry, revenue).await?.map(Arc::new)),
            None => Ok(None),
        }
    }

    /// What explains the lines of a revenue, wherever it is; `None` if there is none.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn evidence(&self, registry: Address, revenue: U256) -> Result<Option<Evidence>, sqlx::Error> {
        let found = self.read(|state| Some(Found::of(&state.of(&registry)?.state, revenue)));
        match found {
            Some(Found::Here(evidence)) => Ok(Some(*evidence)),
            Some(Found::Kept) => {
                let revenue = self.settled(registry, revenue).await?;
                Ok(revenue.and_then(|revenue| self.read(|state| state.of(&registry)?.state.evidence_of(revenue))))
            }
            Some(Found::Nowhere) | None => Ok(None),
        }
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

impl Found {
    /// Where the evidence of a revenue of this deployment is.
    pub fn of(state: &State, revenue: U256) -> Found {
        match state.evidence(revenue) {
            Some(evidence) => Found::Here(Box::new(evidence)),
            None if state.is_gone(revenue) => Found::Kept,
            None => Found::Nowhere,
        }
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

/// A handle, and the future that keeps it up with the chain until it is cancelled.
pub fn follow(
    chain: ChainId,
    log: Arc<dyn EventLog>,
    keeping: Keeping,
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
        keeping: keeping.clone(),
        status,
    };
    let follower = Follower {
        chain,
        log,
        keeping,
        state: Arc::clone(&handle.state),
        status: sender,
        was_finality_broken: false,
    };
    (handle, follower.run(cancel))
}
