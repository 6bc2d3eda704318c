//! The payout distributor's events.

use alloy::sol_types::SolEvent;
use alloy_primitives::B256;
use souk_contracts::PayoutDistributor;
use souk_schema::BlockRef;
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;

use super::{read, share, unknown};
use crate::decoder::Undecodable;

pub(super) const TOPICS: &[B256] = &[
    PayoutDistributor::RootProposed::SIGNATURE_HASH,
    PayoutDistributor::RootDisputed::SIGNATURE_HASH,
    PayoutDistributor::RootDisputeResolved::SIGNATURE_HASH,
    PayoutDistributor::RootWithdrawn::SIGNATURE_HASH,
    PayoutDistributor::RootFinalised::SIGNATURE_HASH,
    PayoutDistributor::Claimed::SIGNATURE_HASH,
    PayoutDistributor::ProtocolFeeChanged::SIGNATURE_HASH,
];

pub(super) fn decode(log: &RawLog) -> Result<DomainEvent, Undecodable> {
    let distributor = log.address;
    match log.topics[0] {
        PayoutDistributor::Claimed::SIGNATURE_HASH => {
            let claimed: PayoutDistributor::Claimed = read(log)?;
            Ok(DomainEvent::PayoutClaimed(event::PayoutClaimed {
                distributor,
                account: claimed.account,
                token: claimed.token,
                amount: claimed.amount,
                cumulative: claimed.cumulative,
            }))
        }
        PayoutDistributor::ProtocolFeeChanged::SIGNATURE_HASH => {
            let changed: PayoutDistributor::ProtocolFeeChanged = read(log)?;
            Ok(DomainEvent::ProtocolFeeChanged(event::ProtocolFeeChanged {
                distributor,
                previous: share(changed.previousE8)?,
                current: share(changed.currentE8)?,
                fee_account: changed.feeAccount,
            }))
        }
        _ => decode_root(log),
    }
}

fn decode_root(log: &RawLog) -> Result<DomainEvent, Undecodable> {
    let distributor = log.address;
    match log.topics[0] {
        PayoutDistributor::RootProposed::SIGNATURE_HASH => {
            let proposed: PayoutDistributor::RootProposed = read(log)?;
            Ok(DomainEvent::RootProposed(event::RootProposed {
                distributor,
                epoch: proposed.epoch,
                root: proposed.root,
                computed_at: BlockRef {
                    number: proposed.blockNumber,
                    hash: proposed.blockHash,
                },
                finalisable_at: proposed.finalisableAt,
                proposer: proposed.proposer,
            }))
        }
        PayoutDistributor::RootDisputed::SIGNATURE_HASH => {
            let disputed: PayoutDistributor::RootDisputed = read(log)?;
            Ok(DomainEvent::RootDisputed(event::RootDisputed {
                distributor,
                epoch: disputed.epoch,
                root: disputed.root,
                disputer: disputed.disputer,
                bond: disputed.bond,
                reason: disputed.reason,
            }))
        }
        PayoutDistributor::RootDisputeResolved::SIGNATURE_HASH => {
            let resolved: PayoutDistributor::RootDisputeResolved = read(log)?;
            Ok(DomainEvent::RootDisputeResolved(event::RootDisputeResolved {
                distributor,
                epoch: resolved.epoch,
                root: resolved.root,
                upheld: resolved.upheld,
                bond_to: resolved.bondTo,
                bond: resolved.bond,
            }))
        }
        PayoutDistributor::RootWithdrawn::SIGNATURE_HASH => {
            let PayoutDistributor::RootWithdrawn { epoch, root } = read(log)?;
            Ok(DomainEvent::RootWithdrawn(event::RootWithdrawn {
                distributor,
                epoch,
                root,
            }))
        }
        PayoutDistributor::RootFinalised::SIGNATURE_HASH => {
            let PayoutDistributor::RootFinalised { epoch, root } = read(log)?;
            Ok(DomainEvent::RootFinalised(event::RootFinalised {
                distributor,
                epoch,
                root,
            }))
        }
        _ => Err(unknown(log)),
    }
}
