//! The execution log's events: executions, federated rounds, challenges.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, U256};
use souk_contracts::ExecutionLog;
use souk_schema::TokenRef;
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;

use super::{number, read, some, unknown};
use crate::decoder::Undecodable;

pub(super) const TOPICS: &[B256] = &[
    ExecutionLog::ExecutionRequested::SIGNATURE_HASH,
    ExecutionLog::ExecutionCompleted::SIGNATURE_HASH,
    ExecutionLog::ExecutionCancelled::SIGNATURE_HASH,
    ExecutionLog::RoundOpened::SIGNATURE_HASH,
    ExecutionLog::UpdateSubmitted::SIGNATURE_HASH,
    ExecutionLog::RoundAggregated::SIGNATURE_HASH,
    ExecutionLog::ExecutionChallenged::SIGNATURE_HASH,
    ExecutionLog::ChallengeResolved::SIGNATURE_HASH,
];

/// The contracts whose ids the log's events name.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub registry: Address,
    pub book: Address,
    pub router: Address,
}

pub(super) fn decode(log: &RawLog, names: Names) -> Result<DomainEvent, Undecodable> {
    match log.topics[0] {
        ExecutionLog::ExecutionRequested::SIGNATURE_HASH => requested(log, names),
        ExecutionLog::ExecutionCompleted::SIGNATURE_HASH => {
            let completed: ExecutionLog::ExecutionCompleted = read(log)?;
            Ok(DomainEvent::ExecutionCompleted(event::ExecutionCompleted {
                execution: TokenRef::new(log.address, completed.executionId),
                asset: TokenRef::new(names.registry, completed.assetId),
                provider: completed.provider,
                output: some(names.registry, completed.outputAssetId),
                output_hash: completed.outputHash,
                metered_units: completed.meteredUnits,
                revenue: some(names.router, completed.revenueId),
                contribution: some(names.book, completed.contributionId),
            }))
        }
        ExecutionLog::ExecutionCancelled::SIGNATURE_HASH => {
            let cancelled: ExecutionLog::ExecutionCancelled = read(log)?;
            Ok(DomainEvent::ExecutionCancelled(event::ExecutionCancelled {
                execution: TokenRef::new(log.address, cancelled.executionId),
                refund: cancelled.refund,
            }))
        }
        ExecutionLog::ExecutionChallenged::SIGNATURE_HASH => {
            let challenged: ExecutionLog::ExecutionChallenged = read(log)?;
            Ok(DomainEvent::ExecutionChallenged(event::ExecutionChallenged {
                challenge: TokenRef::new(log.address, challenged.challengeId),
                execution: TokenRef::new(log.address, challenged.executionId),
                challenger: challenged.challenger,
                bond: challenged.bond,
                evidence_hash: challenged.evidenceHash,
                evidence_uri: challenged.evidenceUri,
            }))
        }
        ExecutionLog::ChallengeResolved::SIGNATURE_HASH => {
            let resolved: ExecutionLog::ChallengeResolved = read(log)?;
            Ok(DomainEvent::ChallengeResolved(event::ChallengeResolved {
                challenge: TokenRef::new(log.address, resolved.challengeId),
                execution: TokenRef::new(log.address, resolved.executionId),
                upheld: resolved.upheld,
                bond_to: resolved.bondTo,
                bond: resolved.bond,
                voided_contribution: some(names.book, resolved.voidedContributionId),
            }))
        }
        _ => decode_round(log, names),
    }
}

fn requested(log: &RawLog, names: Names) -> Result<DomainEvent, Undecodable> {
    let requested: ExecutionLog::ExecutionRequested = read(log)?;
    let asset = |id: U256| TokenRef::new(names.registry, id);
    Ok(DomainEvent::ExecutionRequested(event::ExecutionRequested {
        execution: TokenRef::new(log.address, requested.executionId),
        asset: asset(requested.assetId),
        requester: requested.requester,
        caller: some(names.registry, requested.callerAssetId),
        parent: some(log.address, requested.parentExecutionId),
        kind: number(requested.kind)?,
        license_id: requested.licenseId,
        provider: requested.provider,
        fee_token: requested.feeToken,
        fee: requested.fee,
        privacy: number(requested.privacy)?,
        epsilon_micros: requested.epsilonMicros,
        datasets: requested.datasetIds.into_iter().map(asset).collect(),
        input_hash: requested.inputHash,
        deadline: requested.deadline,
    }))
}

fn decode_round(log: &RawLog, names: Names) -> Result<DomainEvent, Undecodable> {
    match log.topics[0] {
        ExecutionLog::RoundOpened::SIGNATURE_HASH => {
            let opened: ExecutionLog::RoundOpened = read(log)?;
            Ok(DomainEvent::RoundOpened(event::RoundOpened {
                round: TokenRef::new(log.address, opened.roundId),
                asset: TokenRef::new(names.registry, opened.assetId),
                coordinator: opened.coordinator,
                number: opened.number,
                privacy: number(opened.privacy)?,
                epsilon_micros: opened.epsilonMicros,
                base_hash: opened.baseHash,
                deadline: opened.deadline,
            }))
        }
        ExecutionLog::UpdateSubmitted::SIGNATURE_HASH => {
            let submitted: ExecutionLog::UpdateSubmitted = read(log)?;
            Ok(DomainEvent::UpdateSubmitted(event::UpdateSubmitted {
                round: TokenRef::new(log.address, submitted.roundId),
                participant: submitted.participant,
                dataset: some(names.registry, submitted.datasetId),
                update_hash: submitted.updateHash,
                weight: submitted.weight,
            }))
        }
        ExecutionLog::RoundAggregated::SIGNATURE_HASH => {
            let aggregated: ExecutionLog::RoundAggregated = read(log)?;
            Ok(DomainEvent::RoundAggregated(event::RoundAggregated {
                round: TokenRef::new(log.address, aggregated.roundId),
                output: some(names.registry, aggregated.outputAssetId),
                result_hash: aggregated.resultHash,
                first_contribution: some(names.book, aggregated.firstContributionId),
                participants: aggregated.participants,
            }))
        }
        _ => Err(unknown(log)),
    }
}
