//! How far payouts are.

use async_graphql::SimpleObject;
use souk_distribution::{Deployed, DistributionHandle, RefusedFact, RefusedFacts};

use super::epoch::block_id;
use crate::error::ApiError;
use crate::graphql::chain::BlockId;
use crate::payouts::Payouts;
use crate::scalars::{Address, ChainId, Long};
use crate::session::Session;
use crate::store::payouts::TablePosition;

/// How far the payouts of a chain are.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutStatus {
    /// The chain.
    chain_id: ChainId,
    /// Whether the end of the log was seen: until then, nothing is answered.
    is_live: bool,
    /// The next record of the log, which is not folded.
    next_sequence: Long,
    /// The newest block that is folded.
    block: Option<BlockId>,
    /// The newest final block.
    finalized_block: Option<BlockId>,
    /// How far the tables are that `payoutLines` come from; null where nothing was ever written.
    lines: Option<PayoutLinesPosition>,
    /// The record of the log that the newest snapshot goes on with, which the next start begins at; null where there is none.
    snapshot: Option<Long>,
    /// Facts that the payout rule refused since the server began, or before the snapshot that it began with.
    refused_facts: RefusedPayoutFacts,
    /// The registries whose assets' revenues are paid out.
    deployments: Vec<PayoutDeployment>,
}

/// Facts that the payout rule refused since the server began, or before the snapshot that it began with: events that the contracts cannot emit.
#[derive(Clone, Debug, SimpleObject)]
pub struct RefusedPayoutFacts {
    /// How many; one that was folded again is counted again.
    count: Long,
    /// The last one; null where there was none.
    last: Option<RefusedPayoutFact>,
}

/// A fact that the payout rule refused.
#[derive(Clone, Debug, SimpleObject)]
pub struct RefusedPayoutFact {
    /// The registry of the deployment whose payouts cannot be computed from there on.
    registry: Address,
    /// The block.
    block: BlockId,
    /// The record of the log that the block is in.
    sequence: Long,
    /// Why it was refused.
    reason: String,
}

impl From<&RefusedFacts> for RefusedPayoutFacts {
    fn from(refused: &RefusedFacts) -> RefusedPayoutFacts {
        let last = |fact: &RefusedFact| RefusedPayoutFact {
            registry: Address(fact.registry),
            block: block_id(fact.block),
            sequence: Long::saturating(fact.sequence),
            reason: fact.reason.to_string(),
        };
        RefusedPayoutFacts {
            count: Long::saturating(refused.count),
            last: refused.last.as_ref().map(last),
        }
    }
}

/// How far the tables of lines are.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutLinesPosition {
    /// The event-log stream that they were made from.
    pub stream: String,
    /// Its next record, which they do not know.
    pub next_sequence: Long,
}

impl From<&TablePosition> for PayoutLinesPosition {
    fn from(position: &TablePosition) -> PayoutLinesPosition {
        PayoutLinesPosition {
            stream: position.stream.clone(),
            next_sequence: position.next_sequence,
        }
    }
}

/// A registry whose assets' revenues are paid out.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutDeployment {
    /// The registry.
    registry: Address,
    /// The revenue router.
    router: Address,
    /// The payout distributor; null where none is deployed, and then nothing can be claimed.
    distributor: Option<Address>,
    /// The protocol's part of revenues, in parts per 100,000,000; null before it was told.
    #[graphql(name = "feeE8")]
    fee_e8: Option<Long>,
    /// Whose that is.
    fee_account: Option<Address>,
    /// The last epoch whose root is final; 0 before the first.
    finalised_epoch: Long,
    /// Whether the last final root is what the log says; null before the first. If it is not, no claims are proved here.
    finalised_root_agrees: Option<bool>,
    /// Why nothing is computed any more; null where all is well.
    refused: Option<PayoutRefusal>,
}

/// Why payouts cannot be computed on.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutRefusal {
    /// The block that could not be folded; nothing is known from it on.
    block: BlockId,
    /// Why it could not.
    reason: String,
}

impl PayoutDeployment {
    fn of(deployed: &Deployed) -> PayoutDeployment {
        let Deployed {
            contracts,
            state,
            refused,
        } = deployed;
        let fee = state.fee();
        PayoutDeployment {
            registry: Address(contracts.registry),
            router: Address(contracts.router),
            distributor: contracts.distributor.map(Address),
            fee_e8: fee.map(|fee| Long(fee.share.parts().into())),
            fee_account: fee.map(|fee| Address(fee.account)),
            finalised_epoch: Long::saturating(state.finalised_epoch()),
            finalised_root_agrees: None,
            refused: refused.as_ref().map(|refused| PayoutRefusal {
                block: block_id(refused.block),
                reason: refused.reason.to_string(),
            }),
        }
    }

    fn compared(mut self, handle: &DistributionHandle) -> PayoutDeployment {
        let claimable = handle.claimable(self.registry.0);
        self.finalised_root_agrees = claimable.and_then(|claimable| {
            let told = claimable.finalised.as_ref()?;
            Some(told.root == claimable.tree.root())
        });
        self
    }
}

impl PayoutStatus {
    /// Of every chain that is followed.
    pub(super) async fn all(session: &Session) -> Result<Vec<PayoutStatus>, ApiError> {
        let Some(payouts) = session.payouts() else {
            return Ok(Vec::new());
        };
        let tables = if payouts.all().is_empty() {
            &[]
        } else {
            session.payout_tables().await?
        };
        let mut all = Vec::new();
        for handle in payouts.all() {
            let position = tables.iter().find(|position| position.chain.0 == handle.chain());
            all.push(PayoutStatus::of(payouts, handle, position).await?);
        }
        Ok(all)
    }

    async fn of(
        payouts: &Payouts,
        handle: DistributionHandle,
        position: Option<&TablePosition>,
    ) -> Result<PayoutStatus, ApiError> {
        let (chain, status) = (handle.chain(), handle.status());
        let deployments = payouts
            .blocking(move || {
                let all: Vec<_> =
                    handle.read(|state| state.deployed().map(|(_, one)| PayoutDeployment::of(one)).collect());
                all.into_iter().map(|one| one.compared(&handle)).collect()
            })
            .await?;
        Ok(PayoutStatus {
            chain_id: ChainId(chain),
            is_live: status.is_live,
            next_sequence: Long::saturating(status.next_sequence),
            block: status.head.map(block_id),
            finalized_block: status.finalized.map(block_id),
            lines: position.map(Into::into),
            snapshot: status.snapshot.map(Long::saturating),
            refused_facts: (&status.refused).into(),
            deployments,
        })
    }
}
