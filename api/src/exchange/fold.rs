//! How a group's view takes outcomes in: one event after another, each changing what readers see and noting that it did. Pure.

use std::sync::Arc;

use souk_schema::exchange::event::{Event, Fill, Outcome, ReduceCause};
use souk_schema::exchange::{AccountId, Amount, FillNumber, MarketState, OrderId, SignedOrder, UnixMillis, Venue};

use super::order::{OrderStatus, OrderView};
use super::view::{BookView, Change, FillChange, FillNews, GroupView, MarketView, Opened, Unsettled, place};

/// Orders that are over and still found here, so that a retry meets its first try before the tables have it.
const REMEMBERED: usize = 8_192;

impl GroupView {
    /// Takes an outcome in; none if it was in.
    pub fn apply(&mut self, outcome: &Outcome) -> Option<Change> {
        if outcome.number <= self.number {
            return None;
        }
        (self.number, self.time) = (outcome.number, outcome.time);
        let mut change = Change {
            number: outcome.number,
            time: outcome.time,
            ..Change::default()
        };
        if let Ok(events) = &outcome.result {
            let mut signed = outcome.signed.iter();
            for event in events {
                self.take(event, &mut signed, &mut change);
            }
        }
        for order in change.orders.values() {
            self.keep(order.clone());
        }
        Some(change)
    }

    /// Puts the final state of a changed order where it is found.
    fn keep(&mut self, order: Arc<OrderView>) {
        let (id, key) = (order.id, (order.account, order.signed.nonce));
        self.by_nonce.insert(key, id);
        if order.is_open() {
            self.orders.insert(id, order);
            return;
        }
        self.orders.remove(&id);
        if self.past.insert(id, order).is_none() {
            self.ended.push_back(id);
        }
        if self.ended.len() > REMEMBERED
            && let Some(forgotten) = self.ended.pop_front().and_then(|id| self.past.remove(&id))
        {
            let key = (forgotten.account, forgotten.signed.nonce);
            if self.by_nonce.get(&key) == Some(&forgotten.id) {
                self.by_nonce.remove(&key);
            }
        }
    }

    fn take<'a>(&mut self, event: &Event, signed: &mut impl Iterator<Item = &'a SignedOrder>, change: &mut Change) {
        match event {
            Event::OrderAccepted { .. }
            | Event::OrderTriggered { .. }
            | Event::OrderRested { .. }
            | Event::OrderReduced { .. }
            | Event::OrderAmended { .. }
            | Event::OrderClosed { .. } => self.take_order(event, signed, change),
            Event::Traded(_)
            | Event::FillsSettled { .. }
            | Event::FillBusted { .. }
            | Event::FillReinstated { .. }
            | Event::FillUnsettled { .. } => self.take_fill(event, change),
            Event::Credited { account, .. }
            | Event::Debited { account, .. }
            | Event::DeficitTaken { account, .. }
            | Event::DeficitRepaid { account, .. } => {
                change.balances.insert(*account);
            }
            Event::AccountOpened { account, address } => {
                // `deficit` has no address that anybody could sign in with.
                if *account != AccountId::DEFICIT {
                    self.addresses.insert(*account, *address);
                    self.accounts.insert(*address, *account);
                }
            }
            Event::InstrumentListed { token, .. } => self.instruments.push(*token),
            Event::GroupOpened(opened) => {
                self.opened = Some(Opened {
                    venue: Venue {
                        chain: opened.chain,
                        vault: opened.vault,
                    },
                    exit_delay_secs: opened.exit_delay_secs,
                    settlement_grace_secs: opened.settlement_grace_secs,
                });
            }
            Event::SettlementLagged { limit } => {
                self.settlement_limit = *limit;
                change.markets.extend(self.markets.iter().map(|market| market.id));
            }
            Event::MarketListed { .. }
            | Event::MarketStateChanged { .. }
            | Event::MarketRulesChanged { .. }
            | Event::AuctionCrossed { .. }
            | Event::LevelChanged { .. } => self.take_market(event, change),
            Event::WithdrawalApproved(_)
            | Event::WithdrawalExecuted { .. }
            | Event::WithdrawalVanished { .. }
            | Event::SettlementVanished { .. }
            | Event::AccountStopped { .. }
            | Event::AccountResumed { .. }
            | Event::KeyRegistered { .. }
            | Event::KeyRevoked { .. }
            | Event::DeadManSet { .. } => {}
        }
    }

    fn take_market(&mut self, event: &Event, change: &mut Change) {
        if let Event::MarketListed {
            market,
            base,
            quote,
            spec,
            ..
        } = event
        {
            self.by_key.insert(spec.key, *market);
            self.books.push(BookView::default());
            self.markets.push(Arc::new(MarketView {
                id: *market,
                base: *base,
                quote: *quote,
                spec: Arc::new((**spec).clone()),
                state: MarketState::PreOpen,
                auction_ends_at: None,
                last_price: None,
            }));
            change.markets.insert(*market);
            return;
        }
        if let Event::LevelChanged {
            market,
            side,
            price,
            lots,
        } = event
        {
            if let Some(book) = self.books.get_mut(place(*market)) {
                book.levels.change(*side, *price, *lots);
                book.changed_by = change.number;
                change.books.insert(*market);
            }
            return;
        }
        let (Event::MarketStateChanged { market, .. }
        | Event::MarketRulesChanged { market, .. }
        | Event::AuctionCrossed { market, .. }) = event
        else {
            return;
        };
        let Some(view) = self.markets.get_mut(place(*market)).map(Arc::make_mut) else {
            return;
        };
        match event {
            Event::MarketStateChanged {
                state, auction_ends_at, ..
            } => {
                (view.state, view.auction_ends_at) = (*state, *auction_ends_at);
                change.markets.insert(*market);
            }
            Event::MarketRulesChanged { fees, limits, .. } => {
                let spec = Arc::make_mut(&mut view.spec);
                (spec.fees, spec.limits) = (*fees, **limits);
                change.markets.insert(*market);
            }
            Event::AuctionCrossed { price, lots, .. } if lots.0 > 0 => view.last_price = Some(*price),
            _ => {}
        }
    }

    fn take_order<'a>(
        &mut self,
        event: &Event,
        signed: &mut impl Iterator<Item = &'a SignedOrder>,
        change: &mut Change,
    ) {
        match event {
            Event::OrderAccepted {
                order,
                account,
                market,
                side: _,
                kind,
                price,
                lots,
                hold: _,
                expires_at,
            } => {
                let Some(signed) = signed.next() else { return };
                change.balances.insert(*account);
                let view = OrderView {
                    group: self.group,
                    id: *order,
                    account: signed.account,
                    market: *market,
                    signed: Arc::new(signed.clone()),
                    price: *price,
                    lots: *lots,
                    remaining: *lots,
                    filled: Default::default(),
                    cost: Amount::ZERO,
                    fees: Amount::ZERO,
                    status: OrderView::first_status(*kind),
                    placed_at: change.time,
                    updated_at: change.time,
                    expires_at: *expires_at,
                    updated_by: change.number,
                };
                change.orders.insert(*order, Arc::new(view));
            }
            Event::OrderTriggered { order } => {
                self.change_order(*order, change, |order| order.status = OrderStatus::Open);
            }
            Event::OrderRested { order, price, lots } => self.change_order(*order, change, |order| {
                (order.price, order.remaining) = (*price, *lots);
            }),
            Event::OrderReduced { order, lots, cause, .. } => {
                // An amendment that keeps the place replaces what was signed.
                let newer = (*cause == ReduceCause::Trader).then(|| signed.next()).flatten();
                self.change_order(*order, change, |order| {
                    order.lots.0 = order.lots.0.saturating_sub(order.remaining.0.saturating_sub(lots.0));
                    order.remaining = *lots;
                    if let Some(newer) = newer {
                        order.expires_at = expiry_of(newer);
                        order.signed = Arc::new(newer.clone());
                    }
                });
            }
            Event::OrderAmended {
                order,
                price,
                lots,
                expires_at,
                ..
            } => {
                let newer = signed.next();
                self.change_order(*order, change, |order| {
                    let filled = order.lots.0.saturating_sub(order.remaining.0);
                    (order.price, order.remaining, order.expires_at) = (*price, *lots, *expires_at);
                    order.lots.0 = filled.saturating_add(lots.0);
                    if let Some(newer) = newer {
                        order.signed = Arc::new(newer.clone());
                    }
                });
            }
            Event::OrderClosed { order, cause, lots, .. } => self.change_order(*order, change, |order| {
                (order.status, order.remaining) = (OrderStatus::Closed(*cause), *lots);
            }),
            _ => {}
        }
    }

    /// Changes an order, and notes that its account's balances may have changed too.
    fn change_order(&self, id: OrderId, change: &mut Change, with: impl FnOnce(&mut OrderView)) {
        let Some(known) = change.orders.get(&id).or_else(|| self.order(id)) else {
            return;
        };
        let mut order = (**known).clone();
        with(&mut order);
        (order.updated_at, order.updated_by) = (change.time, change.number);
        change.balances.extend(self.account(order.account));
        change.orders.insert(id, Arc::new(order));
    }

    fn take_fill(&mut self, event: &Event, change: &mut Change) {
        let (fill, news) = match event {
            Event::Traded(fill) => (fill, FillNews::Matched),
            Event::FillBusted { fill, cause } => (fill, FillNews::Busted(*cause)),
            Event::FillReinstated { fill } => (fill, FillNews::Reinstated),
            Event::FillUnsettled { fill } => return self.unsettle(fill, change),
            Event::FillsSettled { through } => return self.settle(*through, change),
            _ => return,
        };
        let fill = Arc::new((**fill).clone());
        // A reinstated fill was passed by the settlement that reinstates it.
        let known = self.fills.get(&fill.number).map(|unsettled| unsettled.matched_at);
        let matched_at = known
            .or_else(|| self.passed.get(&fill.number).copied())
            .unwrap_or(change.time);
        match news {
            FillNews::Matched => {
                if let Some(market) = self.markets.get_mut(place(fill.market)) {
                    Arc::make_mut(market).last_price = Some(fill.price);
                }
                let unsettled = Unsettled {
                    fill: fill.clone(),
                    matched_at,
                    busted: None,
                };
                self.fills.insert(fill.number, unsettled);
            }
            FillNews::Busted(cause) => {
                if let Some(unsettled) = self.fills.get_mut(&fill.number) {
                    unsettled.busted = Some(cause);
                }
            }
            FillNews::Final | FillNews::Reinstated | FillNews::Unsettled => {}
        }
        self.count_fill(&fill, news, change);
        change.fills.push(FillChange { fill, matched_at, news });
    }

    /// The chain has lost a fill's settlement: it is as it was after its match.
    fn unsettle(&mut self, fill: &Fill, change: &mut Change) {
        let fill = Arc::new(fill.clone());
        let unsettled = Unsettled {
            fill: fill.clone(),
            matched_at: change.time,
            busted: None,
        };
        self.fills.insert(fill.number, unsettled);
        change.balances.extend([fill.buyer.account, fill.seller.account]);
        let (matched_at, news) = (change.time, FillNews::Unsettled);
        change.fills.push(FillChange { fill, matched_at, news });
    }

    /// Fills up to this one are over.
    fn settle(&mut self, through: FillNumber, change: &mut Change) {
        let open = self.fills.split_off(&FillNumber(through.0.saturating_add(1)));
        let over = std::mem::replace(&mut self.fills, open);
        self.passed.clear();
        for Unsettled {
            fill,
            matched_at,
            busted,
        } in over.into_values()
        {
            self.passed.insert(fill.number, matched_at);
            change.balances.extend([fill.buyer.account, fill.seller.account]);
            if busted.is_none() {
                let news = FillNews::Final;
                change.fills.push(FillChange { fill, matched_at, news });
            }
        }
    }

    /// Adds a fill to its two orders, or takes it out again, where they are known. What is left to fill shrinks by a match alone.
    fn count_fill(&self, fill: &Fill, news: FillNews, change: &mut Change) {
        for (side, royalty) in [(&fill.buyer, Amount::ZERO), (&fill.seller, fill.royalty)] {
            change.balances.insert(side.account);
            let fees = Amount(side.fee.0.saturating_add(royalty.0));
            self.change_order(side.order, change, |order| {
                order.fill(fill.lots, fill.quote, fees, matches!(news, FillNews::Busted(_)));
                if news == FillNews::Matched {
                    order.remaining.0 = order.remaining.0.saturating_sub(fill.lots.0);
                }
            });
        }
    }
}

/// When an order stops to match: the sooner of its signed expiry and `goodUntil`.
pub fn expiry_of(order: &SignedOrder) -> UnixMillis {
    let secs = match order.instructions.good_until_secs {
        0 => order.expiry_secs,
        until => order.expiry_secs.min(until),
    };
    UnixMillis(secs.saturating_mul(1_000))
}
