//! Work, use and disputes. What is made has the deed's first number as its id; what ends has one that leaves some things unended.

use souk_contracts::{DisputeCourt, ExecutionLog, TaskBoard};
use souk_schema::event::{
    ChallengeResolved, ContributionRole, DisputeJudged, DisputeOutcome, DisputeRaised, DisputeResolved, DisputeTag,
    DomainEvent, ExecutionCancelled, ExecutionChallenged, ExecutionCompleted, ExecutionKind, ExecutionRequested,
    PrivacyMode, RewardPaid, RoundAggregated, RoundOpened, SubmissionMade, SubmissionRejected, SubmissionReviewed,
    TaskClosed, TaskMode, TaskPosted, UpdateSubmitted,
};
use souk_schema::record::RawLog;
use souk_schema::{Address, TokenRef, U256};

use super::{
    BOOK, COINS, COURT, Deed, EXECUTIONS, Meaning, REGISTRY, ROUTER, SHARES, TASKS, account, amount, asset, hash, pick,
    raw,
};

fn id(number: u8) -> U256 {
    U256::from(number)
}

/// The id of what a deed ends.
fn ended(Deed { a, b, .. }: Deed) -> U256 {
    id((a & 1) + 2 * (b & 1))
}

fn some(contract: Address, number: u8) -> Option<TokenRef> {
    (number != 0).then(|| TokenRef::new(contract, id(number)))
}

fn text(number: u8) -> String {
    if number == 3 {
        "nul\0".into()
    } else {
        format!("ipfs://{number}")
    }
}

pub fn work(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let board = |number| TokenRef::new(TASKS, number);
    let (log, event) = match kind {
        22 => posted(deed),
        23 => {
            let log = TaskBoard::SubmissionMade {
                submissionId: id(a),
                taskId: id(b),
                worker: account(c),
                contentHash: hash(c),
                contentUri: text(c),
            };
            let event = SubmissionMade {
                submission: board(id(a)),
                task: board(id(b)),
                worker: account(c),
                content_hash: hash(c),
                content_uri: text(c),
            };
            (raw(TASKS, &log), DomainEvent::SubmissionMade(event))
        }
        24 if c < 4 => {
            let log = TaskBoard::SubmissionReviewed {
                submissionId: id(a),
                taskId: id(b),
                reviewer: account(c),
                accepted: c & 1 == 1,
                noteHash: hash(c),
            };
            let event = SubmissionReviewed {
                submission: board(id(a)),
                task: board(id(b)),
                reviewer: account(c),
                accepted: c & 1 == 1,
                note_hash: hash(c),
            };
            (raw(TASKS, &log), DomainEvent::SubmissionReviewed(event))
        }
        24 => {
            let log = TaskBoard::SubmissionRejected {
                submissionId: id(a),
                taskId: id(b),
                worker: account(c),
            };
            let event = SubmissionRejected {
                submission: board(id(a)),
                task: board(id(b)),
                worker: account(c),
            };
            (raw(TASKS, &log), DomainEvent::SubmissionRejected(event))
        }
        25 => {
            let log = TaskBoard::RewardPaid {
                submissionId: id(a),
                taskId: id(b),
                worker: account(c),
                token: COINS,
                amount: amount(c),
                contributionId: id(c % 4),
            };
            let event = RewardPaid {
                submission: board(id(a)),
                task: board(id(b)),
                worker: account(c),
                token: COINS,
                amount: amount(c),
                contribution: some(BOOK, c % 4),
            };
            (raw(TASKS, &log), DomainEvent::RewardPaid(event))
        }
        _ => {
            let log = TaskBoard::TaskClosed {
                taskId: ended(deed),
                accepted: u32::MAX - u32::from(c),
                refund: amount(c),
                secondRefund: amount(b),
            };
            let event = TaskClosed {
                task: board(ended(deed)),
                accepted: u32::MAX - u32::from(c),
                refund: amount(c),
                second_refund: amount(b),
            };
            (raw(TASKS, &log), DomainEvent::TaskClosed(event))
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn posted(Deed { a, b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let reviewers: Vec<Address> = (0..c % 3).map(account).collect();
    let log = TaskBoard::TaskPosted {
        taskId: id(a),
        assetId: id(b),
        poster: account(c),
        mode: c % 3,
        role: c % 7,
        rewardToken: COINS,
        reward: amount(c),
        secondToken: SHARES,
        secondReward: amount(b),
        places: u32::MAX - u32::from(c),
        quorum: 255 - c,
        deadline: u64::MAX - u64::from(c),
        weight: amount(c),
        reviewers: reviewers.clone(),
        specHash: hash(c),
        specUri: text(c),
    };
    let event = TaskPosted {
        task: TokenRef::new(TASKS, id(a)),
        asset: asset(b),
        poster: account(c),
        mode: pick(TaskMode::ALL, c),
        role: pick(ContributionRole::ALL, c),
        reward_token: COINS,
        reward: amount(c),
        second_token: SHARES,
        second_reward: amount(b),
        places: u32::MAX - u32::from(c),
        quorum: 255 - c,
        deadline: u64::MAX - u64::from(c),
        weight: amount(c),
        reviewers,
        spec_hash: hash(c),
        spec_uri: text(c),
    };
    (raw(TASKS, &log), DomainEvent::TaskPosted(event))
}

pub fn executions(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let own = |number| TokenRef::new(EXECUTIONS, number);
    let (log, event) = match kind {
        27 => requested(deed),
        28 => {
            let log = ExecutionLog::ExecutionCompleted {
                executionId: ended(deed),
                assetId: id(b),
                provider: account(c),
                outputAssetId: id(c % 4),
                outputHash: hash(c),
                meteredUnits: u64::MAX >> c,
                revenueId: id(b),
                contributionId: id(c & 1),
            };
            let event = ExecutionCompleted {
                execution: own(ended(deed)),
                asset: asset(b),
                provider: account(c),
                output: some(REGISTRY, c % 4),
                output_hash: hash(c),
                metered_units: u64::MAX >> c,
                revenue: some(ROUTER, b),
                contribution: some(BOOK, c & 1),
            };
            (raw(EXECUTIONS, &log), DomainEvent::ExecutionCompleted(event))
        }
        29 => {
            let log = ExecutionLog::ExecutionCancelled {
                executionId: ended(deed),
                refund: amount(c),
            };
            let event = ExecutionCancelled {
                execution: own(ended(deed)),
                refund: amount(c),
            };
            (raw(EXECUTIONS, &log), DomainEvent::ExecutionCancelled(event))
        }
        30 => {
            let log = ExecutionLog::ExecutionChallenged {
                challengeId: id(a),
                executionId: id(b),
                challenger: account(c),
                bond: amount(c),
                evidenceHash: hash(c),
                evidenceUri: text(c),
            };
            let event = ExecutionChallenged {
                challenge: own(id(a)),
                execution: own(id(b)),
                challenger: account(c),
                bond: amount(c),
                evidence_hash: hash(c),
                evidence_uri: text(c),
            };
            (raw(EXECUTIONS, &log), DomainEvent::ExecutionChallenged(event))
        }
        _ => {
            let log = ExecutionLog::ChallengeResolved {
                challengeId: ended(deed),
                executionId: id(b),
                upheld: c & 1 == 1,
                bondTo: account(c),
                bond: amount(c),
                voidedContributionId: id(c % 4),
            };
            let event = ChallengeResolved {
                challenge: own(ended(deed)),
                execution: own(id(b)),
                upheld: c & 1 == 1,
                bond_to: account(c),
                bond: amount(c),
                voided_contribution: some(BOOK, c % 4),
            };
            (raw(EXECUTIONS, &log), DomainEvent::ChallengeResolved(event))
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn requested(Deed { a, b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let datasets: Vec<u8> = (0..c % 3).map(|number| (b + number) % 4).collect();
    let log = ExecutionLog::ExecutionRequested {
        executionId: id(a),
        assetId: id(b),
        requester: account(c),
        callerAssetId: id(c % 4),
        parentExecutionId: id(b),
        kind: c % 5,
        licenseId: amount(c),
        provider: account(b),
        feeToken: COINS,
        fee: amount(c),
        privacy: c % 5,
        epsilonMicros: u64::MAX >> (c * 9),
        datasetIds: datasets.iter().copied().map(id).collect(),
        inputHash: hash(c),
        deadline: u64::MAX >> c,
    };
    let event = ExecutionRequested {
        execution: TokenRef::new(EXECUTIONS, id(a)),
        asset: asset(b),
        requester: account(c),
        caller: some(REGISTRY, c % 4),
        parent: some(EXECUTIONS, b),
        kind: pick(ExecutionKind::ALL, c),
        license_id: amount(c),
        provider: account(b),
        fee_token: COINS,
        fee: amount(c),
        privacy: pick(PrivacyMode::ALL, c),
        epsilon_micros: u64::MAX >> (c * 9),
        datasets: datasets.into_iter().map(asset).collect(),
        input_hash: hash(c),
        deadline: u64::MAX >> c,
    };
    (raw(EXECUTIONS, &log), DomainEvent::ExecutionRequested(event))
}

pub fn rounds(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let own = |number| TokenRef::new(EXECUTIONS, number);
    let (log, event) = match kind {
        32 => {
            let log = ExecutionLog::RoundOpened {
                roundId: id(a),
                assetId: id(b),
                coordinator: account(c),
                number: u32::MAX >> c,
                privacy: c % 5,
                epsilonMicros: c.into(),
                baseHash: hash(c),
                deadline: u64::MAX >> c,
            };
            let event = RoundOpened {
                round: own(id(a)),
                asset: asset(b),
                coordinator: account(c),
                number: u32::MAX >> c,
                privacy: pick(PrivacyMode::ALL, c),
                epsilon_micros: c.into(),
                base_hash: hash(c),
                deadline: u64::MAX >> c,
            };
            (raw(EXECUTIONS, &log), DomainEvent::RoundOpened(event))
        }
        33 => {
            let log = ExecutionLog::UpdateSubmitted {
                roundId: id(a),
                participant: account(b),
                datasetId: id(c % 4),
                updateHash: hash(c),
                weight: amount(c),
            };
            let event = UpdateSubmitted {
                round: own(id(a)),
                participant: account(b),
                dataset: some(REGISTRY, c % 4),
                update_hash: hash(c),
                weight: amount(c),
            };
            (raw(EXECUTIONS, &log), DomainEvent::UpdateSubmitted(event))
        }
        _ => {
            let log = ExecutionLog::RoundAggregated {
                roundId: ended(deed),
                outputAssetId: id(c % 4),
                resultHash: hash(c),
                firstContributionId: id(b / 2),
                participants: amount(c),
            };
            let event = RoundAggregated {
                round: own(ended(deed)),
                output: some(REGISTRY, c % 4),
                result_hash: hash(c),
                first_contribution: some(BOOK, b / 2),
                participants: amount(c),
            };
            (raw(EXECUTIONS, &log), DomainEvent::RoundAggregated(event))
        }
    };
    (log, Meaning::Events(vec![event]))
}

pub fn disputes(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let own = |number| TokenRef::new(COURT, number);
    let (log, event) = match kind {
        35 => {
            let log = DisputeCourt::DisputeRaised {
                disputeId: id(a),
                assetId: id(b),
                challenger: account(c),
                tag: c % 4,
                bond: amount(c),
                evidenceHash: hash(c),
                evidenceUri: text(c),
            };
            let event = DisputeRaised {
                dispute: own(id(a)),
                asset: asset(b),
                challenger: account(c),
                tag: pick(DisputeTag::ALL, c),
                bond: amount(c),
                evidence_hash: hash(c),
                evidence_uri: text(c),
            };
            (raw(COURT, &log), DomainEvent::DisputeRaised(event))
        }
        36 => {
            let log = DisputeCourt::DisputeJudged {
                disputeId: id(a),
                assetId: id(b),
                judge: account(c),
                upheld: c & 1 == 1,
                resolvableAt: u64::MAX >> c,
                rulingHash: hash(c),
            };
            let event = DisputeJudged {
                dispute: own(id(a)),
                asset: asset(b),
                judge: account(c),
                upheld: c & 1 == 1,
                resolvable_at: u64::MAX >> c,
                ruling_hash: hash(c),
            };
            (raw(COURT, &log), DomainEvent::DisputeJudged(event))
        }
        _ => {
            let log = DisputeCourt::DisputeResolved {
                disputeId: ended(deed),
                assetId: id(b),
                outcome: c % 4,
                bondTo: account(c),
                bond: amount(c),
            };
            let event = DisputeResolved {
                dispute: own(ended(deed)),
                asset: asset(b),
                outcome: pick(DisputeOutcome::ALL, c),
                bond_to: account(c),
                bond: amount(c),
            };
            (raw(COURT, &log), DomainEvent::DisputeResolved(event))
        }
    };
    (log, Meaning::Events(vec![event]))
}
