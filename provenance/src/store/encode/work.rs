//! Rows of tasks and of what was done for them.

use souk_schema::U256;
use souk_schema::event::DomainEvent;

use super::{ChainRow, Encoder, TableRows};
use crate::fold::Fact;

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn fact_of_work(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers, asset) = (self.chain, &mut self.buffers, fact.asset.as_ref());
        match event {
            DomainEvent::TaskPosted(posted) => {
                let buffer = buffers.task.begun(20, chain).token(&posted.task).token(&posted.asset);
                let buffer = buffer.address(&posted.poster).int2(posted.mode.number().into());
                let buffer = buffer.int2(posted.role.number().into());
                let buffer = buffer.address(&posted.reward_token).numeric(posted.reward);
                let buffer = buffer.address(&posted.second_token).numeric(posted.second_reward);
                let buffer = buffer.int8(posted.places.into()).int2(posted.quorum.into());
                let buffer = buffer.numeric(U256::from(posted.deadline)).numeric(posted.weight);
                let buffer = buffer.bytea_array(&posted.reviewers).bytea(posted.spec_hash.as_slice());
                buffer.text(&posted.spec_uri).during(at, until);
            }
            DomainEvent::SubmissionMade(made) => {
                let buffer = buffers.submission.begun(10, chain).token(&made.submission);
                let buffer = buffer.token(&made.task).some_token(asset).address(&made.worker);
                let buffer = buffer.bytea(made.content_hash.as_slice()).text(&made.content_uri);
                buffer.during(at, until);
            }
            DomainEvent::SubmissionReviewed(reviewed) => {
                let buffer = buffers.submission_review.begun(10, chain).token(&reviewed.submission);
                let buffer = buffer.token(&reviewed.task).some_token(asset);
                let buffer = buffer.address(&reviewed.reviewer).boolean(reviewed.accepted);
                buffer.bytea(reviewed.note_hash.as_slice()).during(at, until);
            }
            DomainEvent::SubmissionRejected(rejected) => {
                let buffer = buffers.submission_rejection.begun(8, chain);
                let buffer = buffer.token(&rejected.submission).token(&rejected.task);
                buffer.some_token(asset).address(&rejected.worker).during(at, until);
            }
            DomainEvent::RewardPaid(paid) => {
                let buffer = buffers.reward.begun(11, chain).token(&paid.submission);
                let buffer = buffer.token(&paid.task).some_token(asset).address(&paid.worker);
                let buffer = buffer.address(&paid.token).numeric(paid.amount);
                buffer.some_token(paid.contribution.as_ref()).during(at, until);
            }
            DomainEvent::TaskClosed(closed) => {
                let buffer = buffers.task_closing.begun(9, chain).token(&closed.task);
                let buffer = buffer.some_token(asset).int8(closed.accepted.into());
                let buffer = buffer.numeric(closed.refund).numeric(closed.second_refund);
                buffer.during(at, until);
            }
            _ => self.fact_of_use(fact),
        }
    }
}
