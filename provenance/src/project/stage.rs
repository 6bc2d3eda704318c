//! From stored records to a batch that is ready to be decided: read, linked, decoded, its keys collected. All of it is computation, and
//! runs off the async threads while the batch before is being written.

use souk_adapters::WatchSet;
use souk_eventlog::StoredRecord;
use souk_schema::encoding::{self, VERSION_HEADER};
use souk_schema::record::{ChainRecordBody, StreamOpened};
use souk_schema::{BlockRef, ChainId};

use super::error::ProjectError;
use crate::fold::{ChainDecoder, DecodedBlock, Linker, WorkingSet};

/// Records, ready to be decided and written as one transaction.
pub(super) struct Batch {
    pub(super) first_sequence: u64,
    pub(super) next_sequence: u64,
    pub(super) opened: Option<StreamOpened>,
    pub(super) revert_from: Option<u64>,
    pub(super) blocks: Vec<DecodedBlock>,
    pub(super) keys: WorkingSet,
    pub(super) head: Option<BlockRef>,
    pub(super) finalized: Option<BlockRef>,
}

impl Batch {
    pub(super) fn logs(&self) -> u64 {
        self.blocks.iter().map(|block| block.logs.len() as u64).sum()
    }
}

/// The state that is carried from one batch to the next.
pub(super) struct Stage {
    chain: ChainId,
    stream: String,
    linker: Linker,
    /// Known once the stream's opening was read.
    decoder: Option<ChainDecoder>,
}

impl Stage {
    pub(super) fn new(chain: ChainId, stream: &str, linker: Linker, decoder: Option<ChainDecoder>) -> Stage {
        Stage {
            chain,
            stream: stream.to_string(),
            linker,
            decoder,
        }
    }

    /// Makes a batch of at least one record.
    pub(super) fn prepare(&mut self, records: Vec<StoredRecord>) -> Result<Batch, ProjectError> {
        let first_sequence = records.first().map_or(0, |record| record.sequence);
        let last = records.last().map_or(0, |record| record.sequence);
        let bodies = records
            .iter()
            .map(|record| self.read(record))
            .collect::<Result<Vec<_>, _>>()?;
        let linked = self.linker.link(bodies).map_err(|source| ProjectError::NotLinked {
            stream: self.stream.clone(),
            first: first_sequence,
            last,
            source: Box::new(source),
        })?;
        if linked.duplicates > 0 {
            tracing::warn!(
                stream = self.stream,
                first_sequence,
                last,
                linked.duplicates,
                "skipped duplicates"
            );
        }
        if let Some(opened) = &linked.opened {
            self.decoder = Some(self.decoder_of(&opened.watch_set_json)?);
        }
        let mut blocks = Vec::with_capacity(linked.blocks.len());
        if let Some(decoder) = &mut self.decoder {
            if let Some(number) = linked.revert_from {
                decoder.revert_from(number);
            }
            blocks.extend(linked.blocks.into_iter().map(|block| decoder.decode(block)));
        }
        let keys = WorkingSet::touched_by(self.chain, &blocks);
        Ok(Batch {
            first_sequence,
            next_sequence: last + 1,
            opened: linked.opened,
            revert_from: linked.revert_from,
            blocks,
            keys,
            head: linked.head,
            finalized: linked.finalized,
        })
    }

    fn decoder_of(&self, watch_set_json: &str) -> Result<ChainDecoder, ProjectError> {
        let watch_set: WatchSet = serde_json::from_str(watch_set_json).map_err(|source| ProjectError::WatchSet {
            stream: self.stream.clone(),
            source,
        })?;
        Ok(ChainDecoder::new(&watch_set, []))
    }

    fn read(&self, record: &StoredRecord) -> Result<ChainRecordBody, ProjectError> {
        let sequence = record.sequence;
        let version = record.headers.iter().find(|(name, _)| name == VERSION_HEADER);
        let version = version.and_then(|(_, version)| version.parse().ok());
        let version = version.ok_or_else(|| ProjectError::NoVersion {
            stream: self.stream.clone(),
            sequence,
        })?;
        let decoded = encoding::decode(version, &record.payload).map_err(|source| ProjectError::Record {
            stream: self.stream.clone(),
            sequence,
            source,
        })?;
        if decoded.chain != self.chain {
            return Err(ProjectError::WrongChain {
                stream: self.stream.clone(),
                sequence,
                found: decoded.chain,
            });
        }
        Ok(decoded.body)
    }
}
