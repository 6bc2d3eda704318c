//! Rows of executions, of rounds of federated learning, and of challenges.

use souk_schema::U256;
use souk_schema::event::DomainEvent;

use super::{ChainRow, Encoder, TableRows};
use crate::fold::Fact;

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn fact_of_use(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers, asset) = (self.chain, &mut self.buffers, fact.asset.as_ref());
        match event {
            DomainEvent::ExecutionRequested(requested) => {
                let datasets: Vec<_> = requested.datasets.iter().map(|dataset| dataset.key()).collect();
                let datasets: Vec<&[u8]> = datasets.iter().map(|key| key.as_bytes()).collect();
                let buffer = buffers.execution.begun(19, chain).token(&requested.execution);
                let buffer = buffer.token(&requested.asset).address(&requested.requester);
                let buffer = buffer.some_token(requested.caller.as_ref());
                let buffer = buffer.some_token(requested.parent.as_ref());
                let buffer = buffer
                    .int2(requested.kind.number().into())
                    .numeric(requested.license_id);
                let buffer = buffer.address(&requested.provider).address(&requested.fee_token);
                let buffer = buffer.numeric(requested.fee).int2(requested.privacy.number().into());
                let buffer = buffer.numeric(U256::from(requested.epsilon_micros));
                let buffer = buffer.bytea_array(&datasets).bytea(requested.input_hash.as_slice());
                buffer.numeric(U256::from(requested.deadline)).during(at, until);
            }
            DomainEvent::ExecutionCompleted(completed) => {
                let buffer = buffers.execution_completion.begun(12, chain);
                let buffer = buffer.token(&completed.execution).some_token(asset);
                let buffer = buffer
                    .address(&completed.provider)
                    .some_token(completed.output.as_ref());
                let buffer = buffer.bytea(completed.output_hash.as_slice());
                let buffer = buffer.numeric(U256::from(completed.metered_units));
                let buffer = buffer.some_token(completed.revenue.as_ref());
                buffer.some_token(completed.contribution.as_ref()).during(at, until);
            }
            DomainEvent::ExecutionCancelled(cancelled) => {
                let buffer = buffers.execution_cancellation.begun(7, chain);
                let buffer = buffer.token(&cancelled.execution).some_token(asset);
                buffer.numeric(cancelled.refund).during(at, until);
            }
            DomainEvent::ExecutionChallenged(challenged) => {
                let buffer = buffers.challenge.begun(11, chain).token(&challenged.challenge);
                let buffer = buffer.token(&challenged.execution).some_token(asset);
                let buffer = buffer.address(&challenged.challenger).numeric(challenged.bond);
                let buffer = buffer.bytea(challenged.evidence_hash.as_slice());
                buffer.text(&challenged.evidence_uri).during(at, until);
            }
            DomainEvent::ChallengeResolved(resolved) => {
                let buffer = buffers.challenge_resolution.begun(11, chain).token(&resolved.challenge);
                let buffer = buffer.token(&resolved.execution).some_token(asset);
                let buffer = buffer.boolean(resolved.upheld).address(&resolved.bond_to);
                let buffer = buffer.numeric(resolved.bond);
                buffer
                    .some_token(resolved.voided_contribution.as_ref())
                    .during(at, until);
            }
            _ => self.fact_of_rounds(fact),
        }
    }

    fn fact_of_rounds(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers, asset) = (self.chain, &mut self.buffers, fact.asset.as_ref());
        match event {
            DomainEvent::RoundOpened(opened) => {
                let buffer = buffers.federated_round.begun(12, chain).token(&opened.round);
                let buffer = buffer.token(&opened.asset).address(&opened.coordinator);
                let buffer = buffer.int8(opened.number.into()).int2(opened.privacy.number().into());
                let buffer = buffer.numeric(U256::from(opened.epsilon_micros));
                let buffer = buffer.bytea(opened.base_hash.as_slice());
                buffer.numeric(U256::from(opened.deadline)).during(at, until);
            }
            DomainEvent::UpdateSubmitted(submitted) => {
                let buffer = buffers.round_update.begun(10, chain).token(&submitted.round);
                let buffer = buffer.some_token(asset).address(&submitted.participant);
                let buffer = buffer.some_token(submitted.dataset.as_ref());
                let buffer = buffer.bytea(submitted.update_hash.as_slice()).numeric(submitted.weight);
                buffer.during(at, until);
            }
            DomainEvent::RoundAggregated(aggregated) => {
                let buffer = buffers.round_aggregation.begun(10, chain).token(&aggregated.round);
                let buffer = buffer.some_token(asset).some_token(aggregated.output.as_ref());
                let buffer = buffer.bytea(aggregated.result_hash.as_slice());
                let buffer = buffer.some_token(aggregated.first_contribution.as_ref());
                buffer.numeric(aggregated.participants).during(at, until);
            }
            _ => self.fact_of_disputes(fact),
        }
    }
}
