//! Every variant of every protocol from its encoded log, false and truncated data, and one contract told from another by its address.

mod bytes;
mod variants;

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes};
use souk_schema::record::RawLog;

use crate::decoder::Undecodable;
use crate::watch_set::{ContractSet, WatchSet};
use crate::{ChildKind, Decoder};

pub const ALICE: Address = Address::repeat_byte(0xa1);
pub const BOB: Address = Address::repeat_byte(0xb0);
pub const HASH: B256 = B256::repeat_byte(0x3c);

/// The contracts of every protocol, each at an address of its own.
pub fn at(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

pub fn everything() -> Vec<ContractSet> {
    let some = |byte| Some(at(byte));
    vec![
        ContractSet::Story {
            registry: at(0x10),
            metadata: some(0x11),
            template: some(0x12),
            licensing: some(0x13),
            royalty: some(0x14),
            lap_policy: some(0x15),
            lrp_policy: some(0x16),
            dispute: some(0x17),
        },
        ContractSet::Erc8004 {
            identity: at(0x20),
            reputation: some(0x21),
            validation: some(0x22),
        },
        ContractSet::Eas {
            attestations: at(0x30),
            schema_registry: some(0x31),
        },
        ContractSet::Ocean {
            factory: at(0x40),
            fixed_rate: some(0x41),
        },
        ContractSet::Vana {
            data_registry: at(0x50),
            pool: some(0x51),
        },
        ContractSet::MorphoDistributor { address: at(0x60) },
        ContractSet::Merkl { address: at(0x61) },
    ]
}

/// A data NFT, a datatoken and a vault that were created since.
pub const CHILDREN: [(u8, ChildKind); 3] = [
    (0x42, ChildKind::OceanDataNft),
    (0x43, ChildKind::OceanDatatoken),
    (0x18, ChildKind::StoryVault),
];

pub fn decoder() -> Decoder {
    let mut decoder = Decoder::new(&WatchSet::new(everything()).expect("a set that can be watched"));
    for (address, kind) in CHILDREN {
        assert!(decoder.add_child(at(address), kind));
    }
    decoder
}

pub fn log(contract: u8, event: &impl SolEvent) -> RawLog {
    let data = event.encode_log_data();
    RawLog {
        address: at(contract),
        topics: data.topics().to_vec(),
        data: data.data.clone(),
        transaction_index: 0,
        transaction_hash: B256::ZERO,
        log_index: 0,
    }
}

/// What a log of a contract means, as a line of JSON per event, or why it means nothing.
pub fn meaning(log: &RawLog) -> String {
    let decoder = decoder();
    assert!(decoder.watches(&log.address, &log.topics), "{log:?}");
    match decoder.decode(log) {
        Ok(events) => {
            let line = |event| serde_json::to_string(event).expect("an event is plain data");
            events.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Err(Undecodable { reason }) => format!("undecodable: {reason}"),
    }
}

pub fn raw(contract: u8, topics: Vec<B256>, data: Vec<u8>) -> RawLog {
    RawLog {
        address: at(contract),
        topics,
        data: Bytes::from(data),
        transaction_index: 0,
        transaction_hash: B256::ZERO,
        log_index: 0,
    }
}
