//! A small world in which everything happens, possible or not: a few accounts, tokens and ids, and deeds that collide all the time.
//!
//! Deeds know both the raw log that a contract emits and what it means, so that the oracle never asks the decoder.

use alloy::sol_types::SolEvent;
use proptest::prelude::*;
use souk_adapters::{ChildPosition, ContractSet, Decoder, WatchSet};
use souk_contracts::{AssetRegistry, AssetShares, ContributionBook, LicenseRegistry, RevenueRouter};
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{
    AssetKind, ContributionRole, DomainEvent, LicenseTerms, Relation, RevenueReason, RoyaltyPolicy,
};
use souk_schema::record::RawLog;
use souk_schema::{Address, B256, Bytes, ChainId, E8, TokenRef, TokenStandard, U256};

pub const REGISTRY: Address = Address::repeat_byte(0xa1);
pub const LICENSES: Address = Address::repeat_byte(0xa2);
pub const SHARES: Address = Address::repeat_byte(0xa3);
pub const BOOK: Address = Address::repeat_byte(0xa4);
pub const ROUTER: Address = Address::repeat_byte(0xa5);
pub const COINS: Address = Address::repeat_byte(0xb1);
pub const PUNKS: Address = Address::repeat_byte(0xb2);
pub const ITEMS: Address = Address::repeat_byte(0xb3);
pub const FACTORY: Address = Address::repeat_byte(0xc1);
const CREATED: B256 = B256::repeat_byte(0xee);

/// How many kinds of deeds there are.
pub const KINDS: u8 = 22;

pub fn watch_set() -> WatchSet {
    let souk = ContractSet::Souk {
        registry: REGISTRY,
        licenses: LICENSES,
        shares: SHARES,
        contributions: BOOK,
        router: ROUTER,
    };
    let factory = ContractSet::Factory {
        address: FACTORY,
        topic0: CREATED,
        child_position: ChildPosition::Topic(1),
        child: TokenStandard::Erc721,
    };
    let coins = ContractSet::Erc20 { address: COINS };
    let punks = ContractSet::Erc721 { address: PUNKS };
    let items = ContractSet::Erc1155 { address: ITEMS };
    WatchSet::new(vec![souk, factory, coins, punks, items]).expect("a valid watch set")
}

/// Something that happens: its kind and small numbers to choose with.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    pub kind: u8,
    pub a: u8,
    pub b: u8,
    pub c: u8,
}

pub fn deed() -> impl Strategy<Value = Deed> {
    (0..KINDS, 0..4u8, 0..4u8, 0..8u8).prop_map(|(kind, a, b, c)| Deed { kind, a, b, c })
}

/// What a log means, as its author knows.
#[derive(Clone, Debug)]
pub enum Meaning {
    Events(Vec<DomainEvent>),
    Undecodable(String),
    Creates(Address, TokenStandard),
    /// Events of a contract that counts only once a factory has created it.
    OfChild(Address, Vec<DomainEvent>),
}

fn account(number: u8) -> Address {
    match number % 4 {
        0 => Address::ZERO,
        other => Address::repeat_byte(other),
    }
}

fn asset(number: u8) -> TokenRef {
    TokenRef::new(REGISTRY, U256::from(number))
}

fn hash(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// Mostly small, sometimes the largest.
fn amount(number: u8) -> U256 {
    if number == 7 { U256::MAX } else { U256::from(number) }
}

fn pick<T: Copy>(all: &[T], number: u8) -> T {
    all[usize::from(number) % all.len()]
}

fn raw(address: Address, event: &impl SolEvent) -> RawLog {
    let data = event.encode_log_data();
    RawLog {
        address,
        topics: data.topics().to_vec(),
        data: data.data,
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

mod plain {
    alloy::sol! {
        event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
        event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values);
        event Transfer(address indexed from, address indexed to, uint256 amount);
    }
}

mod single {
    alloy::sol! {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    }
}

fn moved(contract: Address, id: u8, standard: TokenStandard, deed: Deed, amount: U256) -> DomainEvent {
    DomainEvent::TokenTransferred {
        token: TokenRef::new(contract, U256::from(id)),
        standard,
        from: account(deed.b),
        to: account(deed.c),
        amount,
    }
}

fn transfer_721(contract: Address, deed: Deed) -> (RawLog, Vec<DomainEvent>) {
    let event = single::Transfer {
        from: account(deed.b),
        to: account(deed.c),
        tokenId: U256::from(deed.a),
    };
    let moved = moved(contract, deed.a, TokenStandard::Erc721, deed, U256::ONE);
    (raw(contract, &event), vec![moved])
}

fn transfer_1155(contract: Address, deed: Deed) -> (RawLog, Vec<DomainEvent>) {
    let (from, to) = (account(deed.b), account(deed.c));
    let value = amount(deed.c);
    let event = plain::TransferSingle {
        operator: from,
        from,
        to,
        id: U256::from(deed.a),
        value,
    };
    let moved = moved(contract, deed.a, TokenStandard::Erc1155, deed, value);
    (raw(contract, &event), vec![moved])
}

/// The log that a deed leaves and what it means.
pub fn emit(deed: Deed) -> (RawLog, Meaning) {
    let one = |log, event| (log, Meaning::Events(vec![event]));
    match deed.kind {
        0..=3 => registry(deed),
        4..=7 => licenses(deed),
        8 => {
            let (supply, issuer) = (amount(deed.c), account(deed.b));
            let event = AssetShares::SharesIssued {
                assetId: U256::from(deed.a),
                issuer,
                supply,
            };
            let (shares, asset) = (TokenRef::new(SHARES, U256::from(deed.a)), asset(deed.a));
            let meaning = DomainEvent::SharesIssued {
                shares,
                asset,
                issuer,
                supply,
            };
            one(raw(SHARES, &event), meaning)
        }
        9 | 10 => contributions(deed),
        11 => revenue(deed),
        12 => {
            let (log, events) = transfer_721(REGISTRY, deed);
            (log, Meaning::Events(events))
        }
        13 => {
            let (log, events) = transfer_1155(SHARES, deed);
            (log, Meaning::Events(events))
        }
        14 => {
            let (from, to) = (account(deed.b), account(deed.c));
            let value = amount(deed.c);
            let event = plain::TransferBatch {
                operator: from,
                from,
                to,
                ids: vec![U256::from(deed.a), U256::from(9)],
                values: vec![value, U256::ONE],
            };
            let first = moved(LICENSES, deed.a, TokenStandard::Erc1155, deed, value);
            let second = moved(LICENSES, 9, TokenStandard::Erc1155, deed, U256::ONE);
            (raw(LICENSES, &event), Meaning::Events(vec![first, second]))
        }
        15 => {
            let (from, to, amount) = (account(deed.b), account(deed.c), amount(deed.a ^ 4));
            let event = plain::Transfer { from, to, amount };
            one(raw(COINS, &event), moved(COINS, 0, TokenStandard::Erc20, deed, amount))
        }
        16 => {
            let (log, events) = transfer_721(PUNKS, deed);
            (log, Meaning::Events(events))
        }
        17 => {
            let (log, events) = transfer_1155(ITEMS, deed);
            (log, Meaning::Events(events))
        }
        _ => strange(deed),
    }
}

fn child(number: u8) -> Address {
    Address::repeat_byte(0xd0 + number % 4)
}

/// Logs of contracts that nobody wrote with us in mind.
fn strange(deed: Deed) -> (RawLog, Meaning) {
    let undecodable = |log: RawLog| {
        let reason = Decoder::new(&watch_set())
            .decode(&log)
            .expect_err("no adapter reads this")
            .reason;
        (log, Meaning::Undecodable(reason))
    };
    match deed.kind {
        18 => {
            let (mut log, _) = registry(Deed { kind: 0, ..deed });
            log.data = Bytes::from(vec![deed.b; usize::from(deed.c)]);
            undecodable(log)
        }
        19 => {
            let (mut log, _) = transfer_721(COINS, deed);
            log.topics.truncate(2);
            undecodable(log)
        }
        20 => {
            let log = RawLog {
                address: FACTORY,
                topics: vec![CREATED, child(deed.a).into_word()],
                data: Bytes::new(),
                transaction_hash: B256::ZERO,
                transaction_index: 0,
                log_index: 0,
            };
            (log, Meaning::Creates(child(deed.a), TokenStandard::Erc721))
        }
        _ => {
            let (log, events) = transfer_721(child(deed.a), deed);
            (log, Meaning::OfChild(child(deed.a), events))
        }
    }
}

fn registry(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let asset = asset(a);
    let metadata_uri = format!("ipfs://{b}/{c}");
    let (log, event) = match kind {
        0 => {
            let name = if c == 0 {
                "nul\0".to_string()
            } else {
                format!("asset \\ \"{a}\"\n\u{1f600}")
            };
            let log = AssetRegistry::AssetRegistered {
                assetId: asset.id,
                owner: account(b),
                kind: c % 7,
                name: name.clone(),
                contentHash: hash(b),
                metadataUri: metadata_uri.clone(),
                contributorShareE8: 100_000_000 >> c,
            };
            let event = DomainEvent::AssetRegistered {
                asset,
                owner: account(b),
                kind: pick(AssetKind::ALL, c),
                name,
                content_hash: hash(b),
                metadata_uri,
                contributor_share: E8::from_parts(100_000_000 >> c).expect("at most the whole"),
            };
            (raw(REGISTRY, &log), event)
        }
        1 => {
            let version = if c == 0 { u32::MAX } else { c.into() };
            let log = AssetRegistry::AssetVersioned {
                assetId: asset.id,
                version,
                contentHash: hash(b),
                metadataUri: metadata_uri.clone(),
            };
            let event = DomainEvent::AssetVersioned {
                asset,
                version,
                content_hash: hash(b),
                metadata_uri,
            };
            (raw(REGISTRY, &log), event)
        }
        2 => {
            let log = AssetRegistry::DerivationDeclared {
                childId: asset.id,
                parentId: U256::from(b),
                relation: c,
                licenseId: amount(c),
            };
            let event = DomainEvent::DerivationDeclared {
                child: asset,
                parent: self::asset(b),
                relation: pick(Relation::ALL, c),
                license_id: amount(c),
            };
            (raw(REGISTRY, &log), event)
        }
        _ => {
            let parent = if b == 0 {
                AssetId::Other("cosmos:cosmoshub-3/slip44:118".into())
            } else {
                AssetId::Evm(EvmAssetId {
                    chain: ChainId(10),
                    standard: TokenStandard::Erc721,
                    token: self::asset(b),
                })
            };
            let log = AssetRegistry::ForeignParentDeclared {
                childId: asset.id,
                caip19: parent.to_string(),
                relation: c,
            };
            let event = DomainEvent::ForeignParentDeclared {
                child: asset,
                parent,
                relation: pick(Relation::ALL, c),
            };
            (raw(REGISTRY, &log), event)
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn licenses(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let (asset, terms_id) = (asset(a), U256::from(b));
    let series = TokenRef::new(LICENSES, U256::from(a));
    let (log, event) = match kind {
        4 => terms(deed),
        5 => {
            let log = LicenseRegistry::LicenseTermsAttached {
                assetId: asset.id,
                termsId: terms_id,
            };
            let registry = LICENSES;
            let event = DomainEvent::LicenseTermsAttached {
                registry,
                asset,
                terms_id,
            };
            (raw(LICENSES, &log), event)
        }
        6 => {
            let expires_at = if c == 7 { u64::MAX } else { c.into() };
            let log = LicenseRegistry::LicenseMinted {
                licenseId: series.id,
                assetId: asset.id,
                termsId: terms_id,
                minter: account(b),
                receiver: account(c),
                amount: amount(c),
                expiresAt: expires_at,
                feePaid: amount(b),
            };
            let event = DomainEvent::LicenseMinted {
                series,
                asset,
                terms_id,
                minter: account(b),
                receiver: account(c),
                amount: amount(c),
                expires_at,
                fee_paid: amount(b),
            };
            (raw(LICENSES, &log), event)
        }
        _ => {
            let reason = format!("reason {c}");
            let log = LicenseRegistry::LicenseRevoked {
                licenseId: series.id,
                revokedBy: account(b),
                reason: reason.clone(),
            };
            let event = DomainEvent::LicenseRevoked {
                series,
                revoked_by: account(b),
                reason,
            };
            (raw(LICENSES, &log), event)
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn terms(Deed { b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let terms = LicenseTerms {
        commercial_use: c & 1 == 1,
        derivatives_allowed: c & 2 == 2,
        reciprocal: c & 4 == 4,
        transferable: c & 1 == 0,
        royalty_policy: pick(RoyaltyPolicy::ALL, c),
        revenue_share: E8::from_parts(c.into()).expect("at most the whole"),
        minting_fee: amount(c),
        currency: COINS,
        duration_secs: u64::MAX >> c,
        supply_cap: u64::MAX << c,
        uri: format!("https://example.org/{c}"),
        spdx_id: if c == 3 { "\0".into() } else { "MIT".into() },
    };
    let log = LicenseRegistry::LicenseTermsRegistered {
        termsId: U256::from(b),
        terms: LicenseRegistry::LicenseTerms {
            commercialUse: terms.commercial_use,
            derivativesAllowed: terms.derivatives_allowed,
            reciprocal: terms.reciprocal,
            transferable: terms.transferable,
            royaltyPolicy: terms.royalty_policy.number(),
            revenueShareE8: terms.revenue_share.parts(),
            mintingFee: terms.minting_fee,
            currency: terms.currency,
            durationSecs: terms.duration_secs,
            supplyCap: terms.supply_cap,
            uri: terms.uri.clone(),
            spdxId: terms.spdx_id.clone(),
        },
    };
    let event = DomainEvent::LicenseTermsRegistered {
        registry: LICENSES,
        terms_id: U256::from(b),
        terms,
    };
    (raw(LICENSES, &log), event)
}

fn contributions(Deed { kind, a, b, c }: Deed) -> (RawLog, Meaning) {
    let contribution = TokenRef::new(BOOK, U256::from(a));
    let asset = asset(b);
    let (log, event) = if kind == 9 {
        let log = ContributionBook::ContributionRecorded {
            contributionId: contribution.id,
            assetId: asset.id,
            contributor: account(b),
            role: c % 7,
            weight: amount(c),
            evidenceHash: hash(c),
            recordedBy: account(a),
        };
        let event = DomainEvent::ContributionRecorded {
            contribution,
            asset,
            contributor: account(b),
            role: pick(ContributionRole::ALL, c),
            weight: amount(c),
            evidence_hash: hash(c),
            recorded_by: account(a),
        };
        (raw(BOOK, &log), event)
    } else {
        let reason = String::from("copied");
        let log = ContributionBook::ContributionVoided {
            contributionId: contribution.id,
            assetId: asset.id,
            voidedBy: account(c),
            reason: reason.clone(),
        };
        let event = DomainEvent::ContributionVoided {
            contribution,
            asset,
            voided_by: account(c),
            reason,
        };
        (raw(BOOK, &log), event)
    };
    (log, Meaning::Events(vec![event]))
}

fn revenue(Deed { a, b, c, .. }: Deed) -> (RawLog, Meaning) {
    let revenue = TokenRef::new(ROUTER, U256::from(b));
    let log = RevenueRouter::RevenueReceived {
        revenueId: revenue.id,
        assetId: U256::from(a),
        payer: account(b),
        token: COINS,
        amount: amount(c),
        reason: c % 7,
        r#ref: hash(c),
    };
    let event = DomainEvent::RevenueReceived {
        revenue,
        asset: asset(a),
        payer: account(b),
        token: COINS,
        amount: amount(c),
        reason: pick(RevenueReason::ALL, c),
        reference: hash(c),
    };
    (raw(ROUTER, &log), Meaning::Events(vec![event]))
}
