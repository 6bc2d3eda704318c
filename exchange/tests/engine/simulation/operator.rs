//! The operator: settlement's own [`Settling`] and [`Planning`], asked and obeyed as its shell does it, in a life that may end between any
//! two steps. The journal and the last snapshot last, and what it knew has to come out of them again. Nothing is sent that is not in the
//! journal.

use std::collections::BTreeSet;

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{B256, Bytes, U256, keccak256};
use souk_eventlog::StoredRecord;
use souk_schema::TokenRef;
use souk_schema::exchange::{FillNumber, Outcome, SignedOrder};
use souk_settlement::Place;
use souk_settlement::node::{Head, sign_again, sign_call};
use souk_settlement::settler::StoredSettling;
use souk_settlement::settler::batch::BatchLimits;
use souk_settlement::settler::decide::{Action, Observation, Policy, Want, heartbeat_is_due};
use souk_settlement::settler::journal::{Entry, Planned, Purpose, to_record};
use souk_settlement::settler::planning::{Bounds, Draft, Next, Planning, Question};
use souk_settlement::settler::queue::SignatureId;
use souk_settlement::settler::settling::Settling;
use souk_settlement::settler::state::State;
use souk_wire::fees::FeePolicy;

use super::World;
use super::vault::{ESCAPE_DELAY_SECS, OperatorTx};
use crate::generator::group;
use crate::oracle::royalty_address;

const POLICY: Policy = Policy {
    fees: FeePolicy {
        tip_wei: 2,
        highest_wei: 400,
        patience_blocks: 3,
    },
    fills_per_batch: 6,
    longest_wait_ms: 4_000,
    heartbeat_after_secs: ESCAPE_DELAY_SECS / 4,
};

const LIMITS: BatchLimits = BatchLimits {
    max_fills: 6,
    max_orders: 9,
    max_gas: 1_500_000,
};

/// Royalties are flushed from so many base units on, and looked at so often.
const FLUSH_FROM: u128 = 5;
const FLUSH_EVERY_SECS: u64 = 120;

/// Records of events and journal between two snapshots.
const SNAPSHOT_EVERY: u64 = 60;

pub struct Operator {
    key: PrivateKeySigner,
    /// Lost in a crash.
    settling: Option<Settling>,
    royalties_seen_secs: u64,
    /// These last.
    journal: Vec<StoredRecord>,
    snapshot: Option<StoredSettling>,
    /// Transactions, by hash, that the journal has.
    written: BTreeSet<B256>,
    /// What was known of the journal when the last life ended, where it ended after a step and not within.
    lost: Option<State>,
}

impl Operator {
    pub fn new() -> Operator {
        Operator {
            key: PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).expect("a key"),
            settling: None,
            royalties_seen_secs: 0,
            journal: Vec::new(),
            snapshot: None,
            written: BTreeSet::new(),
            lost: None,
        }
    }

    /// Whether all that it sent is in final blocks.
    pub fn has_nothing_in_hand(&self) -> bool {
        let state = self.settling.as_ref().map(Settling::state);
        state.is_some_and(|state| state.waiting().is_empty() && state.mined().is_empty())
    }

    /// The orders of fills that wait, as far as it knows.
    pub fn unsettled_orders(&self) -> Vec<SignedOrder> {
        let queue = self.settling.as_ref().map(Settling::queue);
        let fills = queue
            .into_iter()
            .flat_map(|queue| queue.from(FillNumber(1)).map(move |fill| (queue, fill)));
        let orders = fills.flat_map(|(queue, waiting)| {
            let sides = [&waiting.fill.buyer, &waiting.fill.seller];
            sides.map(|side| queue.order(SignatureId::of(side)).cloned())
        });
        orders.flatten().collect()
    }

    fn settling(&self) -> &Settling {
        self.settling.as_ref().expect("it is awake")
    }

    fn settling_mut(&mut self) -> &mut Settling {
        self.settling.as_mut().expect("it is awake")
    }

    /// Reads up to `count` more records of outcomes, which end where `ends` says.
    fn hear(&mut self, outcomes: &[Outcome], ends: &[usize], count: usize) -> Result<(), String> {
        let settling = self.settling_mut();
        let next = settling.events().next_sequence as usize;
        for (place, end) in ends.iter().enumerate().skip(next).take(count) {
            let begin = place.checked_sub(1).map_or(0, |before| ends[before]);
            let stored = StoredRecord {
                sequence: place as u64,
                headers: Vec::new(),
                payload: place.to_be_bytes().to_vec().into(),
            };
            let heard = settling.hear(&stored, &outcomes[begin..*end]);
            heard.map_err(|error| format!("settlement: {error}"))?;
        }
        Ok(())
    }

    /// A new life begins, from the last snapshot and the journal.
    fn wake(&mut self) -> Result<&'static str, String> {
        let mut settling = match &self.snapshot {
            Some(stored) => Settling::restore(stored).map_err(|error| format!("settlement's snapshot: {error}"))?,
            None => Settling::default(),
        };
        for stored in &self.journal[settling.journal().next_sequence as usize..] {
            let replayed = settling.replay(group().group, stored);
            replayed.map_err(|error| format!("settlement's journal: {error}"))?;
        }
        if self.lost.take().is_some_and(|lost| lost != *settling.state()) {
            return Err("settlement's journal does not say what was known".to_owned());
        }
        self.settling = Some(settling);
        self.royalties_seen_secs = 0;
        Ok(match self.snapshot {
            Some(_) => "Operator::GoesOn",
            None => "Operator::BeginsAnew",
        })
    }
}

impl World {
    /// One look, and the first thing that is to be done. `reads` records of outcomes are read before; where it is not `calm`, the chain goes on while the
    /// operator looks, and it may die anywhere. Returns whether it did something.
    pub(super) fn operate(&mut self, reads: usize, calm: bool) -> Result<bool, String> {
        if self.operator.settling.is_none() {
            let how = self.operator.wake()?;
            self.coverage.note(how);
        }
        self.operator.hear(&self.outcomes, &self.records, reads)?;
        let settling = self.operator.settling_mut();
        if settling.records_since_snapshot() >= SNAPSHOT_EVERY
            && let Some(snapshot) = settling.snapshot()
        {
            settling.snapshot_taken();
            self.operator.snapshot = Some(snapshot.store().map_err(|error| error.to_string())?);
        }
        let (seen, head) = self.observe(calm)?;
        let Some(action) = self.operator.settling().next_action(&seen, &POLICY) else {
            return Ok(false);
        };
        match action {
            Action::Record(entry) => {
                self.coverage.note(match &entry {
                    Entry::Mined { mined, .. } if !mined.succeeded => "Entry::Mined, failed",
                    Entry::Mined { .. } => "Entry::Mined",
                    Entry::Reverted { .. } => "Entry::Reverted",
                    Entry::Voided { .. } => "Entry::Voided",
                    Entry::Final { .. } => "Entry::Final",
                    Entry::Planned(_) | Entry::Attempted { .. } => "Entry::Planned",
                });
                self.record(&entry, calm)?;
            }
            Action::Broadcast { id, signed } => {
                let is_first = self.send(id, &signed, seen.head, calm)?;
                if !is_first {
                    self.coverage.note("Action::Broadcast, again");
                }
            }
            Action::Replace { id, fees } => {
                let latest = self
                    .operator
                    .settling()
                    .latest_form(id)
                    .map_err(|error| error.to_string())?;
                let attempt = sign_again(latest, &self.operator.key, fees).ok_or("no transaction of ours")?;
                let attempt = attempt.map_err(|error| error.to_string())?;
                self.coverage.note("Action::Replace");
                self.record(&Entry::Attempted { id, attempt }, calm)?;
            }
            Action::ReportStuck { id } => {
                self.coverage.note("Action::ReportStuck");
                let latest = self
                    .operator
                    .settling()
                    .latest_form(id)
                    .map_err(|error| error.to_string())?;
                let latest = latest.clone();
                self.send(id, &latest, seen.head, calm)?;
            }
            Action::Plan(want) => return self.plan(want, &seen, head, calm),
        }
        Ok(true)
    }

    /// What the node says, asked in the order in which the shell asks.
    fn observe(&mut self, calm: bool) -> Result<(Observation, Head), String> {
        let head = self.chain.head();
        let final_block = self.chain.final_block();
        self.meanwhile(calm);
        let nonce = self.chain.vault().operator_nonce;
        self.meanwhile(calm);
        let receipts = self.chain.receipts(&self.operator.settling().in_question());
        self.meanwhile(calm);
        let (next_fill, heartbeat_secs) = self.chain.vault_state();
        if self.operator.settling().queue().lacks(next_fill) {
            self.coverage.note("Operator::HearsAnew");
            let settling = self.operator.settling_mut();
            let heard = settling.events().next_sequence as usize;
            settling.hear_anew(next_fill);
            self.operator.hear(&self.outcomes, &self.records, heard)?;
        }
        let (waiting_fills, oldest_age_ms) = self.operator.settling().waiting_fills(next_fill, self.now);
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
            flushable: self.flushable(head.secs),
        };
        Ok((seen, head))
    }

    /// A market with enough royalties in the vault, looked for every now and then.
    fn flushable(&mut self, now_secs: u64) -> Option<B256> {
        let is_due = now_secs >= self.operator.royalties_seen_secs + FLUSH_EVERY_SECS;
        if !is_due || !self.operator.settling().state().waiting().is_empty() {
            return None;
        }
        let vault = self.chain.vault();
        let mut markets = self.operator.settling().queue().markets();
        let worth_it = markets.find(|(market, quote)| {
            let quote = TokenRef::new(*quote, U256::ZERO);
            vault.balance(royalty_address(*market), quote) >= FLUSH_FROM
        });
        let market = worth_it.map(|(market, _)| market);
        drop(markets);
        if market.is_none() {
            self.operator.royalties_seen_secs = now_secs;
        }
        market
    }

    /// Makes a new transaction, and writes it down.
    fn plan(&mut self, want: Want, seen: &Observation, head: Head, calm: bool) -> Result<bool, String> {
        let bounds = Bounds {
            group: group().group,
            limits: LIMITS,
            block_gas: head.gas_limit,
            heartbeat_is_due: heartbeat_is_due(seen, &POLICY),
        };
        // The chain goes on while calls are tried out; what settlement knows does not.
        let settling = self.operator.settling.take().expect("it is awake");
        let drafted = self.draft(Planning::begin(want, &settling, bounds), head, calm);
        let id = settling.state().next_id();
        self.operator.settling = Some(settling);
        let Some(Draft {
            purpose,
            call,
            gas_limit,
        }) = drafted?
        else {
            return Ok(false);
        };
        self.coverage.note(match purpose {
            Purpose::Batch { voided: 0, .. } => "Purpose::Batch",
            Purpose::Batch { .. } => "Purpose::Batch, some voided",
            Purpose::Heartbeat if heartbeat_is_due(seen, &POLICY) => "Purpose::Heartbeat",
            Purpose::Heartbeat => "Purpose::Heartbeat, for its nonce",
            Purpose::Flush { .. } => "Purpose::Flush",
        });
        let fees = POLICY.fees.first(seen.base_fee_wei);
        let (call_hash, to) = (keccak256(&call), group().vault);
        let signed = sign_call(
            (group().chain.0, to),
            &self.operator.key,
            seen.nonce,
            gas_limit,
            call,
            fees,
        );
        let planned = Planned {
            id,
            nonce: seen.nonce,
            to,
            gas_limit,
            call_hash,
            purpose,
            attempt: signed.map_err(|error| error.to_string())?,
        };
        self.record(&Entry::Planned(planned), calm)?;
        Ok(true)
    }

    fn draft(
        &mut self,
        begun: Result<Planning<'_>, souk_settlement::SettleError>,
        head: Head,
        calm: bool,
    ) -> Result<Option<Draft>, String> {
        let mut planning = begun.map_err(|error| error.to_string())?;
        loop {
            let (trial, is_estimate) = match planning.question() {
                Question::Estimate { call, most_gas } => (self.chain.try_out(call, most_gas), true),
                Question::Try { call, gas } => (self.chain.try_out(call, gas), false),
            };
            match planning.answer(trial).map_err(|error| error.to_string())? {
                Next::Ask if is_estimate && matches!(planning.question(), Question::Estimate { .. }) => {
                    self.coverage.note("Planning::FewerFills");
                }
                Next::Ask => {}
                Next::Write(draft) => return Ok(Some(draft)),
                Next::Nothing => {
                    self.coverage.note("Planning::Stale");
                    return Ok(None);
                }
                Next::HeartbeatFirst(error) => return Err(format!("settlement: {error}")),
                Next::FlushLater(_) => {
                    self.operator.royalties_seen_secs = head.secs;
                    return Ok(None);
                }
            }
            self.meanwhile_often(calm);
        }
    }

    /// Writes a step down before it is taken.
    fn record(&mut self, entry: &Entry, calm: bool) -> Result<(), String> {
        if self.dies(calm) {
            self.crash_operator("Operator::DiesBeforeWriting", true);
            return Ok(());
        }
        let record = to_record(group().group, entry);
        let sequence = self.operator.journal.len() as u64;
        let end = Place::after(sequence, &record.payload);
        self.operator.journal.push(StoredRecord {
            sequence,
            headers: record.headers,
            payload: record.payload,
        });
        match entry {
            Entry::Planned(planned) => self.operator.written.insert(planned.attempt.hash),
            Entry::Attempted { attempt, .. } => self.operator.written.insert(attempt.hash),
            _ => false,
        };
        if self.dies(calm) {
            self.crash_operator("Operator::DiesOfWriting", false);
            return Ok(());
        }
        let settling = self.operator.settling_mut();
        settling.record(entry, end).map_err(|error| error.to_string())?;
        if self.dies(calm) {
            let is_sent_next = matches!(entry, Entry::Planned(_) | Entry::Attempted { .. });
            let when = match is_sent_next {
                true => "Operator::DiesBeforeSending",
                false => "Operator::DiesAfterWriting",
            };
            self.crash_operator(when, true);
        }
        Ok(())
    }

    /// Sends a transaction; returns whether the node did not have it.
    fn send(&mut self, id: u64, signed: &Bytes, head: u64, calm: bool) -> Result<bool, String> {
        let envelope = TxEnvelope::decode_2718(&mut &signed[..]).map_err(|error| error.to_string())?;
        let tx = OperatorTx {
            hash: *envelope.tx_hash(),
            nonce: envelope.nonce(),
            max_fee: envelope.max_fee_per_gas(),
            gas_limit: envelope.gas_limit(),
            call: envelope.input().clone(),
        };
        if !self.operator.written.contains(&tx.hash) {
            return Err(format!("transaction {id} is sent, and the journal does not have it"));
        }
        let keep = self.chance(30);
        let is_new = self.chain.broadcast(tx, keep);
        self.operator.settling_mut().sent(id, head);
        if self.dies(calm) {
            self.crash_operator("Operator::DiesAfterSending", true);
        }
        Ok(is_new)
    }

    fn dies(&mut self, calm: bool) -> bool {
        !calm && self.chance(3)
    }

    /// Its process ends. `between` two steps it knows just what the journal says.
    pub(super) fn crash_operator(&mut self, when: &'static str, between: bool) {
        self.coverage.note(when);
        let settling = self.operator.settling.take();
        self.operator.lost = settling.filter(|_| between).map(|settling| settling.state().clone());
    }

    /// What the chain does while the operator looks at it.
    fn meanwhile(&mut self, calm: bool) {
        if !calm && self.chance(3) {
            match self.chance(70) {
                true => self.mine(),
                false => self.chain.reorganise(1),
            }
        }
    }

    fn meanwhile_often(&mut self, calm: bool) {
        if !calm && self.chance(20) {
            self.mine();
        }
    }
}
