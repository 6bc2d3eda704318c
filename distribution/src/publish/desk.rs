//! The distributor on chain, as the proposer meets it: one transaction at a time, and none before the stream tells what the last one did.

use std::time::Duration;

use alloy::contract::{CallBuilder, CallDecoder, Error as ContractError};
use alloy::eips::BlockId;
use alloy::providers::{DynProvider, Provider};
use alloy::transports::RpcError;
use souk_contracts::PayoutDistributor::{PayoutDistributorErrors, PayoutDistributorInstance};
use souk_payouts::state::PendingRoot;
use souk_schema::{Address, B256, BlockRef};

use super::PublishError;
use crate::follow::DistributionHandle;

/// How long to wait for a receipt, and then for the stream to tell of its block.
const PATIENCE: Duration = Duration::from_secs(60);

/// A distributor, and who proposes there.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) distributor: PayoutDistributorInstance<DynProvider>,
    pub(super) proposer: Address,
    pub(super) payouts: DistributionHandle,
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
        if asked.as_ref().is_err_and(is_of_the_node) {
            // It knows no block that would come. On a chain that is not quiet the newest one will do.
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

    /// The nonce of what is sent next. Nothing is while another transaction is under way, or the stream does not tell what the last one did:
    /// whoever has seen neither a receipt nor the stream's word, or is in another life, would send the same again and again.
    pub(super) async fn nonce(&self, told: Option<&PendingRoot>) -> Result<u64, PublishError> {
        let count = || self.node().get_transaction_count(self.proposer);
        let (mined, sent) = (count().latest().await?, count().pending().await?);
        if sent > mined {
            return Err(PublishError::UnderWay(sent - mined));
        }
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
            true => Ok(mined),
            false => Err(PublishError::Untold {
                on_chain: found.root,
                told: of_stream.map_or(B256::ZERO, |(root, _)| root),
            }),
        }
    }

    /// Sends, waits for the receipt, and until the stream is at its block: what is decided next has seen it.
    pub(super) async fn send<D: CallDecoder>(
        &self,
        what: &'static str,
        call: CallBuilder<&DynProvider, D>,
        nonce: u64,
    ) -> Result<(), PublishError> {
        let sent = call.nonce(nonce).send().await?;
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

    /// Whether the node has this block.
    pub(super) async fn has(&self, block: BlockRef) -> Result<bool, PublishError> {
        let found = self.node().get_block_by_number(block.number.into()).await?;
        Ok(found.is_some_and(|found| found.header.hash == block.hash))
    }
}

/// Whether it is the node that refuses, and not the contract.
fn is_of_the_node(error: &ContractError) -> bool {
    let is_answer = matches!(error, ContractError::TransportError(RpcError::ErrorResp(_)));
    is_answer && error.as_revert_data().is_none()
}
