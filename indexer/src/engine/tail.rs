//! Reads the end of a stream: the blocks above finality, and, where there are factories, the contracts that they created.
//!
//! Streams are read forwards only, so the reading begins further and further back until it covers enough. Start at [`read`].

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::BlockRef;
use souk_schema::record::ChainRecordBody;

use super::Halt;
use super::stream::from_stored;
use crate::IndexError;
use crate::follow::{Tail, Unlinked};
use crate::source::ChainSource;
use crate::watch::LiveWatch;

/// Records that the first reading goes back; each further one goes back eight times as far.
const FIRST_RECORDS: u64 = 1_024;
const BATCH: ReadLimits = ReadLimits {
    max_records: 1_024,
    max_bytes: 8 << 20,
};

/// Where a stream ends.
#[derive(Debug)]
pub(super) struct LogTail {
    pub(super) blocks: Tail,
    pub(super) watch: LiveWatch,
}

/// The end of the stream, whose next record will be `next_sequence`.
pub(super) async fn read(
    source: &ChainSource,
    log: &dyn EventLog,
    name: &StreamName,
    next_sequence: u64,
) -> Result<LogTail, Halt> {
    let from_beginning = LiveWatch::new(&source.watch).has_factories();
    let mut back = if from_beginning { next_sequence } else { FIRST_RECORDS };
    loop {
        let from = next_sequence.saturating_sub(back);
        match read_from(source, log, name, from, next_sequence).await? {
            Some(tail) => return Ok(tail),
            None => back = back.saturating_mul(8),
        }
    }
}

/// Reads the records `from..until`; `None` if they do not go back far enough.
async fn read_from(
    source: &ChainSource,
    log: &dyn EventLog,
    name: &StreamName,
    from: u64,
    until: u64,
) -> Result<Option<LogTail>, Halt> {
    let mut watch = LiveWatch::new(&source.watch);
    let mut blocks: Option<Tail> = (from == 0).then(|| Tail::empty(source.start_block));
    let mut at = from;
    while at < until {
        let records = log.read(name, at, BATCH).await.map_err(Halt::Reopen)?;
        if records.is_empty() {
            let problem = format!("the stream ends before record {until}");
            let error = IndexError::Damaged {
                chain: source.chain,
                stream: name.to_string(),
                sequence: at,
                problem,
            };
            return Err(Halt::Fatal(error));
        }
        for stored in records.into_iter().take_while(|stored| stored.sequence < until) {
            let body = from_stored(source.chain, name.as_str(), &stored).map_err(Halt::Fatal)?;
            let is_partial = from > 0;
            match apply(&mut blocks, &mut watch, body) {
                Ok(()) => {}
                // The reading began in the middle, and this goes back to before it.
                Err(_) if is_partial => return Ok(None),
                Err(unlinked) => {
                    let problem = unlinked.to_string();
                    let (stream, sequence) = (name.to_string(), stored.sequence);
                    return Err(Halt::Fatal(IndexError::Damaged {
                        chain: source.chain,
                        stream,
                        sequence,
                        problem,
                    }));
                }
            }
            at = stored.sequence + 1;
        }
    }
    match blocks {
        Some(blocks) if from == 0 || blocks.finalized().is_some() => Ok(Some(LogTail { blocks, watch })),
        _ => Ok(None),
    }
}

fn apply(blocks: &mut Option<Tail>, watch: &mut LiveWatch, body: ChainRecordBody) -> Result<(), Unlinked> {
    match body {
        ChainRecordBody::StreamOpened(_) => Ok(()),
        ChainRecordBody::BlockAppended(block) => {
            let tail = blocks.get_or_insert_with(|| Tail::empty(block.number));
            tail.push(block.block_ref(), block.parent_hash)?;
            watch.select(block.number, block.logs);
            Ok(())
        }
        ChainRecordBody::BlockReverted(reverted) => {
            let block = BlockRef {
                number: reverted.number,
                hash: reverted.hash,
            };
            blocks
                .as_mut()
                .ok_or(Unlinked::NotTheHead { block, head: None })?
                .pop(block)?;
            watch.revert(block.number);
            Ok(())
        }
        ChainRecordBody::FinalityAdvanced(block) => match blocks {
            Some(tail) => tail.finalize(block),
            // Of a block before the reading began.
            None => Ok(()),
        },
    }
}
