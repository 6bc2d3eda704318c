//! The ids of tasks, executions and the like, found by the hashes that name them in their contracts' events. Each block is looked at once
//! for each kind. Start at [`Loader::find_name`].

use alloy::primitives::{Address, B256, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use souk_contracts::{DisputeCourt, ExecutionLog, TaskBoard};

use super::{LoadError, Loader};
use crate::work::Named;

impl Loader<'_, '_> {
    /// The id of what has this name, if the chain has it.
    pub(super) async fn find_name(&mut self, kind: Named, name: B256) -> Result<Option<U256>, LoadError> {
        if let Some(id) = self.known.named.get(&(kind, name)) {
            return Ok(Some(*id));
        }
        let from = self.names_until.get(&kind).copied().unwrap_or(self.deployment.block);
        let (contract, topic) = self.naming(kind);
        let filter = Filter::new().address(contract).event_signature(topic).from_block(from);
        for log in self.node.logs(&filter).await? {
            if let Some((name, id)) = named(kind, &log) {
                self.known.named.insert((kind, name), id);
            }
            // The block may not be over.
            self.names_until.extend(log.block_number.map(|block| (kind, block)));
        }
        Ok(self.known.named.get(&(kind, name)).copied())
    }

    /// Whether a challenge was decided.
    pub(super) async fn is_decided(&self, challenge_id: U256) -> Result<bool, LoadError> {
        let filter = Filter::new()
            .address(self.at(self.deployment.addresses.execution_log))
            .event_signature(ExecutionLog::ChallengeResolved::SIGNATURE_HASH)
            .topic1(challenge_id)
            .from_block(self.deployment.block);
        Ok(!self.node.logs(&filter).await?.is_empty())
    }

    /// The contract and the event that names something of this kind.
    fn naming(&self, kind: Named) -> (Address, B256) {
        let to = &self.deployment.addresses;
        let (contract, topic) = match kind {
            Named::Task => (to.task_board, TaskBoard::TaskPosted::SIGNATURE_HASH),
            Named::Submission => (to.task_board, TaskBoard::SubmissionMade::SIGNATURE_HASH),
            Named::Execution => (to.execution_log, ExecutionLog::ExecutionRequested::SIGNATURE_HASH),
            Named::Round => (to.execution_log, ExecutionLog::RoundOpened::SIGNATURE_HASH),
            Named::Challenge => (to.execution_log, ExecutionLog::ExecutionChallenged::SIGNATURE_HASH),
            Named::Dispute => (to.dispute_court, DisputeCourt::DisputeRaised::SIGNATURE_HASH),
        };
        (self.at(contract), topic)
    }
}

fn named(kind: Named, log: &Log) -> Option<(B256, U256)> {
    fn decoded<E: SolEvent>(log: &Log) -> Option<E> {
        E::decode_log(&log.inner).ok().map(|log| log.data)
    }
    match kind {
        Named::Task => decoded::<TaskBoard::TaskPosted>(log).map(|event| (event.specHash, event.taskId)),
        Named::Submission => {
            decoded::<TaskBoard::SubmissionMade>(log).map(|event| (event.contentHash, event.submissionId))
        }
        Named::Execution => {
            decoded::<ExecutionLog::ExecutionRequested>(log).map(|event| (event.inputHash, event.executionId))
        }
        Named::Round => decoded::<ExecutionLog::RoundOpened>(log).map(|event| (event.baseHash, event.roundId)),
        Named::Challenge => {
            decoded::<ExecutionLog::ExecutionChallenged>(log).map(|event| (event.evidenceHash, event.challengeId))
        }
        Named::Dispute => {
            decoded::<DisputeCourt::DisputeRaised>(log).map(|event| (event.evidenceHash, event.disputeId))
        }
    }
}
