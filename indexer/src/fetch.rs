//! Blocks with all their logs, proved complete (IDX-2), one range or many ranges in parallel and in order.
//!
//! Never decides which branch is right and never writes. Start at [`Fetcher::range`]; [`ahead`] runs many of them.

pub(crate) mod ahead;
mod headers;
mod logs;
mod receipts;

use std::ops::Range;
use std::sync::Arc;

use alloy_primitives::{B256, Bloom};
use souk_schema::BlockRef;
use souk_schema::record::{CompletenessProof, RawLog};

use crate::rpc::classify::{CallError, Fault};
use crate::rpc::pool::{ATTEMPTS, Who};
use crate::rpc::wire::WireBlock;
use crate::rpc::{Call, Endpoint, Pool};
use crate::source::ProofPolicy;
use crate::watch::WatchView;

/// A header that hashes to its block's hash, or of a chain where that is not asked for.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) block: BlockRef,
    pub(crate) parent: B256,
    pub(crate) timestamp: u64,
    /// Whether the hash was recomputed; without that, bloom and receipts root prove nothing.
    is_proved: bool,
    bloom: Option<Box<Bloom>>,
    receipts_root: Option<B256>,
    gas_used: u64,
    /// Hashes of the transactions; announcements do not have them.
    transactions: Option<Vec<B256>>,
}

/// A block as far as it can be known before the blocks below it are.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) header: Sealed,
    pub(crate) content: Content,
    /// Bytes that it takes in memory, roughly.
    pub(crate) bytes: usize,
}

/// The logs of a block.
#[derive(Debug)]
pub(crate) enum Content {
    /// The bloom excluded all that the view of this version knew.
    Excluded {
        /// Of the view.
        version: u64,
    },
    /// Every log that may be selected.
    Logs {
        /// By rising index.
        logs: Vec<RawLog>,
        /// How their completeness was proved.
        proof: CompletenessProof,
    },
}

/// Fetches from the endpoints of one chain.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) pool: Pool,
    policy: ProofPolicy,
}

impl Fetcher {
    pub(crate) fn new(pool: Pool, policy: ProofPolicy) -> Fetcher {
        Fetcher { pool, policy }
    }

    /// The blocks `from..=to` as some endpoint's chain has them; each is the parent of the next, unless the range had to be fetched in
    /// parts.
    pub(crate) async fn range(
        &self,
        who: Who,
        from: u64,
        to: u64,
        view: &Arc<WatchView>,
    ) -> Result<Vec<Fetched>, CallError> {
        let work = |endpoint: Arc<Endpoint>, part: Range<u64>| async move {
            let headers = headers::by_numbers(&endpoint, part.start, part.end - 1, self.policy).await?;
            self.complete_with(&endpoint, headers, view).await
        };
        self.in_parts(who, from..to + 1, work).await
    }

    /// Adds the logs to headers that follow one another.
    pub(crate) async fn complete(&self, headers: &[Sealed], view: &Arc<WatchView>) -> Result<Vec<Fetched>, CallError> {
        let work = |endpoint: Arc<Endpoint>, part: Range<u64>| async move {
            let part = headers.get(part.start as usize..part.end as usize).unwrap_or_default();
            self.complete_with(&endpoint, part.to_vec(), view).await
        };
        self.in_parts(Who::Best, 0..headers.len() as u64, work).await
    }

    /// Does the work for all these blocks at once; where that keeps failing, in halves, so that one block that an endpoint lies about does
    /// not hold up the others again and again.
    async fn in_parts<F: Future<Output = Result<Vec<Fetched>, CallError>>>(
        &self,
        who: Who,
        blocks: Range<u64>,
        work: impl Fn(Arc<Endpoint>, Range<u64>) -> F,
    ) -> Result<Vec<Fetched>, CallError> {
        const ATTEMPTS_AT_ONCE: u32 = 2;
        let mut done = Vec::new();
        let mut parts = vec![blocks];
        while let Some(part) = parts.pop() {
            let length = part.end - part.start;
            let attempts = if length > 1 { ATTEMPTS_AT_ONCE } else { ATTEMPTS };
            let result = self
                .pool
                .attempt_times(who, attempts, |endpoint| work(endpoint, part.clone()))
                .await;
            match result {
                Ok(blocks) => done.extend(blocks),
                Err(error) if length > 1 && error.fault != Fault::Refused => {
                    let middle = part.start + length / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn complete_with(
        &self,
        endpoint: &Endpoint,
        headers: Vec<Sealed>,
        view: &Arc<WatchView>,
    ) -> Result<Vec<Fetched>, CallError> {
        match self.policy {
            ProofPolicy::Receipts => receipts::complete(endpoint, headers, view).await,
            ProofPolicy::Logs => logs::complete(endpoint, headers, view).await,
        }
    }

    /// The headers of some blocks up to and including a known one, newest last: at least that one, at most `count`.
    pub(crate) async fn ancestors(&self, newest: BlockRef, count: u64) -> Result<Vec<Sealed>, CallError> {
        if count > 1 {
            let from = newest.number.saturating_sub(count - 1);
            let work = |endpoint: Arc<Endpoint>| async move {
                headers::by_numbers(&endpoint, from, newest.number, self.policy).await
            };
            if let Ok(headers) = self.pool.attempt_times(Who::Best, 1, work).await
                && headers.last().is_some_and(|header| header.block == newest)
            {
                return Ok(headers);
            }
        }
        // By number the node may have another branch by now, but by hash it may still have this block.
        let work = |endpoint: Arc<Endpoint>| async move { headers::by_hash(&endpoint, newest, self.policy).await };
        Ok(vec![self.pool.attempt(Who::Best, work).await?])
    }

    /// The newest block of the best endpoint.
    pub(crate) async fn latest(&self) -> Result<Sealed, CallError> {
        self.pool
            .attempt(Who::Best, |endpoint: Arc<Endpoint>| async move {
                let block: Option<WireBlock> = endpoint
                    .ask(Call::new("eth_getBlockByNumber", r#"["latest",false]"#.into()))
                    .await?;
                let header = self.seal(block.ok_or_else(|| CallError::invalid("the latest block is null"))?)?;
                endpoint.note_head(header.block.number);
                Ok(header)
            })
            .await
    }

    /// Checks a header that came as an announcement or as the newest block.
    pub(crate) fn seal(&self, block: WireBlock) -> Result<Sealed, CallError> {
        headers::seal(block, self.policy)
    }
}

impl Content {
    /// Whether the bloom was held against another set of contracts than this view's.
    pub(crate) fn is_stale(&self, view: &WatchView) -> bool {
        matches!(self, Content::Excluded { version } if *version != view.version)
    }
}

impl Sealed {
    /// Whether the bloom, which has to be proved, excludes every watched contract.
    pub(crate) fn is_excluded_by(&self, view: &WatchView) -> bool {
        self.is_proved && self.bloom.as_ref().is_some_and(|bloom| view.excludes(bloom))
    }

    fn excluded(self, view: &WatchView) -> Fetched {
        let bytes = 512 + self.transactions.as_ref().map_or(0, |hashes| hashes.len() * 32);
        Fetched {
            header: self,
            content: Content::Excluded { version: view.version },
            bytes,
        }
    }

    fn with_logs(mut self, logs: Vec<RawLog>, proof: CompletenessProof) -> Fetched {
        self.transactions = None;
        let of_logs: usize = logs
            .iter()
            .map(|log| 200 + log.topics.len() * 32 + log.data.len())
            .sum();
        Fetched {
            header: self,
            content: Content::Logs { logs, proof },
            bytes: 512 + of_logs,
        }
    }
}
