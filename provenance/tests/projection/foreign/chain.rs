//! A chain on which only what a test emits happens.

use souk_adapters::WatchSet;
use souk_schema::record::{
    Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_schema::{B256, BlockRef};

use super::super::support::CHAIN;

pub const START: u64 = 5;

pub struct Chain {
    pub blocks: Vec<Block>,
    pub records: Vec<ChainRecord>,
    watch_set: WatchSet,
    mined: u64,
}

fn hash(number: u64, mined: u64) -> B256 {
    let mut hash = B256::repeat_byte(0x33);
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash[8..16].copy_from_slice(&mined.to_be_bytes());
    hash
}

impl Chain {
    pub fn new(watch_set: WatchSet) -> Chain {
        let mut chain = Chain {
            blocks: Vec::new(),
            records: Vec::new(),
            watch_set,
            mined: 0,
        };
        chain.record(ChainRecordBody::StreamOpened(StreamOpened {
            generation: 1,
            start_block: START,
            watch_set_json: chain.watch_set.canonical_json(),
            watch_set_hash: chain.watch_set.hash(),
            genesis_hash: hash(0, 0),
        }));
        chain
    }

    fn record(&mut self, body: ChainRecordBody) {
        self.records.push(ChainRecord { chain: CHAIN, body });
    }

    pub fn head(&self) -> BlockRef {
        let before = BlockRef {
            number: START - 1,
            hash: hash(START - 1, 0),
        };
        self.blocks.last().map_or(before, Block::block_ref)
    }

    /// A block of these logs.
    pub fn append(&mut self, mut logs: Vec<RawLog>) {
        self.mined += 1;
        let parent = self.head();
        let number = parent.number + 1;
        for (index, log) in (0..).zip(&mut logs) {
            (log.transaction_index, log.log_index) = (index, index);
            log.transaction_hash = hash(number, u64::from(index) << 32 | self.mined);
        }
        let block = Block {
            number,
            hash: hash(number, self.mined),
            parent_hash: parent.hash,
            timestamp: 1_700_000_000 + number,
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        };
        self.record(ChainRecordBody::BlockAppended(block.clone()));
        self.blocks.push(block);
    }

    /// Drops the newest blocks.
    pub fn revert(&mut self, depth: usize) {
        for _ in 0..depth {
            let block = self.blocks.pop().expect("a block to revert");
            self.record(ChainRecordBody::BlockReverted(BlockReverted {
                number: block.number,
                hash: block.hash,
                parent_hash: block.parent_hash,
            }));
        }
    }

    /// The records of the canonical chain alone, as if nothing had ever been reverted.
    pub fn straight(&self) -> Vec<ChainRecord> {
        let record = |body| ChainRecord { chain: CHAIN, body };
        let blocks = self.blocks.iter().cloned().map(ChainRecordBody::BlockAppended);
        self.records[..1].iter().cloned().chain(blocks.map(record)).collect()
    }
}
