//! The stream of a chain: which generation, opening it for writing, and records on their way into it.

use alloy_primitives::B256;
use souk_eventlog::{EventLog, LogError, NewRecord, ReadLimits, StoredRecord, StreamName, StreamWriter};
use souk_schema::ChainId;
use souk_schema::encoding::{CHAIN_RECORD_TYPE, CURRENT_VERSION, VERSION_HEADER, decode, encode};
use souk_schema::record::{ChainRecord, ChainRecordBody, StreamOpened};

use super::Halt;
use super::tail::{self, LogTail};
use crate::IndexError;
use crate::source::ChainSource;

/// A stream that only we write.
pub(super) struct Stream {
    pub(super) chain: ChainId,
    pub(super) generation: u32,
    writer: Box<dyn StreamWriter>,
}

impl Stream {
    /// Opens the newest generation if it watches what the source watches, else begins the next one; with `begin_anew`, always.
    ///
    /// The earlier writer is fenced before the tail is read, so that the tail cannot move any more.
    pub(super) async fn open(
        source: &ChainSource,
        log: &dyn EventLog,
        genesis: B256,
        begin_anew: bool,
    ) -> Result<(Stream, LogTail), Halt> {
        let newest = newest_generation(source.chain, log).await.map_err(Halt::Reopen)?;
        let opened = StreamOpened {
            generation: newest.max(1),
            start_block: source.start_block,
            watch_set_json: source.watch.canonical_json(),
            watch_set_hash: source.watch.hash(),
            genesis_hash: genesis,
        };
        let generation = match newest {
            0 => 1,
            newest if begin_anew => newest + 1,
            newest => match first_record(source.chain, newest, log).await? {
                None => newest,
                Some(found) if found.genesis_hash != genesis => {
                    let chain = source.chain;
                    return Err(Halt::Rewritten(IndexError::ChainReset {
                        chain,
                        expected: found.genesis_hash,
                        found: genesis,
                    }));
                }
                Some(found) => {
                    let watches_the_same =
                        found.watch_set_hash == opened.watch_set_hash && found.start_block == opened.start_block;
                    if watches_the_same { newest } else { newest + 1 }
                }
            },
        };
        let name = stream_name(source.chain, generation).map_err(Halt::Reopen)?;
        let writer = log.open_writer(&name).await.map_err(Halt::Reopen)?;
        let mut stream = Stream {
            chain: source.chain,
            generation,
            writer,
        };
        if stream.next_sequence() == 0 {
            stream
                .append(vec![ChainRecordBody::StreamOpened(StreamOpened {
                    generation,
                    ..opened
                })])
                .await?;
        }
        let tail = tail::read(source, log, &name, stream.next_sequence()).await?;
        Ok((stream, tail))
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.writer.next_sequence()
    }

    /// Appends all or nothing, durably.
    pub(super) async fn append(&mut self, bodies: Vec<ChainRecordBody>) -> Result<(), Halt> {
        let first = self.next_sequence();
        let records = (first..)
            .zip(bodies)
            .map(|(sequence, body)| to_stored(self.chain, sequence, body))
            .collect();
        // After a failure nobody knows whether the records arrived: the next session reads the tail.
        self.writer.append(records).await.map(drop).map_err(Halt::Reopen)
    }
}

fn to_stored(chain: ChainId, sequence: u64, body: ChainRecordBody) -> NewRecord {
    let headers = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_type", CHAIN_RECORD_TYPE.to_owned()),
        ("ce_source", format!("eip155:{chain}")),
        ("ce_id", sequence.to_string()),
        ("content-type", "application/protobuf".to_owned()),
        (VERSION_HEADER, CURRENT_VERSION.to_string()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
    NewRecord {
        headers,
        payload: encode(&ChainRecord { chain, body }).0,
    }
}

/// Decodes a record of this chain's stream.
pub(super) fn from_stored(chain: ChainId, stream: &str, stored: &StoredRecord) -> Result<ChainRecordBody, IndexError> {
    let damaged = |problem: String| IndexError::Damaged {
        chain,
        stream: stream.to_owned(),
        sequence: stored.sequence,
        problem,
    };
    let version = stored
        .headers
        .iter()
        .find(|(name, _)| name == VERSION_HEADER)
        .map(|(_, version)| version.parse());
    let Some(Ok(version)) = version else {
        return Err(damaged(format!("it has no header {VERSION_HEADER}")));
    };
    let record = decode(version, &stored.payload).map_err(|error| damaged(error.to_string()))?;
    if record.chain != chain {
        return Err(damaged(format!("it is of chain {}", record.chain)));
    }
    Ok(record.body)
}

pub(super) fn stream_name(chain: ChainId, generation: u32) -> Result<StreamName, LogError> {
    StreamName::new(chain.stream(generation))
}

/// The number of the newest generation that has records; 0 if there is none.
pub(super) async fn newest_generation(chain: ChainId, log: &dyn EventLog) -> Result<u32, LogError> {
    let first = chain.stream(1);
    let later = format!("{first}.g");
    let generation = |name: &StreamName| match name.as_str() {
        name if name == first => Some(1),
        name => name.strip_prefix(&later)?.parse().ok(),
    };
    Ok(log.streams().await?.iter().filter_map(generation).max().unwrap_or(0))
}

pub(super) async fn first_record(
    chain: ChainId,
    generation: u32,
    log: &dyn EventLog,
) -> Result<Option<StreamOpened>, Halt> {
    let name = stream_name(chain, generation).map_err(Halt::Reopen)?;
    let records = log
        .read(
            &name,
            0,
            ReadLimits {
                max_records: 1,
                max_bytes: 1,
            },
        )
        .await
        .map_err(Halt::Reopen)?;
    let Some(stored) = records.first() else { return Ok(None) };
    match from_stored(chain, name.as_str(), stored).map_err(Halt::Fatal)? {
        ChainRecordBody::StreamOpened(opened) => Ok(Some(opened)),
        _ => {
            let problem = "the first record does not say what the stream is".to_owned();
            Err(Halt::Fatal(IndexError::Damaged {
                chain,
                stream: name.to_string(),
                sequence: 0,
                problem,
            }))
        }
    }
}
