//! The short way for what nearly all commands are: a plain limit order that is taken, or is moved without meeting another.
//!
//! It asks all that the long way asks, but only for a yes: wherever the answer is another, nothing has happened yet, and the long way finds
//! out what it is. So nothing is decided here. This way must only never be gone where the long one would do anything else, which the same
//! commands to a naive engine show.

use souk_schema::exchange::{
    AccountId, Amount, Event, Lots, MarketId, MarketState, OrderId, OrderKind, PostOnly, Ppm, Side, SignedOrder, Ticks,
    TimeInForce, UnixMillis,
};

use super::admit::{MAX_EXPIRY_SECS, expires_at, is_plain, whole};
use super::{Engine, tell};
use crate::book::{NONE, Node, Slot};
use crate::state::accounts::{FundsIndex, SeatIndex};
use crate::state::market::{base, part, quote};
use crate::state::orders::{Links, Record};
use crate::views::shown;

/// A plain order that its market takes, in the units of the market.
struct Plain {
    market: usize,
    account: AccountId,
    signer: u16,
    price: Ticks,
    lots: Lots,
    expires_at: UnixMillis,
    hold: Amount,
    /// Whether it comes into the book as it is, and meets nothing.
    rests: bool,
}

/// A level that an order left or came to: what it showed, and what it shows.
struct Change {
    market: MarketId,
    side: Side,
    price: Ticks,
    before: u128,
    now: u128,
}

impl Change {
    #[inline]
    fn report(&self, events: &mut Vec<Event>) {
        if self.now != self.before {
            tell::level_changed(events, self.market, self.side, self.price, shown(self.now));
        }
    }
}

/// A plain order, and where it comes in.
struct Placing {
    plain: Plain,
    seat: SeatIndex,
    paying: FundsIndex,
}

/// A plain order, and the open one that it amends.
struct Moving {
    plain: Plain,
    slot: Slot,
    paying: FundsIndex,
    left: Lots,
    /// What the open order reserves.
    released: Amount,
}

impl Engine {
    /// Places an order that is plainly taken. `false`: nothing happened.
    #[inline]
    pub(super) fn place_plainly(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> bool {
        let placing = self.plain_placing(order);
        if let Some(placing) = &placing {
            self.place_at(order, placing, events);
        }
        placing.is_some()
    }

    /// Moves an order that is plainly amended to its new place. `false`: nothing happened.
    #[inline]
    pub(super) fn move_plainly(&mut self, order: &SignedOrder, events: &mut Vec<Event>) -> bool {
        let moving = self.plain_moving(order);
        if let Some(moving) = &moving {
            self.move_to(order, moving, events);
        }
        moving.is_some()
    }

    /// All that could keep a new order from being plainly taken.
    #[inline(always)]
    fn plain_placing(&self, order: &SignedOrder) -> Option<Placing> {
        let plain = self.plain(order)?;
        let market = &self.markets[plain.market];
        let account = self.accounts.get(plain.account);
        let seat_index = self.accounts.find_seat(plain.account, market.id)?;
        let seat = self.accounts.seat(seat_index);
        let paying = seat.paying(order.side);
        let fits = account.nonces.check(order.nonce).is_ok()
            & (seat.open_orders < market.limits().max_open_orders)
            & (account.open_orders < self.group.as_ref()?.max_open_orders)
            & (self.accounts.funds(paying).available >= plain.hold.0 as i128);
        fits.then_some(Placing {
            plain,
            seat: seat_index,
            paying,
        })
    }

    /// Takes an order in, and lets it work.
    #[inline(always)]
    fn place_at(&mut self, order: &SignedOrder, placing: &Placing, events: &mut Vec<Event>) {
        let plain = &placing.plain;
        let market = &mut self.markets[plain.market];
        let id = OrderId::new(self.commands, 0);
        let (price, lots) = (plain.price, plain.lots);
        let whose = (plain.account, market.id, order.side);
        tell::accepted(events, id, whose, (price, lots), plain.hold, plain.expires_at);

        self.accounts.get_mut(plain.account).nonces.mark(order.nonce);
        self.accounts.funds_mut(placing.paying).reserve(plain.hold.0);
        let mut record = Record::new(order.nonce);
        record.fee_cap = order.fee_cap;
        record.signed_by = self.commands;
        record.rate = market.rate();
        let node = plain.node(order, id, placing.seat);
        let slot = self.orders.take(node, record, Links::new(plain.lots, plain.signer));
        if !plain.rests {
            let band = market.band();
            self.work(plain.market, slot, band, events);
            self.run_stops(plain.market, band, events);
            return;
        }
        tell::rested(events, id, price, lots);
        let before = market.book.push(self.orders.nodes_mut(), order.side, slot);
        let came = Change {
            market: market.id,
            side: order.side,
            price: plain.price,
            before,
            now: before + u128::from(plain.lots.0),
        };
        came.report(events);
        self.list(slot);
    }

    /// All that could keep an amendment from being nothing but a move.
    #[inline(always)]
    fn plain_moving(&self, order: &SignedOrder) -> Option<Moving> {
        let plain = self.plain(order)?;
        if !plain.rests {
            return None;
        }
        let market = &self.markets[plain.market];
        let slot = self.orders.find_nonce(&self.accounts, plain.account, order.nonce)?;
        let (node, record) = (self.orders.node(slot), self.orders.record(slot));
        let seat = self.accounts.seat(node.seat);
        let fits = (seat.market == market.id)
            & (node.side == order.side)
            & (node.kind == OrderKind::Limit)
            & !self.orders.has_extra(slot)
            & (plain.lots > record.filled)
            & (seat.open_orders <= market.limits().max_open_orders)
            & (self.accounts.get(plain.account).open_orders <= self.group.as_ref()?.max_open_orders);
        if !fits {
            return None;
        }
        let left = Lots(plain.lots.0 - record.filled.0);
        let released = market.hold(order.side, node.price, node.left, record.rate);
        let hold = match record.filled {
            Lots(0) => plain.hold,
            _ => market.hold(order.side, plain.price, left, market.rate()),
        };
        let paying = seat.paying(order.side);
        let available = self.accounts.funds(paying).available + released.0 as i128;
        let keeps_place = (plain.price == node.price) & (left <= node.left);
        if (available < hold.0 as i128) | keeps_place {
            return None;
        }
        Some(Moving {
            plain: Plain { hold, ..plain },
            slot,
            paying,
            left,
            released,
        })
    }

    /// Puts an order where its amendment wants it.
    #[inline(always)]
    fn move_to(&mut self, order: &SignedOrder, moving: &Moving, events: &mut Vec<Event>) {
        let &Moving {
            ref plain, slot, left, ..
        } = moving;
        let market = &mut self.markets[plain.market];
        let node = self.orders.node(slot);
        tell::amended(
            events,
            node.id,
            plain.price,
            left,
            moving.released,
            plain.hold,
            plain.expires_at,
        );
        tell::rested(events, node.id, plain.price, left);

        let before = market.book.level_of(order.side, node).shown;
        let gone = Change {
            market: market.id,
            side: order.side,
            price: node.price,
            before,
            now: before - u128::from(node.shown.0),
        };
        let restarts = node.expires_at != plain.expires_at;
        market.book.remove(self.orders.nodes_mut(), order.side, slot);
        plain.sign_anew(order, left, self.orders.node_mut(slot));
        let before = market.book.push(self.orders.nodes_mut(), order.side, slot);
        let mut came = Change {
            price: plain.price,
            before,
            now: before + u128::from(left.0),
            ..gone
        };
        if gone.price == came.price {
            came.before = gone.before;
            came.report(events);
        } else {
            // Which is the lower one is as good as random: a place in an array is not guessed wrong, as a branch would be.
            let changes = [&gone, &came];
            let lower = usize::from(came.price < gone.price);
            changes[lower].report(events);
            changes[1 - lower].report(events);
        }

        let record = self.orders.record_mut(slot);
        record.fee_cap = order.fee_cap;
        record.signed_by = self.commands;
        record.rate = market.rate();
        let links = self.orders.links_mut(slot);
        (links.lots, links.signer) = (plain.lots, plain.signer);
        let funds = self.accounts.funds_mut(moving.paying);
        funds.release(moving.released.0);
        funds.reserve(plain.hold.0);
        if restarts {
            self.timers.restart(&mut self.orders, slot, self.time);
        }
    }

    /// Whether an order is plain and its market takes it. Nonce, room and funds are still to be asked for.
    #[inline(always)]
    fn plain(&self, order: &SignedOrder) -> Option<Plain> {
        let time_in_force = order.instructions.time_in_force;
        if time_in_force == TimeInForce::FillOrKill || !is_plain(&order.instructions) {
            return None;
        }
        let market_index = self.markets.find(&order.market)?;
        let account = self.accounts.find(&order.account)?;
        let trader = self.accounts.get(account);
        let signer = trader.signer_number(&order.signer)?;
        let market = &self.markets[market_index];
        let price = Ticks(whole(order.limit_price, market.units.tick_size)?);
        let lots = Lots(whole(order.base_amount, market.units.lot_size)?);
        let expires_at = expires_at(order);
        let limits = market.limits();
        let is_taken = (market.state == MarketState::Open)
            & (self.limit == MarketState::Open)
            & !trader.is_stopped()
            & (price > Ticks(0))
            & (price <= limits.max_price)
            & (lots >= limits.min_lots)
            & (lots <= limits.max_lots)
            & market.is_within_band(order.side, price)
            & (expires_at > self.time)
            & (order.expiry_secs <= self.time.secs().saturating_add(MAX_EXPIRY_SECS))
            & market.stops.next(market.last_price()).is_none();
        if !is_taken {
            return None;
        }
        let cost = quote(&market.units, price, lots);
        let (fees, hold) = match order.side {
            Side::Buy => {
                let fees = part(cost, market.rate());
                (fees, Amount(cost.0 + fees.0))
            }
            // Two parts that are each rounded down are never more than both in one.
            Side::Sell => {
                let rate = Ppm(market.rate().0 + market.fees().royalty_ppm.0);
                (part(cost, rate), base(&market.units, lots))
            }
        };
        (order.fee_cap >= fees).then_some(Plain {
            market: market_index,
            account,
            signer,
            price,
            lots,
            expires_at,
            hold,
            rests: time_in_force == TimeInForce::GoodTilCancelled && !market.meets(order.side, price),
        })
    }
}

impl Plain {
    #[inline]
    fn node(&self, order: &SignedOrder, id: OrderId, seat: SeatIndex) -> Node {
        Node {
            id,
            price: self.price,
            left: self.lots,
            shown: self.lots,
            expires_at: self.expires_at,
            next: NONE,
            prev: NONE,
            level: NONE,
            seat,
            side: order.side,
            kind: OrderKind::Limit,
            time_in_force: order.instructions.time_in_force,
            post_only: PostOnly::No,
            self_trade: order.instructions.self_trade,
            waits: false,
            is_quote: false,
            is_listed: false,
        }
    }

    #[inline]
    fn sign_anew(&self, order: &SignedOrder, left: Lots, node: &mut Node) {
        node.price = self.price;
        (node.left, node.shown) = (left, left);
        node.expires_at = self.expires_at;
        node.time_in_force = TimeInForce::GoodTilCancelled;
        node.post_only = PostOnly::No;
        node.self_trade = order.instructions.self_trade;
    }
}
