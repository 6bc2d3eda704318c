//! Compares a chain's stream with what its nodes say now, block by block: hashes, and every watched log, proved complete again.
//!
//! Never writes. The stream is read twice: once for which record of each height is canonical, once for the blocks themselves, so that
//! memory is eight bytes a block. Start at [`chain`].

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_schema::record::{Block, ChainRecordBody};
use souk_schema::{B256, ChainId};
use tokio::sync::watch;

use super::stream::{first_record, from_stored, newest_generation, stream_name};
use super::{Fetcher, Pool};
use crate::IndexError;
use crate::fetch::{Content, Fetched};
use crate::rpc::classify::CallError;
use crate::rpc::pool::Who;
use crate::source::ChainSource;
use crate::watch::LiveWatch;

/// Blocks compared at a time.
const RANGE_BLOCKS: usize = 256;

/// Records read at a time.
const BATCH: ReadLimits = ReadLimits {
    max_records: 1_024,
    max_bytes: 8 << 20,
};

/// Differences after which it is clear enough that the two are not the same.
const ENOUGH: usize = 5;

/// How often the end of the chain may move away under the comparison.
const ATTEMPTS: usize = 5;

/// What a comparison found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The chain.
    pub chain: ChainId,
    /// The stream.
    pub stream: String,
    /// Blocks that were compared.
    pub blocks: u64,
    /// Watched logs that were compared.
    pub logs: u64,
    /// What differs; at most a handful is named.
    pub differences: Vec<String>,
}

impl Report {
    /// Whether the stream is what the nodes say.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report {
            chain,
            stream,
            blocks,
            logs,
            differences,
        } = self;
        if self.is_same() {
            return write!(
                f,
                "chain {chain}: {blocks} blocks and {logs} logs of {stream} are what the node says"
            );
        }
        write!(f, "chain {chain}: {stream} is not what the node says")?;
        for difference in differences {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}

/// Why a comparison came to no end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The stream cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The nodes do not answer.
    #[error("chain {chain}: the node does not answer: {source}; is it up?")]
    Node {
        /// The chain.
        chain: ChainId,
        /// What went wrong.
        source: CallError,
    },
    /// There is nothing to compare.
    #[error("chain {0} has no stream in the log")]
    NoStream(ChainId),
    /// The chain's end would not hold still.
    #[error(
        "chain {0}: blocks were reverted while they were compared, again and again; try again when the chain is calmer"
    )]
    Restless(ChainId),
}

/// Compares the newest generation of the chain's stream with what the source's endpoints say. The source says how to ask and what counts
/// as proof; what is watched, and from which block on, the stream says itself.
///
/// # Errors
/// [`VerifyError`] when it cannot be compared; a difference is no error.
pub async fn chain(source: &ChainSource, log: &dyn EventLog) -> Result<Report, VerifyError> {
    let chain = source.chain;
    let of_log = |source| VerifyError::Index(IndexError::Log { chain, source });
    let generation = newest_generation(chain, log).await.map_err(of_log)?;
    let name = stream_name(chain, generation.max(1)).map_err(of_log)?;
    let Some(opened) = first_record(chain, generation.max(1), log)
        .await
        .map_err(fatal(chain))?
    else {
        return Err(VerifyError::NoStream(chain));
    };
    let watch = serde_json::from_str(&opened.watch_set_json).map_err(|error| IndexError::Damaged {
        chain,
        stream: name.to_string(),
        sequence: 0,
        problem: format!("its watch set: {error}"),
    })?;
    let source = ChainSource {
        watch,
        start_block: opened.start_block,
        ..source.clone()
    };
    let (announcer, _) = watch::channel(None);
    let of_node = |source| VerifyError::Node { chain, source };
    let pool = Pool::new(&source, &announcer).map_err(of_node)?;
    let comparison = Comparison {
        fetcher: Fetcher::new(pool, source.proof),
        source: &source,
        log,
        name,
    };
    for _ in 0..ATTEMPTS {
        let canonical = comparison.canonical().await?;
        let report = comparison.compare(&canonical).await?;
        // A block that was reverted meanwhile differs without anything being wrong.
        if report.is_same() || comparison.canonical().await?.starts_with(&canonical) {
            return Ok(report);
        }
    }
    Err(VerifyError::Restless(chain))
}

fn fatal(chain: ChainId) -> impl Fn(super::Halt) -> VerifyError {
    move |halt| match halt {
        super::Halt::Fatal(error) | super::Halt::Rewritten(error) => VerifyError::Index(error),
        super::Halt::Reopen(source) => VerifyError::Index(IndexError::Log { chain, source }),
        super::Halt::Retry(source) => VerifyError::Node { chain, source },
    }
}

struct Comparison<'a> {
    source: &'a ChainSource,
    log: &'a dyn EventLog,
    name: StreamName,
    fetcher: Fetcher,
}

impl Comparison<'_> {
    /// The sequences of the records that hold the canonical blocks, from the start block on.
    async fn canonical(&self) -> Result<Vec<u64>, VerifyError> {
        let mut canonical = Vec::new();
        let mut next = 0;
        loop {
            let records = self.read(next).await?;
            let Some((last, _)) = records.last() else {
                return Ok(canonical);
            };
            next = last + 1;
            for (sequence, body) in records {
                match body {
                    ChainRecordBody::BlockAppended(_) => canonical.push(sequence),
                    ChainRecordBody::BlockReverted(_) => {
                        canonical.pop();
                    }
                    ChainRecordBody::StreamOpened(_) | ChainRecordBody::FinalityAdvanced(_) => {}
                }
            }
        }
    }

    async fn read(&self, from: u64) -> Result<Vec<(u64, ChainRecordBody)>, VerifyError> {
        let chain = self.source.chain;
        let records = self.log.read(&self.name, from, BATCH).await;
        let records = records.map_err(|source| IndexError::Log { chain, source })?;
        let decode = |stored: &souk_eventlog::StoredRecord| {
            Ok((stored.sequence, from_stored(chain, self.name.as_str(), stored)?))
        };
        records.iter().map(decode).collect()
    }

    async fn compare(&self, canonical: &[u64]) -> Result<Report, VerifyError> {
        let stream = self.name.to_string();
        let mut report = Report {
            chain: self.source.chain,
            stream,
            blocks: 0,
            logs: 0,
            differences: Vec::new(),
        };
        let mut watch = LiveWatch::new(&self.source.watch);
        let head = self.fetcher.latest().await.map_err(|error| self.node(error))?.block;
        let mut waiting = Vec::new();
        let mut parent = None;
        let mut left = canonical.iter().copied().peekable();
        while let Some(&next) = left.peek() {
            for (sequence, body) in self.read(next).await? {
                if left.peek() == Some(&sequence)
                    && let ChainRecordBody::BlockAppended(block) = body
                {
                    left.next();
                    if parent.is_some_and(|parent| parent != block.parent_hash) {
                        report.differences.push(format!(
                            "block {}: its parent is not the block before it in the stream",
                            block.number
                        ));
                    }
                    parent = Some(block.hash);
                    waiting.push(block);
                }
            }
            while waiting.len() >= RANGE_BLOCKS || (left.peek().is_none() && !waiting.is_empty()) {
                let range = waiting.drain(..waiting.len().min(RANGE_BLOCKS)).collect();
                self.compare_range(range, head.number, &mut watch, &mut report).await?;
                if report.differences.len() >= ENOUGH {
                    report.differences.truncate(ENOUGH);
                    return Ok(report);
                }
            }
        }
        Ok(report)
    }

    /// Compares blocks of consecutive heights.
    async fn compare_range(
        &self,
        ours: Vec<Block>,
        head: u64,
        watch: &mut LiveWatch,
        report: &mut Report,
    ) -> Result<(), VerifyError> {
        let known = ours.iter().take_while(|block| block.number <= head).count();
        if let Some(unknown) = ours.get(known) {
            report
                .differences
                .push(format!("block {}: the node's chain ends at {head}", unknown.number));
        }
        let (Some(first), Some(last)) = (ours.first(), ours[..known].last()) else {
            return Ok(());
        };
        let view = watch.view().clone();
        let theirs = self
            .fetcher
            .range(Who::Any, first.number, last.number, &view)
            .await
            .map_err(|error| self.node(error))?;
        for (ours, theirs) in ours.iter().zip(theirs) {
            report.blocks += 1;
            let (number, hash) = (ours.number, theirs.header.block.hash);
            if theirs.header.block.number != number || hash != ours.hash {
                report
                    .differences
                    .push(format!("block {number}: the log has {}, the node {hash}", ours.hash));
                continue;
            }
            if let Some(difference) = self.differing_header(ours, &theirs) {
                report.differences.push(difference);
            }
            let logs = self.logs_of(theirs, watch).await?;
            let logs = watch.select(number, logs);
            report.logs += logs.len() as u64;
            if let Some(difference) = differing_logs(ours, &logs) {
                report.differences.push(difference);
            }
        }
        Ok(())
    }

    fn differing_header(&self, ours: &Block, theirs: &Fetched) -> Option<String> {
        let number = ours.number;
        if theirs.header.parent != ours.parent_hash {
            return Some(format!(
                "block {number}: the log has parent {}, the node {}",
                ours.parent_hash, theirs.header.parent
            ));
        }
        let (time, node) = (ours.timestamp, theirs.header.timestamp);
        (time != node).then(|| format!("block {number}: the log has time {time}, the node {node}"))
    }

    /// The block's logs, fetched again where a contract that is watched since made the bloom's verdict stale.
    async fn logs_of(
        &self,
        block: Fetched,
        watch: &LiveWatch,
    ) -> Result<Vec<souk_schema::record::RawLog>, VerifyError> {
        let block = if block.content.is_stale(watch.view()) {
            let completed = self
                .fetcher
                .complete(&[block.header], watch.view())
                .await
                .map_err(|error| self.node(error))?;
            match completed.into_iter().next() {
                Some(block) => block,
                None => return Ok(Vec::new()),
            }
        } else {
            block
        };
        Ok(match block.content {
            Content::Excluded { .. } => Vec::new(),
            Content::Logs { logs, .. } => logs,
        })
    }

    fn node(&self, source: CallError) -> VerifyError {
        VerifyError::Node {
            chain: self.source.chain,
            source,
        }
    }
}

/// How the watched logs of one block differ.
fn differing_logs(ours: &Block, theirs: &[souk_schema::record::RawLog]) -> Option<String> {
    let number = ours.number;
    for (our, their) in ours.logs.iter().zip(theirs) {
        if our != their {
            let transaction: B256 = their.transaction_hash;
            return Some(format!(
                "block {number}, log {}: the log's copy differs from the node's, of transaction {transaction}",
                their.log_index
            ));
        }
    }
    let (our, their) = (ours.logs.len(), theirs.len());
    (our != their).then(|| format!("block {number}: the log has {our} watched logs, the node {their}"))
}
