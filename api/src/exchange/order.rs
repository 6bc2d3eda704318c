//! An order as it stands: what was signed, and what became of it. Pure.

use std::sync::Arc;

use souk_schema::Address;
use souk_schema::exchange::event::CloseCause;
use souk_schema::exchange::{
    Amount, CommandNumber, GroupId, Lots, MarketId, OrderId, OrderKind, Side, SignedOrder, Ticks, UnixMillis,
};

/// Whether an order works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// A stop whose trigger price was not reached.
    Waiting,
    /// It works.
    Open,
    /// It is over.
    Closed(CloseCause),
}

/// An order, open or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its group.
    pub group: GroupId,
    /// Its id there.
    pub id: OrderId,
    /// Whose.
    pub account: Address,
    /// Where.
    pub market: MarketId,
    /// As it was signed; after an amendment, the newest.
    pub signed: Arc<SignedOrder>,
    /// The price that it works at: after a post-only slide, the one it moved to.
    pub price: Ticks,
    /// All its lots, filled ones included.
    pub lots: Lots,
    /// What is left. Of an order that is over: what was never filled.
    pub remaining: Lots,
    /// Filled, without what was busted.
    pub filled: Lots,
    /// What the filled lots cost, in quote base units.
    pub cost: Amount,
    /// Fees, and the royalty of a seller, in quote base units.
    pub fees: Amount,
    /// Whether it works.
    pub status: OrderStatus,
    /// Engine time of its placement.
    pub placed_at: UnixMillis,
    /// Engine time of its last change.
    pub updated_at: UnixMillis,
    /// Matches strictly before.
    pub expires_at: UnixMillis,
    /// The command that changed it last.
    pub updated_by: CommandNumber,
}

impl OrderView {
    /// Whether it can still be filled.
    pub fn is_open(&self) -> bool {
        !matches!(self.status, OrderStatus::Closed(_))
    }

    /// Which side it is on.
    pub fn side(&self) -> Side {
        self.signed.side
    }

    /// A fill of it, or the reversal of one.
    pub(super) fn fill(&mut self, lots: Lots, quote: Amount, fees: Amount, undo: bool) {
        let change = |value: u128, by: u128| {
            if undo {
                value.saturating_sub(by)
            } else {
                value.saturating_add(by)
            }
        };
        self.filled = Lots(u64::try_from(change(self.filled.0.into(), lots.0.into())).unwrap_or(u64::MAX));
        self.cost = Amount(change(self.cost.0, quote.0));
        self.fees = Amount(change(self.fees.0, fees.0));
    }

    /// The state in which an accepted order begins.
    pub(super) fn first_status(kind: OrderKind) -> OrderStatus {
        match kind {
            OrderKind::Limit | OrderKind::Market => OrderStatus::Open,
            OrderKind::Stop | OrderKind::StopLimit => OrderStatus::Waiting,
        }
    }
}

/// Whether two orders are the same to the last signed field; the signature itself has only one form but may be another key's.
pub fn same_order(left: &SignedOrder, right: &SignedOrder) -> bool {
    let unsigned = |order: &SignedOrder| {
        (
            order.account,
            order.market,
            order.side,
            order.base_amount,
            order.limit_price,
            order.fee_cap,
            order.nonce,
            order.expiry_secs,
            order.instructions,
        )
    };
    unsigned(left) == unsigned(right)
}
