//! The settlement loop: reads outcomes, records each batch before it sends it, and survives crashes between any two of its steps. What it
//! recorded lasts; what it knows of fills it reads again.

use std::collections::BTreeMap;

use souk_schema::exchange::command::Command;
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{CommandBody, CommandNumber, Event, FillNumber, OrderId, SignedOrder};

use super::chain::Chain;
use super::vault::{Batch, BatchFill, Tx};
use crate::laws::signed_of;

/// What it knows from outcomes; lost in a crash.
#[derive(Default)]
struct Known {
    /// Outcomes read so far.
    read: usize,
    /// Signed orders by the command that carried them, and by the order's id.
    signed: BTreeMap<(CommandNumber, OrderId), SignedOrder>,
    fills: BTreeMap<FillNumber, Fill>,
    busted: BTreeMap<FillNumber, bool>,
}

#[derive(Default)]
pub struct Settlement {
    known: Known,
    /// Recorded before they are sent, by nonce; lasts.
    batches: Vec<Batch>,
}

/// How far a step gets before the loop crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    Never,
    BeforeRecord,
    BeforeSend,
    AfterSend,
}

impl Settlement {
    /// Reads up to `count` more outcomes.
    pub fn read(&mut self, log: &[Command], outcomes: &[Vec<Event>], count: usize) {
        let end = self.known.read.saturating_add(count).min(outcomes.len());
        for place in self.known.read..end {
            let number = CommandNumber(place as u64 + 1);
            let body = &log[place].body;
            for (place, event) in outcomes[place].iter().enumerate() {
                self.learn(number, body, event, place == 0);
            }
        }
        self.known.read = self.known.read.max(end);
    }

    fn learn(&mut self, number: CommandNumber, body: &CommandBody, event: &Event, is_first: bool) {
        let known = &mut self.known;
        match event {
            Event::OrderAccepted { order, .. } => {
                known.signed.insert((number, *order), signed_of(body, *order).clone());
            }
            Event::OrderAmended { order, .. } | Event::OrderReduced { order, .. } if is_first => {
                if let CommandBody::AmendOrder(signed) = body {
                    known.signed.insert((number, *order), SignedOrder::clone(signed));
                }
            }
            Event::Traded(fill) => {
                known.fills.insert(fill.number, Fill::clone(fill));
            }
            Event::FillBusted { fill, .. } => {
                known.busted.insert(fill.number, true);
            }
            Event::FillReinstated { fill } => {
                known.busted.remove(&fill.number);
            }
            _ => {}
        }
    }

    /// One round: sends again what should be under way and is not, else makes the next batch of at most `most` fills, of which `void` says
    /// whether the operator gives one up.
    pub fn step(&mut self, chain: &mut Chain, most: usize, crash: Crash, mut void: impl FnMut() -> bool) {
        let next = chain.vault().operator_nonce;
        let is_sent = |chain: &Chain, nonce| {
            chain
                .pool
                .iter()
                .any(|tx| matches!(tx, Tx::Settle(batch) if batch.nonce == nonce))
        };
        let under_way: Vec<Batch> = self
            .batches
            .iter()
            .filter(|batch| batch.nonce >= next)
            .cloned()
            .collect();
        if !under_way.is_empty() {
            for batch in under_way {
                if !is_sent(chain, batch.nonce) {
                    chain.pool.push_back(Tx::Settle(batch));
                }
            }
        } else if let Some(batch) = self.next_batch(chain, next, most, &mut void) {
            if crash == Crash::BeforeRecord {
                return self.crash();
            }
            self.batches.push(batch.clone());
            if crash == Crash::BeforeSend {
                return self.crash();
            }
            chain.pool.push_back(Tx::Settle(batch));
        }
        if crash == Crash::AfterSend {
            self.crash();
        }
    }

    fn crash(&mut self) {
        self.known = Known::default();
    }

    fn next_batch(&self, chain: &Chain, nonce: u64, most: usize, void: &mut impl FnMut() -> bool) -> Option<Batch> {
        let first = chain.vault().next_number;
        let fills = self.known.fills.range(FillNumber(first)..).take(most);
        let fills: Vec<BatchFill> = fills
            .map(|(number, fill)| BatchFill {
                fill: fill.clone(),
                buy: self.known.signed[&(fill.buyer.signed_by, fill.buyer.order)].clone(),
                sell: self.known.signed[&(fill.seller.signed_by, fill.seller.order)].clone(),
                skip: self.known.busted.contains_key(number) || void(),
            })
            .collect();
        (!fills.is_empty()).then_some(Batch { nonce, first, fills })
    }
}
