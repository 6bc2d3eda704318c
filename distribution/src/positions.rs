//! Where in the stream the canonical blocks are that may still be reverted, so that a snapshot as of one of them says which record comes next.

use std::collections::VecDeque;

use souk_provenance::fold::Linker;
use souk_schema::BlockRef;
use souk_schema::record::ChainRecordBody;

/// The records after the newest canonical blocks. It moves as the linker of the same records does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    next_sequence: u64,
    start_block: Option<u64>,
    head: Option<BlockRef>,
    /// Blocks, oldest first, each with the sequence after its record; as many as the linker remembers.
    blocks: VecDeque<(BlockRef, u64)>,
}

impl Positions {
    /// Goes on after the record of `head`.
    pub(crate) fn resume(next_sequence: u64, start_block: u64, head: BlockRef) -> Positions {
        Positions {
            next_sequence,
            start_block: Some(start_block),
            head: Some(head),
            blocks: VecDeque::from([(head, next_sequence)]),
        }
    }

    /// The next record.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The record after that of a block, if it is among the newest.
    pub(crate) fn after(&self, block: BlockRef) -> Option<u64> {
        let mut blocks = self.blocks.iter().rev();
        blocks.find(|(known, _)| *known == block).map(|(_, next)| *next)
    }

    /// The record after that of the canonical block with this number.
    pub(crate) fn after_number(&self, number: u64) -> Option<u64> {
        let mut blocks = self.blocks.iter().rev();
        blocks.find(|(known, _)| known.number == number).map(|(_, next)| *next)
    }

    /// Takes in the next record.
    pub(crate) fn note(&mut self, record: &ChainRecordBody) {
        self.next_sequence += 1;
        match record {
            ChainRecordBody::StreamOpened(opened) => self.start_block = Some(opened.start_block),
            ChainRecordBody::BlockAppended(block) => {
                let follows = match self.head {
                    Some(head) => block.parent_hash == head.hash && block.number == head.number + 1,
                    None => Some(block.number) == self.start_block,
                };
                // Anything else is a duplicate, or the linker refuses it.
                if follows {
                    self.head = Some(block.block_ref());
                    self.blocks.push_back((block.block_ref(), self.next_sequence));
                    if self.blocks.len() > Linker::REMEMBERED {
                        self.blocks.pop_front();
                    }
                }
            }
            ChainRecordBody::BlockReverted(reverted) => {
                let block = BlockRef {
                    number: reverted.number,
                    hash: reverted.hash,
                };
                if self.head == Some(block) {
                    self.blocks.pop_back();
                    self.head = (Some(block.number) != self.start_block).then(|| BlockRef {
                        number: block.number - 1,
                        hash: reverted.parent_hash,
                    });
                }
            }
            ChainRecordBody::FinalityAdvanced(_) => {}
        }
    }

    /// Forgets blocks before the one with this number.
    pub(crate) fn forget_before(&mut self, number: u64) {
        while self.blocks.front().is_some_and(|(block, _)| block.number < number) {
            self.blocks.pop_front();
        }
    }
}
