//! An indexer under test: started, watched, stopped, and its stream read back and reduced to the chain that it says is canonical.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use souk_adapters::{ContractSet, WatchSet};
use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_indexer::{ChainSource, Finality, IndexError, IndexerStatus};
use souk_schema::encoding::{VERSION_HEADER, decode};
use souk_schema::record::{ChainRecordBody, RawLog};
use souk_schema::{BlockRef, ChainId};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::chain::{Chain, OracleBlock, TRANSFER};

pub const CHAIN: ChainId = ChainId(31_337);
const PATIENCE: Duration = Duration::from_secs(120);

/// A source over these URLs that watches one token, polls often and gives up on an answer quickly.
pub fn source(urls: &[String], token: Address) -> ChainSource {
    let watch = WatchSet::new(vec![ContractSet::Erc20 { address: token }]).unwrap();
    let mut source = ChainSource::new(CHAIN, urls.iter().map(|url| url.parse().unwrap()).collect(), watch, 0);
    source.poll_interval_ms = 50;
    source.limits.request_timeout_secs = 2;
    source.finality = Finality::Depth(100);
    source
}

/// A running indexer.
pub struct Indexer {
    log: Arc<dyn EventLog>,
    status: watch::Receiver<IndexerStatus>,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), IndexError>>,
}

impl Indexer {
    pub fn start(source: &ChainSource, log: &Arc<dyn EventLog>) -> Indexer {
        let (sender, status) = watch::channel(IndexerStatus::starting(source.chain));
        let cancel = CancellationToken::new();
        let task = tokio::spawn(souk_indexer::run(source.clone(), log.clone(), sender, cancel.clone()));
        Indexer {
            log: log.clone(),
            status,
            cancel,
            task,
        }
    }

    pub fn status(&self) -> IndexerStatus {
        self.status.borrow().clone()
    }

    /// Waits until the status is so.
    pub async fn wait(&mut self, what: &str, is_so: impl FnMut(&IndexerStatus) -> bool) {
        let waited = timeout(PATIENCE, self.status.wait_for(is_so))
            .await
            .map(|seen| seen.is_ok());
        if waited != Ok(true) {
            panic!(
                "waited in vain for {what}: {:#?}, finished: {}",
                self.status(),
                self.task.is_finished()
            );
        }
    }

    /// Waits until the stream ends in the head of this chain.
    pub async fn wait_for_head(&mut self, chain: &Chain) {
        let (number, hash) = chain.head().await;
        self.wait(&format!("block {number} {hash}"), |status| {
            status.tail == Some(BlockRef { number, hash })
        })
        .await;
    }

    pub async fn stop(self) -> Arc<dyn EventLog> {
        self.cancel.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
        self.log
    }

    /// Waits until it gives up.
    pub async fn gives_up(self) -> IndexError {
        let ended = timeout(PATIENCE, self.task).await;
        ended
            .unwrap_or_else(|_| panic!("it does not give up: {:#?}", self.status.borrow()))
            .unwrap()
            .unwrap_err()
    }
}

/// What a stream holds.
#[derive(Debug, Default)]
pub struct Reduced {
    pub blocks: Vec<OracleBlock>,
    pub reverted: Vec<u64>,
    pub finalized: Option<BlockRef>,
    pub records: usize,
    pub weaker: usize,
}

/// Reads a stream as a naive reader does: append, take off the end, and refuse whatever does not link.
pub async fn reduce(log: &Arc<dyn EventLog>, generation: u32) -> Reduced {
    let name = StreamName::new(CHAIN.stream(generation)).unwrap();
    let mut reduced = Reduced::default();
    let mut at = 0;
    loop {
        let records = log
            .read(
                &name,
                at,
                ReadLimits {
                    max_records: 1_000,
                    max_bytes: 16 << 20,
                },
            )
            .await
            .unwrap();
        if records.is_empty() {
            return reduced;
        }
        for stored in records {
            assert_eq!(stored.sequence, at, "gapless");
            at += 1;
            reduced.records += 1;
            let version = stored
                .headers
                .iter()
                .find(|(name, _)| name == VERSION_HEADER)
                .unwrap()
                .1
                .parse()
                .unwrap();
            let record = decode(version, &stored.payload).unwrap();
            assert_eq!(record.chain, CHAIN);
            apply(&mut reduced, record.body);
        }
    }
}

fn apply(reduced: &mut Reduced, body: ChainRecordBody) {
    match body {
        ChainRecordBody::StreamOpened(_) => assert_eq!(reduced.records, 1, "only the first record opens the stream"),
        ChainRecordBody::BlockAppended(block) => {
            if let Some(head) = reduced.blocks.last() {
                assert_eq!(
                    (head.number + 1, head.hash),
                    (block.number, block.parent_hash),
                    "a block follows its parent"
                );
            }
            reduced.weaker += usize::from(block.proof == souk_schema::record::CompletenessProof::Weaker);
            let souk_schema::record::Block {
                number,
                hash,
                parent_hash,
                timestamp,
                logs,
                ..
            } = block;
            reduced.blocks.push(OracleBlock {
                number,
                hash,
                parent_hash,
                timestamp,
                logs,
            });
        }
        ChainRecordBody::BlockReverted(reverted) => {
            let head = reduced.blocks.pop().unwrap();
            assert_eq!(
                (head.number, head.hash, head.parent_hash),
                (reverted.number, reverted.hash, reverted.parent_hash)
            );
            assert!(
                reduced
                    .finalized
                    .is_none_or(|finalized| finalized.number < reverted.number),
                "final blocks stay"
            );
            reduced.reverted.push(reverted.number);
        }
        ChainRecordBody::FinalityAdvanced(block) => {
            assert!(
                reduced.finalized.is_none_or(|before| before.number < block.number),
                "finality rises"
            );
            assert!(
                reduced
                    .blocks
                    .iter()
                    .any(|ours| (ours.number, ours.hash) == (block.number, block.hash))
            );
            reduced.finalized = Some(block);
        }
    }
}

/// IDX-1 for the stream: it reduces to the chain indexed once, whatever happened on the way.
pub async fn assert_canonical(
    log: &Arc<dyn EventLog>,
    generation: u32,
    chain: &Chain,
    source: &ChainSource,
) -> Reduced {
    let reduced = reduce(log, generation).await;
    let watched: Vec<Address> = source.watch.sets.iter().flat_map(ContractSet::addresses).collect();
    let is_watched = |_: u64, log: &RawLog| watched.contains(&log.address) && log.topics.first() == Some(&TRANSFER);
    let canonical = chain.canonical(source.start_block, &is_watched).await;
    assert_same(&reduced.blocks, &canonical);
    reduced
}

/// Names the first block that differs instead of printing two chains.
pub fn assert_same(found: &[OracleBlock], expected: &[OracleBlock]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "number of blocks");
}
