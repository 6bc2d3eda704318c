//! Two chains on which our contracts emit what a test says, their projection, and a server over it.

use std::sync::Arc;

use alloy::sol_types::SolEvent;
use serde_json::Value;
use souk_adapters::{ContractSet, WatchSet};
use souk_api::limits::budget::Allowance;
use souk_contracts::{AssetRegistry, ContributionBook, RevenueRouter};
use souk_distribution::store::Store;
use souk_distribution::{Keeping, follow};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_provenance::project::{ProjectorConfig, project_until};
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{Address, B256, BlockRef, ChainId, U256};
use tokio_util::sync::CancellationToken;

use crate::fixture::{self, BOOK, Database, LICENSES, REGISTRY, ROUTER, SHARES, Souk, USD};

pub const BOARD: u8 = 0x71;
pub const EXECUTIONS: u8 = 0x72;
pub const COURT: u8 = 0x73;
pub const GATEWAY: u8 = 0x74;
pub const DISTRIBUTOR: u8 = 0x75;
pub const SECOND: u8 = 0x67;
pub const DAVE: u8 = 0xd0;

/// The chain that everything happens on.
pub const HOME: ChainId = ChainId(31_337);
/// The other one, with contracts at the same addresses.
pub const AWAY: ChainId = ChainId(10);

/// An address of twenty equal bytes.
pub fn at(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

/// A hash of thirty-two equal bytes, and how answers write it.
pub fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

/// An asset of a chain as CAIP-19.
pub fn asset_on(chain: ChainId, number: u64) -> String {
    format!("eip155:{chain}/erc721:{}/{number}", fixture::address(REGISTRY))
}

/// A record of a contract.
pub fn record(contract: u8, number: u64) -> String {
    format!("eip155:31337:{}/{number}", fixture::address(contract))
}

/// The time of a block, on both chains.
pub fn time(number: u64) -> u64 {
    1_700_000_000 + 10 * number
}

/// The logs of one transaction after the other.
#[derive(Default)]
pub struct Logs(Vec<RawLog>);

impl Logs {
    pub fn and(mut self, contract: u8, event: &impl SolEvent) -> Logs {
        let data = event.encode_log_data();
        self.0.push(RawLog {
            address: at(contract),
            topics: data.topics().to_vec(),
            data: data.data,
            transaction_hash: B256::ZERO,
            transaction_index: 0,
            log_index: 0,
        });
        self
    }

    /// An asset comes to be.
    pub fn asset(self, id: u64, kind: u8, owner: u8) -> Logs {
        let registered = AssetRegistry::AssetRegistered {
            assetId: U256::from(id),
            owner: at(owner),
            kind,
            name: format!("asset {id}"),
            contentHash: word(id as u8),
            metadataUri: String::new(),
            contributorShareE8: 20_000_000,
        };
        self.and(REGISTRY, &registered)
    }

    pub fn derived(self, child: u64, parent: u64) -> Logs {
        let declared = AssetRegistry::DerivationDeclared {
            childId: U256::from(child),
            parentId: U256::from(parent),
            relation: 0,
            licenseId: U256::ZERO,
        };
        self.and(REGISTRY, &declared)
    }

    pub fn contributed(self, id: u64, asset: u64, contributor: u8, evidence: u8) -> Logs {
        let recorded = ContributionBook::ContributionRecorded {
            contributionId: U256::from(id),
            assetId: U256::from(asset),
            contributor: at(contributor),
            role: 1,
            weight: U256::from(9),
            evidenceHash: word(evidence),
            recordedBy: at(BOARD),
        };
        self.and(BOOK, &recorded)
    }

    pub fn voided(self, id: u64, asset: u64) -> Logs {
        let voided = ContributionBook::ContributionVoided {
            contributionId: U256::from(id),
            assetId: U256::from(asset),
            voidedBy: at(fixture::ALICE),
            reason: "false".into(),
        };
        self.and(BOOK, &voided)
    }

    /// Payments go to the distributor.
    pub fn routed(self) -> Logs {
        let changed = RevenueRouter::DistributorChanged {
            previous: Address::ZERO,
            current: at(DISTRIBUTOR),
        };
        self.and(ROUTER, &changed)
    }

    pub fn revenue(self, id: u64, asset: u64, amount: u64) -> Logs {
        let received = RevenueRouter::RevenueReceived {
            revenueId: U256::from(id),
            assetId: U256::from(asset),
            payer: at(EXECUTIONS),
            token: at(USD),
            amount: U256::from(amount),
            reason: 2,
            r#ref: B256::ZERO,
        };
        self.and(ROUTER, &received)
    }
}

/// A chain's newest blocks and how many there ever were.
struct Chain {
    id: ChainId,
    blocks: Vec<BlockRef>,
    mined: u64,
}

/// The chains, what is made of them, and the server.
pub struct World {
    pub souk: Souk,
    log: Arc<dyn EventLog>,
    database: Database,
    chains: [Chain; 2],
}

fn watch_set() -> WatchSet {
    let souk = ContractSet::Souk {
        registry: at(REGISTRY),
        licenses: at(LICENSES),
        shares: at(SHARES),
        contributions: at(BOOK),
        router: at(ROUTER),
        vault: None,
        distributor: Some(at(DISTRIBUTOR)),
        tasks: Some(at(BOARD)),
        executions: Some(at(EXECUTIONS)),
        disputes: Some(at(COURT)),
        gateway: Some(at(GATEWAY)),
    };
    WatchSet::new(vec![souk]).unwrap()
}

/// A hash that tells the chain, the block's number and its fork.
fn hash(chain: ChainId, number: u64, mined: u64) -> B256 {
    let mut hash = B256::repeat_byte(chain.0 as u8);
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash[8..16].copy_from_slice(&mined.to_be_bytes());
    hash
}

fn stream(chain: ChainId) -> StreamName {
    StreamName::new(chain.stream(1)).unwrap()
}

impl World {
    /// Another server of the same tables, which gives each client so many points and next to none again.
    pub async fn served_for(&self, capacity: u64) -> Souk {
        let per_second = 1;
        let served = |config: &mut souk_api::ApiConfig| config.limits.allowance = Allowance { capacity, per_second };
        Souk::over(self.database.again(), served).await
    }

    /// Two chains without a block.
    pub async fn new() -> World {
        let database = Database::bare().await;
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::connect(database.pool.clone()).await.unwrap());
        let watch_set = watch_set();
        for chain in [HOME, AWAY] {
            let opened = StreamOpened {
                generation: 1,
                start_block: 1,
                watch_set_json: watch_set.canonical_json(),
                watch_set_hash: watch_set.hash(),
                genesis_hash: hash(chain, 0, 0),
            };
            append(&log, &database, chain, ChainRecordBody::StreamOpened(opened)).await;
        }
        let souk = Souk::over(database.again(), |_| {}).await;
        let chain = |id| Chain {
            id,
            blocks: Vec::new(),
            mined: 0,
        };
        World {
            souk,
            log,
            database,
            chains: [chain(HOME), chain(AWAY)],
        }
    }

    fn chain(&mut self, id: ChainId) -> &mut Chain {
        self.chains.iter_mut().find(|chain| chain.id == id).unwrap()
    }

    /// Adds a block at home, and waits until the tables have it; its number.
    pub async fn block(&mut self, logs: Logs) -> u64 {
        self.block_on(HOME, logs).await
    }

    /// Adds blocks without logs at home, up to a number.
    pub async fn until(&mut self, number: u64) {
        while self.block(Logs::default()).await < number {}
    }

    pub async fn block_on(&mut self, id: ChainId, Logs(mut logs): Logs) -> u64 {
        let chain = self.chain(id);
        chain.mined += 1;
        let genesis = BlockRef {
            number: 0,
            hash: hash(id, 0, 0),
        };
        let parent = chain.blocks.last().copied().unwrap_or(genesis);
        let number = parent.number + 1;
        for (index, log) in (0..).zip(&mut logs) {
            (log.transaction_index, log.log_index) = (index, index);
            log.transaction_hash = hash(id, number, u64::from(index) << 32 | chain.mined);
        }
        let block = Block {
            number,
            hash: hash(id, number, chain.mined),
            parent_hash: parent.hash,
            timestamp: time(number),
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        };
        chain.blocks.push(block.block_ref());
        append(&self.log, &self.database, id, ChainRecordBody::BlockAppended(block)).await;
        number
    }

    /// Drops the newest blocks of a chain.
    pub async fn revert_on(&mut self, id: ChainId, depth: usize) {
        for _ in 0..depth {
            let chain = self.chain(id);
            let dropped = chain.blocks.pop().unwrap();
            let parent = chain.blocks.last().map_or(hash(id, 0, 0), |block| block.hash);
            let reverted = BlockReverted {
                number: dropped.number,
                hash: dropped.hash,
                parent_hash: parent,
            };
            append(&self.log, &self.database, id, ChainRecordBody::BlockReverted(reverted)).await;
        }
    }

    pub async fn revert(&mut self, depth: usize) {
        self.revert_on(HOME, depth).await;
    }

    /// Makes the newest block of a chain final.
    pub async fn finalise(&mut self, id: ChainId) {
        let head = *self.chain(id).blocks.last().unwrap();
        append(&self.log, &self.database, id, ChainRecordBody::FinalityAdvanced(head)).await;
    }

    /// Writes what is owed at home to tables, up to the newest block.
    pub async fn pay(&self) {
        let store = Store::connect(self.database.pool.clone(), HOME).await.unwrap();
        let cancel = CancellationToken::new();
        let (handle, following) = follow(HOME, Arc::clone(&self.log), Keeping::Writes(store), cancel.clone());
        let running = tokio::spawn(following);
        let end = self.log.next_sequence(&stream(HOME)).await.unwrap();
        loop {
            let status = handle.status();
            if status.next_sequence >= end {
                break;
            }
            assert!(handle.changed(&status).await, "payouts are followed");
        }
        cancel.cancel();
        running.await.unwrap().unwrap();
    }

    /// What is asked of an asset at home.
    pub async fn of_asset(&self, number: u64, fields: &str) -> Value {
        let id = asset_on(HOME, number);
        let mut data = self
            .souk
            .ask(&format!(r#"{{ asset(id: "{id}") {{ {fields} }} }}"#))
            .await;
        data["asset"].take()
    }
}

async fn append(log: &Arc<dyn EventLog>, database: &Database, chain: ChainId, body: ChainRecordBody) {
    let payload = encode(&ChainRecord { chain, body }).0;
    let headers = vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())];
    let record = NewRecord { headers, payload };
    log.append_shared(&stream(chain), vec![record]).await.unwrap();
    let next = log.next_sequence(&stream(chain)).await.unwrap();
    let config = ProjectorConfig::new(chain);
    project_until(config, Arc::clone(log), database.pool.clone(), 1, next)
        .await
        .unwrap();
}
