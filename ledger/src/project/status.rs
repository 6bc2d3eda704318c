//! What a projector says of itself, for `souk status`, GraphQL and the metrics.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use souk_schema::exchange::{CommandNumber, GroupId};
use tokio::sync::watch;

use super::error::ProjectError;
use crate::store::Offset;

/// What a projector is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has not begun.
    Waiting,
    /// It follows the stream.
    Following,
    /// It projects anew beside the live tables, which stay as they are meanwhile.
    Rebuilding,
    /// Something failed; it tries again.
    Retrying,
    /// It gave up; `last_error` says why.
    Stopped,
}

/// How far a group's ledger is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// The group.
    pub group: GroupId,
    /// What the projector is doing.
    pub phase: Phase,
    /// The next record to apply.
    pub next_sequence: u64,
    /// The next record that will be appended to the stream.
    pub log_tail: u64,
    /// The last command in the tables.
    pub last_number: CommandNumber,
    /// Fills applied since the projector started.
    pub fills_applied: u64,
    /// Fills applied per second, over the last seconds.
    pub fills_per_sec: f64,
    /// What went wrong last, until a batch succeeds.
    pub last_error: Option<String>,
}

impl LedgerStatus {
    /// A projector that has not begun.
    pub fn new(group: GroupId) -> LedgerStatus {
        LedgerStatus {
            group,
            phase: Phase::Waiting,
            next_sequence: 0,
            log_tail: 0,
            last_number: CommandNumber(0),
            fills_applied: 0,
            fills_per_sec: 0.0,
            last_error: None,
        }
    }

    /// Records of the stream that are not applied yet.
    pub fn lag_records(&self) -> u64 {
        self.log_tail.saturating_sub(self.next_sequence)
    }
}

/// Publishes a projector's status and metrics.
pub(super) struct Reporter {
    status: watch::Sender<LedgerStatus>,
    group: String,
    measured: (Instant, u64),
}

impl Reporter {
    pub(super) fn new(group: GroupId, status: watch::Sender<LedgerStatus>) -> Reporter {
        Reporter {
            status,
            group: group.to_string(),
            measured: (Instant::now(), 0),
        }
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.status.borrow().next_sequence
    }

    pub(super) fn begins(&self, phase: Phase, from: Offset) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.next_sequence = from.next_sequence;
            status.last_number = from.last_number;
        });
    }

    pub(super) fn failed(&self, error: &ProjectError) {
        let retries = error.is_retryable();
        self.status.send_modify(|status| {
            status.phase = if retries { Phase::Retrying } else { Phase::Stopped };
            status.last_error = Some(error.to_string());
        });
    }

    pub(super) fn committed(&self, phase: Phase, at: Offset, fills: u64) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.next_sequence = at.next_sequence;
            status.log_tail = status.log_tail.max(at.next_sequence);
            status.last_number = at.last_number;
            status.fills_applied += fills;
            status.last_error = None;
        });
        let group = || [("group", self.group.clone())];
        metrics::counter!("souk_ledger_fills_total", &group()).increment(fills);
        metrics::gauge!("souk_ledger_last_command", &group()).set(at.last_number.0 as f64);
    }

    /// Called about once a second with the stream's tail.
    pub(super) fn tick(&mut self, log_tail: u64) {
        let (since, before) = self.measured;
        let applied = self.status.borrow().fills_applied;
        self.measured = (Instant::now(), applied);
        self.status.send_modify(|status| {
            status.log_tail = log_tail;
            status.fills_per_sec = (applied - before) as f64 / since.elapsed().as_secs_f64().max(0.001);
        });
        let lag = self.status.borrow().lag_records();
        metrics::gauge!("souk_ledger_lag_records", &[("group", self.group.clone())]).set(lag as f64);
    }
}
