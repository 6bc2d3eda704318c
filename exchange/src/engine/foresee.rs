//! Reading ahead. A command needs a dozen places in memory, each found by way of the one before. In a large engine few of them are in the
//! processor's cache, and to wait for each in turn takes longer than all the work. Commands come many at a time, so their places are
//! fetched side by side, step by step: one wait for each step of sixteen commands, where there were sixteen.

use souk_schema::exchange::command::OrderTarget;
use souk_schema::exchange::{AccountId, Amount, Command, CommandBody, SignedOrder, Ticks};

use super::Engine;
use crate::ahead::fetch;
use crate::book::{NONE, Slot};
use crate::state::accounts::SeatIndex;
use crate::state::market::Market;

/// Commands that are read ahead together: as many as a processor can wait for at a time.
const TOGETHER: usize = 16;

/// An engine with fewer orders stays in the cache by itself.
const SMALL: usize = 1 << 13;

/// What is known so far of the places that a command will need.
#[derive(Clone, Copy)]
struct Glance<'a> {
    account: AccountId,
    /// The market of an order that is placed or amended.
    market: Option<(&'a Market, &'a SignedOrder)>,
    /// Which open order is meant; `None` for a new one.
    target: Option<OrderTarget>,
    /// Where an order that is placed or amended comes to.
    price: Ticks,
    slot: Slot,
    seat: SeatIndex,
}

impl Engine {
    /// Fetches into the processor's cache what the next commands will need. It changes nothing, decides nothing, and may be left out.
    pub fn foresee(&self, commands: &[Command]) {
        if self.orders.len() >= SMALL {
            self.read_ahead(commands);
        }
    }

    /// As [`Engine::foresee`], of an engine of any size.
    pub(super) fn read_ahead(&self, commands: &[Command]) {
        for some in commands.chunks(TOGETHER) {
            // Each step reads what the step before has fetched, for all commands before any goes on.
            let mut glances = [const { None }; TOGETHER];
            for (glance, command) in glances.iter_mut().zip(some) {
                *glance = self.glance(&command.body);
            }
            for glance in glances.iter_mut().flatten() {
                self.glance_at_tables(glance);
            }
            for glance in glances.iter_mut().flatten() {
                self.glance_at_order(glance);
            }
            for glance in glances.iter().flatten() {
                self.glance_around(glance);
            }
            for glance in glances.iter().flatten() {
                self.glance_at_last(glance);
            }
        }
    }

    /// Fetches account and market, and where the table leads to the order.
    fn glance<'a>(&'a self, body: &'a CommandBody) -> Option<Glance<'a>> {
        let (address, order, target) = match body {
            CommandBody::PlaceOrder(order) => (&order.account, Some(&**order), None),
            CommandBody::AmendOrder(order) => (&order.account, Some(&**order), Some(OrderTarget::Nonce(order.nonce))),
            CommandBody::CancelOrder { account, order } => (account, None, Some(*order)),
            _ => return None,
        };
        let account = self.accounts.guess(address)?;
        let market = match order {
            Some(order) => Some((self.markets.guess(&order.market)?, order)),
            None => None,
        };
        match (target, market) {
            (Some(OrderTarget::Id(id)), _) => self.orders.fetch_id(id),
            (Some(OrderTarget::Nonce(nonce)), _) => self.orders.fetch_nonce(account, nonce),
            (Some(OrderTarget::ClientId(_)), _) | (None, None) => return None,
            (None, Some(_)) => self.accounts.fetch_nonces(account),
        }
        Some(Glance {
            account,
            market,
            target,
            price: Ticks(0),
            slot: NONE,
            seat: NONE,
        })
    }

    /// Fetches the order, or where the table leads to the seat of a new one.
    fn glance_at_tables(&self, glance: &mut Glance<'_>) {
        let slot = match glance.target {
            Some(OrderTarget::Id(id)) => self.orders.guess_id(id),
            Some(OrderTarget::Nonce(nonce)) => self.orders.guess_nonce(glance.account, nonce),
            _ => None,
        };
        if let Some(slot) = slot {
            glance.slot = slot;
            self.orders.fetch(slot);
        }
        if let Some((market, order)) = glance.market {
            glance.price = ticks(market, order.limit_price);
            market.book.fetch_leaves(order.side);
            if glance.target.is_none() {
                self.accounts.fetch_place(glance.account, market.id);
            }
        }
    }

    /// Fetches seat, level and neighbours of the order, and what leads to the level that it comes to.
    fn glance_at_order(&self, glance: &mut Glance<'_>) {
        if glance.slot != NONE {
            let node = self.orders.node(glance.slot);
            glance.seat = node.seat;
            self.accounts.fetch_seat(node.seat);
            self.orders.fetch_node(node.prev);
            self.orders.fetch_node(node.next);
            match glance.market {
                Some((market, _)) => market.book.fetch_level(node.side, node.level),
                None => self.orders.fetch_lists(glance.account, glance.slot),
            }
        }
        if let Some((market, order)) = glance.market {
            market.book.fetch_best(order.side.opposite());
            market.book.fetch_best(order.side);
            market.book.fetch_leaf(order.side, glance.price);
            if glance.target.is_none() {
                glance.seat = self.accounts.guess_seat(glance.account, market.id).unwrap_or(NONE);
                if glance.seat == NONE {
                    self.accounts.fetch_owner(glance.account, market.base);
                    self.accounts.fetch_owner(glance.account, market.quote);
                }
            }
        }
    }

    /// Fetches the balance, the level that the order comes to, and what leads to the one that it leaves.
    fn glance_around(&self, glance: &Glance<'_>) {
        if glance.seat == NONE {
            // A new seat needs both balances.
            if let Some((market, _)) = glance.market {
                self.accounts.guess_funds(glance.account, market.base);
                self.accounts.guess_funds(glance.account, market.quote);
            }
            return;
        }
        let seat = self.accounts.seat(glance.seat);
        let (market, side) = match glance.market {
            Some((market, order)) => {
                if let Some(level) = market.book.guess_level(order.side, glance.price) {
                    fetch(level);
                }
                (market, order.side)
            }
            None => (
                &self.markets[seat.market.0 as usize],
                self.orders.node(glance.slot).side,
            ),
        };
        self.accounts.fetch_funds(seat.paying(side));
        if glance.slot != NONE {
            let node = self.orders.node(glance.slot);
            market.book.fetch_level(node.side, node.level);
            market.book.fetch_leaf(node.side, node.price);
        }
    }

    /// Fetches who stands last where the order comes to.
    fn glance_at_last(&self, glance: &Glance<'_>) {
        if let Some((market, order)) = glance.market
            && let Some(level) = market.book.guess_level(order.side, glance.price)
        {
            self.orders.fetch_node(level.tail);
        }
    }
}

/// The ticks of a price, where they are plain; anything else is as good a guess.
fn ticks(market: &Market, price: Amount) -> Ticks {
    Ticks(
        (price.0 as u64)
            .checked_div(market.units.tick_size.0 as u64)
            .unwrap_or(0),
    )
}
