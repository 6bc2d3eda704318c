//! Roots on chain: proposed at a final block, replaced when something that they count is held by now, finalised when their window is over.
//!
//! [`decide`] says what is due, [`offer`](offer()) what is offered for gas, and both are pure; [`Publisher`] looks, sends one transaction at a
//! time, waits until the stream tells of it, and replaces it where it is stuck. It
//! finalises only what it computes itself, whoever proposed it, and takes anything else back.
//! Nothing is lost when it dies anywhere: what was proposed is on chain, and the contract takes each epoch once. What is owed on one chain is
//! never published on another that has its id and its contracts' addresses: a chain is known by its genesis block.

mod decide;
mod desk;
mod error;
mod look;
mod offer;

use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::PayoutDistributor;
use souk_schema::{Address, B256, ChainId};
use souk_wire::{Wire, genesis_of};
use tokio_util::sync::CancellationToken;

pub use decide::{Due, Seen, decide};
pub use error::PublishError;
pub use offer::{Account, Offer, Sent, Withheld, offer};

use crate::follow::{DistributionHandle, DistributionStatus};
use crate::store::Store;
use desk::Desk;
use look::{Look, Sums};

/// Proposes and finalises the roots of one deployment.
#[derive(Debug)]
pub struct Publisher {
    registry: Address,
    desk: Desk,
    payouts: DistributionHandle,
    /// At least so long between two proposals of new epochs.
    epoch: Duration,
    proposed: Option<Instant>,
    sums: Sums,
    looked: Option<Looked>,
}

/// How far the payouts were at a look, whether it was time for an epoch, and what was seen.
type Looked = (DistributionStatus, bool, Option<Look>);

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
        let ours = proposer.address();
        let wallet = EthereumWallet::from(proposer);
        let builder = ProviderBuilder::new().wallet(wallet);
        let node = builder.connect_client(Wire::new(rpc)?.client()).erased();
        let (expected, found) = (payouts.chain(), ChainId(node.get_chain_id().await?));
        if expected != found {
            return Err(PublishError::WrongChain { expected, found });
        }
        Ok(Publisher {
            registry,
            desk: Desk {
                registry,
                genesis: genesis_of(&node).await?,
                distributor: PayoutDistributor::new(distributor, node),
                proposer: ours,
                payouts: payouts.clone(),
                store,
            },
            payouts,
            epoch,
            proposed: None,
            sums: Sums::default(),
            looked: None,
        })
    }

    /// The account that the distributor takes roots from.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn proposer(&self) -> Result<Address, PublishError> {
        Ok(self.desk.distributor.proposer().call().await?)
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

    /// How often all that is owed was summed, which takes time in proportion to it.
    pub fn sums(&self) -> u64 {
        self.sums.made
    }

    /// Looks, and does what is due; what was done.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is half done.
    pub async fn step(&mut self) -> Result<Due, PublishError> {
        let is_time = self.proposed.is_none_or(|proposed| proposed.elapsed() >= self.epoch);
        let looked = self.look(is_time).await?;
        // Last, because a look may take long, and each time: a dev chain may be begun anew between two looks without a request that fails.
        self.check_chain().await?;
        let Some(mut look) = looked else {
            return Ok(Due::Nothing);
        };
        if look.genesis != self.desk.genesis {
            let (owed, found) = (look.genesis, self.desk.genesis);
            return Err(PublishError::OwedElsewhere { owed, found });
        }
        let mut due = decide(&look.seen);
        if let Due::Finalise { epoch, root } = due {
            if !self.desk.may_finalise(epoch, root).await? {
                return Ok(Due::Nothing);
            }
            if let Some(block) = look.unproved
                && !self.desk.has(block).await?
            {
                look.seen.is_false = true;
                due = decide(&look.seen);
            }
        }
        self.carry_out(&due, &look).await?;
        Ok(due)
    }

    /// Sees what there is to decide on. What was seen before is so still while the stream tells of nothing.
    async fn look(&mut self, is_time: bool) -> Result<Option<Look>, PublishError> {
        let status = self.payouts.status();
        let is_same = |(before, was_time, _): &&Looked| (before, *was_time) == (&status, is_time);
        if let Some((.., look)) = self.looked.as_ref().filter(is_same) {
            return Ok(look.clone());
        }
        let (payouts, registry, mut sums) = (self.payouts.clone(), self.registry, std::mem::take(&mut self.sums));
        // Summing all that is owed is work for a thread of its own.
        let looking = tokio::task::spawn_blocking(move || (look::look(&payouts, registry, is_time, &mut sums), sums));
        let (look, sums) = looking.await?;
        self.sums = sums;
        // A stream that is folded anew has not told yet of every dispute.
        let is_whole = status.is_live && self.payouts.status().is_live;
        self.looked = is_whole.then(|| (status, is_time, look.clone()));
        Ok(look.filter(|_| is_whole))
    }

    async fn carry_out(&mut self, due: &Due, look: &Look) -> Result<(), PublishError> {
        let seen = &look.seen;
        if *due == Due::Nothing {
            return Ok(());
        }
        if seen.is_false {
            tracing::error!(
                registry = %self.registry,
                pending = ?seen.pending,
                "the pending payout root is not what the log says as of its block, and is taken back: is the proposer's key in other hands, \
                 or does another version publish with it?"
            );
            metrics::counter!("souk_payouts_false_roots_total", "chain" => self.payouts.chain().to_string())
                .increment(1);
        }
        let turn = self.desk.next(seen.pending.as_ref()).await?;
        let Desk { distributor, store, .. } = &self.desk;
        let mut kept = seen.finalised_root.map(|root| (seen.finalised_epoch, root));
        let mut pending = None;
        match due {
            Due::Nothing => {}
            Due::Propose { epoch } => {
                let Some((owed, root)) = look.owed.as_ref().and_then(|owed| Some((owed, owed.root?))) else {
                    return Ok(());
                };
                store.keep_root(self.registry, *epoch, root, &owed.entries).await?;
                let at = seen.finalized;
                let call = distributor.proposeRoot(*epoch, root, at.number, at.hash);
                self.desk.send("a root", call, turn).await?;
                self.proposed = Some(Instant::now());
                pending = Some((*epoch, root));
            }
            Due::Finalise { epoch, root } => {
                let call = distributor.finaliseRoot(*epoch, *root);
                self.desk.send("the end of an epoch", call, turn).await?;
                kept = Some((*epoch, *root));
            }
            Due::Withdraw { epoch, root } => {
                let call = distributor.withdrawRoot(*epoch, *root);
                self.desk.send("taking a root back", call, turn).await?;
                if !seen.is_false {
                    // What replaces it has waited for its time already.
                    self.proposed = None;
                }
            }
        }
        let kept: Vec<(u64, B256)> = kept.into_iter().chain(pending).collect();
        Ok(store.drop_other_roots(self.registry, &kept).await?)
    }

    /// Makes sure that the node is still on the chain that it was on.
    async fn check_chain(&self) -> Result<(), PublishError> {
        let (expected, found) = (self.desk.genesis, genesis_of(self.desk.node()).await?);
        match expected == found {
            true => Ok(()),
            false => Err(PublishError::OtherChain { expected, found }),
        }
    }
}
