//! A chain's stream folded once, to the end that it has now, for commands that ask and are done.

use std::sync::Arc;

use souk_eventlog::EventLog;
use souk_schema::ChainId;
use souk_schema::record::ChainRecordBody;
use souk_streams::{Reader, generations};

use crate::fold::DistributionState;
use crate::follow::DistributionError;

/// What is owed at the end of a stream.
#[derive(Debug)]
pub struct Folded {
    /// With how to undo every block, so that it can be asked as of each.
    pub state: DistributionState,
    /// When the blocks were.
    pub times: BlockTimes,
}

/// The times of a stream's canonical blocks.
#[derive(Clone, Debug, Default)]
pub struct BlockTimes {
    first: u64,
    /// Unix times in seconds, one a block; beyond the head they are those of blocks that were reverted.
    times: Vec<u64>,
}

impl BlockTimes {
    /// Takes in the next record. A block comes after the one before it, or replaces one that was reverted.
    fn note(&mut self, record: &ChainRecordBody) {
        let ChainRecordBody::BlockAppended(block) = record else {
            return;
        };
        if self.times.is_empty() {
            self.first = block.number;
        }
        let place = block
            .number
            .checked_sub(self.first)
            .and_then(|place| usize::try_from(place).ok());
        match place {
            Some(place) if place < self.times.len() => self.times[place] = block.timestamp,
            Some(place) if place == self.times.len() => self.times.push(block.timestamp),
            // The fold refuses a block that does not follow.
            _ => {}
        }
    }

    /// The time of a block up to the head; `None` for one that the stream does not have.
    pub fn of(&self, number: u64) -> Option<u64> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.times.get(place).copied()
    }

    /// The last block up to `head` that is not later than a time.
    pub fn last_until(&self, head: u64, time: u64) -> Option<u64> {
        let count = usize::try_from(head.checked_sub(self.first)? + 1).ok()?;
        let known = self.times.get(..count)?;
        // Blocks of a chain are later than those before them, or at the same time.
        let until = known.partition_point(|block| *block <= time);
        Some(self.first + until.checked_sub(1)? as u64)
    }
}

/// The state at the end that a chain's stream has now; `None` for a chain that has no stream. Waits for nothing.
///
/// # Errors
/// [`DistributionError`] when the log does not answer, or its records cannot be folded.
pub async fn fold_to_end(chain: ChainId, log: &Arc<dyn EventLog>) -> Result<Option<Folded>, DistributionError> {
    let Some(generation) = generations(log.as_ref(), chain).await?.pop() else {
        return Ok(None);
    };
    let mut reader = Reader::new(log, chain.stream(generation))?;
    let mut state = DistributionState::keeping_undo();
    let mut times = BlockTimes::default();
    loop {
        let records = reader.read().await?;
        if records.is_empty() {
            return Ok(Some(Folded { state, times }));
        }
        let mut bodies = Vec::with_capacity(records.len());
        for stored in &records {
            let body = reader.chain_record(chain, stored)?;
            times.note(&body);
            bodies.push(body);
        }
        state = tokio::task::spawn_blocking(move || state.fold(bodies).map(|_| state)).await??;
    }
}

#[cfg(test)]
mod tests {
    use souk_schema::B256;
    use souk_schema::record::{Block, CompletenessProof};

    use super::*;

    fn block(number: u64, timestamp: u64) -> ChainRecordBody {
        ChainRecordBody::BlockAppended(Block {
            number,
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp,
            logs: Vec::new(),
            proof: CompletenessProof::ReceiptsRoot,
        })
    }

    #[test]
    fn a_block_has_the_time_of_the_one_that_is_canonical() {
        let mut times = BlockTimes::default();
        // Blocks 8 and 9 were reverted; 8 came again at another time.
        for (number, time) in [(7, 100), (8, 110), (9, 120), (8, 115)] {
            times.note(&block(number, time));
        }
        assert_eq!((times.of(6), times.of(7), times.of(8)), (None, Some(100), Some(115)));
        let until = |time| times.last_until(8, time);
        assert_eq!(
            (until(99), until(100), until(114), until(115), until(900)),
            (None, Some(7), Some(7), Some(8), Some(8))
        );
    }
}
