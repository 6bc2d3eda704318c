//! A chain on which our contracts say what a test wants them to say.

use alloy::primitives::{Address, B256, U256, address};
use alloy::sol_types::SolEvent;
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::{AssetRegistry, DisputeCourt, PayoutDistributor, RevenueRouter};
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{BlockRef, ChainId};

pub const CHAIN: ChainId = ChainId(31_337);
pub const START: u64 = 5;
pub const ALICE: Address = address!("00000000000000000000000000000000000a11ce");
pub const BOB: Address = address!("0000000000000000000000000000000000000b0b");
pub const TOKEN: Address = Address::repeat_byte(0xb1);
pub const REGISTRY: Address = Address::repeat_byte(0xa1);
const ROUTER: Address = Address::repeat_byte(0xa5);
pub const DISTRIBUTOR: Address = Address::repeat_byte(0xa7);
const COURT: Address = Address::repeat_byte(0xaa);

/// Something that a contract says.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// An asset and its owner.
    Register(u64, Address),
    /// A payment for an asset.
    Pay(u64, u64),
    /// The distributor that payments go to from here on; the first block says that it is ours.
    Route(Address),
    /// A dispute, by its number, over an asset.
    Dispute(u64, u64),
    /// The root of an epoch, computed at a block.
    Propose(u64, B256, BlockRef),
    /// The pending root of an epoch is taken back.
    Withdraw(u64, B256),
    /// The end of an epoch.
    Finalise(u64, B256),
}

pub struct Chain {
    pub generation: u32,
    blocks: Vec<BlockRef>,
    /// Records that are not in the log yet.
    pub new: Vec<ChainRecord>,
    mined: u64,
    revenues: u64,
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
        router: ROUTER,
        vault: None,
        distributor: Some(DISTRIBUTOR),
        tasks: None,
        executions: None,
        disputes: Some(COURT),
        gateway: None,
    };
    WatchSet::new(vec![souk]).expect("a valid watch set")
}

impl Chain {
    pub fn new(generation: u32) -> Chain {
        Chain::of(generation, hash(0, u64::from(generation)))
    }

    /// The same, above this block 0.
    pub fn of(generation: u32, genesis: B256) -> Chain {
        let watch_set = watch_set();
        let opened = StreamOpened {
            generation,
            start_block: START,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: genesis,
        };
        Chain {
            generation,
            blocks: Vec::new(),
            new: vec![record(ChainRecordBody::StreamOpened(opened))],
            mined: u64::from(generation) << 32,
            revenues: 0,
        }
    }

    pub fn head(&self) -> BlockRef {
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
        let first = (number == START).then_some(Deed::Route(DISTRIBUTOR));
        let logs = (0..).zip(first.iter().chain(deeds)).map(|(index, deed)| RawLog {
            log_index: index,
            ..self.log(*deed)
        });
        let logs: Vec<RawLog> = logs.collect();
        self.revenues += deeds.iter().filter(|deed| matches!(deed, Deed::Pay(..))).count() as u64;
        let block = Block {
            number,
            hash: hash(number, self.mined),
            parent_hash: parent.hash,
            timestamp: 1_700_000_000 + number,
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        };
        self.blocks.push(block.block_ref());
        self.new.push(record(ChainRecordBody::BlockAppended(block)));
    }

    /// The chain promises to keep what it has.
    pub fn finalise(&mut self) {
        self.new.push(record(ChainRecordBody::FinalityAdvanced(self.head())));
    }

    /// Drops the newest blocks.
    pub fn revert(&mut self, depth: usize) {
        for _ in 0..depth {
            let dropped = self.blocks.pop().expect("a block to drop");
            let reverted = BlockReverted {
                number: dropped.number,
                hash: dropped.hash,
                parent_hash: self.head().hash,
            };
            self.new.push(record(ChainRecordBody::BlockReverted(reverted)));
        }
    }

    fn log(&self, deed: Deed) -> RawLog {
        match deed {
            Deed::Register(asset, owner) => raw(
                REGISTRY,
                &AssetRegistry::AssetRegistered {
                    assetId: U256::from(asset),
                    owner,
                    kind: 1,
                    name: format!("asset {asset}"),
                    contentHash: B256::ZERO,
                    metadataUri: String::new(),
                    contributorShareE8: 0,
                },
            ),
            Deed::Pay(asset, amount) => raw(
                ROUTER,
                &RevenueRouter::RevenueReceived {
                    // Blocks here hold at most two payments: the amount tells them apart.
                    revenueId: U256::from(self.revenues * 1_000_000 + amount),
                    assetId: U256::from(asset),
                    payer: Address::repeat_byte(0xcc),
                    token: TOKEN,
                    amount: U256::from(amount),
                    reason: 1,
                    r#ref: B256::ZERO,
                },
            ),
            Deed::Route(current) => raw(
                ROUTER,
                &RevenueRouter::DistributorChanged {
                    previous: Address::ZERO,
                    current,
                },
            ),
            Deed::Dispute(dispute, asset) => raw(
                COURT,
                &DisputeCourt::DisputeRaised {
                    disputeId: U256::from(dispute),
                    assetId: U256::from(asset),
                    challenger: BOB,
                    tag: 0,
                    bond: U256::ONE,
                    evidenceHash: B256::ZERO,
                    evidenceUri: String::new(),
                },
            ),
            Deed::Propose(epoch, root, at) => raw(
                DISTRIBUTOR,
                &PayoutDistributor::RootProposed {
                    epoch,
                    root,
                    blockNumber: at.number,
                    blockHash: at.hash,
                    finalisableAt: 0,
                    proposer: BOB,
                },
            ),
            Deed::Withdraw(epoch, root) => raw(DISTRIBUTOR, &PayoutDistributor::RootWithdrawn { epoch, root }),
            Deed::Finalise(epoch, root) => raw(DISTRIBUTOR, &PayoutDistributor::RootFinalised { epoch, root }),
        }
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
