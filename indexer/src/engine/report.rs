//! Tells the outside how a chain's indexing goes: the status channel and the gauges and counters `souk_indexer_*`.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use souk_schema::record::{Block, CompletenessProof};
use souk_schema::{BlockRef, ChainId};
use tokio::sync::watch;

use crate::rpc::Pool;
use crate::status::{IndexerStatus, Phase};

/// Rates are taken over so long.
const RATE_WINDOW: Duration = Duration::from_secs(5);

const PROOFS: [(&str, CompletenessProof); 3] = [
    ("bloom", CompletenessProof::BloomExcludes),
    ("receipts", CompletenessProof::ReceiptsRoot),
    ("weaker", CompletenessProof::Weaker),
];

/// A tail so many blocks behind the head is being backfilled.
const BACKFILL_LAG: u64 = 64;

pub(super) struct Reporter {
    chain: ChainId,
    label: String,
    sender: watch::Sender<IndexerStatus>,
    /// Time, total blocks and total logs of recent appends.
    samples: Mutex<VecDeque<(Instant, u64, u64)>>,
}

impl Reporter {
    pub(super) fn new(chain: ChainId, sender: watch::Sender<IndexerStatus>) -> Reporter {
        sender.send_replace(IndexerStatus::starting(chain));
        Reporter {
            chain,
            label: chain.to_string(),
            sender,
            samples: Mutex::default(),
        }
    }

    pub(super) fn phase(&self, phase: Phase) {
        self.sender.send_if_modified(|status| {
            let changed = status.phase != phase;
            status.phase = phase;
            changed
        });
    }

    pub(super) fn error(&self, error: &dyn Display) {
        self.sender
            .send_modify(|status| status.last_error = Some(error.to_string()));
    }

    /// Something that is retried.
    pub(super) fn trouble(&self, error: &dyn Display) {
        tracing::warn!(chain = %self.chain, %error, "trying again");
        counter!("souk_indexer_retries_total", "chain" => self.label.clone()).increment(1);
        self.error(error);
        self.phase(Phase::Retrying);
    }

    pub(super) fn opened(&self, generation: u32, tail: Option<BlockRef>, finalized: Option<BlockRef>) {
        self.sender.send_modify(|status| {
            status.generation = generation;
            (status.tail, status.finalized) = (tail, finalized);
        });
    }

    pub(super) fn head(&self, head: BlockRef, pool: &Pool) {
        gauge!("souk_indexer_head", "chain" => self.label.clone()).set(head.number as f64);
        self.sender.send_modify(|status| {
            status.head = Some(head);
            status.endpoints = pool.status();
        });
    }

    pub(super) fn appended(&self, blocks: &[&Block], pool: &Pool) {
        let Some(last) = blocks.last() else { return };
        let logs: usize = blocks.iter().map(|block| block.logs.len()).sum();
        counter!("souk_indexer_blocks_total", "chain" => self.label.clone()).increment(blocks.len() as u64);
        counter!("souk_indexer_logs_total", "chain" => self.label.clone()).increment(logs as u64);
        for (name, proof) in PROOFS {
            let count = blocks.iter().filter(|block| block.proof == proof).count() as u64;
            counter!("souk_indexer_proofs_total", "chain" => self.label.clone(), "proof" => name).increment(count);
        }
        gauge!("souk_indexer_tail", "chain" => self.label.clone()).set(last.number as f64);
        self.sender.send_modify(|status| {
            status.tail = Some(last.block_ref());
            status.totals.blocks += blocks.len() as u64;
            status.totals.logs += logs as u64;
            for block in blocks {
                status.totals.count_proof(block.proof);
            }
            (status.blocks_per_sec, status.logs_per_sec) = self.rates(status.totals.blocks, status.totals.logs);
            let lag = status.lag_blocks().unwrap_or(0);
            status.phase = if lag > BACKFILL_LAG {
                Phase::Backfilling
            } else {
                Phase::Live
            };
            status.eta_secs = (lag > BACKFILL_LAG && status.blocks_per_sec > 0.0)
                .then(|| (lag as f64 / status.blocks_per_sec) as u64);
            status.endpoints = pool.status();
        });
    }

    pub(super) fn reverted(&self, count: usize, tail: Option<BlockRef>) {
        counter!("souk_indexer_reverted_total", "chain" => self.label.clone()).increment(count as u64);
        self.sender.send_modify(|status| {
            status.totals.reverted += count as u64;
            status.tail = tail;
        });
    }

    pub(super) fn finalized(&self, block: BlockRef) {
        gauge!("souk_indexer_finalized", "chain" => self.label.clone()).set(block.number as f64);
        self.sender.send_modify(|status| status.finalized = Some(block));
    }

    /// Blocks and logs a second.
    fn rates(&self, blocks: u64, logs: u64) -> (f64, f64) {
        let now = Instant::now();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, blocks, logs));
        while samples.len() > 2 && samples.front().is_some_and(|(at, ..)| now - *at > RATE_WINDOW) {
            samples.pop_front();
        }
        let Some((at, first_blocks, first_logs)) = samples.front().copied() else {
            return (0.0, 0.0);
        };
        let secs = (now - at).as_secs_f64();
        let rate = |from: u64, to: u64| if secs > 0.0 { (to - from) as f64 / secs } else { 0.0 };
        (rate(first_blocks, blocks), rate(first_logs, logs))
    }
}
