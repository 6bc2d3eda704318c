//! The loop: learn of a head, show it to [`decide`], do what that says, until the stream ends in that head.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use souk_eventlog::EventLog;
use souk_schema::BlockRef;
use souk_schema::record::{Block, BlockReverted, ChainRecordBody, CompletenessProof, RawLog};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Halt;
use super::heads::Heads;
use super::report::Reporter;
use super::stream::Stream;
use crate::IndexError;
use crate::fetch::ahead::Ahead;
use crate::fetch::{Content, Fetched, Fetcher, Sealed};
use crate::follow::{Branch, Decision, Tail, decide};
use crate::rpc::Announcement;
use crate::rpc::classify::{CallError, Fault};
use crate::source::{ChainSource, Finality};
use crate::status::Phase;
use crate::watch::LiveWatch;

/// Headers fetched at a time on the way down to the common block; the first step is one, each further one four times as many.
const MOST_ANCESTORS: u64 = 64;

/// How often the node is asked what is final.
const FINALITY_INTERVAL: Duration = Duration::from_millis(500);

/// During a backfill far below the node's finality, our own stays this far behind the tail, so that a wrong fork behind one of several
/// endpoints can still be left.
const BACKFILL_MARGIN: u64 = 128;

/// From the opening of the stream to the first thing that goes wrong.
pub(super) struct Session<'a> {
    source: &'a ChainSource,
    reporter: &'a Reporter,
    fetcher: Arc<Fetcher>,
    heads: Heads,
    stream: Stream,
    genesis: B256,
    tail: Tail,
    watch: LiveWatch,
    /// What the node calls final, and when it was asked.
    node_finalized: Option<BlockRef>,
    finality_asked: Option<Instant>,
    /// Records to append next; the tail has them already.
    batch: Vec<ChainRecordBody>,
    batch_bytes: usize,
}

/// Headers of the branch that is being decided about.
struct Observed {
    branch: Branch,
    headers: BTreeMap<u64, Sealed>,
    ancestors_step: u64,
}

impl Observed {
    fn new(header: Sealed) -> Observed {
        let branch = Branch::new(header.block, header.parent);
        Observed {
            branch,
            headers: BTreeMap::from([(header.block.number, header)]),
            ancestors_step: 1,
        }
    }
}

impl<'a> Session<'a> {
    pub(super) async fn open(
        source: &'a ChainSource,
        log: &dyn EventLog,
        fetcher: Arc<Fetcher>,
        announced: watch::Receiver<Option<Announcement>>,
        reporter: &'a Reporter,
        begin_anew: bool,
    ) -> Result<Session<'a>, Halt> {
        let genesis = fetcher.pool.genesis().await?;
        let (stream, tail) = Stream::open(source, log, genesis, begin_anew).await?;
        reporter.opened(stream.generation, tail.blocks.head(), tail.blocks.finalized());
        tracing::info!(chain = %source.chain, generation = stream.generation, tail = ?tail.blocks.head(), "stream opened");
        Ok(Session {
            source,
            reporter,
            fetcher,
            heads: Heads::new(announced, source.poll_interval()),
            stream,
            genesis,
            tail: tail.blocks,
            watch: tail.watch,
            node_finalized: None,
            finality_asked: None,
            batch: Vec::new(),
            batch_bytes: 0,
        })
    }

    /// Follows the chain; returns why it cannot go on. What the endpoints do wrong is retried within the session.
    pub(super) async fn follow(&mut self) -> Halt {
        loop {
            let news = self.heads.next(&self.fetcher).await.map_err(Halt::Retry);
            let result = match news {
                Ok(head) => self.absorb(head).await,
                Err(halt) => Err(halt),
            };
            match result {
                Ok(()) => {}
                Err(Halt::Retry(error)) if error.fault != Fault::Refused && self.batch.is_empty() => {
                    // Each endpoint was already left alone for as long as it needs.
                    self.reporter.trouble(&error);
                    self.heads.hurry();
                }
                Err(halt) => return halt,
            }
        }
    }

    /// Makes the stream end in this head, if it is not an older one of ours.
    async fn absorb(&mut self, head: Sealed) -> Result<(), Halt> {
        self.reporter.head(head.block, &self.fetcher.pool);
        let mut observed = Observed::new(head.clone());
        loop {
            match decide(&self.tail, &observed.branch) {
                Decision::UpToDate => {
                    self.reporter.phase(Phase::Live);
                    if observed.branch.head() != head.block {
                        // The way up ended in another branch than the head's.
                        self.heads.hurry();
                    }
                    break;
                }
                Decision::Wait { behind_by } => {
                    self.check_genesis().await?;
                    tracing::debug!(chain = %self.source.chain, behind_by, "the node is behind");
                    self.reporter.phase(Phase::NodeBehind);
                    break;
                }
                Decision::Fetch { from } => match self.backfill(from, head.block.number).await? {
                    Some(other) => observed = Observed::new(other),
                    None => break,
                },
                Decision::Descend { number, hash } => self.descend(&mut observed, BlockRef { number, hash }).await?,
                Decision::Extend { from } => self.extend(&observed, from).await?,
                Decision::Revert(reverts) => self.revert(reverts).await?,
                Decision::Violated { finalized } => {
                    self.check_genesis().await?;
                    return Err(Halt::Rewritten(IndexError::FinalityViolated {
                        chain: self.source.chain,
                        finalized,
                    }));
                }
            }
        }
        self.advance_finality().await
    }

    /// Shows more of the branch.
    async fn descend(&mut self, observed: &mut Observed, newest: BlockRef) -> Result<(), Halt> {
        self.reporter.phase(Phase::Reverting);
        let headers = self.fetcher.ancestors(newest, observed.ancestors_step).await?;
        observed.ancestors_step = (observed.ancestors_step * 4).min(MOST_ANCESTORS);
        for header in headers.into_iter().rev() {
            if !observed.branch.extend_below(header.block, header.parent) {
                return Err(Halt::Retry(CallError::invalid(
                    "the node's branch changed on the way down",
                )));
            }
            observed.headers.insert(header.block.number, header);
        }
        Ok(())
    }

    /// Appends blocks of the branch whose headers are here already.
    async fn extend(&mut self, observed: &Observed, from: u64) -> Result<(), Halt> {
        let headers: Vec<Sealed> = observed
            .headers
            .range(from..)
            .map(|(_, header)| header.clone())
            .collect();
        for part in headers.chunks(self.source.limits.batch_calls) {
            for block in self.fetcher.complete(part, self.watch.view()).await? {
                self.take(block).await?;
            }
            self.flush().await?;
        }
        Ok(())
    }

    /// Fetches `from..=to` and appends what links; a block that does not is returned, and is the branch to look at.
    async fn backfill(&mut self, from: u64, to: u64) -> Result<Option<Sealed>, Halt> {
        self.ask_finality().await?;
        let settled = self.node_finalized.map_or(0, |block| block.number);
        let mut ahead = Ahead::new(self.fetcher.clone(), self.source.limits, from, to, settled);
        while let Some(range) = ahead.next(self.watch.view()).await {
            let blocks = match range {
                Ok(blocks) => blocks,
                Err(error) => {
                    self.flush().await?;
                    return Err(error.into());
                }
            };
            for block in blocks {
                if !self.tail.links(block.header.block.number, block.header.parent) {
                    self.flush().await?;
                    return Ok(Some(block.header));
                }
                self.take(block).await?;
                if self.batch.len() >= self.source.limits.append_blocks
                    || self.batch_bytes >= self.source.limits.append_bytes
                {
                    self.flush().await?;
                }
            }
            // Blocks that are there can be seen while the next range is on its way.
            self.flush().await?;
        }
        Ok(None)
    }

    /// Puts a block that links into the batch, with the logs that are watched.
    async fn take(&mut self, block: Fetched) -> Result<(), Halt> {
        let number = block.header.block.number;
        let mut block = block;
        if block.content.is_stale(self.watch.view()) && !block.header.is_excluded_by(self.watch.view()) {
            // A factory created a contract since the bloom was looked at, and this block may hold logs of it.
            self.flush().await?;
            let fetched = self
                .fetcher
                .complete(std::slice::from_ref(&block.header), self.watch.view())
                .await?;
            block = fetched
                .into_iter()
                .next()
                .ok_or_else(|| CallError::invalid("no block for a header"))?;
        }
        let (logs, proof): (Vec<RawLog>, CompletenessProof) = match block.content {
            Content::Excluded { .. } => (Vec::new(), CompletenessProof::BloomExcludes),
            Content::Logs { logs, proof } => (self.watch.select(number, logs), proof),
        };
        let Sealed {
            block: BlockRef { hash, .. },
            parent: parent_hash,
            timestamp,
            ..
        } = block.header;
        let block = Block {
            number,
            hash,
            parent_hash,
            timestamp,
            logs,
            proof,
        };
        let unlinked = |error: crate::follow::Unlinked| Halt::Retry(CallError::invalid(error.to_string()));
        self.tail.push(block.block_ref(), parent_hash).map_err(unlinked)?;
        self.batch_bytes += 256
            + block
                .logs
                .iter()
                .map(|log| 100 + log.topics.len() * 34 + log.data.len())
                .sum::<usize>();
        self.batch.push(ChainRecordBody::BlockAppended(block));
        Ok(())
    }

    /// Appends the batch, and the finality that it reaches.
    async fn flush(&mut self) -> Result<(), Halt> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.confirm_tail().await?;
        self.batch_bytes = 0;
        let mut bodies = std::mem::take(&mut self.batch);
        let finalized = self.next_finalized();
        bodies.extend(finalized.map(ChainRecordBody::FinalityAdvanced));
        self.stream.append(bodies.clone()).await?;
        let blocks: Vec<&Block> = bodies
            .iter()
            .filter_map(|body| match body {
                ChainRecordBody::BlockAppended(block) => Some(block),
                _ => None,
            })
            .collect();
        self.reporter.appended(&blocks, &self.fetcher.pool);
        self.note_finalized(finalized)
    }

    /// With `cross_check`, waits until another endpoint has the same block.
    async fn confirm_tail(&mut self) -> Result<(), Halt> {
        let Some(tail) = self.tail.head().filter(|_| self.source.cross_check) else {
            return Ok(());
        };
        const PATIENCE: Duration = Duration::from_secs(5);
        let begun = Instant::now();
        loop {
            let opinion = self.fetcher.pool.second_opinion(tail.number, tail.hash).await;
            let problem = match opinion {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => "two endpoints have different blocks".to_owned(),
                Ok(None) => "no second endpoint has it yet".to_owned(),
                Err(error) => error.message,
            };
            if begun.elapsed() > PATIENCE {
                let message = format!("block {} cannot be cross-checked: {problem}", tail.number);
                // The tail in memory is ahead of the log: only a new session sorts that out.
                return Err(Halt::Retry(CallError::transient(message)));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn revert(&mut self, reverts: Vec<BlockReverted>) -> Result<(), Halt> {
        self.check_genesis().await?;
        self.reporter.phase(Phase::Reverting);
        tracing::info!(chain = %self.source.chain, blocks = reverts.len(), "reorganisation");
        let count = reverts.len();
        for revert in &reverts {
            let block = BlockRef {
                number: revert.number,
                hash: revert.hash,
            };
            self.tail
                .pop(block)
                .map_err(|error| Halt::Retry(CallError::invalid(error.to_string())))?;
            self.watch.revert(revert.number);
        }
        self.stream
            .append(reverts.into_iter().map(ChainRecordBody::BlockReverted).collect())
            .await?;
        self.reporter.reverted(count, self.tail.head());
        Ok(())
    }

    /// A chain with another genesis block is another chain, not a reorganisation.
    async fn check_genesis(&mut self) -> Result<(), Halt> {
        let found = self.fetcher.pool.genesis().await?;
        if found == self.genesis {
            return Ok(());
        }
        let chain = self.source.chain;
        Err(Halt::Rewritten(IndexError::ChainReset {
            chain,
            expected: self.genesis,
            found,
        }))
    }

    async fn ask_finality(&mut self) -> Result<(), Halt> {
        let is_recent = self
            .finality_asked
            .is_some_and(|asked| asked.elapsed() < FINALITY_INTERVAL);
        if self.source.finality == Finality::Tag && !is_recent {
            self.finality_asked = Some(Instant::now());
            self.node_finalized = self.fetcher.pool.finalized().await?.map(|block| block.block_ref());
        }
        Ok(())
    }

    async fn advance_finality(&mut self) -> Result<(), Halt> {
        self.ask_finality().await?;
        let finalized = self.next_finalized();
        if let Some(block) = finalized {
            self.stream
                .append(vec![ChainRecordBody::FinalityAdvanced(block)])
                .await?;
        }
        self.note_finalized(finalized)
    }

    /// The block of ours that can be called final now, if that is news.
    fn next_finalized(&self) -> Option<BlockRef> {
        let tail = self.tail.head()?;
        let number = match self.source.finality {
            Finality::Depth(depth) => tail.number.checked_sub(depth)?,
            Finality::Tag => {
                let node = self.node_finalized?;
                // Within our stream, final is what the node names by hash.
                if self.tail.at(node.number).is_some_and(|ours| ours != node) {
                    return None;
                }
                if node.number <= tail.number {
                    node.number
                } else {
                    tail.number.checked_sub(BACKFILL_MARGIN)?.min(node.number)
                }
            }
        };
        let block = self.tail.at(number)?;
        self.tail
            .finalized()
            .is_none_or(|finalized| finalized.number < block.number)
            .then_some(block)
    }

    fn note_finalized(&mut self, finalized: Option<BlockRef>) -> Result<(), Halt> {
        let Some(block) = finalized else { return Ok(()) };
        self.tail
            .finalize(block)
            .map_err(|error| Halt::Retry(CallError::invalid(error.to_string())))?;
        self.reporter.finalized(block);
        Ok(())
    }
}
