//! Checks that records follow one another by hash, and leaves out what a batch itself takes back.
//!
//! A stream is compensated, never cut: a reorganisation is a revert per block, newest first, and then the new blocks. Read as a batch, an
//! append that the same batch reverts cancels out, so any batch is at most one revert of blocks that are in the tables, then appends.

use std::collections::VecDeque;

use alloy_primitives::B256;
use souk_schema::BlockRef;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody, StreamOpened};

/// So many canonical blocks are remembered to tell a duplicate from a fault.
const REMEMBERED: usize = 4096;

/// Postgres's `bigint` ends here.
const LARGEST_NUMBER: u64 = i64::MAX as u64;

/// A record that does not follow from the one before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLinked {
    /// The stream begins with something else than its opening.
    #[error("the stream does not begin with StreamOpened: it was not written by souk, or its beginning is lost")]
    NotOpened,
    /// A second opening.
    #[error("the stream is opened a second time, with generation {generation}: two indexers wrote to one stream")]
    OpenedTwice {
        /// Of the second opening.
        generation: u32,
    },
    /// A block whose parent is not the head.
    #[error("block {} ({}) has parent {parent}, but the head is {}: two indexers wrote to one stream", .block.number, .block.hash, name(.head))]
    WrongParent {
        /// The block.
        block: BlockRef,
        /// Its parent.
        parent: B256,
        /// The block that it should follow.
        head: Option<BlockRef>,
    },
    /// A revert of a block that is not the head.
    #[error("block {} ({}) is reverted, but the head is {}", .block.number, .block.hash, name(.head))]
    NotTheHead {
        /// The block.
        block: BlockRef,
        /// The block that it should be.
        head: Option<BlockRef>,
    },
    /// A height that no table can hold.
    #[error("block number {0} is beyond {LARGEST_NUMBER}, the highest that can be kept")]
    NumberTooLarge(u64),
}

fn name(head: &Option<BlockRef>) -> String {
    match head {
        Some(head) => format!("{} ({})", head.number, head.hash),
        None => "nothing yet".into(),
    }
}

/// A batch as one revert and then appends.
#[derive(Debug, Default)]
pub struct Linked {
    /// The stream's opening, if the batch holds it.
    pub opened: Option<StreamOpened>,
    /// Every block of the tables with this number or a higher one is reverted first.
    pub revert_from: Option<u64>,
    /// Blocks to apply, by rising number.
    pub blocks: Vec<Block>,
    /// The head after the batch.
    pub head: Option<BlockRef>,
    /// The newest final block after the batch.
    pub finalized: Option<BlockRef>,
    /// Records that were applied before and are skipped.
    pub duplicates: u64,
}

/// The head that the next record must follow.
#[derive(Clone, Debug, Default)]
pub struct Linker {
    start_block: Option<u64>,
    head: Option<BlockRef>,
    finalized: Option<BlockRef>,
    /// The newest canonical blocks, oldest first; the last is the head.
    recent: VecDeque<BlockRef>,
}

impl Linker {
    /// Continues after `recent` canonical blocks (oldest first, the last is the head) of a stream that begins at `start_block`.
    pub fn resume(start_block: u64, finalized: Option<BlockRef>, recent: impl IntoIterator<Item = BlockRef>) -> Linker {
        let recent: VecDeque<BlockRef> = recent.into_iter().collect();
        Linker {
            start_block: Some(start_block),
            head: recent.back().copied(),
            finalized,
            recent,
        }
    }

    /// The first block of the stream, once its opening was read.
    pub fn start_block(&self) -> Option<u64> {
        self.start_block
    }

    /// The canonical blocks that are remembered, oldest first: what [`Linker::resume`] goes on from.
    pub fn recent(&self) -> impl Iterator<Item = BlockRef> {
        self.recent.iter().copied()
    }

    /// How many of the newest canonical blocks [`Linker::resume`] should be given.
    pub const REMEMBERED: usize = REMEMBERED;

    /// Links a batch of records to the head and moves the head on.
    ///
    /// # Errors
    /// [`NotLinked`] names the record that follows from nothing; the linker is useless afterwards.
    pub fn link(&mut self, records: impl IntoIterator<Item = ChainRecordBody>) -> Result<Linked, NotLinked> {
        let mut linked = Linked::default();
        for record in records {
            match record {
                ChainRecordBody::StreamOpened(opened) => self.open(opened, &mut linked)?,
                _ if self.start_block.is_none() => return Err(NotLinked::NotOpened),
                ChainRecordBody::BlockAppended(block) => self.append(block, &mut linked)?,
                ChainRecordBody::BlockReverted(reverted) => self.revert(reverted, &mut linked)?,
                ChainRecordBody::FinalityAdvanced(block) => self.finalized = Some(block),
            }
        }
        (linked.head, linked.finalized) = (self.head, self.finalized);
        Ok(linked)
    }

    fn open(&mut self, opened: StreamOpened, linked: &mut Linked) -> Result<(), NotLinked> {
        if self.start_block.is_some() {
            let generation = opened.generation;
            return Err(NotLinked::OpenedTwice { generation });
        }
        self.start_block = Some(opened.start_block);
        linked.opened = Some(opened);
        Ok(())
    }

    fn append(&mut self, block: Block, linked: &mut Linked) -> Result<(), NotLinked> {
        let follows = match self.head {
            Some(head) => block.parent_hash == head.hash && block.number == head.number + 1,
            None => Some(block.number) == self.start_block,
        };
        if !follows && self.is_canonical(block.block_ref()) {
            linked.duplicates += 1;
            return Ok(());
        }
        if !follows {
            return Err(NotLinked::WrongParent {
                block: block.block_ref(),
                parent: block.parent_hash,
                head: self.head,
            });
        }
        if block.number > LARGEST_NUMBER {
            return Err(NotLinked::NumberTooLarge(block.number));
        }
        self.head = Some(block.block_ref());
        self.recent.push_back(block.block_ref());
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        linked.blocks.push(block);
        Ok(())
    }

    fn revert(&mut self, reverted: BlockReverted, linked: &mut Linked) -> Result<(), NotLinked> {
        let block = BlockRef {
            number: reverted.number,
            hash: reverted.hash,
        };
        if self.head != Some(block) {
            // A block that is not there was reverted before: there is nothing left to undo.
            let oldest = self.recent.front().map(|oldest| oldest.number);
            if !self.is_canonical(block) && oldest.is_some_and(|oldest| block.number > oldest) {
                linked.duplicates += 1;
                return Ok(());
            }
            return Err(NotLinked::NotTheHead { block, head: self.head });
        }
        self.recent.pop_back();
        self.head = (Some(reverted.number) != self.start_block).then(|| BlockRef {
            number: reverted.number - 1,
            hash: reverted.parent_hash,
        });
        // Nothing above the head can be final, whatever was promised.
        if self
            .finalized
            .is_some_and(|finalized| finalized.number >= reverted.number)
        {
            self.finalized = self.head;
        }
        if linked.blocks.pop().is_none() {
            linked.revert_from = Some(reverted.number);
        }
        Ok(())
    }

    /// `recent` is gapless, so a block's number says where in it to look.
    fn is_canonical(&self, block: BlockRef) -> bool {
        let oldest = self.recent.front().map_or(u64::MAX, |oldest| oldest.number);
        let place = block
            .number
            .checked_sub(oldest)
            .and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.recent.get(place)) == Some(&block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_schema::record::CompletenessProof;

    fn hash(number: u64, fork: u8) -> B256 {
        let mut hash = B256::repeat_byte(fork);
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn block(number: u64, fork: u8, parent: u8) -> ChainRecordBody {
        let proof = CompletenessProof::BloomExcludes;
        let (hash, parent_hash) = (hash(number, fork), hash(number.wrapping_sub(1), parent));
        ChainRecordBody::BlockAppended(Block {
            number,
            hash,
            parent_hash,
            timestamp: number,
            logs: vec![],
            proof,
        })
    }

    fn reverted(number: u64, fork: u8, parent: u8) -> ChainRecordBody {
        let (hash, parent_hash) = (hash(number, fork), hash(number - 1, parent));
        ChainRecordBody::BlockReverted(BlockReverted {
            number,
            hash,
            parent_hash,
        })
    }

    fn at(start: u64, head: u64) -> Linker {
        let block = |number| BlockRef {
            number,
            hash: hash(number, 0),
        };
        Linker::resume(start, None, (start..=head).map(block))
    }

    fn numbers(linked: &Linked) -> Vec<u64> {
        linked.blocks.iter().map(|block| block.number).collect()
    }

    #[test]
    fn what_a_batch_takes_back_cancels_out() {
        let mut linker = at(3, 5);
        let records = [
            block(6, 1, 0),
            reverted(6, 1, 0),
            reverted(5, 0, 0),
            block(5, 2, 0),
            block(6, 2, 2),
        ];
        let linked = linker.link(records).unwrap();
        assert_eq!((linked.revert_from, numbers(&linked)), (Some(5), vec![5, 6]));
        assert_eq!(linker.head.unwrap().hash, hash(6, 2));
    }

    #[test]
    fn a_chain_can_be_taken_back_to_its_beginning() {
        let mut linker = at(3, 4);
        let linked = linker
            .link([reverted(4, 0, 0), reverted(3, 0, 0), block(3, 7, 9)])
            .unwrap();
        assert_eq!((linked.revert_from, numbers(&linked)), (Some(3), vec![3]));
    }

    #[test]
    fn log_2_duplicates_are_skipped_and_faults_are_named() {
        let mut linker = at(3, 5);
        let linked = linker
            .link([block(4, 0, 0), block(5, 0, 0), block(6, 0, 0), reverted(6, 8, 0)])
            .unwrap();
        assert_eq!((linked.duplicates, numbers(&linked)), (3, vec![6]));
        let error = linker.link([block(7, 1, 1)]).unwrap_err();
        assert!(matches!(error, NotLinked::WrongParent { .. }), "{error}");
        let error = at(3, 5).link([reverted(4, 0, 0)]).unwrap_err();
        assert!(matches!(error, NotLinked::NotTheHead { .. }), "{error}");
        let error = at(3, 5).link([block(7, 0, 0)]).unwrap_err();
        assert!(
            matches!(error, NotLinked::WrongParent { .. }),
            "a gap is a fault: {error}"
        );
    }

    #[test]
    fn finality_falls_back_to_the_head_when_it_is_reverted() {
        let mut linker = at(3, 5);
        let finality = |number| {
            ChainRecordBody::FinalityAdvanced(BlockRef {
                number,
                hash: hash(number, 0),
            })
        };
        assert_eq!(linker.link([finality(5)]).unwrap().finalized.unwrap().number, 5);
        let linked = linker.link([reverted(5, 0, 0), reverted(4, 0, 0)]).unwrap();
        assert_eq!(linked.finalized, linked.head);
        assert_eq!(linker.link([reverted(3, 0, 0)]).unwrap().finalized, None);
    }

    #[test]
    fn a_stream_must_be_opened_once() {
        assert_eq!(
            Linker::default().link([block(0, 0, 0)]).unwrap_err(),
            NotLinked::NotOpened
        );
    }
}
