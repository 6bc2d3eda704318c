//! Every event of every adapter, encoded as a contract would emit it; and logs that no contract should emit.

mod economy;
mod vault;

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use proptest::prelude::*;
use souk_contracts::{AssetRegistry, AssetShares, ContributionBook, LicenseRegistry, RevenueRouter};
use souk_schema::event::{AssetKind, ContributionRole, DomainEvent, Relation, RevenueReason, RoyaltyPolicy};
use souk_schema::record::RawLog;
use souk_schema::{E8, TokenRef, TokenStandard};

use crate::{ChildPosition, ContractSet, Decoder, WatchSet, token};

const REGISTRY: Address = Address::repeat_byte(0xa1);
const LICENSES: Address = Address::repeat_byte(0xa2);
const SHARES: Address = Address::repeat_byte(0xa3);
const BOOK: Address = Address::repeat_byte(0xa4);
const ROUTER: Address = Address::repeat_byte(0xa5);
const VAULT: Address = Address::repeat_byte(0xa6);
const DISTRIBUTOR: Address = Address::repeat_byte(0xa7);
const TASKS: Address = Address::repeat_byte(0xa8);
const EXECUTIONS: Address = Address::repeat_byte(0xa9);
const COURT: Address = Address::repeat_byte(0xaa);
const GATEWAY: Address = Address::repeat_byte(0xab);
const COINS: Address = Address::repeat_byte(0xb1);
const PUNKS: Address = Address::repeat_byte(0xb2);
const ITEMS: Address = Address::repeat_byte(0xb3);
const FACTORY: Address = Address::repeat_byte(0xc1);
const ALICE: Address = Address::repeat_byte(0x0a);
const BOB: Address = Address::repeat_byte(0x0b);
const CREATED: B256 = B256::repeat_byte(0xee);

fn decoder() -> Decoder {
    let souk = ContractSet::Souk {
        registry: REGISTRY,
        licenses: LICENSES,
        shares: SHARES,
        contributions: BOOK,
        router: ROUTER,
        vault: Some(VAULT),
        distributor: Some(DISTRIBUTOR),
        tasks: Some(TASKS),
        executions: Some(EXECUTIONS),
        disputes: Some(COURT),
        gateway: Some(GATEWAY),
    };
    let factory = ContractSet::Factory {
        address: FACTORY,
        topic0: CREATED,
        child_position: ChildPosition::Word(1),
        child: TokenStandard::Erc721,
    };
    let plain = [
        ContractSet::Erc20 { address: COINS },
        ContractSet::Erc721 { address: PUNKS },
        ContractSet::Erc1155 { address: ITEMS },
    ];
    Decoder::new(&WatchSet::new([souk, factory].into_iter().chain(plain).collect()).unwrap())
}

fn log(address: Address, data: LogData) -> RawLog {
    RawLog {
        address,
        topics: data.topics().to_vec(),
        data: data.data,
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

fn one(address: Address, event: &impl SolEvent) -> DomainEvent {
    let mut events = decoder().decode(&log(address, event.encode_log_data())).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn reason(address: Address, event: &impl SolEvent) -> String {
    decoder()
        .decode(&log(address, event.encode_log_data()))
        .unwrap_err()
        .reason
}

fn asset(id: u64) -> TokenRef {
    TokenRef::new(REGISTRY, U256::from(id))
}

#[test]
fn the_registry_speaks_of_its_own_tokens() {
    let registered = AssetRegistry::AssetRegistered {
        assetId: U256::from(7),
        owner: ALICE,
        kind: 3,
        name: "oracle".into(),
        contentHash: CREATED,
        metadataUri: "ipfs://x".into(),
        contributorShareE8: 5_000_000,
    };
    let expected = DomainEvent::AssetRegistered {
        asset: asset(7),
        owner: ALICE,
        kind: AssetKind::Agent,
        name: "oracle".into(),
        content_hash: CREATED,
        metadata_uri: "ipfs://x".into(),
        contributor_share: E8::from_parts(5_000_000).unwrap(),
    };
    assert_eq!(one(REGISTRY, &registered), expected);
    let too_much = AssetRegistry::AssetRegistered {
        contributorShareE8: 100_000_001,
        ..registered.clone()
    };
    assert!(reason(REGISTRY, &too_much).contains("more than the whole"));
    assert!(
        reason(
            REGISTRY,
            &AssetRegistry::AssetRegistered {
                kind: 200,
                ..registered
            }
        )
        .contains("200 is no AssetKind")
    );

    let derivation = AssetRegistry::DerivationDeclared {
        childId: U256::from(7),
        parentId: U256::from(2),
        relation: 9,
        licenseId: U256::MAX,
    };
    let expected = DomainEvent::DerivationDeclared {
        child: asset(7),
        parent: asset(2),
        relation: Relation::PoweredBy,
        license_id: U256::MAX,
    };
    assert_eq!(one(REGISTRY, &derivation), expected);

    let version = AssetRegistry::AssetVersioned {
        assetId: U256::from(7),
        version: 2,
        contentHash: CREATED,
        metadataUri: String::new(),
    };
    assert!(matches!(
        one(REGISTRY, &version),
        DomainEvent::AssetVersioned { version: 2, .. }
    ));

    let foreign = |caip19: &str| AssetRegistry::ForeignParentDeclared {
        childId: U256::from(7),
        caip19: caip19.into(),
        relation: 7,
    };
    let id = "eip155:1/erc721:0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1/9";
    let DomainEvent::ForeignParentDeclared { parent, .. } = one(REGISTRY, &foreign(id)) else {
        panic!("another event")
    };
    assert_eq!(parent.to_string(), id);
    assert!(reason(REGISTRY, &foreign("my laptop")).contains("no CAIP-19 asset id"));
}

#[test]
fn licences_name_the_registrys_assets() {
    let terms = LicenseRegistry::LicenseTerms {
        commercialUse: true,
        derivativesAllowed: true,
        reciprocal: false,
        transferable: true,
        royaltyPolicy: 2,
        revenueShareE8: 1_000_000,
        mintingFee: U256::from(5),
        currency: COINS,
        durationSecs: 86_400,
        supplyCap: 10,
        uri: "https://example.org".into(),
        spdxId: "MIT".into(),
    };
    let registered = LicenseRegistry::LicenseTermsRegistered {
        termsId: U256::from(1),
        terms,
    };
    let DomainEvent::LicenseTermsRegistered { terms, .. } = one(LICENSES, &registered) else {
        panic!("another event")
    };
    assert_eq!(
        (terms.royalty_policy, terms.revenue_share.parts()),
        (RoyaltyPolicy::Lrp, 1_000_000)
    );

    let attached = LicenseRegistry::LicenseTermsAttached {
        assetId: U256::from(7),
        termsId: U256::from(1),
    };
    assert_eq!(one(LICENSES, &attached).subject(), Some(asset(7)));
    let minted = LicenseRegistry::LicenseMinted {
        licenseId: U256::from(99),
        assetId: U256::from(7),
        termsId: U256::from(1),
        minter: ALICE,
        receiver: BOB,
        amount: U256::from(3),
        expiresAt: 1_700_000_000,
        feePaid: U256::from(15),
    };
    let DomainEvent::LicenseMinted {
        series,
        asset: licensed,
        ..
    } = one(LICENSES, &minted)
    else {
        panic!("another event")
    };
    assert_eq!((series, licensed), (TokenRef::new(LICENSES, U256::from(99)), asset(7)));
    let revoked = LicenseRegistry::LicenseRevoked {
        licenseId: U256::from(99),
        revokedBy: ALICE,
        reason: "breach".into(),
    };
    assert_eq!(one(LICENSES, &revoked).subject(), Some(series));
}

#[test]
fn shares_contributions_and_revenues_name_the_registrys_assets() {
    let issued = AssetShares::SharesIssued {
        assetId: U256::from(7),
        issuer: ALICE,
        supply: U256::from(1000),
    };
    let DomainEvent::SharesIssued { shares, asset: of, .. } = one(SHARES, &issued) else {
        panic!("another event")
    };
    assert_eq!((shares, of), (TokenRef::new(SHARES, U256::from(7)), asset(7)));

    let recorded = ContributionBook::ContributionRecorded {
        contributionId: U256::from(4),
        assetId: U256::from(7),
        contributor: BOB,
        role: 1,
        weight: U256::from(10),
        evidenceHash: CREATED,
        recordedBy: ALICE,
    };
    assert!(matches!(
        one(BOOK, &recorded),
        DomainEvent::ContributionRecorded {
            role: ContributionRole::Label,
            ..
        }
    ));
    let voided = ContributionBook::ContributionVoided {
        contributionId: U256::from(4),
        assetId: U256::from(7),
        voidedBy: ALICE,
        reason: "copied".into(),
    };
    assert_eq!(one(BOOK, &voided).subject(), Some(asset(7)));

    let revenue = RevenueRouter::RevenueReceived {
        revenueId: U256::from(1),
        assetId: U256::from(7),
        payer: BOB,
        token: COINS,
        amount: U256::from(1_000_000),
        reason: 2,
        r#ref: CREATED,
    };
    assert!(matches!(
        one(ROUTER, &revenue),
        DomainEvent::RevenueReceived {
            reason: RevenueReason::Inference,
            ..
        }
    ));
}

#[test]
fn transfers_are_read_by_the_contracts_standard_not_by_the_events_name() {
    let coins = token::Transfer {
        from: ALICE,
        to: BOB,
        amount: U256::from(5),
    };
    let moved = |token, standard, amount: u64| DomainEvent::TokenTransferred {
        token,
        standard,
        from: ALICE,
        to: BOB,
        amount: U256::from(amount),
    };
    assert_eq!(
        one(COINS, &coins),
        moved(TokenRef::new(COINS, U256::ZERO), TokenStandard::Erc20, 5)
    );
    assert!(reason(PUNKS, &coins).contains("a transfer with 3 topics is none of erc721"));

    let mut single = log(PUNKS, coins.encode_log_data());
    single.topics.push(U256::from(8).into());
    single.data = Bytes::new();
    assert_eq!(
        decoder().decode(&single).unwrap(),
        [moved(TokenRef::new(PUNKS, U256::from(8)), TokenStandard::Erc721, 1)]
    );
    single.address = COINS;
    assert!(
        decoder()
            .decode(&single)
            .unwrap_err()
            .reason
            .contains("4 topics is none of erc20")
    );

    let batch = |values: &[u64]| token::TransferBatch {
        operator: ALICE,
        from: ALICE,
        to: BOB,
        ids: vec![U256::from(1), U256::from(2)],
        values: values.iter().map(|value| U256::from(*value)).collect(),
    };
    let events = decoder()
        .decode(&log(ITEMS, batch(&[10, 20]).encode_log_data()))
        .unwrap();
    let item = |id: u64| TokenRef::new(ITEMS, U256::from(id));
    assert_eq!(
        events,
        [
            moved(item(1), TokenStandard::Erc1155, 10),
            moved(item(2), TokenStandard::Erc1155, 20)
        ]
    );
    assert!(reason(ITEMS, &batch(&[10])).contains("2 ids but 1 values"));
}

#[test]
fn what_a_factory_creates_is_watched_until_it_is_removed() {
    let mut decoder = decoder();
    let child = Address::repeat_byte(0xdd);
    let mut created = log(FACTORY, LogData::new_unchecked(vec![CREATED], Bytes::new()));
    assert!(decoder.watches(&FACTORY, &created.topics));
    assert!(
        decoder
            .discover(&created)
            .unwrap_err()
            .reason
            .contains("nothing at Word(1)")
    );
    created.data = [B256::ZERO, child.into_word()].concat().into();
    assert_eq!(
        decoder.discover(&created),
        Ok(Some((child, TokenStandard::Erc721.into())))
    );
    assert_eq!(decoder.decode(&created), Ok(vec![]));
    created.data = [B256::ZERO, B256::repeat_byte(9)].concat().into();
    assert!(decoder.discover(&created).unwrap_err().reason.contains("no address"));

    let transfer = [
        token::Transfer::SIGNATURE_HASH,
        ALICE.into_word(),
        BOB.into_word(),
        B256::ZERO,
    ];
    assert!(!decoder.watches(&child, &transfer));
    assert!(decoder.add_child(child, TokenStandard::Erc721));
    assert!(
        !decoder.add_child(child, TokenStandard::Erc20),
        "the first log that created it decides"
    );
    assert!(
        !decoder.add_child(COINS, TokenStandard::Erc721),
        "a configured contract keeps its meaning"
    );
    assert!(decoder.watches(&child, &transfer));
    decoder.remove_child(&child);
    assert!(!decoder.watches(&child, &transfer));
    decoder.remove_child(&COINS);
    assert!(decoder.watches(&COINS, &transfer), "a configured contract stays");
}

#[test]
fn events_that_mean_nothing_to_us_are_not_watched() {
    let approval = AssetRegistry::Approval {
        owner: ALICE,
        approved: BOB,
        tokenId: U256::ONE,
    }
    .encode_log_data();
    assert!(!decoder().watches(&REGISTRY, approval.topics()));
    assert_eq!(decoder().decode(&log(REGISTRY, approval)), Ok(vec![]));
    assert!(!decoder().watches(&REGISTRY, &[]), "an anonymous event");
}

proptest! {
    #[test]
    fn no_log_makes_the_decoder_panic(
        contract in 0usize..15,
        topic0 in 0usize..90,
        more in proptest::collection::vec(any::<[u8; 32]>(), 0..4),
        data in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let decoder = decoder();
        let ours = [REGISTRY, LICENSES, SHARES, BOOK, ROUTER, VAULT, DISTRIBUTOR, TASKS, EXECUTIONS, COURT, GATEWAY];
        let others = [COINS, PUNKS, ITEMS, FACTORY];
        let address = ours.iter().chain(&others).copied().nth(contract).unwrap();
        let topic0 = decoder.watched_topics()[topic0 % decoder.watched_topics().len()];
        let topics = std::iter::once(topic0).chain(more.into_iter().map(B256::from)).collect();
        let log = RawLog { topics, data: data.into(), ..log(address, LogData::default()) };
        let _ = decoder.decode(&log);
        let _ = decoder.discover(&log);
    }
}

proptest! {
    /// A log of ours that is cut short, or in which one byte is another, is read as something or refused with a reason.
    #[test]
    fn no_damage_makes_the_decoder_panic(
        which in 0usize..100,
        cut in any::<proptest::sample::Index>(),
        byte in any::<proptest::sample::Index>(),
        value in any::<u8>(),
    ) {
        let logs = [economy::logs(), vault::logs()].concat();
        let mut damaged = logs[which % logs.len()].clone();
        let mut data = damaged.data.to_vec();
        if !data.is_empty() {
            let at = byte.index(data.len());
            data[at] = value;
            data.truncate(cut.index(data.len() + 1));
        }
        damaged.data = data.into();
        if let Err(undecodable) = decoder().decode(&damaged) {
            prop_assert!(!undecodable.reason.is_empty());
        }
    }
}

/// No event of ours can be read from less data than it has.
#[test]
fn every_log_that_is_cut_short_is_undecodable() {
    for whole in [economy::logs(), vault::logs()].concat() {
        assert_eq!(decoder().decode(&whole).map(|events| events.len()), Ok(1), "{whole:?}");
        let mut cut = whole.clone();
        // Without the first topic it would be no event of anybody's.
        if cut.topics.len() > 1 {
            cut.topics.pop();
            assert!(decoder().decode(&cut).is_err(), "a topic less: {cut:?}");
        }
        if !whole.data.is_empty() {
            let mut cut = whole.clone();
            cut.data = whole.data.slice(..whole.data.len() - 32);
            assert!(decoder().decode(&cut).is_err(), "a word less: {cut:?}");
        }
    }
}
