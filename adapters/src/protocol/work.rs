//! The task board's events.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, U256};
use souk_contracts::TaskBoard;
use souk_schema::TokenRef;
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;

use super::{number, read, some, unknown};
use crate::decoder::Undecodable;

pub(super) const TOPICS: &[B256] = &[
    TaskBoard::TaskPosted::SIGNATURE_HASH,
    TaskBoard::SubmissionMade::SIGNATURE_HASH,
    TaskBoard::SubmissionReviewed::SIGNATURE_HASH,
    TaskBoard::SubmissionRejected::SIGNATURE_HASH,
    TaskBoard::RewardPaid::SIGNATURE_HASH,
    TaskBoard::TaskClosed::SIGNATURE_HASH,
];

/// Tasks are of the registry's assets, and accepted work is recorded in the book.
pub(super) fn decode(log: &RawLog, registry: Address, book: Address) -> Result<DomainEvent, Undecodable> {
    let own = |id: U256| TokenRef::new(log.address, id);
    match log.topics[0] {
        TaskBoard::TaskPosted::SIGNATURE_HASH => posted(log, registry),
        TaskBoard::SubmissionMade::SIGNATURE_HASH => {
            let made: TaskBoard::SubmissionMade = read(log)?;
            Ok(DomainEvent::SubmissionMade(event::SubmissionMade {
                submission: own(made.submissionId),
                task: own(made.taskId),
                worker: made.worker,
                content_hash: made.contentHash,
                content_uri: made.contentUri,
            }))
        }
        TaskBoard::SubmissionReviewed::SIGNATURE_HASH => {
            let reviewed: TaskBoard::SubmissionReviewed = read(log)?;
            Ok(DomainEvent::SubmissionReviewed(event::SubmissionReviewed {
                submission: own(reviewed.submissionId),
                task: own(reviewed.taskId),
                reviewer: reviewed.reviewer,
                accepted: reviewed.accepted,
                note_hash: reviewed.noteHash,
            }))
        }
        TaskBoard::SubmissionRejected::SIGNATURE_HASH => {
            let rejected: TaskBoard::SubmissionRejected = read(log)?;
            Ok(DomainEvent::SubmissionRejected(event::SubmissionRejected {
                submission: own(rejected.submissionId),
                task: own(rejected.taskId),
                worker: rejected.worker,
            }))
        }
        TaskBoard::RewardPaid::SIGNATURE_HASH => {
            let paid: TaskBoard::RewardPaid = read(log)?;
            Ok(DomainEvent::RewardPaid(event::RewardPaid {
                submission: own(paid.submissionId),
                task: own(paid.taskId),
                worker: paid.worker,
                token: paid.token,
                amount: paid.amount,
                contribution: some(book, paid.contributionId),
            }))
        }
        TaskBoard::TaskClosed::SIGNATURE_HASH => {
            let closed: TaskBoard::TaskClosed = read(log)?;
            Ok(DomainEvent::TaskClosed(event::TaskClosed {
                task: own(closed.taskId),
                accepted: closed.accepted,
                refund: closed.refund,
                second_refund: closed.secondRefund,
            }))
        }
        _ => Err(unknown(log)),
    }
}

fn posted(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    let posted: TaskBoard::TaskPosted = read(log)?;
    Ok(DomainEvent::TaskPosted(event::TaskPosted {
        task: TokenRef::new(log.address, posted.taskId),
        asset: TokenRef::new(registry, posted.assetId),
        poster: posted.poster,
        mode: number(posted.mode)?,
        role: number(posted.role)?,
        reward_token: posted.rewardToken,
        reward: posted.reward,
        second_token: posted.secondToken,
        second_reward: posted.secondReward,
        places: posted.places,
        quorum: posted.quorum,
        deadline: posted.deadline,
        weight: posted.weight,
        reviewers: posted.reviewers,
        spec_hash: posted.specHash,
        spec_uri: posted.specUri,
    }))
}
