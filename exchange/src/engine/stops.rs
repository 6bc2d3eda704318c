//! Stops that trigger.

use souk_schema::exchange::event::CloseCause;
use souk_schema::exchange::{Event, MarketState, PostOnly};

use super::Engine;
use super::admit::{crosses, slid};
use crate::book::Slot;
use crate::state::market::Band;

impl Engine {
    /// Lets stops work whose trigger the last price has reached, one after the other, until none is left that does.
    pub(super) fn run_stops(&mut self, market: usize, band: Band, events: &mut Vec<Event>) {
        while let Some(slot) = self.markets[market].stops.next(self.markets[market].last_price()) {
            if self.effective_state(&self.markets[market]) != MarketState::Open {
                return;
            }
            if self.orders.node(slot).expires_at <= self.time {
                self.close(slot, CloseCause::Expired, events);
            } else {
                self.trigger(market, slot, band, events);
            }
        }
    }

    fn trigger(&mut self, market: usize, slot: Slot, band: Band, events: &mut Vec<Event>) {
        let trigger = self.orders.extra(slot).trigger.expect("a stop has a trigger");
        let node = self.orders.node_mut(slot);
        node.waits = false;
        let (side, id, price, post_only) = (node.side, node.id, node.price, node.post_only);
        self.markets[market].stops.remove(side, trigger, id, slot);
        events.push(Event::OrderTriggered { order: id });
        let opposite = self.markets[market].book.best(side.opposite()).map(|level| level.price);
        if let Some(best) = opposite.filter(|best| post_only != PostOnly::No && crosses(side, price, *best)) {
            let slides_to = slid(side, best).filter(|_| post_only == PostOnly::Slide);
            let Some(slides_to) = slides_to else {
                self.close(slot, CloseCause::WouldTake, events);
                return;
            };
            self.slide(market, slot, slides_to, events);
        }
        self.work(market, slot, band, events);
    }

    /// Moves an order that is off the book to another price, with what it reserves.
    fn slide(&mut self, market: usize, slot: Slot, price: souk_schema::exchange::Ticks, events: &mut Vec<Event>) {
        let released = self.hold_of(market, slot);
        let mut extra = *self.orders.extra(slot);
        extra.limit = Some(self.orders.limit(slot));
        self.orders.set_extra(slot, extra);
        self.orders.node_mut(slot).price = price;
        let hold = self.hold_of(market, slot);
        let node = *self.orders.node(slot);
        let paying = self.accounts.seat(node.seat).paying(node.side);
        let funds = self.accounts.funds_mut(paying);
        funds.release(released.0);
        funds.reserve(hold.0);
        events.push(Event::OrderAmended {
            order: node.id,
            price,
            lots: node.left,
            released,
            hold,
            expires_at: node.expires_at,
        });
    }
}
