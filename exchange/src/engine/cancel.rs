//! Orders that end or shrink without a fill: on their account's word, or because something else ended.

use alloy_primitives::{Address, B256};
use souk_schema::exchange::command::OrderTarget;
use souk_schema::exchange::event::{CloseCause, ReduceCause};
use souk_schema::exchange::{AccountId, Amount, Event, Lots, Rejection, UnixMillis};

use super::{Engine, tell};
use crate::book::Slot;

impl Engine {
    pub(super) fn cancel(
        &mut self,
        account: &Address,
        target: OrderTarget,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(account)?;
        let slot = self.find_order(account, target)?;
        self.close(slot, CloseCause::Cancelled, events);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn cancel_all(
        &mut self,
        account: &Address,
        market: Option<&B256>,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let market = market.map(|key| self.find_market(key)).transpose()?;
        let account = self.find_account(account)?;
        match market {
            None => self.close_all(account, CloseCause::Cancelled, events, |_, _| true),
            Some(market) => self.close_all(account, CloseCause::Cancelled, events, |engine, slot| {
                engine.market_of(slot) == market
            }),
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn reduce(
        &mut self,
        account: &Address,
        target: OrderTarget,
        remaining: Lots,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(account)?;
        let slot = self.find_order(account, target)?;
        let left = self.orders.node(slot).left;
        if remaining >= left || remaining == Lots(0) {
            return Err(Rejection::NotSmaller { remaining: left });
        }
        self.shrink(slot, remaining, ReduceCause::Trader, events);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn set_dead_man(
        &mut self,
        account: &Address,
        timeout_secs: u32,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(account)?;
        let fires_at = UnixMillis(self.time.0.saturating_add(u64::from(timeout_secs) * 1_000));
        self.arm_dead_man(account, (timeout_secs != 0).then_some(fires_at), events);
        Ok(())
    }

    /// Sets an account's dead-man timer, or switches it off.
    pub(super) fn arm_dead_man(&mut self, account: AccountId, fires_at: Option<UnixMillis>, events: &mut Vec<Event>) {
        let before = std::mem::replace(&mut self.accounts.get_mut(account).dead_man, fires_at);
        if let Some(before) = before {
            self.dead_men.remove(&(before, account));
        }
        if let Some(fires_at) = fires_at {
            self.dead_men.insert((fires_at, account));
        }
        events.push(Event::DeadManSet { account, fires_at });
    }

    /// An account's open order.
    pub(super) fn find_order(&self, account: AccountId, target: OrderTarget) -> Result<Slot, Rejection> {
        let found = match target {
            OrderTarget::Id(id) => self
                .orders
                .find(id)
                .filter(|slot| self.orders.account(&self.accounts, *slot) == account),
            OrderTarget::ClientId(id) => self.orders.find_client_id(&self.accounts, account, &id),
            OrderTarget::Nonce(nonce) => self.orders.find_nonce(&self.accounts, account, nonce),
        };
        found.ok_or(Rejection::UnknownOrder)
    }

    /// Closes those of an account's open orders that are picked, by id.
    #[inline(never)]
    pub(super) fn close_all(
        &mut self,
        account: AccountId,
        cause: CloseCause,
        events: &mut Vec<Event>,
        is_picked: impl Fn(&Engine, Slot) -> bool,
    ) {
        let mut orders = std::mem::take(&mut self.scratch.orders);
        self.gather_orders(account, &mut orders);
        for (_, slot) in orders.drain(..) {
            if is_picked(self, slot) {
                self.close(slot, cause, events);
            }
        }
        self.scratch.orders = orders;
    }

    /// Ends an order: whatever holds it lets go of it, and what it reserves is available again.
    #[inline]
    pub(super) fn close(&mut self, slot: Slot, cause: CloseCause, events: &mut Vec<Event>) {
        let node = self.orders.node(slot);
        let (order, lots, side, waits, is_listed) = (node.id, node.left, node.side, node.waits, node.is_listed);
        let seat = self.accounts.seat(node.seat);
        let (market, paying) = (seat.market.0 as usize, seat.paying(side));
        self.take_from_book(market, slot);
        let released = self.hold_of(market, slot);
        if waits {
            let trigger = self.orders.extra(slot).trigger.expect("a waiting stop has a trigger");
            self.markets[market].stops.remove(side, trigger, order, slot);
        }
        if is_listed {
            self.timers.stop(&mut self.orders, slot);
            self.orders.unlist(&mut self.accounts, slot);
        }
        self.accounts.funds_mut(paying).release(released.0);
        self.orders.give_back(slot);
        tell::closed(events, order, cause, lots, released);
    }

    /// Shrinks an order in its place, from its hidden part first.
    pub(super) fn shrink(&mut self, slot: Slot, left: Lots, cause: ReduceCause, events: &mut Vec<Event>) {
        let released = self.shrink_silently(slot, left);
        events.push(Event::OrderReduced {
            order: self.orders.node(slot).id,
            lots: left,
            released,
            cause,
        });
    }

    /// As [`Engine::shrink`], without an event; gives what was released.
    pub(super) fn shrink_silently(&mut self, slot: Slot, left: Lots) -> Amount {
        let seat = *self.accounts.seat(self.orders.node(slot).seat);
        let market = seat.market.0 as usize;
        let before = self.hold_of(market, slot);
        let node = self.orders.node_mut(slot);
        node.left = left;
        let (side, shown, in_book) = (node.side, node.shown, node.level != crate::book::NONE);
        if in_book && shown > left {
            self.touch(market, slot);
            self.markets[market]
                .book
                .show(self.orders.nodes_mut(), side, slot, left);
        }
        let released = Amount(before.0 - self.hold_of(market, slot).0);
        self.accounts.funds_mut(seat.paying(side)).release(released.0);
        released
    }
}
