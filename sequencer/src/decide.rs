//! The engine's thread: takes records of commands, decides them, and tells everybody. The engine is work for a processor, not for the
//! async threads.

use std::sync::Arc;
use std::time::Instant;

use souk_eventlog::{StoredRecord, StreamName};
use souk_schema::exchange::{CommandBody, CommandNumber, OutcomeBatch};
use tokio::sync::{broadcast, mpsc, watch};

use crate::machine::{Machine, crosses};
use crate::snapshot::Taken;
use crate::status::Phase;
use crate::waiters::Waiters;
use crate::{GroupStatus, SequencerError, record};

/// What the engine's thread works with.
pub(crate) struct Decider {
    pub(crate) stream: StreamName,
    pub(crate) machine: Machine,
    pub(crate) snapshot_every: u64,
    /// The last command of the newest snapshot.
    pub(crate) last_snapshot: CommandNumber,
    /// Records before this sequence were there when the group started.
    pub(crate) recovers_to: u64,
    pub(crate) started: Instant,
    pub(crate) records: mpsc::Receiver<StoredRecord>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) live: broadcast::Sender<Arc<OutcomeBatch>>,
    /// To the task that writes events or compares them.
    pub(crate) outcomes: mpsc::Sender<Arc<OutcomeBatch>>,
    pub(crate) snapshots: mpsc::Sender<Taken>,
    /// When a tick was decided last.
    pub(crate) ticked: watch::Sender<Instant>,
    pub(crate) status: watch::Sender<GroupStatus>,
}

impl Decider {
    /// Decides until no more records come, or nobody takes outcomes.
    pub(crate) fn run(mut self) -> Result<(), SequencerError> {
        while let Some(stored) = self.records.blocking_recv() {
            let commands = record::commands(&self.stream, &stored)?;
            if commands
                .commands
                .iter()
                .any(|command| command.body == CommandBody::Tick)
            {
                self.ticked.send_replace(Instant::now());
            }
            let batch = Arc::new(self.machine.apply(stored.sequence, commands));
            self.report(&batch);
            // The log has the commands, so their outcomes stand, whatever becomes of this process.
            self.waiters.answer(&batch);
            let Some(last) = batch.outcomes.last().map(|outcome| outcome.number) else {
                continue;
            };
            // An error means that nobody listens.
            let _ = self.live.send(Arc::clone(&batch));
            if self.outcomes.blocking_send(batch).is_err() {
                return Ok(());
            }
            if crosses(self.snapshot_every, self.last_snapshot, last) {
                self.take_snapshot(stored.sequence, last);
            }
        }
        Ok(())
    }

    fn report(&self, batch: &OutcomeBatch) {
        let next_sequence = batch.command_sequence + 1;
        self.status.send_modify(|status| {
            status.next_sequence = next_sequence;
            status.known_tail = status.known_tail.max(next_sequence);
            if let Some(last) = batch.outcomes.last() {
                status.command = last.number;
                status.time = last.time;
                status.state_hash = batch.state_hash.map(|hash| (last.number, hash)).or(status.state_hash);
            }
            if status.phase == Phase::Recovering && next_sequence >= self.recovers_to {
                let took = self.started.elapsed();
                tracing::info!(stream = %self.stream, command = %status.command, ?took, "recovered");
                (status.phase, status.recovery) = (Phase::Running, Some(took));
            }
        });
        let stream = || self.stream.to_string();
        metrics::counter!("souk_exchange_commands_total", "stream" => stream()).increment(batch.outcomes.len() as u64);
        let lag = self.status.borrow().lag();
        metrics::gauge!("souk_exchange_lag_records", "stream" => stream()).set(lag as f64);
    }

    /// Leaves a copy of the state to the task that stores snapshots; none is taken while that is busy with the one before.
    fn take_snapshot(&mut self, command_sequence: u64, last: CommandNumber) {
        let Ok(place) = self.snapshots.try_reserve() else {
            return;
        };
        let begun = Instant::now();
        let engine = self.machine.copy();
        tracing::debug!(command = %last, took = ?begun.elapsed(), "the engine stood still for a snapshot");
        place.send(Taken {
            engine,
            command_sequence,
        });
        self.last_snapshot = last;
    }
}
