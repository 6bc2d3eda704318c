//! Orders that meet: takers, self-trades, fills, stops.

use souk_schema::exchange::event::{CloseCause, Fill, FillSide, ReduceCause, StateCause};
use souk_schema::exchange::{
    Amount, Event, FillNumber, Lots, MarketId, MarketState, OrderId, OrderKind, Ppm, SelfTrade, Side, Ticks,
    TimeInForce,
};

use super::check::crosses;
use super::state::part;
use super::{FillRecord, FillStatus, Oracle, Order, Place};

/// Two orders that are about to trade.
pub(super) struct Meeting {
    /// Checked and closed first: the maker, or in an auction the older one.
    pub first: OrderId,
    pub second: OrderId,
    pub price: u64,
    pub lots: u64,
    /// What each pays, in the same order.
    pub ppm: (Ppm, Ppm),
}

impl Oracle {
    /// Has a new, amended or triggered order do what it can at once.
    pub(super) fn work(&mut self, id: OrderId) {
        let order = self.order(id);
        if order.place == Place::Waiting {
            return;
        }
        match self.effective_state(order.market) {
            MarketState::Open => self.take(id),
            _ => self.rest_or_close(id, CloseCause::NotFilled),
        }
    }

    fn rest(&mut self, id: OrderId) {
        let turn = self.take_turn();
        let at = self.place_of(id);
        let order = &mut self.orders[at];
        order.place = Place::Resting { turn };
        order.show_anew();
        let (price, lots) = (Ticks(order.price), Lots(order.left));
        self.emit(Event::OrderRested { order: id, price, lots });
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    fn rest_or_close(&mut self, id: OrderId, cause: CloseCause) {
        let instructions = &self.order(id).signed.instructions;
        let rests = matches!(instructions.kind, OrderKind::Limit | OrderKind::StopLimit)
            && instructions.time_in_force == TimeInForce::GoodTilCancelled;
        match rests {
            true => self.rest(id),
            false => self.close(id, cause),
        }
    }

    fn take(&mut self, id: OrderId) {
        loop {
            let taker = self.order(id);
            let (market, side) = (taker.market, taker.side);
            let Some(maker) = self.best(market, side.opposite()) else {
                break;
            };
            if !crosses(side, taker.price, maker.price) {
                break;
            }
            let (maker_id, price, lots) = (maker.id, maker.price, taker.left.min(maker.shown));
            if maker.expires_at <= self.time {
                self.close(maker_id, CloseCause::Expired);
                continue;
            }
            let band = self.markets[market as usize].band();
            if band.is_some_and(|(low, high)| price < low || price > high) {
                self.enter(market, MarketState::Auction, StateCause::Band);
                return self.rest_or_close(id, CloseCause::Band);
            }
            if maker.account == taker.account {
                self.meet_own(id, maker_id);
            } else {
                let fees = self.markets[market as usize].spec.fees;
                self.trade(&Meeting {
                    first: maker_id,
                    second: id,
                    price,
                    lots,
                    ppm: (fees.maker_ppm, fees.taker_ppm),
                });
                self.show_next_part(maker_id);
            }
            if self.orders.iter().all(|order| order.id != id) {
                return;
            }
        }
        self.rest_or_close(id, CloseCause::NotFilled);
    }

    /// An iceberg whose shown part is used up shows a new one, behind all others of its level.
    fn show_next_part(&mut self, id: OrderId) {
        let turn = self.take_turn();
        if let Some(order) = self.orders.iter_mut().find(|order| order.id == id && order.shown == 0) {
            order.place = Place::Resting { turn };
            order.show_anew();
        }
    }

    fn meet_own(&mut self, taker: OrderId, maker: OrderId) {
        let choice = self.order(taker).signed.instructions.self_trade;
        match choice {
            SelfTrade::CancelTaker => self.close(taker, CloseCause::SelfTrade),
            SelfTrade::CancelMaker => self.close(maker, CloseCause::SelfTrade),
            SelfTrade::CancelBoth => {
                self.close(maker, CloseCause::SelfTrade);
                self.close(taker, CloseCause::SelfTrade);
            }
            SelfTrade::Decrement => {
                let lots = self.order(taker).left.min(self.order(maker).left);
                for id in [maker, taker] {
                    match self.order(id).left > lots {
                        true => self.shrink(id, lots, ReduceCause::SelfTrade),
                        false => self.close(id, CloseCause::SelfTrade),
                    }
                }
            }
        }
    }

    /// Two orders trade, unless what one of them signed for fees forbids it: it closes then.
    pub(super) fn trade(&mut self, meeting: &Meeting) {
        let Meeting { first, second, .. } = *meeting;
        let (a, b) = (self.order(first), self.order(second));
        let market = &self.markets[a.market as usize];
        let quote = market.quote(meeting.price, meeting.lots);
        let royalty = part(quote, market.spec.fees.royalty_ppm.0);
        let fee = |order: &Order, ppm: Ppm| part(quote, ppm.0.min(order.rate));
        let fees = [fee(a, meeting.ppm.0), fee(b, meeting.ppm.1)];
        let costs = |order: &Order, fee: u128| match order.side {
            Side::Buy => fee,
            Side::Sell => fee + royalty,
        };
        let capped: Vec<OrderId> = [(a, fees[0]), (b, fees[1])]
            .into_iter()
            .filter(|(order, fee)| order.paid + costs(order, *fee) > order.signed.fee_cap.0)
            .map(|(order, _)| order.id)
            .collect();
        if !capped.is_empty() {
            for id in capped {
                self.close(id, CloseCause::FeeCapReached);
            }
            return;
        }
        let (base, market_id, taker) = (market.base(meeting.lots), a.market, b.side);
        let paid = [costs(a, fees[0]), costs(b, fees[1])];
        let mut sides = Vec::new();
        for (place, id) in [first, second].into_iter().enumerate() {
            sides.push(self.fill_side(id, meeting.lots, fees[place], paid[place], quote));
        }
        let (buyer, seller) = match taker {
            Side::Buy => (sides[1], sides[0]),
            Side::Sell => (sides[0], sides[1]),
        };
        let fill = Fill {
            number: FillNumber(self.fills.len() as u64 + 1),
            market: MarketId(market_id),
            price: Ticks(meeting.price),
            lots: Lots(meeting.lots),
            taker,
            base: Amount(base),
            quote: Amount(quote),
            royalty: Amount(royalty),
            buyer,
            seller,
        };
        // Both sides' payments left what was available in `fill_side`, with the hold.
        for (account, instrument, amount) in self.moves(&fill).into_iter().skip(2) {
            self.add(account, instrument, amount);
        }
        self.markets[market_id as usize].last = meeting.price;
        self.fills.push(FillRecord {
            fill: fill.clone(),
            at: self.time,
            status: FillStatus::Pending,
        });
        self.emit(Event::Traded(Box::new(fill)));
        self.repay_all();
        for id in [first, second] {
            if self.order(id).left == 0 {
                self.close(id, CloseCause::Filled);
            }
        }
    }

    /// Takes the lots and the payment of one side out of its order.
    fn fill_side(&mut self, id: OrderId, lots: u64, fee: u128, costs: u128, quote: u128) -> FillSide {
        let freed = self.change(id, |order| {
            order.left -= lots;
            order.filled += lots;
            order.shown = order.shown.saturating_sub(lots);
            order.paid += costs;
        });
        let order = self.order(id);
        let market = &self.markets[order.market as usize];
        let payment = match order.side {
            Side::Buy => quote + fee,
            Side::Sell => market.base(lots),
        } as i128;
        let side = FillSide {
            order: id,
            signed_by: order.signed_by,
            account: order.account,
            fee: Amount(fee),
            released: Amount((freed - payment) as u128),
        };
        let instrument = market.held_instrument(order.side);
        self.add(side.account, instrument, -payment);
        side
    }

    /// Triggers stops for as long as there is one to trigger.
    pub(super) fn run_stops(&mut self, market: u32) {
        while self.effective_state(market) == MarketState::Open {
            let Some(id) = self.next_stop(market) else {
                return;
            };
            if self.order(id).expires_at <= self.time {
                self.close(id, CloseCause::Expired);
                continue;
            }
            let at = self.place_of(id);
            self.orders[at].place = Place::Taking;
            self.orders[at].trigger = None;
            self.emit(Event::OrderTriggered { order: id });
            let order = self.order(id);
            let (limit, hold) = (order.price, self.hold_of(order));
            match self.making_price(market, order.side, limit, order.signed.instructions.post_only) {
                None => {
                    self.close(id, CloseCause::WouldTake);
                    continue;
                }
                Some(price) if price != limit => {
                    self.change(id, |order| order.price = price);
                    self.emit_amended(id, hold);
                }
                Some(_) => {}
            }
            self.work(id);
        }
    }

    fn next_stop(&self, market: u32) -> Option<OrderId> {
        let last = self.markets[market as usize].last;
        let waiting = |side| {
            let stops = self.orders.iter().filter(move |order| order.place == Place::Waiting);
            stops.filter(move |order| order.market == market && order.side == side)
        };
        let trigger = |order: &Order| order.trigger.expect("a stop has one");
        let buy = waiting(Side::Buy).min_by_key(|order| (trigger(order), order.id));
        let sell = waiting(Side::Sell).min_by_key(|order| (u64::MAX - trigger(order), order.id));
        let buy = buy.filter(|order| last >= trigger(order));
        let sell = sell.filter(|order| last <= trigger(order));
        buy.or(sell).map(|order| order.id)
    }
}
