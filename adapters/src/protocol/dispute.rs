//! The dispute court's events.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};
use souk_contracts::DisputeCourt;
use souk_schema::TokenRef;
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;

use super::{number, read, unknown};
use crate::decoder::Undecodable;

pub(super) const TOPICS: &[B256] = &[
    DisputeCourt::DisputeRaised::SIGNATURE_HASH,
    DisputeCourt::DisputeJudged::SIGNATURE_HASH,
    DisputeCourt::DisputeResolved::SIGNATURE_HASH,
];

pub(super) fn decode(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    match log.topics[0] {
        DisputeCourt::DisputeRaised::SIGNATURE_HASH => {
            let raised: DisputeCourt::DisputeRaised = read(log)?;
            Ok(DomainEvent::DisputeRaised(event::DisputeRaised {
                dispute: TokenRef::new(log.address, raised.disputeId),
                asset: TokenRef::new(registry, raised.assetId),
                challenger: raised.challenger,
                tag: number(raised.tag)?,
                bond: raised.bond,
                evidence_hash: raised.evidenceHash,
                evidence_uri: raised.evidenceUri,
            }))
        }
        DisputeCourt::DisputeJudged::SIGNATURE_HASH => {
            let judged: DisputeCourt::DisputeJudged = read(log)?;
            Ok(DomainEvent::DisputeJudged(event::DisputeJudged {
                dispute: TokenRef::new(log.address, judged.disputeId),
                asset: TokenRef::new(registry, judged.assetId),
                judge: judged.judge,
                upheld: judged.upheld,
                resolvable_at: judged.resolvableAt,
                ruling_hash: judged.rulingHash,
            }))
        }
        DisputeCourt::DisputeResolved::SIGNATURE_HASH => {
            let resolved: DisputeCourt::DisputeResolved = read(log)?;
            Ok(DomainEvent::DisputeResolved(event::DisputeResolved {
                dispute: TokenRef::new(log.address, resolved.disputeId),
                asset: TokenRef::new(registry, resolved.assetId),
                outcome: number(resolved.outcome)?,
                bond_to: resolved.bondTo,
                bond: resolved.bond,
            }))
        }
        _ => Err(unknown(log)),
    }
}
