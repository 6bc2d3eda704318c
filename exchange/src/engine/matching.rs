//! An order meets the book.

use souk_schema::exchange::event::{CloseCause, Fill, FillSide, ReduceCause, StateCause};
use souk_schema::exchange::{
    Amount, Event, FillNumber, Lots, MarketState, OrderKind, Ppm, SelfTrade, Side, Ticks, TimeInForce,
};

use super::Engine;
use super::admit::crosses;
use crate::book::{NONE, Slot};
use crate::state::market::{Band, base, part, quote};
use crate::state::settlement::UnsettledFill;

/// How an order's matching ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing is left of it, or nothing it could meet.
    Over,
    /// The next trade would leave the band.
    Band,
    /// It is closed.
    Closed,
}

/// The amounts of a fill that might be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting {
    pub(super) price: Ticks,
    pub(super) lots: Lots,
    pub(super) quote: Amount,
    pub(super) royalty: Amount,
    /// Slot and fee of each side: buy, sell.
    pub(super) sides: [(Slot, Amount); 2],
}

impl Meeting {
    /// What a side pays in fees, a seller's royalty included.
    pub(super) fn cost(&self, side: Side) -> Amount {
        match side {
            Side::Buy => self.sides[0].1,
            Side::Sell => Amount(self.sides[1].1.0 + self.royalty.0),
        }
    }
}

impl Engine {
    /// Matches an order where its market does that, and puts what is left where it belongs.
    pub(super) fn work(&mut self, market: usize, slot: Slot, band: Band, events: &mut Vec<Event>) {
        let end = match self.markets[market].state {
            MarketState::Open => self.meet_book(market, slot, band, events),
            _ => End::Over,
        };
        if end == End::Closed {
            return;
        }
        let node = self.orders.node(slot);
        if node.left == Lots(0) {
            self.close(slot, CloseCause::Filled, events);
        } else if node.time_in_force == TimeInForce::GoodTilCancelled {
            self.rest(market, slot, events);
        } else {
            let cause = match end {
                End::Band => CloseCause::Band,
                _ => CloseCause::NotFilled,
            };
            self.close(slot, cause, events);
        }
    }

    fn rest(&mut self, market: usize, slot: Slot, events: &mut Vec<Event>) {
        let display = self.orders.extra(slot).display;
        let node = self.orders.node_mut(slot);
        node.shown = display.map_or(node.left, |display| display.min(node.left));
        let (order, side, price, lots, is_listed) = (node.id, node.side, node.price, node.left, node.is_listed);
        debug_assert!(
            matches!(node.kind, OrderKind::Limit | OrderKind::StopLimit),
            "nothing else rests"
        );
        let before = self.markets[market].book.push(self.orders.nodes_mut(), side, slot);
        self.touch_showing(market, side, price, before);
        if !is_listed {
            self.list(slot);
        }
        events.push(Event::OrderRested { order, price, lots });
    }

    fn meet_book(&mut self, market: usize, taker: Slot, band: Band, events: &mut Vec<Event>) -> End {
        let (side, price) = (self.orders.node(taker).side, self.orders.node(taker).price);
        loop {
            if self.orders.node(taker).left == Lots(0) {
                return End::Over;
            }
            let Some(level) = self.markets[market].book.best(side.opposite()) else {
                return End::Over;
            };
            if !crosses(side, price, level.price) {
                return End::Over;
            }
            let (maker, maker_price) = (level.head, level.price);
            let maker_node = self.orders.node(maker);
            if maker_node.expires_at <= self.time {
                self.close(maker, CloseCause::Expired, events);
            } else if maker_price < band.low || maker_price > band.high {
                self.start_auction(market, StateCause::Band, events);
                return End::Band;
            } else if maker_node.seat == self.orders.node(taker).seat {
                if self.meet_oneself(taker, maker, events) {
                    return End::Closed;
                }
            } else {
                let lots = self.orders.node(taker).left.min(maker_node.shown);
                if self.meet_maker(market, taker, maker, maker_price, lots, events) {
                    return End::Closed;
                }
            }
        }
    }

    /// Fills, or closes what its fee cap stops. Whether the taker is closed.
    fn meet_maker(
        &mut self,
        market: usize,
        taker: Slot,
        maker: Slot,
        price: Ticks,
        lots: Lots,
        events: &mut Vec<Event>,
    ) -> bool {
        let side = self.orders.node(taker).side;
        let fees = self.markets[market].fees;
        let (slots, rates) = match side {
            Side::Buy => ([taker, maker], [fees.taker_ppm, fees.maker_ppm]),
            Side::Sell => ([maker, taker], [fees.maker_ppm, fees.taker_ppm]),
        };
        let meeting = self.meeting(market, price, lots, slots, rates);
        let maker_is_capped = self.is_capped(maker, meeting.cost(side.opposite()));
        let taker_is_capped = self.is_capped(taker, meeting.cost(side));
        if maker_is_capped {
            self.close(maker, CloseCause::FeeCapReached, events);
        }
        if taker_is_capped {
            self.close(taker, CloseCause::FeeCapReached, events);
        }
        if !maker_is_capped && !taker_is_capped {
            self.trade(market, &meeting, side, events);
            self.settle_maker(market, maker, lots, events);
        }
        taker_is_capped
    }

    /// What is left of a maker after a fill.
    fn settle_maker(&mut self, market: usize, maker: Slot, filled: Lots, events: &mut Vec<Event>) {
        let node = self.orders.node(maker);
        let (side, price, shown, left) = (node.side, node.price, Lots(node.shown.0 - filled.0), node.left);
        if left == Lots(0) {
            self.close(maker, CloseCause::Filled, events);
            return;
        }
        let before = self.markets[market].book.level_of(side, node).shown;
        self.touch_showing(market, side, price, before);
        let book = &mut self.markets[market].book;
        if shown > Lots(0) {
            book.show(self.orders.nodes_mut(), side, maker, shown);
        } else {
            let display = self
                .orders
                .extra(maker)
                .display
                .expect("only an iceberg shows less than is left");
            book.show(self.orders.nodes_mut(), side, maker, display.min(left));
            book.send_back(self.orders.nodes_mut(), side, maker);
        }
    }

    /// Both are of one account. Whether the taker is closed.
    fn meet_oneself(&mut self, taker: Slot, maker: Slot, events: &mut Vec<Event>) -> bool {
        let (taker_left, maker_left) = (self.orders.node(taker).left, self.orders.node(maker).left);
        let choice = self.orders.node(taker).self_trade;
        let (maker_keeps, taker_keeps) = match choice {
            SelfTrade::CancelTaker => (maker_left, Lots(0)),
            SelfTrade::CancelMaker => (Lots(0), taker_left),
            SelfTrade::CancelBoth => (Lots(0), Lots(0)),
            SelfTrade::Decrement => {
                let smaller = taker_left.min(maker_left).0;
                (Lots(maker_left.0 - smaller), Lots(taker_left.0 - smaller))
            }
        };
        for (slot, left, keeps) in [(maker, maker_left, maker_keeps), (taker, taker_left, taker_keeps)] {
            if keeps == Lots(0) {
                self.close(slot, CloseCause::SelfTrade, events);
            } else if keeps < left {
                self.shrink(slot, keeps, ReduceCause::SelfTrade, events);
            }
        }
        taker_keeps == Lots(0)
    }

    /// What a fill would move.
    #[inline]
    pub(super) fn meeting(
        &self,
        market: usize,
        price: Ticks,
        lots: Lots,
        slots: [Slot; 2],
        rates: [Ppm; 2],
    ) -> Meeting {
        let market = &self.markets[market];
        let quote = quote(&market.units, price, lots);
        let fee = |side: usize| {
            let bearable = self.orders.record(slots[side]).rate;
            (slots[side], part(quote, rates[side].min(bearable)))
        };
        Meeting {
            price,
            lots,
            quote,
            royalty: part(quote, market.fees.royalty_ppm),
            sides: [fee(0), fee(1)],
        }
    }

    /// Whether a fill's fees would take an order beyond its cap.
    #[inline]
    pub(super) fn is_capped(&self, slot: Slot, cost: Amount) -> bool {
        let record = self.orders.record(slot);
        record.fees_paid.0 + cost.0 > record.fee_cap.0
    }

    /// Moves what a fill moves. The orders' places in the book are the caller's business.
    #[inline]
    pub(super) fn trade(&mut self, market: usize, meeting: &Meeting, taker: Side, events: &mut Vec<Event>) {
        let [buyer, seller] = [Side::Buy, Side::Sell].map(|side| self.fill_side(market, meeting, side));
        let (units, id, fee_funds, royalty_funds) = {
            let market = &mut self.markets[market];
            market.last_price = meeting.price;
            (market.units, market.id, market.fee_funds, market.royalty_funds)
        };
        let fill = Fill {
            number: self.next_fill(),
            market: id,
            price: meeting.price,
            lots: meeting.lots,
            taker,
            base: base(&units, meeting.lots),
            quote: meeting.quote,
            royalty: meeting.royalty,
            buyer,
            seller,
        };
        let buyer_seat = *self.accounts.seat(self.orders.node(meeting.sides[0].0).seat);
        let seller_seat = *self.accounts.seat(self.orders.node(meeting.sides[1].0).seat);
        let paid = fill.quote.0 + buyer.fee.0;
        let funds = self.accounts.funds_mut(buyer_seat.quote);
        funds.release(buyer.released.0);
        funds.pay_held(paid);
        self.accounts.funds_mut(buyer_seat.base).receive(fill.base.0);
        self.accounts.funds_mut(seller_seat.base).pay_held(fill.base.0);
        self.accounts
            .funds_mut(seller_seat.quote)
            .receive(fill.quote.0 - seller.fee.0 - fill.royalty.0);
        self.accounts.funds_mut(fee_funds).receive(buyer.fee.0 + seller.fee.0);
        self.accounts.funds_mut(royalty_funds).receive(fill.royalty.0);
        events.push(Event::Traded(Box::new(fill.clone())));
        self.settlement.unsettled.push_back(UnsettledFill {
            fill,
            matched_at: self.time,
            bust: None,
        });
    }

    /// Counts a fill against its order; gives what the order's side of it is.
    #[inline]
    fn fill_side(&mut self, market: usize, meeting: &Meeting, side: Side) -> FillSide {
        let (slot, fee) = meeting.sides[side as usize];
        let before = self.hold_of(market, slot);
        let account = self.orders.account(&self.accounts, slot);
        let node = self.orders.node_mut(slot);
        node.left = Lots(node.left.0 - meeting.lots.0);
        let order = node.id;
        let after = self.hold_of(market, slot);
        let record = self.orders.record_mut(slot);
        record.filled = Lots(record.filled.0 + meeting.lots.0);
        record.fees_paid = Amount(record.fees_paid.0 + meeting.cost(side).0);
        let paid = match side {
            Side::Buy => meeting.quote.0 + fee.0,
            Side::Sell => before.0 - after.0,
        };
        let freed = before.0 - after.0;
        FillSide {
            order,
            signed_by: record.signed_by,
            account,
            fee,
            released: Amount(freed.checked_sub(paid).expect("a hold covers its fills")),
        }
    }

    fn next_fill(&self) -> FillNumber {
        self.settlement.next_number()
    }

    /// Has an order that stands in the book show what it may of what is left, in its place.
    pub(super) fn show_anew(&mut self, market: usize, slot: Slot) {
        let display = self.orders.extra(slot).display;
        let node = self.orders.node(slot);
        debug_assert_ne!(node.level, NONE, "it stands in the book");
        let (side, price, left) = (node.side, node.price, node.left);
        let shown = display.map_or(left, |display| display.min(left));
        let before = self.markets[market].book.level_of(side, node).shown;
        self.touch_showing(market, side, price, before);
        self.markets[market]
            .book
            .show(self.orders.nodes_mut(), side, slot, shown);
    }
}
