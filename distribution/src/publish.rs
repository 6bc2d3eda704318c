//! Roots on chain: proposed at a final block, replaced when something that they count is held by now, finalised when their window is over.
//!
//! [`decide`] says what is due and is pure; [`Publisher`] looks, sends one transaction at a time, and waits until the stream tells of it.
//! Nothing is lost when it dies anywhere: what was proposed is on chain, and the contract takes each epoch once.

use std::time::{Duration, Instant};

use alloy::contract::Error as ContractError;
use alloy::eips::BlockId;
use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, PendingTransactionError, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use souk_contracts::PayoutDistributor::{self, PayoutDistributorInstance};
use souk_payouts::Entry;
use souk_payouts::merkle::MerkleTree;
use souk_payouts::state::PendingRoot;
use souk_schema::{Address, B256, BlockRef};
use tokio_util::sync::CancellationToken;

use crate::follow::DistributionHandle;
use crate::store::Store;

/// How long to wait for a receipt, and then for the stream to tell of its block.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing, for now.
    Nothing,
    /// A root over what is owed as of the final block; it replaces a pending one.
    Propose {
        /// Its epoch.
        epoch: u64,
    },
    /// The pending root is final as soon as the contract agrees.
    Finalise {
        /// Its epoch.
        epoch: u64,
        /// The root.
        root: B256,
    },
    /// The pending root counts what is held or was taken away by now, and there is nothing to propose instead.
    Withdraw {
        /// Its epoch.
        epoch: u64,
        /// The root.
        root: B256,
    },
}

/// What a decision is made of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The epoch of the last finalised root; 0 before the first.
    pub finalised_epoch: u64,
    /// The block that it was computed at; 0 before the first.
    pub finalised_block: u64,
    /// The root that is pending.
    pub pending: Option<PendingRoot>,
    /// The newest final block.
    pub finalized: BlockRef,
    /// Whether more, or less, is owed as of that block than the finalised root says.
    pub has_news: bool,
    /// Whether the time between two epochs is over.
    pub is_time: bool,
}

/// What is due. A root that waits undisturbed is left alone, whatever came since.
pub fn decide(seen: &Seen) -> Due {
    let epoch = seen.finalised_epoch + 1;
    // The contract takes roots at rising blocks alone.
    let may_propose = seen.has_news && seen.finalized.number > seen.finalised_block;
    match &seen.pending {
        Some(pending) if pending.spoiled.is_empty() => Due::Finalise {
            epoch: pending.epoch,
            root: pending.proposed.root,
        },
        Some(_) if may_propose => Due::Propose { epoch },
        Some(pending) => Due::Withdraw {
            epoch: pending.epoch,
            root: pending.proposed.root,
        },
        None if may_propose && seen.is_time => Due::Propose { epoch },
        None => Due::Nothing,
    }
}

/// Why a step could not be made. Another may.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The node does not answer.
    #[error("the node does not answer: {0}")]
    Node(#[from] TransportError),
    /// The distributor refuses.
    #[error("the payout distributor: {0}")]
    Contract(#[from] ContractError),
    /// No receipt came.
    #[error("no receipt: {0}")]
    Receipt(#[from] PendingTransactionError),
    /// The transaction failed on chain.
    #[error("the payout distributor refused {0}")]
    Reverted(&'static str),
    /// The stream does not tell of the block.
    #[error("the stream does not reach block {0}; is the chain indexed?")]
    NotIndexed(u64),
    /// Postgres does not answer.
    #[error("the tables of payouts: {0}")]
    Database(#[from] sqlx::Error),
    /// Summing what is owed panicked.
    #[error("summing what is owed: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Proposes and finalises the roots of one deployment.
#[derive(Debug)]
pub struct Publisher {
    registry: Address,
    distributor: PayoutDistributorInstance<DynProvider>,
    payouts: DistributionHandle,
    store: Store,
    /// At least so long between two proposals of new epochs.
    epoch: Duration,
    proposed: Option<Instant>,
}

impl Publisher {
    /// For the deployment of `registry` whose payouts are followed by `payouts`; `proposer` is the key that the distributor knows.
    ///
    /// # Errors
    /// [`PublishError`] when the node does not answer, or another account proposes there.
    pub async fn connect(
        rpc: &str,
        proposer: PrivateKeySigner,
        registry: Address,
        distributor: Address,
        payouts: DistributionHandle,
        store: Store,
        epoch: Duration,
    ) -> Result<Publisher, PublishError> {
        let wallet = EthereumWallet::from(proposer);
        let node = ProviderBuilder::new().wallet(wallet).connect(rpc).await?.erased();
        Ok(Publisher {
            registry,
            distributor: PayoutDistributor::new(distributor, node),
            payouts,
            store,
            epoch,
            proposed: None,
        })
    }

    /// The account that the distributor takes roots from.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn proposer(&self) -> Result<Address, PublishError> {
        Ok(self.distributor.proposer().call().await?)
    }

    /// Publishes until cancelled. What fails is logged and tried again.
    pub async fn run(mut self, poll: Duration, cancel: CancellationToken) {
        let publishing = async {
            if !self.payouts.live().await {
                return;
            }
            loop {
                match self.step().await {
                    Ok(Due::Nothing) => {}
                    Ok(done) => tracing::info!(registry = %self.registry, ?done, "payout root"),
                    Err(error) => tracing::warn!(registry = %self.registry, %error, "payout roots pause"),
                }
                tokio::time::sleep(poll).await;
            }
        };
        tokio::select! {
            () = publishing => {}
            () = cancel.cancelled() => {}
        }
    }

    /// Looks, and does what is due; what was done.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is half done.
    pub async fn step(&mut self) -> Result<Due, PublishError> {
        let is_time = self.proposed.is_none_or(|proposed| proposed.elapsed() >= self.epoch);
        let (payouts, registry) = (self.payouts.clone(), self.registry);
        // Summing all that is owed is work for a thread of its own.
        let looking = tokio::task::spawn_blocking(move || look(&payouts, registry, is_time));
        let Some((seen, entries)) = looking.await? else {
            return Ok(Due::Nothing);
        };
        let due = decide(&seen);
        match &due {
            Due::Nothing => return Ok(Due::Nothing),
            Due::Propose { epoch } => self.propose(*epoch, seen.finalized, &entries).await?,
            Due::Finalise { epoch, root } => {
                let call = self.distributor.finaliseRoot(*epoch, *root);
                // The contract knows its window and its disputes best. As of the block that would come now: on a quiet chain the newest one
                // may be older than the window.
                if call.clone().block(BlockId::pending()).call().await.is_err() {
                    return Ok(Due::Nothing);
                }
                self.confirmed("the end of an epoch", call.send().await?).await?;
            }
            Due::Withdraw { epoch, root } => {
                let call = self.distributor.withdrawRoot(*epoch, *root);
                self.confirmed("taking a root back", call.send().await?).await?;
            }
        }
        Ok(due)
    }

    async fn propose(&mut self, epoch: u64, at: BlockRef, entries: &[Entry]) -> Result<(), PublishError> {
        let Some(tree) = MerkleTree::new(entries) else {
            return Ok(());
        };
        self.store.keep_root(self.registry, epoch, tree.root(), entries).await?;
        let call = self.distributor.proposeRoot(epoch, tree.root(), at.number, at.hash);
        self.confirmed("a root", call.send().await?).await?;
        self.proposed = Some(Instant::now());
        Ok(())
    }

    /// Waits for the receipt, and until the stream is at its block: what is decided next has seen it.
    async fn confirmed(
        &self,
        what: &'static str,
        sent: alloy::providers::PendingTransactionBuilder<alloy::network::Ethereum>,
    ) -> Result<(), PublishError> {
        let receipt = sent.with_timeout(Some(PATIENCE)).get_receipt().await?;
        if !receipt.status() {
            return Err(PublishError::Reverted(what));
        }
        let block = receipt.block_number.unwrap_or_default();
        let reached = async {
            loop {
                let seen = self.payouts.status();
                if seen.head.is_some_and(|head| head.number >= block) || !self.payouts.changed(&seen).await {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reached).await;
        waited.map_err(|_| PublishError::NotIndexed(block))
    }
}

/// What there is to decide on, with the entries as of the final block.
fn look(payouts: &DistributionHandle, registry: Address, is_time: bool) -> Option<(Seen, Vec<Entry>)> {
    payouts.read(|chain| {
        let finalized = chain.finalized()?;
        let state = &mut chain
            .of_mut(&registry)
            .filter(|deployed| deployed.refused.is_none())?
            .state;
        let pending = state.pending_root();
        let is_quiet = pending.as_ref().map_or(!is_time, |pending| pending.spoiled.is_empty());
        // Nobody needs the entries while a root only waits.
        let (entries, before) = match is_quiet {
            true => (Vec::new(), Vec::new()),
            false => (state.entries(finalized.number), state.entries(0)),
        };
        let finalised_epoch = state.finalised_epoch();
        let seen = Seen {
            finalised_epoch,
            finalised_block: state.epoch(finalised_epoch).map_or(0, |epoch| epoch.computed_at.number),
            pending,
            finalized,
            has_news: entries != before,
            is_time,
        };
        Some((seen, entries))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_payouts::state::{Epoch, RootStatus};
    use souk_schema::U256;

    fn at(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: B256::with_last_byte(1),
        }
    }

    fn seen() -> Seen {
        Seen {
            finalised_epoch: 3,
            finalised_block: 90,
            pending: None,
            finalized: at(100),
            has_news: true,
            is_time: true,
        }
    }

    fn pending(spoiled: Vec<(U256, u32)>) -> Option<PendingRoot> {
        Some(PendingRoot {
            epoch: 4,
            proposed: Epoch {
                root: B256::repeat_byte(7),
                computed_at: at(95),
                status: RootStatus::Pending,
            },
            spoiled,
        })
    }

    #[test]
    fn an_epoch_begins_when_there_is_something_new_and_it_is_time() {
        assert_eq!(decide(&seen()), Due::Propose { epoch: 4 });
        for nothing in [
            Seen {
                has_news: false,
                ..seen()
            },
            Seen {
                is_time: false,
                ..seen()
            },
            Seen {
                finalized: at(90),
                ..seen()
            },
        ] {
            assert_eq!(decide(&nothing), Due::Nothing);
        }
    }

    #[test]
    fn a_root_that_waits_is_finalised_and_not_replaced_by_news() {
        let waiting = Seen {
            pending: pending(vec![]),
            ..seen()
        };
        let root = B256::repeat_byte(7);
        assert_eq!(decide(&waiting), Due::Finalise { epoch: 4, root });
    }

    #[test]
    fn a_root_that_counts_what_is_held_is_replaced_at_once_or_taken_back() {
        let spoiled = pending(vec![(U256::from(12), 1)]);
        let replaced = Seen {
            pending: spoiled.clone(),
            is_time: false,
            ..seen()
        };
        assert_eq!(decide(&replaced), Due::Propose { epoch: 4 });
        let taken_back = Seen {
            pending: spoiled,
            has_news: false,
            ..seen()
        };
        let root = B256::repeat_byte(7);
        assert_eq!(decide(&taken_back), Due::Withdraw { epoch: 4, root });
    }
}
