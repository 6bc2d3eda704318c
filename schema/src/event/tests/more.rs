//! Specimens of what tasks, executions, disputes, payouts, vaults and gateways say.

use super::*;

pub fn of_work() -> Vec<DomainEvent> {
    let (task, submission) = (token(0x71, 3), token(0x71, 8));
    vec![
        DomainEvent::TaskPosted(TaskPosted {
            task,
            asset: token(0xaa, 7),
            poster: ALICE,
            mode: TaskMode::DualReward,
            role: ContributionRole::Label,
            reward_token: BOB,
            reward: U256::from(5_000_000),
            second_token: ALICE,
            second_reward: U256::MAX,
            places: u32::MAX,
            quorum: 2,
            deadline: 1_700_000_000,
            weight: U256::from(10),
            reviewers: vec![ALICE, BOB],
            spec_hash: HASH,
            spec_uri: "ipfs://spec".into(),
        }),
        DomainEvent::SubmissionMade(SubmissionMade {
            submission,
            task,
            worker: BOB,
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
            worker: BOB,
        }),
        DomainEvent::RewardPaid(RewardPaid {
            submission,
            task,
            worker: BOB,
            token: ALICE,
            amount: U256::from(5_000_000),
            contribution: Some(token(0xdd, 1)),
        }),
        DomainEvent::TaskClosed(TaskClosed {
            task,
            accepted: 1,
            refund: U256::from(7),
            second_refund: U256::ZERO,
        }),
    ]
}

pub fn of_executions() -> Vec<DomainEvent> {
    let (execution, asset) = (token(0x72, 4), token(0xaa, 7));
    vec![
        DomainEvent::ExecutionRequested(ExecutionRequested {
            execution,
            asset,
            requester: ALICE,
            caller: Some(token(0xaa, 9)),
            parent: None,
            kind: ExecutionKind::FineTuning,
            license_id: U256::from(5),
            provider: BOB,
            fee_token: ALICE,
            fee: U256::from(1_000_000),
            privacy: PrivacyMode::DifferentialPrivacy,
            epsilon_micros: 250_000,
            datasets: vec![token(0xaa, 1), token(0xaa, 2)],
            input_hash: HASH,
            deadline: u64::MAX,
        }),
        DomainEvent::ExecutionCompleted(ExecutionCompleted {
            execution,
            asset,
            provider: BOB,
            output: Some(token(0xaa, 10)),
            output_hash: HASH,
            metered_units: 12,
            revenue: Some(token(0xee, 1)),
            contribution: None,
        }),
        DomainEvent::ExecutionCancelled(ExecutionCancelled {
            execution,
            refund: U256::from(1_000_000),
        }),
    ]
}

pub fn of_rounds_and_challenges() -> Vec<DomainEvent> {
    let (execution, round, challenge) = (token(0x72, 4), token(0x72, 2), token(0x72, 1));
    vec![
        DomainEvent::RoundOpened(RoundOpened {
            round,
            asset: token(0xaa, 7),
            coordinator: ALICE,
            number: 3,
            privacy: PrivacyMode::SecretSharing,
            epsilon_micros: 0,
            base_hash: HASH,
            deadline: 1_700_000_000,
        }),
        DomainEvent::UpdateSubmitted(UpdateSubmitted {
            round,
            participant: BOB,
            dataset: Some(token(0xaa, 1)),
            update_hash: HASH,
            weight: U256::from(4),
        }),
        DomainEvent::RoundAggregated(RoundAggregated {
            round,
            output: None,
            result_hash: HASH,
            first_contribution: Some(token(0xdd, 5)),
            participants: U256::ONE,
        }),
        DomainEvent::ExecutionChallenged(ExecutionChallenged {
            challenge,
            execution,
            challenger: ALICE,
            bond: U256::from(9),
            evidence_hash: HASH,
            evidence_uri: "ipfs://proof".into(),
        }),
        DomainEvent::ChallengeResolved(ChallengeResolved {
            challenge,
            execution,
            upheld: true,
            bond_to: ALICE,
            bond: U256::from(9),
            voided_contribution: Some(token(0xdd, 6)),
        }),
    ]
}

pub fn of_disputes() -> Vec<DomainEvent> {
    let (dispute, asset) = (token(0x73, 1), token(0xaa, 7));
    vec![
        DomainEvent::DisputeRaised(DisputeRaised {
            dispute,
            asset,
            challenger: BOB,
            tag: DisputeTag::ImproperPayment,
            bond: U256::from(9),
            evidence_hash: HASH,
            evidence_uri: String::new(),
        }),
        DomainEvent::DisputeJudged(DisputeJudged {
            dispute,
            asset,
            judge: ALICE,
            upheld: false,
            resolvable_at: 1_700_000_000,
            ruling_hash: HASH,
        }),
        DomainEvent::DisputeResolved(DisputeResolved {
            dispute,
            asset,
            outcome: DisputeOutcome::Withdrawn,
            bond_to: BOB,
            bond: U256::from(9),
        }),
    ]
}

pub fn of_payouts() -> Vec<DomainEvent> {
    let (distributor, epoch, root) = (Address::repeat_byte(0x74), 1, B256::repeat_byte(4));
    vec![
        DomainEvent::RootProposed(RootProposed {
            distributor,
            epoch,
            root,
            computed_at: crate::BlockRef { number: 99, hash: HASH },
            finalisable_at: 1_700_000_000,
            proposer: ALICE,
        }),
        DomainEvent::RootDisputed(RootDisputed {
            distributor,
            epoch,
            root,
            disputer: BOB,
            bond: U256::from(9),
            reason: "no leaf for me".into(),
        }),
        DomainEvent::RootDisputeResolved(RootDisputeResolved {
            distributor,
            epoch,
            root,
            upheld: true,
            bond_to: BOB,
            bond: U256::from(9),
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
            token: ALICE,
            amount: U256::from(5),
            cumulative: U256::from(12),
        }),
        DomainEvent::ProtocolFeeChanged(ProtocolFeeChanged {
            distributor,
            previous: E8::ZERO,
            current: E8::from_parts(1_000_000).unwrap(),
            fee_account: ALICE,
        }),
        DomainEvent::DistributorChanged(DistributorChanged {
            router: Address::repeat_byte(0x76),
            previous: Address::ZERO,
            current: distributor,
        }),
    ]
}

pub fn of_vaults() -> Vec<DomainEvent> {
    let (vault, market, shares) = (Address::repeat_byte(0x75), B256::repeat_byte(5), token(0xcc, 7));
    vec![
        DomainEvent::VaultCredited(VaultCredited {
            vault,
            account: ALICE,
            token: shares,
            amount: U256::from(40),
        }),
        DomainEvent::VaultDebited(VaultDebited {
            vault,
            account: ALICE,
            token: shares,
            amount: U256::from(10),
        }),
        DomainEvent::VaultMarketListed(VaultMarketListed {
            vault,
            market,
            base: shares,
            quote: token(0xb1, 0),
            asset: Some(token(0xaa, 7)),
            royalty_account: Address::repeat_byte(6),
        }),
        DomainEvent::VaultFeeAccountChanged(VaultFeeAccountChanged {
            vault,
            previous: Address::ZERO,
            current: BOB,
        }),
        DomainEvent::VaultFilled(VaultFilled {
            vault,
            market,
            group: 1,
            number: u64::MAX,
            buyer: BOB,
            seller: ALICE,
            base_amount: U256::from(10),
            quote_amount: U256::from(1_000),
            buyer_fee: U256::from(1),
            seller_fee: U256::from(2),
            royalty: U256::from(3),
        }),
    ]
}

pub fn of_gateways() -> Vec<DomainEvent> {
    let (gateway, announcement) = (Address::repeat_byte(0x76), B256::repeat_byte(7));
    vec![
        DomainEvent::AssetAnnounced(AssetAnnounced {
            gateway,
            announcement,
            asset: token(0xaa, 7),
            target_chain: crate::ChainId(10),
            content_hash: HASH,
        }),
        DomainEvent::AssetMirrored(AssetMirrored {
            gateway,
            announcement,
            mirror: token(0xaa, 8),
            origin: "eip155:10/erc721:0xabababababababababababababababababababab/3"
                .parse()
                .unwrap(),
            origin_gateway: BOB,
            content_hash: HASH,
            relayer: ALICE,
        }),
    ]
}
