//! Roots on chain: proposed at a final block, replaced when something that they count is held by now, finalised when their window is over.
//!
//! [`decide`] says what is due and is pure; [`Publisher`] looks, sends one transaction at a time, and waits until the stream tells of it.
//! Nothing is lost when it dies anywhere: what was proposed is on chain, and the contract takes each epoch once. What is owed on one chain is
//! never published on another that has its id and its contracts' addresses: a chain is known by its genesis block.

mod decide;

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
use souk_schema::{Address, B256, BlockRef, ChainId};
use souk_wire::{Wire, genesis_of};
use tokio_util::sync::CancellationToken;

pub use decide::{Due, Seen, decide};

use crate::follow::DistributionHandle;
use crate::store::Store;

/// How long to wait for a receipt, and then for the stream to tell of its block.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// The node is on another chain than it was.
    #[error(
        "the node's genesis block is {found}, but was {expected}: the chain was begun anew, and what is owed is of the old one; point --rpc at \
         the old chain, or index the new one and start again"
    )]
    OtherChain {
        /// As it was.
        expected: B256,
        /// As it is.
        found: B256,
    },
    /// The node is of a chain with another id.
    #[error(
        "the node is of chain {found}, but payouts are published on chain {expected}: point --rpc at a node of chain {expected}"
    )]
    WrongChain {
        /// The chain of the deployment.
        expected: ChainId,
        /// The node's.
        found: ChainId,
    },
    /// The stream is of another chain than the node's.
    #[error(
        "what is owed is of the chain whose genesis block is {owed}, but the node's is {found}: index the node's chain, or point --rpc at the \
         other one"
    )]
    OwedElsewhere {
        /// Block 0 of the chain that the stream is of.
        owed: B256,
        /// The node's.
        found: B256,
    },
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

impl PublishError {
    /// Whether trying again is of no use.
    fn is_fatal(&self) -> bool {
        matches!(self, PublishError::OtherChain { .. })
    }
}

/// What there is to decide on.
struct Look {
    /// Block 0 of the chain that the rest is of.
    genesis: B256,
    seen: Seen,
    /// What is owed as of the final block.
    entries: Vec<Entry>,
}

/// Proposes and finalises the roots of one deployment.
#[derive(Debug)]
pub struct Publisher {
    registry: Address,
    distributor: PayoutDistributorInstance<DynProvider>,
    /// Block 0 of the node's chain when it was connected to.
    genesis: B256,
    payouts: DistributionHandle,
    store: Store,
    /// At least so long between two proposals of new epochs.
    epoch: Duration,
    proposed: Option<Instant>,
}

impl Publisher {
    /// For the deployment of `registry` whose payouts are followed by `payouts`; `proposer` is the key that the distributor knows. Whatever
    /// becomes of the connection to the node later, others follow it.
    ///
    /// # Errors
    /// [`PublishError`] when the node does not answer, or is of another chain.
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
        let builder = ProviderBuilder::new().wallet(wallet);
        let node = builder.connect_client(Wire::new(rpc)?.client()).erased();
        let (expected, found) = (payouts.chain(), ChainId(node.get_chain_id().await?));
        if expected != found {
            return Err(PublishError::WrongChain { expected, found });
        }
        Ok(Publisher {
            registry,
            genesis: genesis_of(&node).await?,
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

    /// Publishes until cancelled. What waiting may mend is logged and tried again.
    ///
    /// # Errors
    /// [`PublishError::OtherChain`].
    pub async fn run(mut self, poll: Duration, cancel: CancellationToken) -> Result<(), PublishError> {
        let publishing = async {
            if !self.payouts.live().await {
                return Ok(());
            }
            loop {
                match self.step().await {
                    Ok(Due::Nothing) => {}
                    Ok(done) => tracing::info!(registry = %self.registry, ?done, "payout root"),
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(error) => tracing::warn!(registry = %self.registry, %error, "payout roots pause"),
                }
                tokio::time::sleep(poll).await;
            }
        };
        tokio::select! {
            ended = publishing => ended,
            () = cancel.cancelled() => Ok(()),
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
        let looked = looking.await?;
        // Last, because a look may take long, and each time: a dev chain may be begun anew between two looks without a request that fails.
        self.check_chain().await?;
        let Some(Look { genesis, seen, entries }) = looked else {
            return Ok(Due::Nothing);
        };
        if genesis != self.genesis {
            let (owed, found) = (genesis, self.genesis);
            return Err(PublishError::OwedElsewhere { owed, found });
        }
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

    /// Makes sure that the node is still on the chain that it was on.
    async fn check_chain(&self) -> Result<(), PublishError> {
        let (expected, found) = (self.genesis, genesis_of(self.distributor.provider()).await?);
        match expected == found {
            true => Ok(()),
            false => Err(PublishError::OtherChain { expected, found }),
        }
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

/// What there is to decide on, with the entries as of the final block; `None` before there is one, and where payouts cannot be computed.
fn look(payouts: &DistributionHandle, registry: Address, is_time: bool) -> Option<Look> {
    payouts.read(|chain| {
        let (genesis, finalized) = (chain.genesis()?, chain.finalized()?);
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
        Some(Look { genesis, seen, entries })
    })
}
