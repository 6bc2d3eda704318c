//! Orders as events change them.

use souk_schema::exchange::event::{Fill, FillSide, ReduceCause};
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, Event, Lots, MarketId, OrderId, OrderKind, Outcome, Side, SignedOrder, Ticks,
    UnixMillis,
};

use super::FoldError;
use super::changes::Changes;
use super::context::Context;
use crate::read::OrderStatus;

/// An order that is open, or was closed by outcomes whose changes were not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Worst price.
    pub price: Ticks,
    /// All lots that were signed.
    pub lots: Lots,
    /// What is left.
    pub remaining: Lots,
    /// Matches strictly before.
    pub expires_at: UnixMillis,
    /// Fills that stand.
    pub filled: FillTaken,
    /// What it is doing.
    pub status: OrderStatus,
    /// The command whose signature counts.
    pub signed_by: CommandNumber,
    /// What was signed, where the tables do not have it yet.
    pub signed: Option<Box<SignedOrder>>,
    /// Whether the tables have no row of it yet.
    pub is_new: bool,
    /// Whether it is among the touched.
    pub is_touched: bool,
    /// Engine time of its last change.
    pub updated_at: UnixMillis,
    /// When it was taken.
    pub placed_at: UnixMillis,
}

/// What fills came to for one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillTaken {
    /// Lots.
    pub lots: Lots,
    /// What they cost, in quote base units.
    pub quote: Amount,
    /// What was paid for them, a seller's royalty included.
    pub fees: Amount,
}

impl FillTaken {
    fn of(fill: &Fill, side: Side) -> Option<FillTaken> {
        let fees = match side {
            Side::Buy => fill.buyer.fee,
            Side::Sell => fill.seller.fee.checked_add(fill.royalty)?,
        };
        Some(FillTaken {
            lots: fill.lots,
            quote: fill.quote,
            fees,
        })
    }

    fn plus(self, other: FillTaken) -> Option<FillTaken> {
        Some(FillTaken {
            lots: Lots(self.lots.0.checked_add(other.lots.0)?),
            quote: self.quote.checked_add(other.quote)?,
            fees: self.fees.checked_add(other.fees)?,
        })
    }

    fn minus(self, other: FillTaken) -> Option<FillTaken> {
        Some(FillTaken {
            lots: Lots(self.lots.0.checked_sub(other.lots.0)?),
            quote: self.quote.checked_sub(other.quote)?,
            fees: self.fees.checked_sub(other.fees)?,
        })
    }
}

/// An order whose row is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedOrder {
    /// Which.
    pub order: OrderId,
    /// As it is now.
    pub state: OrderState,
}

impl Context {
    /// Applies what an event does to orders.
    pub(super) fn apply_to_orders(
        &mut self,
        event: &Event,
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> Result<(), FoldError> {
        match event {
            Event::OrderAccepted { .. } => self.accept(event, outcome, changes)?,
            Event::OrderTriggered { order } => {
                self.touch(*order, outcome.time, changes)?.status = OrderStatus::Open;
            }
            Event::OrderRested { order, price, lots } => {
                let state = self.touch(*order, outcome.time, changes)?;
                (state.price, state.remaining) = (*price, *lots);
            }
            Event::OrderReduced { order, lots, cause, .. } => {
                self.touch(*order, outcome.time, changes)?.remaining = *lots;
                // An amendment that keeps the place; a command that only reduces signs nothing.
                if let (ReduceCause::Trader, Some(signed)) = (cause, outcome.signed.first()) {
                    self.sign(*order, signed, outcome)?;
                    self.touch(*order, outcome.time, changes)?.expires_at = expiry(signed);
                }
            }
            Event::OrderAmended {
                order,
                price,
                lots,
                expires_at,
                ..
            } => {
                let state = self.touch(*order, outcome.time, changes)?;
                (state.price, state.remaining, state.expires_at) = (*price, *lots, *expires_at);
                let signed = outcome.signed.first().ok_or(FoldError::Unsigned(*order))?;
                self.sign(*order, signed, outcome)?;
            }
            Event::Traded(fill) => {
                for (FillSide { order, .. }, side) in [(fill.buyer, Side::Buy), (fill.seller, Side::Sell)] {
                    let state = self.touch(order, outcome.time, changes)?;
                    let taken = FillTaken::of(fill, side).and_then(|taken| state.filled.plus(taken));
                    state.filled = taken.ok_or(FoldError::Overflow(order))?;
                    let left = state.remaining.0.checked_sub(fill.lots.0);
                    state.remaining = Lots(left.ok_or(FoldError::Overflow(order))?);
                }
            }
            Event::OrderClosed { order, cause, lots, .. } => {
                let state = self.touch(*order, outcome.time, changes)?;
                (state.status, state.remaining) = (OrderStatus::Closed(*cause), *lots);
            }
            Event::FillBusted { fill, .. } => self.count_again(fill, true, outcome, changes)?,
            Event::FillReinstated { fill } => self.count_again(fill, false, outcome, changes)?,
            _ => {}
        }
        Ok(())
    }

    fn accept(&mut self, event: &Event, outcome: &Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        let &Event::OrderAccepted {
            order,
            account,
            market,
            side,
            kind,
            price,
            lots,
            expires_at,
            ..
        } = event
        else {
            return Ok(());
        };
        // The lowest byte of an order's id is its place among what the command placed.
        let place = usize::from(order.0.to_le_bytes()[0]);
        let signed = outcome.signed.get(place).ok_or(FoldError::Unsigned(order))?;
        let status = match kind {
            OrderKind::Stop | OrderKind::StopLimit => OrderStatus::Waiting,
            OrderKind::Limit | OrderKind::Market => OrderStatus::Open,
        };
        let state = OrderState {
            account,
            market,
            side,
            price,
            lots,
            remaining: lots,
            expires_at,
            filled: FillTaken::default(),
            status,
            signed_by: outcome.number,
            signed: Some(Box::new(signed.clone())),
            is_new: true,
            is_touched: true,
            updated_at: outcome.time,
            placed_at: outcome.time,
        };
        changes.touched.push(order);
        changes.active(account).orders.push(order.0.cast_signed());
        self.orders.insert(order, state);
        Ok(())
    }

    fn sign(&mut self, order: OrderId, signed: &SignedOrder, outcome: &Outcome) -> Result<(), FoldError> {
        let units = self.market(self.order(order)?.market)?.units;
        let state = self.orders.get_mut(&order).ok_or(FoldError::UnknownOrder(order))?;
        state.lots = units.lots(signed.base_amount).ok_or(FoldError::Overflow(order))?;
        state.signed = Some(Box::new(signed.clone()));
        state.signed_by = outcome.number;
        Ok(())
    }

    fn touch(&mut self, order: OrderId, time: UnixMillis, changes: &mut Changes) -> Result<&mut OrderState, FoldError> {
        let state = self.orders.get_mut(&order).ok_or(FoldError::UnknownOrder(order))?;
        if !state.is_touched {
            state.is_touched = true;
            changes.touched.push(order);
        }
        state.updated_at = time;
        Ok(state)
    }

    /// Takes a fill out of what its orders filled, or puts it back. Orders that were over before are changed where they lie, in the tables.
    fn count_again(
        &mut self,
        fill: &Fill,
        is_bust: bool,
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> Result<(), FoldError> {
        for (FillSide { order, .. }, side) in [(fill.buyer, Side::Buy), (fill.seller, Side::Sell)] {
            let taken = FillTaken::of(fill, side).ok_or(FoldError::Overflow(order))?;
            if self.orders.contains_key(&order) {
                let state = self.touch(order, outcome.time, changes)?;
                let filled = if is_bust {
                    state.filled.minus(taken)
                } else {
                    state.filled.plus(taken)
                };
                state.filled = filled.ok_or(FoldError::Overflow(order))?;
            } else {
                changes.counted_again.push((order, taken, is_bust, outcome.time));
            }
        }
        Ok(())
    }

    /// Takes the orders that were touched, by id, and forgets those that are over.
    pub(super) fn take_touched(&mut self, changes: &mut Changes) -> Vec<TouchedOrder> {
        let mut touched = std::mem::take(&mut changes.touched);
        touched.sort_unstable();
        let take = |order: OrderId| {
            let state = if let Some(OrderState {
                status: OrderStatus::Closed(_),
                ..
            }) = self.orders.get(&order)
            {
                self.orders.remove(&order)?
            } else {
                let state = self.orders.get_mut(&order)?;
                let written = OrderState {
                    signed: state.signed.take(),
                    ..state.clone()
                };
                (state.is_new, state.is_touched) = (false, false);
                written
            };
            Some(TouchedOrder { order, state })
        };
        touched.into_iter().filter_map(take).collect()
    }
}

/// The sooner of the signed expiry and `good_until`.
fn expiry(signed: &SignedOrder) -> UnixMillis {
    let good_until = signed.instructions.good_until_secs;
    let secs = match good_until {
        0 => signed.expiry_secs,
        sooner => sooner.min(signed.expiry_secs),
    };
    UnixMillis(secs.saturating_mul(1_000))
}
