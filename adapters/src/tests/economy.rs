//! What task boards, execution logs, courts, distributors and gateways say.

#![expect(non_snake_case, reason = "fields are named as the contracts name them")]

use souk_contracts::{DisputeCourt, ExecutionLog, Gateway, PayoutDistributor, TaskBoard};
use souk_schema::event::*;
use souk_schema::{BlockRef, ChainId};

use super::*;

const HASH: B256 = B256::repeat_byte(0x55);

fn number(number: u64) -> U256 {
    U256::from(number)
}

fn posted() -> TaskBoard::TaskPosted {
    TaskBoard::TaskPosted {
        taskId: number(3),
        assetId: number(7),
        poster: ALICE,
        mode: 1,
        role: 1,
        rewardToken: COINS,
        reward: number(50),
        secondToken: SHARES,
        secondReward: number(2),
        places: 9,
        quorum: 2,
        deadline: 1_700_000_000,
        weight: number(10),
        reviewers: vec![ALICE, BOB],
        specHash: HASH,
        specUri: "ipfs://spec".into(),
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one entry an event")]
fn of_tasks() -> Vec<(RawLog, DomainEvent)> {
    let (task, submission) = (TokenRef::new(TASKS, number(3)), TokenRef::new(TASKS, number(8)));
    let (submissionId, taskId, worker) = (number(8), number(3), BOB);
    let made = TaskBoard::SubmissionMade {
        submissionId,
        taskId,
        worker,
        contentHash: HASH,
        contentUri: "ipfs://work".into(),
    };
    let reviewed = TaskBoard::SubmissionReviewed {
        submissionId,
        taskId,
        reviewer: ALICE,
        accepted: true,
        noteHash: HASH,
    };
    let rejected = TaskBoard::SubmissionRejected {
        submissionId,
        taskId,
        worker,
    };
    let paid = TaskBoard::RewardPaid {
        submissionId,
        taskId,
        worker,
        token: COINS,
        amount: number(50),
        contributionId: number(4),
    };
    let closed = TaskBoard::TaskClosed {
        taskId,
        accepted: 1,
        refund: number(400),
        secondRefund: number(16),
    };
    let meant = [
        DomainEvent::TaskPosted(TaskPosted {
            task,
            asset: asset(7),
            poster: ALICE,
            mode: TaskMode::DualReward,
            role: ContributionRole::Label,
            reward_token: COINS,
            reward: number(50),
            second_token: SHARES,
            second_reward: number(2),
            places: 9,
            quorum: 2,
            deadline: 1_700_000_000,
            weight: number(10),
            reviewers: vec![ALICE, BOB],
            spec_hash: HASH,
            spec_uri: "ipfs://spec".into(),
        }),
        DomainEvent::SubmissionMade(SubmissionMade {
            submission,
            task,
            worker,
            content_hash: HASH,
            content_uri: "ipfs://work".into(),
        }),
        DomainEvent::SubmissionReviewed(SubmissionReviewed {
            submission,
            task,
            reviewer: ALICE,
            accepted: true,
            note_hash: HASH,
        }),
        DomainEvent::SubmissionRejected(SubmissionRejected {
            submission,
            task,
            worker,
        }),
        DomainEvent::RewardPaid(RewardPaid {
            submission,
            task,
            worker,
            token: COINS,
            amount: number(50),
            contribution: Some(TokenRef::new(BOOK, number(4))),
        }),
        DomainEvent::TaskClosed(TaskClosed {
            task,
            accepted: 1,
            refund: number(400),
            second_refund: number(16),
        }),
    ];
    let emitted = [
        posted().encode_log_data(),
        made.encode_log_data(),
        reviewed.encode_log_data(),
        rejected.encode_log_data(),
        paid.encode_log_data(),
        closed.encode_log_data(),
    ];
    emitted.map(|data| log(TASKS, data)).into_iter().zip(meant).collect()
}

fn requested() -> ExecutionLog::ExecutionRequested {
    ExecutionLog::ExecutionRequested {
        executionId: number(4),
        assetId: number(7),
        requester: ALICE,
        callerAssetId: number(9),
        parentExecutionId: number(2),
        kind: 1,
        licenseId: number(99),
        provider: BOB,
        feeToken: COINS,
        fee: number(100),
        privacy: 1,
        epsilonMicros: 250_000,
        datasetIds: vec![number(1), number(2)],
        inputHash: HASH,
        deadline: 1_700_000_000,
    }
}

fn completed(outputAssetId: U256) -> ExecutionLog::ExecutionCompleted {
    ExecutionLog::ExecutionCompleted {
        executionId: number(4),
        assetId: number(7),
        provider: BOB,
        outputAssetId,
        outputHash: HASH,
        meteredUnits: 12,
        revenueId: number(6),
        contributionId: number(5),
    }
}

fn of_executions() -> Vec<(RawLog, DomainEvent)> {
    let execution = TokenRef::new(EXECUTIONS, number(4));
    let cancelled = ExecutionLog::ExecutionCancelled {
        executionId: number(4),
        refund: number(100),
    };
    let meant = [
        DomainEvent::ExecutionRequested(ExecutionRequested {
            execution,
            asset: asset(7),
            requester: ALICE,
            caller: Some(asset(9)),
            parent: Some(TokenRef::new(EXECUTIONS, number(2))),
            kind: ExecutionKind::FineTuning,
            license_id: number(99),
            provider: BOB,
            fee_token: COINS,
            fee: number(100),
            privacy: PrivacyMode::DifferentialPrivacy,
            epsilon_micros: 250_000,
            datasets: vec![asset(1), asset(2)],
            input_hash: HASH,
            deadline: 1_700_000_000,
        }),
        DomainEvent::ExecutionCompleted(ExecutionCompleted {
            execution,
            asset: asset(7),
            provider: BOB,
            output: Some(asset(10)),
            output_hash: HASH,
            metered_units: 12,
            revenue: Some(TokenRef::new(ROUTER, number(6))),
            contribution: Some(TokenRef::new(BOOK, number(5))),
        }),
        DomainEvent::ExecutionCancelled(ExecutionCancelled {
            execution,
            refund: number(100),
        }),
    ];
    let emitted = [
        requested().encode_log_data(),
        completed(number(10)).encode_log_data(),
        cancelled.encode_log_data(),
    ];
    emitted
        .map(|data| log(EXECUTIONS, data))
        .into_iter()
        .zip(meant)
        .collect()
}

fn of_rounds() -> Vec<(RawLog, DomainEvent)> {
    let (round, roundId) = (TokenRef::new(EXECUTIONS, number(2)), number(2));
    let opened = ExecutionLog::RoundOpened {
        roundId,
        assetId: number(7),
        coordinator: ALICE,
        number: 3,
        privacy: 2,
        epsilonMicros: 9,
        baseHash: HASH,
        deadline: 1_700_000_000,
    };
    let submitted = ExecutionLog::UpdateSubmitted {
        roundId,
        participant: BOB,
        datasetId: number(1),
        updateHash: HASH,
        weight: number(4),
    };
    let aggregated = ExecutionLog::RoundAggregated {
        roundId,
        outputAssetId: U256::ZERO,
        resultHash: HASH,
        firstContributionId: number(5),
        participants: number(1),
    };
    let meant = [
        DomainEvent::RoundOpened(RoundOpened {
            round,
            asset: asset(7),
            coordinator: ALICE,
            number: 3,
            privacy: PrivacyMode::SecretSharing,
            epsilon_micros: 9,
            base_hash: HASH,
            deadline: 1_700_000_000,
        }),
        DomainEvent::UpdateSubmitted(UpdateSubmitted {
            round,
            participant: BOB,
            dataset: Some(asset(1)),
            update_hash: HASH,
            weight: number(4),
        }),
        DomainEvent::RoundAggregated(RoundAggregated {
            round,
            output: None,
            result_hash: HASH,
            first_contribution: Some(TokenRef::new(BOOK, number(5))),
            participants: number(1),
        }),
    ];
    let emitted = [
        opened.encode_log_data(),
        submitted.encode_log_data(),
        aggregated.encode_log_data(),
    ];
    emitted
        .map(|data| log(EXECUTIONS, data))
        .into_iter()
        .zip(meant)
        .collect()
}

fn of_challenges() -> Vec<(RawLog, DomainEvent)> {
    let (challenge, execution) = (
        TokenRef::new(EXECUTIONS, number(1)),
        TokenRef::new(EXECUTIONS, number(4)),
    );
    let challenged = ExecutionLog::ExecutionChallenged {
        challengeId: number(1),
        executionId: number(4),
        challenger: ALICE,
        bond: number(9),
        evidenceHash: HASH,
        evidenceUri: "ipfs://proof".into(),
    };
    let resolved = ExecutionLog::ChallengeResolved {
        challengeId: number(1),
        executionId: number(4),
        upheld: true,
        bondTo: ALICE,
        bond: number(9),
        voidedContributionId: number(5),
    };
    vec![
        (
            log(EXECUTIONS, challenged.encode_log_data()),
            DomainEvent::ExecutionChallenged(ExecutionChallenged {
                challenge,
                execution,
                challenger: ALICE,
                bond: number(9),
                evidence_hash: HASH,
                evidence_uri: "ipfs://proof".into(),
            }),
        ),
        (
            log(EXECUTIONS, resolved.encode_log_data()),
            DomainEvent::ChallengeResolved(ChallengeResolved {
                challenge,
                execution,
                upheld: true,
                bond_to: ALICE,
                bond: number(9),
                voided_contribution: Some(TokenRef::new(BOOK, number(5))),
            }),
        ),
    ]
}

fn raised(tag: u8) -> DisputeCourt::DisputeRaised {
    DisputeCourt::DisputeRaised {
        disputeId: number(1),
        assetId: number(7),
        challenger: BOB,
        tag,
        bond: number(9),
        evidenceHash: HASH,
        evidenceUri: "ipfs://proof".into(),
    }
}

fn of_disputes() -> Vec<(RawLog, DomainEvent)> {
    let dispute = TokenRef::new(COURT, number(1));
    let judged = DisputeCourt::DisputeJudged {
        disputeId: number(1),
        assetId: number(7),
        judge: ALICE,
        upheld: true,
        resolvableAt: 1_700_000_000,
        rulingHash: HASH,
    };
    let resolved = DisputeCourt::DisputeResolved {
        disputeId: number(1),
        assetId: number(7),
        outcome: 1,
        bondTo: BOB,
        bond: number(9),
    };
    let meant = [
        DomainEvent::DisputeRaised(DisputeRaised {
            dispute,
            asset: asset(7),
            challenger: BOB,
            tag: DisputeTag::Content,
            bond: number(9),
            evidence_hash: HASH,
            evidence_uri: "ipfs://proof".into(),
        }),
        DomainEvent::DisputeJudged(DisputeJudged {
            dispute,
            asset: asset(7),
            judge: ALICE,
            upheld: true,
            resolvable_at: 1_700_000_000,
            ruling_hash: HASH,
        }),
        DomainEvent::DisputeResolved(DisputeResolved {
            dispute,
            asset: asset(7),
            outcome: DisputeOutcome::Upheld,
            bond_to: BOB,
            bond: number(9),
        }),
    ];
    let emitted = [
        raised(3).encode_log_data(),
        judged.encode_log_data(),
        resolved.encode_log_data(),
    ];
    emitted.map(|data| log(COURT, data)).into_iter().zip(meant).collect()
}

fn fee(currentE8: u32) -> PayoutDistributor::ProtocolFeeChanged {
    PayoutDistributor::ProtocolFeeChanged {
        previousE8: 0,
        currentE8,
        feeAccount: ALICE,
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one entry an event")]
fn of_payouts() -> Vec<(RawLog, DomainEvent)> {
    let (distributor, epoch, root) = (DISTRIBUTOR, 2, B256::repeat_byte(0x66));
    let proposed = PayoutDistributor::RootProposed {
        epoch,
        root,
        blockNumber: 99,
        blockHash: HASH,
        finalisableAt: 1_700_000_000,
        proposer: ALICE,
    };
    let disputed = PayoutDistributor::RootDisputed {
        epoch,
        root,
        disputer: BOB,
        bond: number(9),
        reason: "no leaf for me".into(),
    };
    let resolved = PayoutDistributor::RootDisputeResolved {
        epoch,
        root,
        upheld: true,
        bondTo: BOB,
        bond: number(9),
    };
    let claimed = PayoutDistributor::Claimed {
        account: BOB,
        token: COINS,
        amount: number(5),
        cumulative: number(12),
    };
    let meant = [
        DomainEvent::RootProposed(RootProposed {
            distributor,
            epoch,
            root,
            computed_at: BlockRef { number: 99, hash: HASH },
            finalisable_at: 1_700_000_000,
            proposer: ALICE,
        }),
        DomainEvent::RootDisputed(RootDisputed {
            distributor,
            epoch,
            root,
            disputer: BOB,
            bond: number(9),
            reason: "no leaf for me".into(),
        }),
        DomainEvent::RootDisputeResolved(RootDisputeResolved {
            distributor,
            epoch,
            root,
            upheld: true,
            bond_to: BOB,
            bond: number(9),
        }),
        DomainEvent::RootWithdrawn(RootWithdrawn {
            distributor,
            epoch,
            root,
        }),
        DomainEvent::RootFinalised(RootFinalised {
            distributor,
            epoch,
            root,
        }),
        DomainEvent::PayoutClaimed(PayoutClaimed {
            distributor,
            account: BOB,
            token: COINS,
            amount: number(5),
            cumulative: number(12),
        }),
        DomainEvent::ProtocolFeeChanged(ProtocolFeeChanged {
            distributor,
            previous: E8::ZERO,
            current: E8::from_parts(1_000_000).unwrap(),
            fee_account: ALICE,
        }),
    ];
    let emitted = [
        proposed.encode_log_data(),
        disputed.encode_log_data(),
        resolved.encode_log_data(),
        PayoutDistributor::RootWithdrawn { epoch, root }.encode_log_data(),
        PayoutDistributor::RootFinalised { epoch, root }.encode_log_data(),
        claimed.encode_log_data(),
        fee(1_000_000).encode_log_data(),
    ];
    emitted
        .map(|data| log(DISTRIBUTOR, data))
        .into_iter()
        .zip(meant)
        .collect()
}

fn of_gateways() -> Vec<(RawLog, DomainEvent)> {
    let announced = Gateway::AssetAnnounced {
        announcementId: HASH,
        assetId: number(7),
        targetChain: 10,
        contentHash: CREATED,
    };
    let mirrored = Gateway::AssetMirrored {
        announcementId: HASH,
        mirrorId: number(8),
        originChain: 10,
        originGateway: BOB,
        originRegistry: PUNKS,
        originAssetId: number(3),
        contentHash: CREATED,
        relayer: ALICE,
    };
    vec![
        (
            log(GATEWAY, announced.encode_log_data()),
            DomainEvent::AssetAnnounced(AssetAnnounced {
                gateway: GATEWAY,
                announcement: HASH,
                asset: asset(7),
                target_chain: ChainId(10),
                content_hash: CREATED,
            }),
        ),
        (
            log(GATEWAY, mirrored.encode_log_data()),
            DomainEvent::AssetMirrored(AssetMirrored {
                gateway: GATEWAY,
                announcement: HASH,
                mirror: asset(8),
                origin: "eip155:10/erc721:0xb2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2/3"
                    .parse()
                    .unwrap(),
                origin_gateway: BOB,
                content_hash: CREATED,
                relayer: ALICE,
            }),
        ),
    ]
}

fn of_routers() -> Vec<(RawLog, DomainEvent)> {
    let changed = RevenueRouter::DistributorChanged {
        previous: ALICE,
        current: DISTRIBUTOR,
    };
    let meant = DomainEvent::DistributorChanged(DistributorChanged {
        router: ROUTER,
        previous: ALICE,
        current: DISTRIBUTOR,
    });
    vec![(log(ROUTER, changed.encode_log_data()), meant)]
}

/// One log of every event, with what it means.
fn cases() -> Vec<(RawLog, DomainEvent)> {
    [
        of_tasks(),
        of_executions(),
        of_rounds(),
        of_challenges(),
        of_disputes(),
        of_payouts(),
        of_gateways(),
        of_routers(),
    ]
    .concat()
}

pub(super) fn logs() -> Vec<RawLog> {
    cases().into_iter().map(|(log, _)| log).collect()
}

#[test]
fn every_event_is_read_with_the_contracts_that_its_ids_are_of() {
    for (log, event) in cases() {
        assert!(decoder().watches(&log.address, &log.topics), "{}", event.name());
        assert_eq!(decoder().decode(&log), Ok(vec![event]));
    }
}

#[test]
fn an_id_of_nothing_is_none() {
    let DomainEvent::ExecutionCompleted(read) = one(EXECUTIONS, &completed(U256::ZERO)) else {
        panic!("another event")
    };
    assert_eq!(read.output, None);
    let request = ExecutionLog::ExecutionRequested {
        callerAssetId: U256::ZERO,
        parentExecutionId: U256::ZERO,
        datasetIds: vec![],
        ..requested()
    };
    let DomainEvent::ExecutionRequested(read) = one(EXECUTIONS, &request) else {
        panic!("another event")
    };
    assert_eq!((read.caller, read.parent, read.datasets), (None, None, vec![]));
}

#[test]
fn numbers_that_name_nothing_are_undecodable() {
    let mode = TaskBoard::TaskPosted { mode: 3, ..posted() };
    assert!(reason(TASKS, &mode).contains("3 is no TaskMode"));
    let role = TaskBoard::TaskPosted { role: 7, ..posted() };
    assert!(reason(TASKS, &role).contains("7 is no ContributionRole"));
    let kind = ExecutionLog::ExecutionRequested { kind: 5, ..requested() };
    assert!(reason(EXECUTIONS, &kind).contains("5 is no ExecutionKind"));
    let privacy = ExecutionLog::ExecutionRequested {
        privacy: 5,
        ..requested()
    };
    assert!(reason(EXECUTIONS, &privacy).contains("5 is no PrivacyMode"));
    assert!(reason(COURT, &raised(4)).contains("4 is no DisputeTag"));
    assert!(reason(DISTRIBUTOR, &fee(100_000_001)).contains("more than the whole"));
}

/// A length in the data that the data does not bear out costs a refusal, not the memory that it asks for.
#[test]
fn a_list_that_claims_more_items_than_there_are_is_undecodable() {
    let mut log = log(EXECUTIONS, requested().encode_log_data());
    let mut data = log.data.to_vec();
    let length = data.len() - 3 * 32;
    assert_eq!(data[length + 31], 2, "the number of datasets");
    data[length..length + 32].copy_from_slice(&[0xff; 32]);
    log.data = data.clone().into();
    assert!(decoder().decode(&log).is_err());
    data[length..length + 32].copy_from_slice(&number(1 << 40).to_be_bytes::<32>());
    log.data = data.into();
    assert!(decoder().decode(&log).is_err());
}

/// A word that holds more than its type is refused: its lower bytes alone could name something else.
#[test]
fn a_word_beyond_its_type_is_undecodable() {
    let mut log = log(COURT, raised(1).encode_log_data());
    let mut data = log.data.to_vec();
    assert_eq!(data[31], 1, "the tag");
    data[30] = 1;
    log.data = data.into();
    assert!(decoder().decode(&log).is_err());
}
