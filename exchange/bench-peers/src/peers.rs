//! The peers, each taking the same operations its own way. What a peer answers is looked at by nobody but the optimiser; an order that it no longer
//! knows (its fills may round otherwise) is passed over.

use std::hint::black_box;

use orderbook_rs::prelude as other;
use rust_decimal::Decimal;
use souk_schema::exchange::Side;

use crate::flow::{Action, Op};

/// A book that takes operations.
pub trait Peer {
    /// Carries out one.
    fn apply(&mut self, op: &Op);
}

/// `orderbook-rs`.
pub struct OrderBookRs(other::OrderBook<()>);

impl Default for OrderBookRs {
    fn default() -> OrderBookRs {
        OrderBookRs(other::OrderBook::new("M1"))
    }
}

impl OrderBookRs {
    fn add(&mut self, op: &Op, time_in_force: other::TimeInForce) {
        let side = match op.side {
            Side::Buy => other::Side::Buy,
            Side::Sell => other::Side::Sell,
        };
        let id = other::Id::from_u64(u64::from(op.order));
        let _ = black_box(
            self.0
                .add_limit_order(id, op.price.into(), op.lots, side, time_in_force, None),
        );
    }

    fn cancel(&mut self, op: &Op) {
        let _ = black_box(self.0.cancel_order(other::Id::from_u64(u64::from(op.order))));
    }
}

impl Peer for OrderBookRs {
    fn apply(&mut self, op: &Op) {
        match op.action {
            Action::Add => self.add(op, other::TimeInForce::Gtc),
            Action::Take => self.add(op, other::TimeInForce::Ioc),
            Action::Cancel => self.cancel(op),
            Action::Move => {
                self.cancel(op);
                self.add(op, other::TimeInForce::Gtc);
            }
        }
    }
}

/// `lobster`.
pub struct Lobster(lobster::OrderBook);

impl Default for Lobster {
    fn default() -> Lobster {
        // Room for what the flow needs, so that its arena does not grow while it is measured.
        Lobster(lobster::OrderBook::new(1 << 16, 16, false))
    }
}

impl Lobster {
    fn add(&mut self, op: &Op) {
        black_box(self.0.execute(lobster::OrderType::Limit {
            id: op.order.into(),
            side: match op.side {
                Side::Buy => lobster::Side::Bid,
                Side::Sell => lobster::Side::Ask,
            },
            qty: op.lots,
            price: op.price,
        }));
    }

    fn cancel(&mut self, op: &Op) {
        let id = op.order.into();
        black_box(self.0.execute(lobster::OrderType::Cancel { id }));
    }
}

impl Peer for Lobster {
    fn apply(&mut self, op: &Op) {
        match op.action {
            Action::Add => self.add(op),
            Action::Take => {
                self.add(op);
                self.cancel(op);
            }
            Action::Cancel => self.cancel(op),
            Action::Move => {
                self.cancel(op);
                self.add(op);
            }
        }
    }
}

/// `limitbook`, which numbers orders itself.
pub struct LimitBook {
    book: limitbook::OrderBook,
    /// Its number of each of the flow's orders.
    ids: Vec<u64>,
}

impl Default for LimitBook {
    fn default() -> LimitBook {
        LimitBook {
            book: limitbook::OrderBook::new(Decimal::ONE).expect("a tick of one"),
            ids: Vec::new(),
        }
    }
}

impl LimitBook {
    fn add(&mut self, op: &Op) {
        let side = match op.side {
            Side::Buy => limitbook::OrderSide::Buy,
            Side::Sell => limitbook::OrderSide::Sell,
        };
        let added = self.book.add_limit_order(side, op.price.into(), op.lots.into());
        let (id, fills) = added.expect("a positive price and quantity");
        black_box(fills);
        let place = op.order as usize;
        if place == self.ids.len() {
            self.ids.push(id);
        } else {
            self.ids[place] = id;
        }
    }

    fn cancel(&mut self, op: &Op) {
        let _ = black_box(self.book.cancel_limit_order(self.ids[op.order as usize]));
    }
}

impl Peer for LimitBook {
    fn apply(&mut self, op: &Op) {
        match op.action {
            Action::Add => self.add(op),
            Action::Take => {
                self.add(op);
                self.cancel(op);
            }
            Action::Cancel => self.cancel(op),
            Action::Move => {
                self.cancel(op);
                self.add(op);
            }
        }
    }
}
