//! A chain whose registries name documents.

use alloy::primitives::{Address, B256, U256};
use alloy::sol;
use alloy::sol_types::SolEvent;
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::AssetRegistry;
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{BlockRef, ChainId};

pub const CHAIN: ChainId = ChainId(31_337);
pub const REGISTRY: Address = Address::repeat_byte(0xa1);
pub const AGENTS: Address = Address::repeat_byte(0xe8);
pub const ATTESTATIONS: Address = Address::repeat_byte(0xea);
const START: u64 = 5;

sol! {
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);
}

/// Something that a contract says.
#[derive(Clone, Debug)]
pub enum Deed {
    /// An asset, where its document is, and its content hash.
    Register(u64, String, B256),
    /// A further version of it.
    Version(u64, u32, String, B256),
    /// An agent of ERC-8004.
    Agent(u64, String),
    /// Its document is elsewhere.
    AgentMoved(u64, String),
    /// An attestation of EAS, by its uid.
    Attested(B256),
}

pub struct Chain {
    blocks: Vec<BlockRef>,
    /// Records that are not in the log yet.
    pub new: Vec<ChainRecord>,
    mined: u64,
}

fn record(body: ChainRecordBody) -> ChainRecord {
    ChainRecord { chain: CHAIN, body }
}

fn hash(number: u64, mined: u64) -> B256 {
    let mut hash = B256::repeat_byte(0x11);
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash[8..16].copy_from_slice(&mined.to_be_bytes());
    hash
}

fn watch_set() -> WatchSet {
    let souk = ContractSet::Souk {
        registry: REGISTRY,
        licenses: Address::repeat_byte(0xa2),
        shares: Address::repeat_byte(0xa3),
        contributions: Address::repeat_byte(0xa4),
        router: Address::repeat_byte(0xa5),
        vault: None,
        distributor: None,
        tasks: None,
        executions: None,
        disputes: None,
        gateway: None,
    };
    let agents = ContractSet::Erc8004 {
        identity: AGENTS,
        reputation: None,
        validation: None,
    };
    let attestations = ContractSet::Eas {
        attestations: ATTESTATIONS,
        schema_registry: None,
    };
    WatchSet::new(vec![souk, agents, attestations]).expect("a valid watch set")
}

impl Chain {
    pub fn new() -> Chain {
        let watch_set = watch_set();
        let opened = StreamOpened {
            generation: 1,
            start_block: START,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: hash(0, 0),
        };
        Chain {
            blocks: Vec::new(),
            new: vec![record(ChainRecordBody::StreamOpened(opened))],
            mined: 0,
        }
    }

    fn head(&self) -> BlockRef {
        let before = BlockRef {
            number: START - 1,
            hash: hash(START - 1, 0),
        };
        self.blocks.last().copied().unwrap_or(before)
    }

    pub fn block(&mut self, deeds: &[Deed]) {
        self.mined += 1;
        let parent = self.head();
        let number = parent.number + 1;
        let logs = (0..).zip(deeds).map(|(index, deed)| RawLog {
            log_index: index,
            ..log(deed)
        });
        let block = Block {
            number,
            hash: hash(number, self.mined),
            parent_hash: parent.hash,
            timestamp: 1_700_000_000 + number,
            logs: logs.collect(),
            proof: CompletenessProof::ReceiptsRoot,
        };
        self.blocks.push(block.block_ref());
        self.new.push(record(ChainRecordBody::BlockAppended(block)));
    }

    /// Drops the newest block.
    pub fn revert(&mut self) {
        let dropped = self.blocks.pop().expect("a block to drop");
        let reverted = BlockReverted {
            number: dropped.number,
            hash: dropped.hash,
            parent_hash: self.head().hash,
        };
        self.new.push(record(ChainRecordBody::BlockReverted(reverted)));
    }
}

fn log(deed: &Deed) -> RawLog {
    match deed {
        Deed::Register(asset, uri, content_hash) => raw(
            REGISTRY,
            &AssetRegistry::AssetRegistered {
                assetId: U256::from(*asset),
                owner: Address::repeat_byte(0xcc),
                kind: 1,
                name: format!("asset {asset}"),
                contentHash: *content_hash,
                metadataUri: uri.clone(),
                contributorShareE8: 0,
            },
        ),
        Deed::Version(asset, version, uri, content_hash) => raw(
            REGISTRY,
            &AssetRegistry::AssetVersioned {
                assetId: U256::from(*asset),
                version: *version,
                contentHash: *content_hash,
                metadataUri: uri.clone(),
            },
        ),
        Deed::Agent(agent, uri) => raw(
            AGENTS,
            &Registered {
                agentId: U256::from(*agent),
                agentURI: uri.clone(),
                owner: Address::repeat_byte(0xcc),
            },
        ),
        Deed::AgentMoved(agent, uri) => raw(
            AGENTS,
            &URIUpdated {
                agentId: U256::from(*agent),
                newURI: uri.clone(),
                updatedBy: Address::repeat_byte(0xcc),
            },
        ),
        Deed::Attested(uid) => raw(
            ATTESTATIONS,
            &Attested {
                recipient: Address::ZERO,
                attester: Address::repeat_byte(0xcc),
                uid: *uid,
                schemaUID: B256::repeat_byte(5),
            },
        ),
    }
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
