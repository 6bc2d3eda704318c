//! Steps that have their time: some can be done only once a window is over, some only before. Deadlines are counted from the time of the
//! chain, which is also what is waited for. Start at [`Loader::wait`].

use std::time::Duration;

use alloy::primitives::{Bytes, TxKind, U256};
use souk_contracts::{DisputeCourt, ExecutionLog, TaskBoard};

use super::{LoadError, Loader};
use crate::action::{Action, Step};
use crate::encode::Call;
use crate::work::{Named, Work};

/// A deadline that is further away does not depend on whether the newest block is recent.
const FAR_SECS: u64 = 86_400;
/// Of a transaction that does nothing.
const NOTHING_GAS: u64 = 21_000;
/// What is left of a window at least, for a step to be sent into it.
const MARGIN_SECS: u64 = 5;

impl Loader<'_, '_> {
    /// Notes the time of the chain, once for all deadlines of a stage.
    pub(super) async fn tell_time(&mut self, step: &Step) -> Result<(), LoadError> {
        let Action::Work(work) = &step.action else {
            return Ok(());
        };
        let near = matches!(work, Work::Challenge(..)) || work.shortest_secs().is_some_and(|secs| secs < FAR_SECS);
        if near && !self.told_time {
            // A block further on than the next one at least, where blocks are far apart.
            self.known.now = self.node.now().await? + 2 * self.node.pace_secs().await?;
            self.told_time = true;
        } else if !self.told_time {
            self.known.now = self.fees.block_time;
        }
        Ok(())
    }

    /// Whether the time for the step is over, because the load was interrupted before it.
    pub(super) async fn is_late(&self, step: &Step) -> Result<bool, LoadError> {
        let Action::Work(Work::Challenge(execution, _)) = &step.action else {
            return Ok(false);
        };
        let Some(&id) = self.known.named.get(&(Named::Execution, *execution)) else {
            return Ok(false);
        };
        let log = ExecutionLog::new(self.at(self.deployment.addresses.execution_log), self.node.provider());
        let until = log.executionOf(id).call().await?.challengeableUntil;
        Ok(until < self.known.now + MARGIN_SECS)
    }

    /// A transaction in place of one that came too late: its account's sequence stays whole.
    pub(super) fn nothing(&self, step: &Step) -> Call {
        Call {
            to: TxKind::Call(self.economy.accounts[step.from].address()),
            data: Bytes::new(),
            gas: NOTHING_GAS,
        }
    }

    /// Waits until the step can be done.
    pub(super) async fn wait(&self, step: &Step) -> Result<(), LoadError> {
        let Some(until) = self.due(step).await? else {
            return Ok(());
        };
        loop {
            let now = self.node.now().await?;
            if now >= until {
                return Ok(());
            }
            let left = Duration::from_secs(until - now);
            if left > self.options.receipt_limit {
                let step = self.label(step);
                return Err(LoadError::TooEarly { step, until, now });
            }
            tokio::time::sleep(left).await;
        }
    }

    /// From when on the step can be done, in unix seconds of the chain; `None` for at once.
    async fn due(&self, step: &Step) -> Result<Option<u64>, LoadError> {
        let Action::Work(work) = &step.action else {
            return Ok(None);
        };
        let to = &self.deployment.addresses;
        let id = |kind, name| self.known.named.get(&(kind, name)).copied().unwrap_or(U256::ZERO);
        Ok(match *work {
            Work::CloseTask(task, ..) => {
                let board = TaskBoard::new(self.at(to.task_board), self.node.provider());
                let task = board.taskOf(id(Named::Task, task)).call().await?;
                let review = if task.waiting == 0 {
                    0
                } else {
                    board.REVIEW_PERIOD().call().await?
                };
                (task.accepted != task.places).then_some(task.deadline + review)
            }
            Work::Cancel(execution) => {
                let log = ExecutionLog::new(self.at(to.execution_log), self.node.provider());
                let execution = log.executionOf(id(Named::Execution, execution)).call().await?;
                Some(execution.deadline)
            }
            Work::Resolve(dispute) => {
                let court = DisputeCourt::new(self.at(to.dispute_court), self.node.provider());
                Some(court.disputeOf(id(Named::Dispute, dispute)).call().await?.resolvableAt)
            }
            _ => None,
        })
    }
}
