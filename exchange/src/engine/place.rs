//! A new order.

use souk_schema::exchange::{Event, OrderId, Rejection, SignedOrder, TimeInForce, UnixMillis};

use super::Engine;
use super::admit::{Admitted, Standing, is_stop};
use crate::book::{NONE, Node, Slot};
use crate::state::market::Band;
use crate::state::orders::{Extra, Links, Record};

impl Engine {
    pub(super) fn place(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.place_plainly(order, events) {
            return Ok(());
        }
        self.place_any(order, events)
    }

    #[inline(never)]
    fn place_any(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let admitted = self.admit_new(order, self.time)?;
        let band = self.markets[admitted.market].band();
        self.enter(order, &admitted, 0, band, events);
        self.run_stops(admitted.market, band, events);
        Ok(())
    }

    /// Everything that could refuse a new order.
    #[inline(always)]
    pub(super) fn admit_new(&self, order: &SignedOrder, now: UnixMillis) -> Result<Admitted, Rejection> {
        let who @ (market, account, _) = self.authorise(order)?;
        self.check_taking(market, order.instructions.post_only, || false)?;
        let seat = self.accounts.find_seat(account, self.markets[market].id);
        let standing = Standing {
            now,
            ..self.standing(market, account, seat)
        };
        let admitted = self.admit(who, order, None, &standing)?;
        if order.instructions.time_in_force == TimeInForce::FillOrKill {
            self.check_fill_or_kill(order, admitted, None)?;
        }
        Ok(admitted)
    }

    /// Takes an admitted order in: it reserves, then works or waits. `place` is its place among several of one command.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        order: &SignedOrder,
        admitted: &Admitted,
        place: u8,
        band: Band,
        events: &mut Vec<Event>,
    ) -> Slot {
        let (market_id, base, quote) = {
            let market = &self.markets[admitted.market];
            (market.id, market.base, market.quote)
        };
        self.accounts.get_mut(admitted.account).nonces.mark(order.nonce);
        let seat = self.accounts.seat_of(admitted.account, market_id, base, quote);
        let waits = is_stop(order.instructions.kind);
        let id = OrderId::new(self.commands, place);
        let slot = self.orders.take(
            new_node(order, admitted, id, seat, waits),
            self.new_record(order, admitted),
            Links::new(admitted.terms.lots, admitted.signer),
        );
        if !admitted.is_plain {
            self.orders.set_extra(slot, extra(order, admitted));
        }
        let paying = self.accounts.seat(seat).paying(order.side);
        self.accounts.funds_mut(paying).reserve(admitted.hold.0);
        events.push(Event::OrderAccepted {
            order: id,
            account: admitted.account,
            market: market_id,
            side: order.side,
            kind: order.instructions.kind,
            price: admitted.price,
            lots: admitted.terms.lots,
            hold: admitted.hold,
            expires_at: admitted.terms.expires_at,
        });
        if waits {
            self.wait(admitted.market, slot);
        } else {
            self.work(admitted.market, slot, band, events);
        }
        slot
    }

    /// Puts a new stop where it waits for its trigger.
    #[inline(never)]
    fn wait(&mut self, market: usize, slot: Slot) {
        let (side, id) = (self.orders.node(slot).side, self.orders.node(slot).id);
        let trigger = self.orders.extra(slot).trigger.expect("a stop has a trigger");
        self.markets[market].stops.insert(side, trigger, id, slot);
        self.list(slot);
    }

    /// Makes an order one of its account's open orders.
    #[inline]
    pub(crate) fn list(&mut self, slot: Slot) {
        self.orders.list(&mut self.accounts, slot);
        self.timers.start(&mut self.orders, slot, self.time);
    }

    #[inline(always)]
    fn new_record(&self, order: &SignedOrder, admitted: &Admitted) -> Record {
        let mut record = Record::new(order.nonce);
        record.fee_cap = order.fee_cap;
        record.signed_by = self.commands;
        record.rate = admitted.rate;
        record
    }
}

#[inline(always)]
fn new_node(order: &SignedOrder, admitted: &Admitted, id: OrderId, seat: u32, waits: bool) -> Node {
    Node {
        id,
        price: admitted.price,
        left: admitted.left,
        shown: admitted.left,
        expires_at: admitted.terms.expires_at,
        next: NONE,
        prev: NONE,
        level: NONE,
        seat,
        side: order.side,
        kind: order.instructions.kind,
        time_in_force: order.instructions.time_in_force,
        post_only: order.instructions.post_only,
        self_trade: order.instructions.self_trade,
        waits,
        is_quote: false,
        is_listed: false,
    }
}

/// What few orders have.
#[inline(always)]
pub(super) fn extra(order: &SignedOrder, admitted: &Admitted) -> Extra {
    Extra {
        limit: (admitted.price != admitted.terms.limit).then_some(admitted.terms.limit),
        display: admitted.terms.display,
        trigger: admitted.terms.trigger,
        client_order_id: order.instructions.client_order_id,
    }
}
