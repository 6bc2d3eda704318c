//! Specimens of what other protocols say.

use alloy_primitives::Bytes;

use super::*;
use crate::event::foreign::*;
use crate::id::ChainId;

fn foreign(event: impl Into<ForeignEvent>) -> DomainEvent {
    DomainEvent::Foreign(event.into())
}

fn thing(kind: ForeignKind, contract: u8, id: u64) -> ForeignThing {
    ForeignThing {
        kind,
        key: token(contract, id),
    }
}

pub fn of_assets() -> Vec<DomainEvent> {
    let ip = thing(ForeignKind::StoryIp, 0x51, 0xabcd);
    vec![
        foreign(ForeignAssetRegistered {
            thing: ip,
            account: Some(ALICE),
            owner: None,
            name: "Story \"IP\" 事実".into(),
            uri: "ipfs://ip".into(),
            token: Some(
                "eip155:1/erc721:0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/7"
                    .parse()
                    .unwrap(),
            ),
        }),
        foreign(ForeignAssetDescribed {
            thing: thing(ForeignKind::OceanDataNft, 0x52, 1),
            uri: String::new(),
            hash: Some(HASH),
            changed_by: Some(BOB),
        }),
        foreign(ForeignMetadataSet {
            thing: thing(ForeignKind::Agent, 0x53, 4),
            metadata_key: "POWERED_BY".into(),
            value: Bytes::from_static(b"eip155:1/erc721:0x"),
        }),
        foreign(ForeignDerived {
            child: thing(ForeignKind::OceanDatatoken, 0x54, 0),
            parents: vec![thing(ForeignKind::OceanDataNft, 0x52, 1)],
            relation: Relation::DerivedFrom,
            terms_ids: vec![U256::MAX],
        }),
    ]
}

pub fn of_story() -> Vec<DomainEvent> {
    let (ip, other, dispute) = (token(0x51, 0xabcd), token(0x51, 0xef), token(0x55, 9));
    vec![
        foreign(ForeignTermsRegistered {
            template: ALICE,
            terms_id: U256::from(3),
            terms: Bytes::from_static(&[1, 2]),
        }),
        foreign(ForeignTermsAttached {
            asset: ip,
            template: ALICE,
            terms_id: U256::from(3),
            attached_by: BOB,
        }),
        foreign(ForeignLicenseMinted {
            asset: ip,
            template: ALICE,
            terms_id: U256::from(3),
            minter: BOB,
            receiver: ALICE,
            amount: U256::from(2),
            first_license: U256::from(70),
        }),
        foreign(ForeignRoyaltiesLinked {
            asset: ip,
            parents: vec![other],
            policies: vec![ALICE],
            shares: vec![E8::from_parts(5_000_000).unwrap()],
        }),
        foreign(ForeignPaymentMade {
            asset: ip,
            purpose: PaymentPurpose::MintingFee,
            paid_by: Some(other),
            payer: None,
            token: BOB,
            amount: U256::MAX,
            fee: Some(U256::from(7)),
        }),
        foreign(ForeignVaultOpened {
            asset: ip,
            vault: ALICE,
        }),
        foreign(ForeignVaultClaimed {
            vault: ALICE,
            claimer: Some(BOB),
            token: ALICE,
            amount: U256::from(8),
        }),
        foreign(ForeignDisputeRaised {
            dispute,
            asset: ip,
            initiator: ALICE,
            policy: BOB,
            evidence_hash: HASH,
            tag: HASH,
        }),
        foreign(ForeignDisputeJudged { dispute, upheld: true }),
        foreign(ForeignDisputeClosed {
            dispute,
            cancelled: false,
        }),
        foreign(ForeignAssetTagged {
            dispute: token(0x55, 10),
            asset: other,
            infringer: ip,
            infringer_dispute: dispute,
            tag: HASH,
        }),
    ]
}

pub fn of_agents() -> Vec<DomainEvent> {
    let agent = token(0x53, 4);
    vec![
        foreign(FeedbackGiven {
            registry: BOB,
            agent,
            client: ALICE,
            index: None,
            value: i128::MIN,
            value_decimals: 2,
            tag1: "starred".into(),
            tag2: String::new(),
            endpoint: "mcp".into(),
            uri: "ipfs://feedback".into(),
            hash: HASH,
        }),
        foreign(FeedbackRevoked {
            registry: BOB,
            agent,
            client: ALICE,
            index: u64::MAX,
        }),
        foreign(FeedbackAnswered {
            registry: BOB,
            agent,
            client: ALICE,
            index: 1,
            responder: BOB,
            uri: "ipfs://answer".into(),
            hash: HASH,
        }),
        foreign(ValidationRequested {
            request_hash: HASH,
            agent,
            validator: BOB,
            uri: "ipfs://work".into(),
        }),
        foreign(ValidationAnswered {
            request_hash: HASH,
            agent,
            validator: BOB,
            response: 100,
            uri: "ipfs://found".into(),
            hash: HASH,
            tag: "hard".into(),
        }),
    ]
}

pub fn of_attestations() -> Vec<DomainEvent> {
    let (registry, uid, schema) = (BOB, HASH, B256::repeat_byte(4));
    vec![
        foreign(AttestationSchemaRegistered {
            registry,
            schema,
            registered_by: ALICE,
            definition: "bool safe".into(),
            resolver: Address::ZERO,
            revocable: Some(true),
        }),
        foreign(Attested {
            registry,
            uid,
            schema,
            attester: ALICE,
            recipient: BOB,
        }),
        foreign(AttestationRevoked {
            registry,
            uid,
            schema,
            attester: ALICE,
            recipient: BOB,
        }),
        foreign(HashTimestamped {
            registry,
            hash: HASH,
            timestamp: 1_700_000_000,
        }),
        foreign(HashRevoked {
            registry,
            hash: HASH,
            revoked_by: ALICE,
            timestamp: 1_700_000_000,
        }),
    ]
}

pub fn of_data() -> Vec<DomainEvent> {
    let (datatoken, file) = (token(0x54, 0), token(0x56, 12));
    vec![
        foreign(OceanStateChanged {
            asset: token(0x52, 1),
            state: 3,
            changed_by: ALICE,
        }),
        foreign(DatatokenOrdered {
            datatoken,
            consumer: ALICE,
            payer: BOB,
            amount: U256::from(10),
            service: U256::ZERO,
            market: BOB,
        }),
        foreign(DatatokenListed {
            exchange: HASH,
            datatoken,
            base_token: ALICE,
            owner: BOB,
            rate: U256::from(1_000_000),
        }),
        foreign(DatatokenSwapped {
            exchange: HASH,
            account: ALICE,
            base_amount: U256::from(5),
            datatoken_amount: U256::from(6),
            got: BOB,
        }),
        foreign(FileProved {
            file,
            owner: Some(ALICE),
            proof: U256::from(1),
            pool: Some(U256::MAX),
            score: None,
            uri: "ipfs://proof".into(),
        }),
        foreign(FileRefined {
            file,
            refiner: U256::from(2),
            uri: "ipfs://refined".into(),
            replaces: true,
        }),
        foreign(FilePermitted { file, account: BOB }),
        foreign(FileRewarded {
            file,
            pool: BOB,
            contributor: ALICE,
            proof: U256::from(1),
            amount: U256::from(3),
        }),
    ]
}

pub fn of_claims() -> Vec<DomainEvent> {
    vec![
        foreign(DistributionRootSet {
            distributor: ALICE,
            leaf_hash: LeafHash::Double,
            root: HASH,
            tree_hash: B256::ZERO,
            pending: true,
            effective_at: Some(1_700_000_000),
        }),
        foreign(DistributionHalted {
            distributor: ALICE,
            reason: "wrong leaf".into(),
            valid: None,
        }),
        foreign(DistributionClaimed {
            distributor: ALICE,
            leaf_hash: LeafHash::Single,
            account: BOB,
            token: ALICE,
            amount: U256::from(9),
        }),
    ]
}

#[test]
fn things_have_ids_that_are_read_back() {
    let ids = ForeignKind::ALL.iter().map(|kind| {
        let number = if *kind == ForeignKind::OceanDatatoken {
            0
        } else {
            0xabcd
        };
        let id = kind.asset_id(ChainId(1514), token(0x51, number));
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        id.to_string().replace(&"51".repeat(20), "…")
    });
    let expected = [
        "eip155:1514/storyip:0x…/0x000000000000000000000000000000000000abcd",
        "eip155:1514/erc721:0x…/43981",
        "eip155:1514/erc721:0x…/43981",
        "eip155:1514/erc20:0x…",
        "eip155:1514/vanafile:0x…/43981",
    ];
    assert_eq!(ids.collect::<Vec<_>>(), expected);
}

/// Feedback that does not say its number cannot be told from another: its revocation names nothing that is kept.
#[test]
fn a_revocation_names_the_feedback_that_it_takes_back() {
    let events = of_agents();
    let (
        DomainEvent::Foreign(ForeignEvent::FeedbackGiven(given)),
        DomainEvent::Foreign(ForeignEvent::FeedbackRevoked(revoked)),
    ) = (&events[0], &events[1])
    else {
        panic!("feedback comes first");
    };
    let numbered = |index| FeedbackGiven { index, ..given.clone() }.key();
    assert_eq!(numbered(None), None);
    assert_eq!(numbered(Some(u64::MAX)), Some(revoked.key()));
    assert_ne!(numbered(Some(1)), numbered(Some(2)));
}
