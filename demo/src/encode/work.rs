//! Calls of the contracts of the economy, with their gas limits. Start at [`Encoder::work`].

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::sol_types::SolCall;
use souk_contracts::{ContributionBook, DisputeCourt, ExecutionLog, Gateway, TaskBoard, TestUSD};
use souk_schema::event::TaskMode;

use super::gas::{self, CALL_GAS, WORD_GAS};
use super::{Call, Encoder, Known, Unknown, approve, approve_units};
use crate::action::{AccountNo, AssetNo, Step};
use crate::work::{
    Aggregation, Claim, Completion, Execution, Mirror, Named, Outcome, Review, Round, Submission, Task, Update, Venue,
    Work,
};

/// Of a contract as large as the token of the points.
const CREATION_GAS: u64 = 1_000_000;

impl Encoder<'_> {
    /// The transaction of a step with the contracts of the economy.
    pub(super) fn work(&self, step: &Step, work: &Work, known: &Known) -> Result<Call, Unknown> {
        let to = &self.deployment.addresses;
        let (to, data) = match work {
            Work::CreatePoints => {
                let data = TestUSD::BYTECODE.clone();
                return Ok(Call {
                    to: TxKind::Create,
                    gas: gas::limit(step, data.len()),
                    data,
                });
            }
            Work::LetRecord(venue, assets) => (to.contribution_book, self.let_record(self.venue(*venue)?, assets)),
            Work::LetTakeDollars(venue) => (to.test_usd, approve(self.venue(*venue)?)),
            Work::LetTakeShares => (to.asset_shares, approve_units(self.venue(Venue::TaskBoard)?)),
            Work::LetTakePoints => (self.points()?, approve(self.venue(Venue::TaskBoard)?)),
            Work::MakePoints(points) => (self.points()?, self.make_points(step.from, *points)),
            Work::Announce(asset, chain) => (self.gateway()?, self.announce(*asset, *chain)),
            Work::Mirror(mirror) => (self.gateway()?, self.mirror(mirror)),
            Work::Post(_) | Work::Submit(_) | Work::Review(_) | Work::CloseTask(..) => {
                (self.venue(Venue::TaskBoard)?, self.task_call(work, known)?)
            }
            Work::Dispute(..) | Work::WithdrawDispute(_) | Work::Judge(..) | Work::Resolve(_) => {
                (self.venue(Venue::DisputeCourt)?, self.court_call(work, known)?)
            }
            _ => (self.venue(Venue::ExecutionLog)?, self.execution_call(work, known)?),
        };
        Ok(Call {
            to: TxKind::Call(to),
            gas: gas::limit(step, data.len()),
            data: data.into(),
        })
    }

    /// Where the contract is.
    pub(crate) fn venue(&self, venue: Venue) -> Result<Address, Unknown> {
        let to = &self.deployment.addresses;
        let at = match venue {
            Venue::TaskBoard => to.task_board,
            Venue::ExecutionLog => to.execution_log,
            Venue::DisputeCourt => to.dispute_court,
        };
        at.ok_or(Unknown::Economy)
    }

    fn gateway(&self) -> Result<Address, Unknown> {
        self.deployment.addresses.gateway.ok_or(Unknown::Economy)
    }

    /// Where the points are: their creator's transactions are a fixed sequence, so this is known beforehand.
    pub(crate) fn points(&self) -> Result<Address, Unknown> {
        let (creator, nonce) = self.economy.points.ok_or(Unknown::Economy)?;
        Ok(self.addresses[creator].create(nonce))
    }

    fn let_record(&self, recorder: Address, assets: &[AssetNo]) -> Vec<u8> {
        let calls = assets.iter().map(|&asset| ContributionBook::authoriseRecorderCall {
            assetId: self.asset_id(asset),
            recorder,
            allowed: true,
        });
        ContributionBook::multicallCall { data: encoded(calls) }.abi_encode()
    }

    fn make_points(&self, to: AccountNo, points: u64) -> Vec<u8> {
        let (to, amount) = (self.addresses[to], U256::from(points));
        TestUSD::mintCall { to, amount }.abi_encode()
    }

    fn announce(&self, asset: AssetNo, chain: u64) -> Vec<u8> {
        Gateway::announceCall {
            assetId: self.asset_id(asset),
            targetChain: chain,
        }
        .abi_encode()
    }

    fn mirror(&self, mirror: &Mirror) -> Vec<u8> {
        let input = Gateway::MirrorInput {
            originChain: mirror.origin_chain,
            originGateway: mirror.origin_gateway,
            originRegistry: mirror.origin_registry,
            originAssetId: U256::from(mirror.origin_asset),
            contentHash: mirror.content_hash,
            owner: self.addresses[mirror.owner],
            kind: mirror.kind.number(),
            name: mirror.name.clone(),
            metadataUri: mirror.metadata_uri.clone(),
            contributorShareE8: mirror.contributor_share_e8,
        };
        Gateway::mirrorCall { input }.abi_encode()
    }

    fn task_call(&self, work: &Work, known: &Known) -> Result<Vec<u8>, Unknown> {
        let data = match work {
            Work::Post(tasks) => {
                let inputs = tasks.iter().map(|task| self.task(task, known.now));
                encoded_all(inputs.map(|input| Ok(TaskBoard::postCall { input: input? })))?
            }
            Work::Submit(submissions) => encoded_all(submissions.iter().map(|made| submit(made, known)))?,
            Work::Review(reviews) => encoded_all(reviews.iter().map(|made| review(made, known)))?,
            Work::CloseTask(task, ..) => {
                let task_id = id(Named::Task, *task, known)?;
                return Ok(TaskBoard::closeCall { taskId: task_id }.abi_encode());
            }
            _ => return Err(Unknown::Economy),
        };
        Ok(TaskBoard::multicallCall { data }.abi_encode())
    }

    fn task(&self, task: &Task, now: u64) -> Result<TaskBoard::TaskInput, Unknown> {
        let to = &self.deployment.addresses;
        let second = match task.mode {
            TaskMode::DualReward => self.points()?,
            TaskMode::Paid | TaskMode::Community => Address::ZERO,
        };
        Ok(TaskBoard::TaskInput {
            assetId: self.asset_id(task.asset),
            mode: task.mode.number(),
            role: task.role.number(),
            rewardToken: match task.mode {
                TaskMode::Community => to.asset_shares,
                TaskMode::Paid | TaskMode::DualReward => to.test_usd,
            },
            reward: U256::from(task.reward),
            secondToken: second,
            secondReward: U256::from(task.points),
            places: task.places,
            quorum: task.quorum,
            deadline: now + task.open_secs,
            weight: U256::from(task.weight),
            reviewers: task
                .reviewers
                .iter()
                .map(|&reviewer| self.addresses[reviewer])
                .collect(),
            specHash: task.spec,
            specUri: task.spec_uri.clone(),
        })
    }

    fn court_call(&self, work: &Work, known: &Known) -> Result<Vec<u8>, Unknown> {
        Ok(match work {
            Work::Dispute(asset, tag, Claim { evidence, evidence_uri }) => DisputeCourt::raiseCall {
                assetId: self.asset_id(*asset),
                tag: tag.number(),
                evidenceHash: *evidence,
                evidenceUri: evidence_uri.clone(),
            }
            .abi_encode(),
            Work::WithdrawDispute(dispute) => DisputeCourt::withdrawCall {
                disputeId: id(Named::Dispute, *dispute, known)?,
            }
            .abi_encode(),
            Work::Judge(dispute, upheld, ruling) => DisputeCourt::judgeCall {
                disputeId: id(Named::Dispute, *dispute, known)?,
                upheld: *upheld,
                rulingHash: *ruling,
            }
            .abi_encode(),
            Work::Resolve(dispute) => DisputeCourt::resolveCall {
                disputeId: id(Named::Dispute, *dispute, known)?,
            }
            .abi_encode(),
            _ => return Err(Unknown::Economy),
        })
    }

    fn execution_call(&self, work: &Work, known: &Known) -> Result<Vec<u8>, Unknown> {
        let data = match work {
            Work::Request(executions) => {
                let inputs = executions.iter().map(|execution| self.execution(execution, known));
                encoded_all(inputs.map(|input| Ok(ExecutionLog::requestCall { input: input? })))?
            }
            Work::Complete(completions) => encoded_all(completions.iter().map(|made| self.complete(made, known)))?,
            Work::NameOutput(execution, output) => encoded([ExecutionLog::nameOutputCall {
                executionId: id(Named::Execution, *execution, known)?,
                outputAssetId: self.asset_id(*output),
            }]),
            Work::Cancel(execution) => encoded([ExecutionLog::cancelCall {
                executionId: id(Named::Execution, *execution, known)?,
            }]),
            Work::OpenRound(round) => encoded([self.open_round(round, known.now)]),
            Work::Update(update) => encoded([self.update(update, known)?]),
            Work::Aggregate(aggregation) => encoded([self.aggregate(aggregation, known)?]),
            Work::Challenge(execution, Claim { evidence, evidence_uri }) => encoded([ExecutionLog::challengeCall {
                executionId: id(Named::Execution, *execution, known)?,
                evidenceHash: *evidence,
                evidenceUri: evidence_uri.clone(),
            }]),
            Work::DecideChallenge(challenge, upheld, _) => encoded([ExecutionLog::resolveChallengeCall {
                challengeId: id(Named::Challenge, *challenge, known)?,
                upheld: *upheld,
            }]),
            _ => return Err(Unknown::Economy),
        };
        Ok(ExecutionLog::multicallCall { data }.abi_encode())
    }

    fn execution(&self, execution: &Execution, known: &Known) -> Result<ExecutionLog::ExecutionInput, Unknown> {
        let free = execution.fee_micros == 0;
        Ok(ExecutionLog::ExecutionInput {
            assetId: self.asset_id(execution.asset),
            callerAssetId: self.asset_or_none(execution.caller),
            parentExecutionId: match execution.parent {
                Some(parent) => id(Named::Execution, parent, known)?,
                None => U256::ZERO,
            },
            kind: execution.kind.number(),
            licenseId: match execution.licence {
                Some(terms) => self.series(execution.asset, terms, known)?,
                None => U256::ZERO,
            },
            provider: self.addresses[execution.provider],
            feeToken: if free {
                Address::ZERO
            } else {
                self.deployment.addresses.test_usd
            },
            fee: U256::from(execution.fee_micros),
            privacy: execution.privacy.number(),
            epsilonMicros: execution.epsilon_micros,
            datasetIds: execution
                .datasets
                .iter()
                .map(|&dataset| self.asset_id(dataset))
                .collect(),
            inputHash: execution.input,
            deadline: known.now + execution.open_secs,
        })
    }

    fn complete(&self, completion: &Completion, known: &Known) -> Result<ExecutionLog::completeCall, Unknown> {
        Ok(ExecutionLog::completeCall {
            executionId: id(Named::Execution, completion.execution, known)?,
            outputAssetId: self.asset_or_none(completion.output),
            outputHash: completion.output_hash,
            meteredUnits: completion.metered_units,
        })
    }

    fn open_round(&self, round: &Round, now: u64) -> ExecutionLog::openRoundCall {
        ExecutionLog::openRoundCall {
            assetId: self.asset_id(round.asset),
            privacy: round.privacy.number(),
            epsilonMicros: round.epsilon_micros,
            baseHash: round.base,
            deadline: now + round.open_secs,
        }
    }

    fn update(&self, update: &Update, known: &Known) -> Result<ExecutionLog::submitUpdateCall, Unknown> {
        Ok(ExecutionLog::submitUpdateCall {
            roundId: id(Named::Round, update.round, known)?,
            datasetId: self.asset_or_none(update.dataset),
            updateHash: update.update,
            weight: U256::from(update.weight),
        })
    }

    fn aggregate(&self, made: &Aggregation, known: &Known) -> Result<ExecutionLog::aggregateCall, Unknown> {
        Ok(ExecutionLog::aggregateCall {
            roundId: id(Named::Round, made.round, known)?,
            outputAssetId: self.asset_id(made.output),
            resultHash: made.result,
            participants: made
                .participants
                .iter()
                .map(|&participant| self.addresses[participant])
                .collect(),
        })
    }

    fn asset_or_none(&self, asset: Option<AssetNo>) -> U256 {
        asset.map_or(U256::ZERO, |asset| self.asset_id(asset))
    }
}

fn submit(made: &Submission, known: &Known) -> Result<TaskBoard::submitCall, Unknown> {
    Ok(TaskBoard::submitCall {
        taskId: id(Named::Task, made.task, known)?,
        contentHash: made.content,
        contentUri: made.content_uri.clone(),
    })
}

fn review(made: &Review, known: &Known) -> Result<TaskBoard::reviewCall, Unknown> {
    Ok(TaskBoard::reviewCall {
        submissionId: id(Named::Submission, made.submission, known)?,
        accepted: made.accepted,
        noteHash: made.note,
    })
}

fn id(kind: Named, name: B256, known: &Known) -> Result<U256, Unknown> {
    let id = known.named.get(&(kind, name)).copied();
    id.ok_or(Unknown::Named(kind, name))
}

fn encoded<C: SolCall>(calls: impl IntoIterator<Item = C>) -> Vec<Bytes> {
    calls.into_iter().map(|call| call.abi_encode().into()).collect()
}

fn encoded_all<C: SolCall>(calls: impl Iterator<Item = Result<C, Unknown>>) -> Result<Vec<Bytes>, Unknown> {
    calls.map(|call| Ok(call?.abi_encode().into())).collect()
}

/// Beside that of the transaction and its calldata.
pub(super) fn gas(work: &Work) -> u64 {
    let one = |words: u64, calls: u64| words * WORD_GAS + calls * CALL_GAS;
    let each = |count: usize, gas: u64| count as u64 * gas;
    match work {
        Work::LetRecord(_, assets) => each(assets.len(), one(1, 2)),
        Work::CreatePoints => CREATION_GAS,
        Work::LetTakeDollars(_) | Work::LetTakeShares | Work::LetTakePoints | Work::MakePoints(_) => one(2, 1),
        Work::NameOutput(..) | Work::Judge(..) | Work::Announce(..) => one(2, 2),
        Work::Post(tasks) => tasks.iter().map(|task| one(9 + task.reviewers.len() as u64, 4)).sum(),
        Work::Submit(submissions) => each(submissions.len(), one(4, 2)),
        Work::Review(reviews) => reviews
            .iter()
            .map(|review| match review.outcome {
                Outcome::Waits | Outcome::Rejects => one(2, 2),
                Outcome::Accepts(_) => one(6, 6),
            })
            .sum(),
        Work::Request(executions) => executions
            .iter()
            .map(|execution| one(9, 5) + each(execution.datasets.len(), CALL_GAS))
            .sum(),
        Work::Complete(completions) => each(completions.len(), one(6, 7)),
        Work::CloseTask(..) | Work::Cancel(_) | Work::DecideChallenge(..) => one(3, 4),
        Work::OpenRound(_) | Work::Update(_) => one(4, 3),
        Work::Aggregate(made) => one(2, 3) + each(made.participants.len(), one(2, 2)),
        Work::Challenge(..) | Work::Dispute(..) => one(5, 3),
        Work::WithdrawDispute(_) | Work::Resolve(_) => one(3, 2),
        Work::Mirror(mirror) => {
            let words = mirror.metadata_uri.len().div_ceil(32) + mirror.name.len().div_ceil(32);
            one(12 + words as u64, 3)
        }
    }
}
