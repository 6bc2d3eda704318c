//! An order that is signed anew: smaller in its place, or in again as a new taker under its old id.

use souk_schema::exchange::event::ReduceCause;
use souk_schema::exchange::{AccountId, Amount, Event, Rejection, SignedOrder, TimeInForce, UnixMillis};

use super::Engine;
use super::admit::Admitted;
use super::place::extra;
use crate::book::Slot;
use crate::state::orders::Extra;

impl Engine {
    pub(super) fn amend(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.move_plainly(order, events) {
            return Ok(());
        }
        self.amend_any(order, events)
    }

    #[inline(never)]
    fn amend_any(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let (slot, admitted) = self.admit_amendment(order, self.time)?;
        let band = self.markets[admitted.market].band();
        if admitted.keeps_place {
            self.keep_place(slot, order, admitted, events);
        } else {
            self.enter_again(slot, order, &admitted, events);
            if !self.orders.node(slot).waits {
                self.work(admitted.market, slot, band, events);
            }
        }
        self.run_stops(admitted.market, band, events);
        Ok(())
    }

    /// Signs an order anew that keeps its place.
    #[inline(never)]
    fn keep_place(&mut self, slot: Slot, order: &SignedOrder, admitted: Admitted, events: &mut Vec<Event>) {
        self.sign_anew(slot, order, &admitted);
        let mut now = *self.orders.extra(slot);
        now.client_order_id = order.instructions.client_order_id;
        self.replace_extra(slot, now, admitted.account);
        self.shrink(slot, admitted.left, ReduceCause::Trader, events);
    }

    /// Everything that could refuse an amendment.
    #[inline(always)]
    pub(super) fn admit_amendment(&self, order: &SignedOrder, now: UnixMillis) -> Result<(Slot, Admitted), Rejection> {
        let who @ (market, account, _) = self.authorise(order)?;
        let found = self.orders.find_nonce(&self.accounts, account, order.nonce);
        let slot = found.ok_or(Rejection::UnknownOrder)?;
        self.check_taking(market, order.instructions.post_only, || self.shrinks(slot, order))?;
        let node = self.orders.node(slot);
        let seat = if self.market_of(slot) == market {
            Some(node.seat)
        } else {
            self.accounts.find_seat(account, self.markets[market].id)
        };
        let gone = [(node.id, slot)];
        let mut standing = self.standing(market, account, seat);
        standing.now = now;
        standing.nonces = None;
        standing.gone = &gone;
        standing.open_in_group -= 1;
        if self.market_of(slot) == market {
            standing.open_in_market -= 1;
            *standing.freed_mut(node.side) = i128::try_from(self.hold_of(market, slot).0).expect("a hold is bounded");
        }
        let admitted = self.admit(who, order, Some(slot), &standing)?;
        if order.instructions.time_in_force == TimeInForce::FillOrKill && !admitted.keeps_place {
            self.check_fill_or_kill(order, admitted, Some(slot))?;
        }
        Ok((slot, admitted))
    }

    /// Whether an amendment only makes an order smaller, judged before its numbers are known to be whole.
    fn shrinks(&self, slot: Slot, order: &SignedOrder) -> bool {
        let (node, record, extra) = (
            self.orders.node(slot),
            self.orders.record(slot),
            self.orders.extra(slot),
        );
        let units = &self.markets[self.market_of(slot)].units;
        let (lot, tick) = (units.lot_size.0, units.tick_size.0);
        let is = |amount: Amount, unit: u128, number: u64| amount.0 == unit * u128::from(number);
        let instructions = &order.instructions;
        is(order.limit_price, tick, self.orders.limit(slot).0)
            && is(instructions.display_amount, lot, extra.display.map_or(0, |lots| lots.0))
            && is(
                instructions.trigger_price,
                tick,
                extra.trigger.map_or(0, |trigger| trigger.0),
            )
            && instructions.kind == node.kind
            && instructions.time_in_force == node.time_in_force
            && instructions.post_only == node.post_only
            && order.base_amount.0 > lot * u128::from(record.filled.0)
            && order.base_amount.0 <= lot * (u128::from(record.filled.0) + u128::from(node.left.0))
    }

    /// What an amendment replaces in any case.
    #[inline(always)]
    fn sign_anew(&mut self, slot: Slot, order: &SignedOrder, admitted: &Admitted) {
        let record = self.orders.record_mut(slot);
        record.fee_cap = order.fee_cap;
        record.signed_by = self.commands;
        let links = self.orders.links_mut(slot);
        links.lots = admitted.terms.lots;
        links.signer = admitted.signer;
        let node = self.orders.node_mut(slot);
        node.self_trade = order.instructions.self_trade;
        let before = std::mem::replace(&mut node.expires_at, admitted.terms.expires_at);
        if before != admitted.terms.expires_at {
            self.timers.restart(&mut self.orders, slot, self.time);
        }
    }

    #[inline(never)]
    fn replace_extra(&mut self, slot: Slot, extra: Extra, account: AccountId) {
        if self.orders.has_extra(slot) || extra != Extra::NOTHING {
            self.orders.rename(account, slot, extra.client_order_id);
            self.orders.set_extra(slot, extra);
        }
    }

    /// Moves a waiting stop to its new trigger.
    #[inline(never)]
    fn wait_anew(&mut self, slot: Slot, admitted: &Admitted) {
        let node = self.orders.node(slot);
        let old = self.orders.extra(slot).trigger.expect("a waiting stop has a trigger");
        let new = admitted.terms.trigger.expect("a stop has a trigger");
        let stops = &mut self.markets[admitted.market].stops;
        stops.remove(node.side, old, node.id, slot);
        stops.insert(node.side, new, node.id, slot);
    }

    /// Takes an order off its place and gives it its new terms; what is to become of it is still open.
    #[inline(always)]
    fn enter_again(&mut self, slot: Slot, order: &SignedOrder, admitted: &Admitted, events: &mut Vec<Event>) {
        let market = admitted.market;
        let released = self.hold_of(market, slot);
        self.take_from_book(market, slot);
        if self.orders.node(slot).waits {
            self.wait_anew(slot, admitted);
        }
        self.sign_anew(slot, order, admitted);
        if !admitted.is_plain || self.orders.has_extra(slot) {
            self.replace_extra(slot, extra(order, admitted), admitted.account);
        }
        self.orders.record_mut(slot).rate = admitted.rate;
        let node = self.orders.node_mut(slot);
        node.price = admitted.price;
        node.left = admitted.left;
        node.shown = admitted.left;
        node.time_in_force = order.instructions.time_in_force;
        node.post_only = order.instructions.post_only;
        let (id, side) = (node.id, node.side);
        let paying = self.accounts.seat(node.seat).paying(side);
        let funds = self.accounts.funds_mut(paying);
        funds.release(released.0);
        funds.reserve(admitted.hold.0);
        events.push(Event::OrderAmended {
            order: id,
            price: admitted.price,
            lots: admitted.left,
            released,
            hold: admitted.hold,
            expires_at: admitted.terms.expires_at,
        });
    }
}
