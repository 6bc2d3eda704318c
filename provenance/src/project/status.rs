//! What a projector says of itself, for `souk status`, GraphQL and the metrics.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use souk_schema::{BlockRef, ChainId};
use tokio::sync::watch;

use super::error::ProjectError;
use crate::store::Projection;

/// What a projector is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The chain has no stream yet.
    Waiting,
    /// It follows the stream.
    Following,
    /// It caught up with the stream for the first time, and makes the indexes that readers need.
    Indexing,
    /// It projects anew beside the live tables, which stay as they are meanwhile.
    Rebuilding,
    /// Something failed; it tries again.
    Retrying,
    /// It gave up; `last_error` says why.
    Stopped,
}

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectionStatus {
    /// The chain.
    pub chain: ChainId,
    /// What the projector is doing.
    pub phase: Phase,
    /// The stream that it reads; empty before there is one.
    pub stream: String,
    /// The next record to apply.
    pub next_sequence: u64,
    /// The next record that will be appended to the stream.
    pub log_tail: u64,
    /// The newest block in the tables.
    pub head: Option<BlockRef>,
    /// The newest final block.
    pub finalized: Option<BlockRef>,
    /// Logs in quarantine.
    pub quarantined: u64,
    /// Whether the indexes that readers need are there; before, the tables are right but slow to search.
    pub has_read_indexes: bool,
    /// Logs applied per second, over the last seconds.
    pub logs_per_sec: f64,
    /// Logs applied since the projector started.
    pub logs_applied: u64,
    /// What went wrong last, until a batch succeeds.
    pub last_error: Option<String>,
}

impl ProjectionStatus {
    /// A projector that has not begun.
    pub fn new(chain: ChainId) -> ProjectionStatus {
        ProjectionStatus {
            chain,
            phase: Phase::Waiting,
            stream: String::new(),
            next_sequence: 0,
            log_tail: 0,
            head: None,
            finalized: None,
            quarantined: 0,
            has_read_indexes: false,
            logs_per_sec: 0.0,
            logs_applied: 0,
            last_error: None,
        }
    }

    /// Records of the stream that are not applied yet.
    pub fn lag_records(&self) -> u64 {
        self.log_tail.saturating_sub(self.next_sequence)
    }
}

/// What was just committed.
pub(super) struct Committed {
    pub(super) next_sequence: u64,
    pub(super) head: Option<BlockRef>,
    pub(super) finalized: Option<BlockRef>,
    pub(super) logs: u64,
    /// Set when it may have changed.
    pub(super) quarantined: Option<u64>,
}

/// Publishes a projector's status and metrics.
pub(crate) struct Reporter {
    status: watch::Sender<ProjectionStatus>,
    chain: String,
    measured: (Instant, u64),
}

impl Reporter {
    pub(super) fn new(chain: ChainId, status: watch::Sender<ProjectionStatus>) -> Reporter {
        Reporter {
            status,
            chain: chain.to_string(),
            measured: (Instant::now(), 0),
        }
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.status.borrow().next_sequence
    }

    pub(super) fn waiting(&self) {
        self.status.send_modify(|status| status.phase = Phase::Waiting);
    }

    /// A stream is followed from where the tables are; `None` where they hold nothing of it.
    pub(super) fn begins(&self, phase: Phase, stream: &str, from: Option<&Projection>, quarantined: u64) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.stream = stream.to_string();
            status.next_sequence = from.map_or(0, |from| from.next_sequence);
            status.head = from.and_then(|from| from.head);
            status.finalized = from.and_then(|from| from.finalized);
            status.quarantined = quarantined;
        });
    }

    /// The read indexes are there, are not, or are being made.
    pub(super) fn read_indexes(&self, phase: Phase, are_there: bool) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.has_read_indexes = are_there;
        });
    }

    pub(super) fn failed(&self, error: &ProjectError) {
        self.status.send_modify(|status| {
            status.phase = if error.is_retryable() {
                Phase::Retrying
            } else {
                Phase::Stopped
            };
            status.last_error = Some(error.to_string());
        });
    }

    pub(super) fn committed(&self, phase: Phase, committed: &Committed) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.next_sequence = committed.next_sequence;
            status.log_tail = status.log_tail.max(committed.next_sequence);
            status.head = committed.head;
            status.finalized = committed.finalized;
            status.logs_applied += committed.logs;
            status.quarantined = committed.quarantined.unwrap_or(status.quarantined);
            status.last_error = None;
        });
        let chain = || [("chain", self.chain.clone())];
        metrics::counter!("souk_projection_logs_total", &chain()).increment(committed.logs);
        let head = committed.head.map_or(0, |head| head.number);
        metrics::gauge!("souk_projection_head", &chain()).set(head as f64);
        metrics::gauge!("souk_projection_quarantined", &chain()).set(self.status.borrow().quarantined as f64);
    }

    /// Called about once a second with the stream's tail.
    pub(super) fn tick(&mut self, log_tail: u64) {
        let (since, before) = self.measured;
        let applied = self.status.borrow().logs_applied;
        self.measured = (Instant::now(), applied);
        self.status.send_modify(|status| {
            status.log_tail = log_tail;
            status.logs_per_sec = (applied - before) as f64 / since.elapsed().as_secs_f64().max(0.001);
        });
        let lag = self.status.borrow().lag_records();
        metrics::gauge!("souk_projection_lag_records", &[("chain", self.chain.clone())]).set(lag as f64);
    }
}
