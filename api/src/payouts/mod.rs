//! What is owed, as answers need it: questions to the states that [`souk_distribution`] keeps at the heads of chains.
//!
//! A question is asked off the async threads and holds a state's lock for as long as it takes; few are asked at a time. Explanations and
//! what-ifs, which may take long, copy what they need and give the lock back. All answers of one
//! request are of one moment of a deployment's payouts (API-1): [`Seen`] keeps it, and a request whose questions were answered at different
//! ones is answered anew. Start at [`Session::ask_payouts`]; [`sheet`] has what every account is owed.

mod session;
pub mod sheet;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use souk_distribution::{Deployed, DistributionHandle, Distributions};
use souk_payouts::Contracts;
use souk_payouts::state::Revenue;
use souk_schema::{Address, BlockRef, ChainId, U256};
use tokio::sync::{OnceCell, Semaphore};

use crate::error::{ApiError, ErrorCode};
use crate::store::payouts::TablePosition;
use sheet::Sheets;

/// How many questions are asked at the same time: more would only wait for the lock.
const TURNS: usize = 4;

/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is owed on every chain that is followed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payouts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    distributions: Distributions,
    turns: Semaphore,
    sheets: Sheets,
}

/// What a deployment's answer was computed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The newest block that was folded.
    pub head: Option<BlockRef>,
    /// The newest block that said anything of the deployment: as long as it is the same, so is every answer.
    pub folded: Option<BlockRef>,
}

impl Moment {
    fn of(head: Option<BlockRef>, deployed: &Deployed) -> Moment {
        Moment {
            head,
            folded: deployed.state.head(),
        }
    }
}

/// What one request saw of payouts.
#[derive(Debug, Default)]
pub struct Seen {
    moments: Mutex<BTreeMap<(ChainId, Address), Moment>>,
    tables: OnceCell<Vec<TablePosition>>,
}

impl Seen {
    /// The moments of the deployments that were asked about, by chain and registry.
    pub fn moments(&self) -> BTreeMap<(ChainId, Address), Moment> {
        lock(&self.moments).clone()
    }

    /// How far the tables of lines were, if they were asked.
    pub fn tables(&self) -> Option<&[TablePosition]> {
        self.tables.get().map(Vec::as_slice)
    }

    /// Notes a moment; false if the deployment was seen at another.
    fn note(&self, chain: ChainId, registry: Address, moment: Moment) -> bool {
        let mut moments = lock(&self.moments);
        let first = moments.entry((chain, registry)).or_insert(moment);
        first.folded == moment.folded
    }
}

impl Payouts {
    /// What these distributions know.
    pub fn new(distributions: Distributions) -> Payouts {
        Payouts(Arc::new(Inner {
            distributions,
            turns: Semaphore::new(TURNS),
            sheets: Sheets::default(),
        }))
    }

    /// Every chain that is followed.
    pub fn all(&self) -> Vec<DistributionHandle> {
        self.0.distributions.all()
    }

    /// A chain that is followed.
    ///
    /// # Errors
    /// `NOT_FOUND` for others.
    pub fn followed(&self, chain: ChainId) -> Result<DistributionHandle, ApiError> {
        self.0.distributions.of(chain).ok_or_else(|| not_followed(chain))
    }

    /// A chain that is followed, and has been to its end.
    fn live(&self, chain: ChainId) -> Result<DistributionHandle, ApiError> {
        let handle = self.followed(chain)?;
        if handle.status().is_live {
            Ok(handle)
        } else {
            Err(behind())
        }
    }

    /// Asks off the async threads, when it is its turn.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || ApiError::new(ErrorCode::Unavailable, "the server is busy: try again in a moment");
        let turn = tokio::time::timeout(PATIENCE, self.0.turns.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        tokio::task::spawn_blocking(question).await.map_err(ApiError::internal)
    }

    /// A settled revenue that left memory.
    async fn settled(
        &self,
        chain: ChainId,
        registry: Address,
        revenue: U256,
    ) -> Result<Option<Arc<Revenue>>, ApiError> {
        Ok(self.live(chain)?.settled(registry, revenue).await?)
    }

    /// The contracts of the deployments of a chain, by rising registry.
    pub(crate) async fn deployments(&self, chain: ChainId) -> Result<Vec<Contracts>, ApiError> {
        let handle = self.live(chain)?;
        let contracts = move || {
            handle.read(|state| {
                let all = state.deployed().map(|(_, deployed)| deployed.contracts.clone());
                all.collect::<Vec<_>>()
            })
        };
        self.blocking(contracts).await
    }

    /// Asks about a deployment. Nothing is folded meanwhile, so the question should be short.
    async fn ask<T: Send + 'static>(
        &self,
        chain: ChainId,
        registry: Address,
        question: impl FnOnce(&mut Deployed) -> T + Send + 'static,
    ) -> Result<(Moment, T), ApiError> {
        let handle = self.live(chain)?;
        let asked = move || {
            handle.read(|state| {
                let head = state.head();
                let deployed = state.of_mut(&registry).ok_or_else(|| unknown(chain, registry))?;
                is_sound(deployed, registry)?;
                Ok((Moment::of(head, deployed), question(deployed)))
            })
        };
        self.blocking(asked).await?
    }
}

/// Whether the deployment's payouts are known to the head.
fn is_sound(deployed: &Deployed, registry: Address) -> Result<(), ApiError> {
    let Some(refused) = &deployed.refused else {
        return Ok(());
    };
    let (block, reason) = (refused.block.number, &refused.reason);
    Err(ApiError::new(
        ErrorCode::Unavailable,
        format!("payouts of registry {registry:#x} cannot be computed from block {block} on: {reason}"),
    ))
}

/// Why there is no answer where nothing is followed.
pub fn not_running() -> ApiError {
    ApiError::not_found("payouts are not followed by this server")
}

fn not_followed(chain: ChainId) -> ApiError {
    ApiError::not_found(format!("payouts of chain eip155:{chain} are not followed here"))
}

fn unknown(chain: ChainId, registry: Address) -> ApiError {
    ApiError::not_found(format!(
        "no registry {registry:#x} with payouts is known on chain eip155:{chain}"
    ))
}

fn behind() -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        "payouts are being computed from the beginning of the log: try again in a moment; `payoutStatus` tells how far they are",
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A question that panics changes nothing that is kept.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
