//! The distributor on chain, as the proposer meets it: one transaction at a time, and none before the stream tells what the last one did.
//! One that is stuck is replaced at its nonce by what is due by then.

use std::time::Duration;

use alloy::contract::{CallBuilder, CallDecoder, Error as ContractError};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::providers::{DynProvider, Provider};
use alloy::transports::{RpcError, TransportError};
use souk_contracts::PayoutDistributor::{PayoutDistributorErrors, PayoutDistributorInstance};
use souk_payouts::state::PendingRoot;
use souk_schema::{Address, B256, BlockRef};
use souk_wire::fees::FeePolicy;

use super::PublishError;
use super::offer::{Account, Offer, Sent, Withheld, offer};
use crate::follow::DistributionHandle;
use crate::store::Store;

/// How long to wait for a receipt, and then for the stream to tell of its block.
const PATIENCE: Duration = Duration::from_secs(60);

/// A distributor, and who proposes there.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) registry: Address,
    pub(super) distributor: PayoutDistributorInstance<DynProvider>,
    /// Block 0 of the node's chain when it was connected to.
    pub(super) genesis: B256,
    pub(super) proposer: Address,
    pub(super) payouts: DistributionHandle,
    pub(super) store: Store,
}

/// The right to send one transaction.
#[derive(Debug)]
pub(super) struct Turn {
    /// What was sent before.
    before: Option<Sent>,
    offer: Offer,
}

impl Desk {
    pub(super) fn node(&self) -> &DynProvider {
        self.distributor.provider()
    }

    /// Whether the contract takes the end of an epoch now. It knows its window and its disputes best.
    pub(super) async fn may_finalise(&self, epoch: u64, root: B256) -> Result<bool, PublishError> {
        let call = self.distributor.finaliseRoot(epoch, root);
        // As of the block that would come now: on a quiet chain the newest one may be older than the window.
        let mut asked = call.clone().block(BlockId::pending()).call().await;
        if asked
            .as_ref()
            .is_err_and(|error| is_of_the_node(error) || is_not_pending(error))
        {
            // It knows no block that would come, or one in which this is done, by a transaction of ours that waits. On a chain that is not
            // quiet the newest one will do.
            asked = call.block(BlockId::latest()).call().await;
        }
        let Err(error) = asked else { return Ok(true) };
        match error.as_decoded_interface_error() {
            Some(PayoutDistributorErrors::WindowStillOpen(_) | PayoutDistributorErrors::DisputeOpen(_)) => Ok(false),
            Some(PayoutDistributorErrors::NotPending(_)) => Err(self.untold(root).await?),
            _ => Err(error.into()),
        }
    }

    async fn untold(&self, told: B256) -> Result<PublishError, PublishError> {
        let on_chain = self.distributor.pendingRoot().call().await?.root;
        Ok(PublishError::Untold { on_chain, told })
    }

    /// What is sent next, at which nonce and for how much gas. Nothing is while another transaction has its time to come into a block, or the
    /// stream does not tell what the last one did: whoever has seen neither a receipt nor the stream's word, or is in another life, would send
    /// the same again and again.
    pub(super) async fn next(&self, told: Option<&PendingRoot>) -> Result<Turn, PublishError> {
        let before = self.store.sent(self.registry).await?;
        let before = before.filter(|sent| (sent.genesis, sent.proposer) == (self.genesis, self.proposer));
        let (account, policy) = (self.account().await?, self.policy().await?);
        let offer = offer(before.as_ref(), &account, &policy)?;
        let found = self.distributor.pendingRoot().call().await?;
        let on_chain = (found.root != B256::ZERO).then_some((
            found.root,
            BlockRef {
                number: found.blockNumber,
                hash: found.blockHash,
            },
        ));
        let of_stream = told.map(|pending| (pending.proposed.root, pending.proposed.computed_at));
        match on_chain == of_stream {
            true => Ok(Turn { before, offer }),
            false => Err(PublishError::Untold {
                on_chain: found.root,
                told: of_stream.map_or(B256::ZERO, |(root, _)| root),
            }),
        }
    }

    async fn account(&self) -> Result<Account, PublishError> {
        // The block first: what it has of the account's is then counted.
        let block = self.node().get_block_by_number(BlockNumberOrTag::Latest).await?;
        let block = block.ok_or_else(|| TransportError::local_usage_str("the node has no newest block"))?;
        let count = || self.node().get_transaction_count(self.proposer);
        let (mined, pending) = (count().latest().await?, count().pending().await?);
        Ok(Account {
            mined,
            pending,
            head: block.header.number,
            base_fee_wei: block.header.base_fee_per_gas.unwrap_or(0).into(),
        })
    }

    /// How fees are chosen: on some chains no block takes a tip as small as ours, and their nodes know.
    async fn policy(&self) -> Result<FeePolicy, PublishError> {
        let policy = FeePolicy::default();
        let usual_wei = match self.node().get_max_priority_fee_per_gas().await {
            Ok(usual_wei) => usual_wei,
            // Not every node can tell.
            Err(RpcError::ErrorResp(_)) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(FeePolicy {
            tip_wei: policy.tip_wei.max(usual_wei),
            ..policy
        })
    }

    /// Sends, waits for the receipt, and until the stream is at its block: what is decided next has seen it.
    pub(super) async fn send<D: CallDecoder>(
        &self,
        what: &'static str,
        call: CallBuilder<&DynProvider, D>,
        Turn { before, offer }: Turn,
    ) -> Result<(), PublishError> {
        let Offer { nonce, fees, .. } = offer;
        if offer.is_replacement {
            tracing::info!(registry = %self.registry, nonce, max_wei = fees.max_wei, "a stuck transaction is replaced");
        }
        let sent = Sent {
            genesis: self.genesis,
            proposer: self.proposer,
            nonce,
            fees,
            since_block: offer.since_block,
        };
        // Where it takes another's place, the block to come would have it do what is done: too little gas, or a refusal.
        let state = match offer.is_known_to_node {
            true => BlockId::latest(),
            false => BlockId::pending(),
        };
        let call = call.block(state);
        let gas = call.estimate_gas().await?;
        self.store.keep_sent(self.registry, Some(&sent)).await?;
        let call = call.gas(gas).nonce(nonce).max_fee_per_gas(fees.max_wei);
        let pending = match call.max_priority_fee_per_gas(fees.tip_wei).send().await {
            Ok(pending) => pending,
            Err(error) => {
                if self.waits_nowhere(&error, before.as_ref(), nonce).await {
                    // Asking again is to make nothing dearer.
                    self.store.keep_sent(self.registry, before.as_ref()).await?;
                }
                return Err(error.into());
            }
        };
        let receipt = tokio::select! {
            receipt = pending.with_timeout(Some(PATIENCE)).get_receipt() => receipt?,
            waits = self.is_stuck(&offer) => return Err(waits.into()),
        };
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

    /// Whether what a node said against a transaction means that it has none of it. It may also have it already, from before a connection broke,
    /// or want a higher price for a place that is taken.
    async fn waits_nowhere(&self, error: &ContractError, before: Option<&Sent>, nonce: u64) -> bool {
        let ContractError::TransportError(RpcError::ErrorResp(answer)) = error else {
            return false;
        };
        let message = answer.message.to_lowercase();
        if ["known", "already", "underpriced"]
            .iter()
            .any(|word| message.contains(word))
        {
            return false;
        }
        // The node may count the one that was to be replaced, which is kept then; else whatever it counts is this one.
        let was_to_replace = before.is_some_and(|before| before.nonce == nonce);
        was_to_replace || self.account().await.is_ok_and(|account| account.pending <= nonce)
    }

    /// Waits until a transaction had its time to come into a block, and did not.
    async fn is_stuck(&self, offer: &Offer) -> Withheld {
        let (nonce, until_block) = (offer.nonce, offer.until_block(&FeePolicy::default()));
        loop {
            tokio::time::sleep(self.node().client().poll_interval()).await;
            // A node that does not answer now may do so the next time; the receipt is not waited for without end.
            let Ok(account) = self.account().await else { continue };
            if account.head >= until_block && account.mined <= nonce {
                return Withheld::Waits { nonce, until_block };
            }
        }
    }

    /// Whether the node has this block.
    pub(super) async fn has(&self, block: BlockRef) -> Result<bool, PublishError> {
        let found = self.node().get_block_by_number(block.number.into()).await?;
        Ok(found.is_some_and(|found| found.header.hash == block.hash))
    }
}

/// Whether the contract says that another root is pending, or none.
fn is_not_pending(error: &ContractError) -> bool {
    matches!(
        error.as_decoded_interface_error(),
        Some(PayoutDistributorErrors::NotPending(_))
    )
}

/// Whether it is the node that refuses, and not the contract.
fn is_of_the_node(error: &ContractError) -> bool {
    let is_answer = matches!(error, ContractError::TransportError(RpcError::ErrorResp(_)));
    is_answer && error.as_revert_data().is_none()
}
