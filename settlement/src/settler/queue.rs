//! The fills that wait for the chain, and the signed orders that cover them: a fold over the engine's events.
//!
//! Keeps an order for as long as it is open or one of its fills waits. Pure. Start at [`Queue::apply`].

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::exchange::event::{BustCause, Fill, FillSide};
use souk_schema::exchange::{CommandNumber, Event, FillNumber, MarketId, OrderId, Outcome, SignedOrder, UnixMillis};

use crate::pairs;

/// A signature: the command that brought it, and its place among that command's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignatureId {
    /// The command.
    pub command: CommandNumber,
    /// The place, from 0.
    pub place: u8,
}

impl SignatureId {
    /// The signature that covers a side of a fill. An amendment brings one order, so its place is 0.
    pub fn of(side: &FillSide) -> SignatureId {
        let placed = side.signed_by == side.order.command();
        SignatureId {
            command: side.signed_by,
            place: if placed { place_of(side.order) } else { 0 },
        }
    }
}

fn place_of(order: OrderId) -> u8 {
    (order.0 & 0xff) as u8
}

/// A fill that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFill {
    /// As it was matched.
    pub fill: Fill,
    /// Whether the engine reversed it: the vault is told to skip it.
    pub busted: bool,
    /// When it was matched.
    pub matched_at: UnixMillis,
}

/// Events that do not fit to those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Outcomes are missing.
    #[error("the outcome of command {expected} is missing before that of {found}")]
    Gap {
        /// The next number.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A fill by an order whose signature was not seen.
    #[error("fill {fill} names a signature of command {command}, which brought none")]
    UnknownSignature {
        /// The fill.
        fill: FillNumber,
        /// The command.
        command: CommandNumber,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    order: SignedOrder,
    /// Open orders and waiting fills that need it.
    users: u32,
}

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    last_command: u64,
    /// Fills below it are not kept when they are over. A queue that keeps some is not written down.
    #[serde(skip, default = "nothing_over")]
    keep_from: u64,
    last_over: FillNumber,
    newest: FillNumber,
    #[serde(with = "pairs")]
    fills: BTreeMap<FillNumber, WaitingFill>,
    #[serde(with = "pairs")]
    signatures: BTreeMap<SignatureId, Held>,
    #[serde(with = "pairs")]
    open: BTreeMap<OrderId, SignatureId>,
    #[serde(with = "pairs")]
    markets: BTreeMap<MarketId, (B256, Address)>,
}

fn nothing_over() -> u64 {
    u64::MAX
}

impl Default for Queue {
    fn default() -> Queue {
        Queue::new()
    }
}

impl Queue {
    /// Before the group's first event.
    pub fn new() -> Queue {
        Queue::keeping_from(FillNumber(nothing_over()))
    }

    /// Likewise; fills from this number on are kept even where the engine says that they are settled, because the chain has lost them.
    pub fn keeping_from(keep_from: FillNumber) -> Queue {
        Queue {
            last_command: 0,
            keep_from: keep_from.0,
            last_over: FillNumber(0),
            newest: FillNumber(0),
            fills: BTreeMap::new(),
            signatures: BTreeMap::new(),
            open: BTreeMap::new(),
            markets: BTreeMap::new(),
        }
    }

    /// Takes the next outcome; one that was taken before is passed over.
    ///
    /// # Errors
    /// [`QueueError`]: the stream is damaged.
    pub fn apply(&mut self, outcome: &Outcome) -> Result<(), QueueError> {
        let number = outcome.number.0;
        if number <= self.last_command {
            return Ok(());
        }
        if number != self.last_command + 1 {
            return Err(QueueError::Gap {
                expected: self.last_command + 1,
                found: number,
            });
        }
        self.last_command = number;
        let Ok(events) = &outcome.result else { return Ok(()) };
        for (place, order) in (0_u8..=u8::MAX).zip(&outcome.signed) {
            let id = SignatureId {
                command: outcome.number,
                place,
            };
            // The command itself holds it until its events are through.
            let held = Held {
                order: order.clone(),
                users: 1,
            };
            self.signatures.insert(id, held);
        }
        let amends = amended(outcome, events);
        if let Some(order) = amends {
            let id = SignatureId {
                command: outcome.number,
                place: 0,
            };
            self.use_for(order, id);
        }
        for event in events {
            self.event(event, outcome)?;
        }
        for (place, _) in (0_u8..=u8::MAX).zip(&outcome.signed) {
            self.release(SignatureId {
                command: outcome.number,
                place,
            });
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, outcome: &Outcome) -> Result<(), QueueError> {
        match event {
            Event::MarketListed { market, spec, .. } => {
                self.markets.insert(*market, (spec.key, spec.quote));
            }
            Event::OrderAccepted { order, .. } => {
                let id = SignatureId {
                    command: outcome.number,
                    place: place_of(*order),
                };
                self.use_for(*order, id);
            }
            Event::OrderClosed { order, .. } => {
                if let Some(id) = self.open.remove(order) {
                    self.release(id);
                }
            }
            Event::Traded(fill) => {
                for side in [&fill.buyer, &fill.seller] {
                    let id = SignatureId::of(side);
                    let held = self.signatures.get_mut(&id).ok_or(QueueError::UnknownSignature {
                        fill: fill.number,
                        command: id.command,
                    })?;
                    held.users += 1;
                }
                let waiting = WaitingFill {
                    fill: (**fill).clone(),
                    busted: false,
                    matched_at: outcome.time,
                };
                self.fills.insert(fill.number, waiting);
                self.newest = fill.number;
            }
            Event::FillBusted { fill, cause } => {
                self.mark(fill.number, true);
                if matches!(cause, BustCause::Skipped { .. }) {
                    self.over(fill.number);
                }
            }
            Event::FillReinstated { fill } => self.mark(fill.number, false),
            Event::FillsSettled { through } => self.over(*through),
            Event::SettlementVanished { through } => self.last_over = *through,
            _ => {}
        }
        Ok(())
    }

    fn mark(&mut self, number: FillNumber, busted: bool) {
        if let Some(waiting) = self.fills.get_mut(&number) {
            waiting.busted = busted;
        }
    }

    fn over(&mut self, through: FillNumber) {
        self.last_over = self.last_over.max(through);
        let end = FillNumber((through.0 + 1).min(self.keep_from));
        let kept = self.fills.split_off(&end);
        for waiting in std::mem::replace(&mut self.fills, kept).into_values() {
            self.release(SignatureId::of(&waiting.fill.buyer));
            self.release(SignatureId::of(&waiting.fill.seller));
        }
    }

    fn use_for(&mut self, order: OrderId, id: SignatureId) {
        let Some(held) = self.signatures.get_mut(&id) else {
            return;
        };
        held.users += 1;
        if let Some(before) = self.open.insert(order, id) {
            self.release(before);
        }
    }

    fn release(&mut self, id: SignatureId) {
        if let Some(held) = self.signatures.get_mut(&id) {
            held.users -= 1;
            if held.users == 0 {
                self.signatures.remove(&id);
            }
        }
    }

    /// Waiting fills from a number on, in order.
    pub fn from(&self, number: FillNumber) -> impl Iterator<Item = &WaitingFill> {
        self.fills.range(number..).map(|(_, waiting)| waiting)
    }

    /// Whether the vault wants a fill next that is not kept although it was matched: the chain has lost what was final.
    pub fn lacks(&self, number: FillNumber) -> bool {
        number <= self.newest && !self.fills.contains_key(&number)
    }

    /// Whether it keeps fills that the engine says are over.
    pub(super) fn keeps_over(&self) -> bool {
        self.keep_from != nothing_over()
    }

    /// A signed order that covers a waiting fill or is open.
    pub fn order(&self, id: SignatureId) -> Option<&SignedOrder> {
        self.signatures.get(&id).map(|held| &held.order)
    }

    /// The oldest fill that is kept.
    pub fn oldest(&self) -> Option<&WaitingFill> {
        self.fills.first_key_value().map(|(_, waiting)| waiting)
    }

    /// How many fills are kept.
    pub fn len(&self) -> usize {
        self.fills.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.fills.is_empty()
    }

    /// The last fill that the engine knows as settled or skipped in a final block.
    pub fn last_over(&self) -> FillNumber {
        self.last_over
    }

    /// The group's markets: id in the vault, and what pays.
    pub fn markets(&self) -> impl Iterator<Item = (B256, Address)> + '_ {
        self.markets.values().copied()
    }

    /// How many signed orders are kept.
    pub fn signatures_kept(&self) -> usize {
        self.signatures.len()
    }
}

/// The order that a command amended, if it is an amendment: it brings one signature and places no order.
fn amended(outcome: &Outcome, events: &[Event]) -> Option<OrderId> {
    let places = events
        .iter()
        .any(|event| matches!(event, Event::OrderAccepted { order, .. } if order.command() == outcome.number));
    if outcome.signed.len() != 1 || places {
        return None;
    }
    events.iter().find_map(|event| match event {
        Event::OrderAmended { order, .. } | Event::OrderReduced { order, .. } => Some(*order),
        _ => None,
    })
}
