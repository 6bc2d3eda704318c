//! A small world in which everything happens, possible or not: a few accounts, tokens and ids, and deeds that collide all the time.
//!
//! Deeds know both the raw log that a contract emits and what it means, so that the oracle never asks the decoder.

mod economy;
mod money;
mod protocol;

use alloy::sol_types::SolEvent;
use proptest::prelude::*;
use souk_adapters::{ChildPosition, ContractSet, Decoder, WatchSet};
use souk_contracts::AssetShares;
use souk_schema::event::DomainEvent;
use souk_schema::record::RawLog;
use souk_schema::{Address, B256, Bytes, TokenRef, TokenStandard, U256};

use economy::{disputes, executions, rounds, work};
use money::{gateway, payouts, vault};
use protocol::{contributions, licenses, registry, revenue};

pub const REGISTRY: Address = Address::repeat_byte(0xa1);
pub const LICENSES: Address = Address::repeat_byte(0xa2);
pub const SHARES: Address = Address::repeat_byte(0xa3);
pub const BOOK: Address = Address::repeat_byte(0xa4);
pub const ROUTER: Address = Address::repeat_byte(0xa5);
pub const VAULT: Address = Address::repeat_byte(0xa6);
pub const DISTRIBUTOR: Address = Address::repeat_byte(0xa7);
pub const TASKS: Address = Address::repeat_byte(0xa8);
pub const EXECUTIONS: Address = Address::repeat_byte(0xa9);
pub const COURT: Address = Address::repeat_byte(0xaa);
pub const GATEWAY: Address = Address::repeat_byte(0xab);
pub const COINS: Address = Address::repeat_byte(0xb1);
pub const PUNKS: Address = Address::repeat_byte(0xb2);
pub const ITEMS: Address = Address::repeat_byte(0xb3);
pub const FACTORY: Address = Address::repeat_byte(0xc1);
const CREATED: B256 = B256::repeat_byte(0xee);

/// How many kinds of deeds there are.
pub const KINDS: u8 = 47;

pub fn watch_set() -> WatchSet {
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
        18..=21 => strange(deed),
        22..=26 => work(deed),
        27..=31 => executions(deed),
        32..=34 => rounds(deed),
        35..=37 => disputes(deed),
        38..=40 => payouts(deed),
        41 => gateway(deed),
        _ => vault(deed),
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
