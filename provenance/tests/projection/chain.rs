//! A chain that grows and reorganises, and the records that an indexer would append while watching it.

use souk_schema::record::{Block, BlockReverted, ChainRecord, ChainRecordBody, CompletenessProof, StreamOpened};
use souk_schema::{B256, BlockRef};

use super::support::CHAIN;
use super::world::{Deed, Meaning, emit, watch_set};

pub const START: u64 = 5;

/// A block with what its logs mean.
#[derive(Clone, Debug)]
pub struct Known {
    pub block: Block,
    pub meanings: Vec<Meaning>,
}

pub struct Chain {
    /// The canonical chain.
    pub blocks: Vec<Known>,
    /// Everything that was recorded.
    pub records: Vec<ChainRecord>,
    mined: u64,
}

fn record(body: ChainRecordBody) -> ChainRecord {
    ChainRecord { chain: CHAIN, body }
}

/// A hash that says where it comes from.
fn hash(number: u64, mined: u64) -> B256 {
    let mut hash = B256::repeat_byte(0x11);
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash[8..16].copy_from_slice(&mined.to_be_bytes());
    hash
}

impl Chain {
    pub fn new(generation: u32) -> Chain {
        let watch_set = watch_set();
        let opened = StreamOpened {
            generation,
            start_block: START,
            watch_set_json: watch_set.canonical_json(),
            watch_set_hash: watch_set.hash(),
            genesis_hash: hash(0, 0),
        };
        Chain {
            blocks: Vec::new(),
            records: vec![record(ChainRecordBody::StreamOpened(opened))],
            mined: 0,
        }
    }

    pub fn head(&self) -> BlockRef {
        let before = BlockRef {
            number: START - 1,
            hash: hash(START - 1, 0),
        };
        self.blocks.last().map_or(before, |known| known.block.block_ref())
    }

    pub fn append(&mut self, deeds: &[Deed]) {
        self.mined += 1;
        let parent = self.head();
        let number = parent.number + 1;
        let (mut logs, mut meanings) = (Vec::new(), Vec::new());
        for (index, deed) in (0..).zip(deeds) {
            let (mut log, meaning) = emit(*deed);
            log.transaction_hash = hash(number, u64::from(index) << 32 | self.mined);
            // Other contracts' logs stand between ours.
            (log.transaction_index, log.log_index) = (index, 2 * index + 1);
            logs.push(log);
            meanings.push(meaning);
        }
        let block = Block {
            number,
            hash: hash(number, self.mined),
            parent_hash: parent.hash,
            timestamp: if self.mined.is_multiple_of(7) {
                u64::MAX
            } else {
                1_700_000_000 + number
            },
            logs,
            proof: CompletenessProof::ReceiptsRoot,
        };
        self.records.push(record(ChainRecordBody::BlockAppended(block.clone())));
        self.blocks.push(Known { block, meanings });
    }

    /// Drops the newest blocks, as many as there are at most.
    pub fn revert(&mut self, depth: usize) {
        for _ in 0..depth {
            let Some(Known { block, .. }) = self.blocks.pop() else {
                return;
            };
            let reverted = BlockReverted {
                number: block.number,
                hash: block.hash,
                parent_hash: block.parent_hash,
            };
            self.records.push(record(ChainRecordBody::BlockReverted(reverted)));
        }
    }

    /// Brings back the very block that was dropped last.
    pub fn append_again(&mut self, known: Known) {
        self.records
            .push(record(ChainRecordBody::BlockAppended(known.block.clone())));
        self.blocks.push(known);
    }

    pub fn finalize(&mut self) {
        self.records
            .push(record(ChainRecordBody::FinalityAdvanced(self.head())));
    }
}
