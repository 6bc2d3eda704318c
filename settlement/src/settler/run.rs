//! The shell of settlement: asks the node, lets [`Settling`] say what to do, writes it down, does it.
//!
//! Every step either writes one record or sends one transaction that is written already, so a crash between any two steps loses nothing.
//! Start at [`Settler::run`].

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, Bytes, keccak256};
use souk_contracts::exchange::royalty_account;
use souk_eventlog::{EventLog, StreamName, StreamWriter};
use souk_schema::exchange::FillNumber;
use souk_streams::{Reader, events};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::config::{Operator, SettlerConfig};
use super::decide::{Action, Observation, Want, heartbeat_is_due};
use super::error::SettleError;
use super::journal::{Entry, Planned, Purpose, to_record};
use super::planning::{Bounds, Draft, Next, Planning, Question};
use super::queue::Queue;
use super::resume::{last_snapshot, read_journal};
use super::settling::Settling;
use super::state::{Inconsistent, State};
use crate::node::{Head, Node, sign_again};
use crate::place::Place;
use crate::store::Store;

/// Longest pause after something went wrong.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Heartbeats that are due within the silence after which anyone may open the escape, at least.
const HEARTBEATS_IN_ESCAPE_DELAY: u64 = 4;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was written or sent: look again at once.
    Acted,
    /// There was nothing to do.
    Idle,
}

/// Settles the fills of a group.
pub struct Settler {
    pub(super) config: SettlerConfig,
    pub(super) operator: Operator,
    pub(super) node: Node,
    log: Arc<dyn EventLog>,
    pub(super) store: Store,
    writer: Box<dyn StreamWriter>,
    events: Reader,
    pub(super) settling: Settling,
    /// Size of the last snapshot.
    pub(super) snapshot_bytes: usize,
    /// Held while a transaction is on its way.
    turn: Option<OwnedMutexGuard<()>>,
    pub(super) royalties_seen_secs: u64,
}

impl std::fmt::Debug for Settler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settler")
            .field("group", &self.config.group)
            .field("state", self.settling.state())
            .finish_non_exhaustive()
    }
}

impl Settler {
    /// Opens the group's settlement stream for writing, which fences whoever wrote it before, and learns from it what is on its way.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn open(
        mut config: SettlerConfig,
        operator: Operator,
        node: Node,
        log: Arc<dyn EventLog>,
        store: Store,
    ) -> Result<Settler, SettleError> {
        check_chain(&node).await?;
        let name = StreamName::new(config.group.settlement_stream())?;
        let writer = log.open_writer(&name).await?;
        let end = writer.next_sequence();
        let mut settling = last_snapshot(log.as_ref(), &store, config.group, end).await?;
        // What is new may have been projected before, which does no harm to a transaction that is told from its first entry on.
        let mut entries = settling.state().entries();
        entries.extend(read_journal(log.as_ref(), &name, config.group, &mut settling, end).await?);
        store.project(config.group, &entries).await?;
        // Some heartbeats may fail before the silence is long enough for anyone to open the escape.
        let longest_silence_secs = node.contract().ESCAPE_DELAY().call().await? / HEARTBEATS_IN_ESCAPE_DELAY;
        config.policy.heartbeat_after_secs = config.policy.heartbeat_after_secs.min(longest_silence_secs);
        let events = events(&log, config.group)?.starting_at(settling.events().next_sequence);
        Ok(Settler {
            config,
            operator,
            node,
            log,
            store,
            writer,
            events,
            settling,
            snapshot_bytes: 0,
            turn: None,
            royalties_seen_secs: 0,
        })
    }

    /// Settles until cancelled, opening itself anew after whatever can be waited out.
    ///
    /// # Errors
    /// A [`SettleError`] that cannot: another operator has taken over, a stream is damaged.
    pub async fn run(
        config: SettlerConfig,
        operator: Operator,
        node: Node,
        log: Arc<dyn EventLog>,
        store: Store,
        cancel: CancellationToken,
    ) -> Result<(), SettleError> {
        let mut failures = 0_u32;
        loop {
            let session = async {
                let opened = Settler::open(
                    config.clone(),
                    operator.clone(),
                    node.clone(),
                    log.clone(),
                    store.clone(),
                );
                let mut settler = opened.await?;
                loop {
                    let step = settler.step().await?;
                    failures = 0;
                    if step == Step::Idle {
                        settler.events.wait(config.poll).await?;
                    }
                }
            };
            let ended: Result<(), SettleError> = tokio::select! {
                ended = session => ended,
                () = cancel.cancelled() => return Ok(()),
            };
            if let Err(error) = ended {
                if error.is_fatal() {
                    return Err(error);
                }
                tracing::warn!(group = %config.group, %error, "settlement pauses");
            }
            let pause = Duration::from_millis(100)
                .saturating_mul(1 << failures.min(10))
                .min(LONGEST_PAUSE);
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return Ok(()),
            }
        }
    }

    /// What is in hand.
    pub fn state(&self) -> &State {
        self.settling.state()
    }

    /// What waits.
    pub fn queue(&self) -> &Queue {
        self.settling.queue()
    }

    /// Looks once, and does the first thing that is to be done: one record, or one transaction sent.
    ///
    /// # Errors
    /// [`SettleError`]; open a new settler then.
    pub async fn step(&mut self) -> Result<Step, SettleError> {
        self.read_events().await?;
        self.keep().await?;
        if self.turn.is_none() {
            self.turn = Some(Arc::clone(&self.operator.turn).lock_owned().await);
        }
        let step = self.look_and_act().await;
        if self.settling.state().waiting().is_empty() {
            self.turn = None;
        }
        step
    }

    async fn look_and_act(&mut self) -> Result<Step, SettleError> {
        let (seen, head) = self.observe().await?;
        self.report(&seen);
        let Some(action) = self.settling.next_action(&seen, &self.config.policy) else {
            return Ok(Step::Idle);
        };
        match action {
            Action::Record(entry) => self.record(entry).await?,
            Action::Broadcast { id, signed } => self.broadcast(id, &signed, seen.head).await,
            Action::Replace { id, fees } => {
                let signed = sign_again(self.settling.latest_form(id)?, self.operator.signer.key(), fees);
                let attempt = signed.ok_or(Inconsistent { id })??;
                tracing::info!(group = %self.config.group, id, max_wei = fees.max_wei, "a stuck transaction is replaced");
                self.record(Entry::Attempted { id, attempt }).await?;
            }
            Action::ReportStuck { id } => {
                tracing::warn!(group = %self.config.group, id, "a transaction is stuck, and offers as much as it may");
                metrics::counter!("souk_settlement_stuck_total", "group" => self.config.group.to_string()).increment(1);
                let signed = self.settling.latest_form(id)?.clone();
                self.broadcast(id, &signed, seen.head).await;
            }
            Action::Plan(want) => return self.plan(want, &seen, head).await,
        }
        Ok(Step::Acted)
    }

    /// Makes a new transaction: tries it out, signs it and writes it down. The sending is the next step's.
    async fn plan(&mut self, want: Want, seen: &Observation, head: Head) -> Result<Step, SettleError> {
        let bounds = Bounds {
            group: self.config.group,
            limits: self.config.limits,
            block_gas: head.gas_limit,
            heartbeat_is_due: heartbeat_is_due(seen, &self.config.policy),
        };
        let group = self.config.group;
        let operator = self.operator.address();
        let mut planning = Planning::begin(want, &self.settling, bounds)?;
        let draft = loop {
            let trial = match planning.question() {
                Question::Estimate { call, most_gas } => self.node.try_out(operator, call, most_gas).await?,
                Question::Try { call, gas } => self.node.simulate(operator, call, gas).await?,
            };
            match planning.answer(trial)? {
                Next::Ask => {}
                Next::HeartbeatFirst(error) => tracing::warn!(%group, %error, "a heartbeat goes before the fills"),
                Next::Write(draft) => break draft,
                Next::Nothing => return Ok(Step::Idle),
                Next::FlushLater(error) => {
                    tracing::warn!(%group, %error, "royalties stay in the vault for now");
                    self.royalties_seen_secs = head.secs;
                    return Ok(Step::Idle);
                }
            }
        };
        let Draft {
            purpose,
            call,
            gas_limit,
        } = draft;
        let fees = self.config.policy.fees.first(seen.base_fee_wei);
        let call_hash = keccak256(&call);
        let signer = self.operator.signer.key();
        let attempt = self.node.sign(signer, seen.nonce, gas_limit, call, fees)?;
        let planned = Planned {
            id: self.settling.state().next_id(),
            nonce: seen.nonce,
            to: self.node.vault(),
            gas_limit,
            call_hash,
            purpose,
            attempt,
        };
        self.record(Entry::Planned(planned)).await?;
        Ok(Step::Acted)
    }

    async fn observe(&mut self) -> Result<(Observation, Head), SettleError> {
        // A dev chain may be begun anew between two looks, without a request that fails.
        check_chain(&self.node).await?;
        let head = self.node.head().await?;
        let final_block = self.node.final_block(head.number, self.config.finality).await?;
        let nonce = self.node.nonce(self.operator.address()).await?;
        let receipts = self.node.receipts(&self.settling.in_question()).await?;
        let (next_fill, heartbeat_secs) = self.node.vault_state(self.config.group.0).await?;
        if self.settling.queue().lacks(next_fill) {
            self.reload(next_fill).await?;
        }
        let (waiting_fills, oldest_age_ms) = self.settling.waiting_fills(next_fill, self.config.clock.now());
        let seen = Observation {
            head: head.number,
            head_secs: head.secs,
            base_fee_wei: head.base_fee_wei,
            final_block,
            nonce,
            next_fill,
            heartbeat_secs,
            receipts,
            waiting_fills,
            oldest_age_ms,
            flushable: self.flushable(head.secs).await?,
        };
        Ok((seen, head))
    }

    /// A market with enough royalties in the vault, looked for every now and then.
    async fn flushable(&mut self, now_secs: u64) -> Result<Option<B256>, SettleError> {
        let Some(from) = self.config.flush_from else {
            return Ok(None);
        };
        let is_due = now_secs >= self.royalties_seen_secs.saturating_add(self.config.flush_every_secs);
        if !is_due || !self.settling.state().waiting().is_empty() {
            return Ok(None);
        }
        for (market, quote) in self.settling.queue().markets() {
            let balance = self.node.vault_balance(royalty_account(market), quote).await?;
            if balance >= alloy::primitives::U256::from(from.max(1)) {
                return Ok(Some(market));
            }
        }
        self.royalties_seen_secs = now_secs;
        Ok(None)
    }

    async fn broadcast(&mut self, id: u64, signed: &Bytes, head: u64) {
        // Whatever the node says against it, the receipts tell what became of it.
        if let Err(error) = self.node.broadcast(signed).await {
            tracing::debug!(group = %self.config.group, id, %error, "the node does not take a transaction, or has it");
        }
        self.settling.sent(id, head);
    }

    /// Writes a step down, durably, before it is taken.
    pub(super) async fn record(&mut self, entry: Entry) -> Result<(), SettleError> {
        let record = to_record(self.config.group, &entry);
        let written = Place::after(self.writer.next_sequence(), &record.payload);
        self.writer.append(vec![record]).await?;
        self.settling.record(&entry, written)?;
        let group = self.config.group.to_string();
        match &entry {
            Entry::Mined { mined, .. } => {
                metrics::counter!("souk_settlement_gas_used_total", "group" => group).increment(mined.gas_used);
            }
            Entry::Planned(Planned {
                purpose: Purpose::Batch { voided, .. },
                ..
            }) => metrics::counter!("souk_settlement_fills_voided_total", "group" => group).increment((*voided).into()),
            _ => {}
        }
        Ok(self.store.project(self.config.group, &[entry]).await?)
    }

    async fn read_events(&mut self) -> Result<(), SettleError> {
        loop {
            let records = self.events.read().await?;
            if records.is_empty() {
                return Ok(());
            }
            for stored in &records {
                let outcomes = self.events.outcomes(stored)?.outcomes;
                self.settling.hear(stored, &outcomes)?;
            }
        }
    }

    /// The chain has lost fills that were final: read the events anew, and keep those.
    async fn reload(&mut self, next_fill: FillNumber) -> Result<(), SettleError> {
        tracing::warn!(group = %self.config.group, %next_fill, "the chain has lost fills that were settled: they are settled again");
        self.settling.hear_anew(next_fill);
        self.events = events(&self.log, self.config.group)?;
        self.read_events().await
    }

    fn report(&self, seen: &Observation) {
        let group = self.config.group.to_string();
        metrics::gauge!("souk_settlement_waiting_fills", "group" => group.clone()).set(seen.waiting_fills as f64);
        metrics::gauge!("souk_settlement_oldest_unsettled_seconds", "group" => group.clone())
            .set(Duration::from_millis(seen.oldest_age_ms).as_secs_f64());
        let waiting = self.settling.state().waiting().len();
        metrics::gauge!("souk_settlement_waiting_transactions", "group" => group).set(waiting as f64);
    }
}

/// Whether the node is still on the chain that it was on.
async fn check_chain(node: &Node) -> Result<(), SettleError> {
    let (expected, found) = (node.genesis(), node.genesis_now().await?);
    match expected == found {
        true => Ok(()),
        false => Err(SettleError::OtherChain { expected, found }),
    }
}
