//! An order meets the book.

use souk_schema::exchange::event::{CloseCause, Fill, FillSide, ReduceCause, StateCause};
use souk_schema::exchange::{Amount, Event, Lots, MarketState, OrderKind, Ppm, SelfTrade, Side, Ticks, TimeInForce};

use super::admit::crosses;
use super::{Engine, tell};
use crate::book::{NONE, Slot};
use crate::state::accounts::SeatIndex;
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
        let node = self.orders.node(slot);
        let meets = self.markets[market].meets(node.side, node.price);
        if meets && self.markets[market].state == MarketState::Open {
            self.work_against_book(market, slot, band, events);
        } else if node.time_in_force == TimeInForce::GoodTilCancelled {
            self.rest(market, slot, events);
        } else {
            self.close(slot, CloseCause::NotFilled, events);
        }
    }

    #[inline(never)]
    fn work_against_book(&mut self, market: usize, slot: Slot, band: Band, events: &mut Vec<Event>) {
        let end = self.meet_book(market, slot, band, events);
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

    #[inline]
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
        self.touch_showing(market, slot, before);
        if !is_listed {
            self.list(slot);
        }
        tell::rested(events, order, price, lots);
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
        let fees = *self.markets[market].fees();
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
        let (side, shown, left) = (node.side, Lots(node.shown.0 - filled.0), node.left);
        if left == Lots(0) {
            self.close(maker, CloseCause::Filled, events);
            return;
        }
        self.touch(market, maker);
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
            royalty: part(quote, market.fees().royalty_ppm),
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
        let released = self.released_to_buyer(market, meeting);
        let market = &mut self.markets[market];
        market.set_last_price(meeting.price);
        let (id, fee_funds, royalty_funds) = (market.id, market.fee_funds, market.royalty_funds);
        let base = base(&market.units, meeting.lots);
        let (buyer, buyer_seat) = self.fill_side(meeting, Side::Buy, released);
        let (seller, seller_seat) = self.fill_side(meeting, Side::Sell, Amount::ZERO);
        let (quote, royalty) = (meeting.quote, meeting.royalty);
        let seats = [buyer_seat, seller_seat];
        let [buyer_seat, seller_seat] = seats.map(|seat| {
            let seat = self.accounts.seat(seat);
            (seat.base, seat.quote)
        });
        let funds = self.accounts.funds_mut(buyer_seat.1);
        funds.release(released.0);
        funds.pay_held(quote.0 + buyer.fee.0);
        self.accounts.funds_mut(buyer_seat.0).receive(base.0);
        self.accounts.funds_mut(seller_seat.0).pay_held(base.0);
        let proceeds = quote.0 - seller.fee.0 - royalty.0;
        self.accounts.funds_mut(seller_seat.1).receive(proceeds);
        self.accounts.funds_mut(fee_funds).receive(buyer.fee.0 + seller.fee.0);
        self.accounts.funds_mut(royalty_funds).receive(royalty.0);
        let number = self.settlement.next_number();
        // Put together twice, each time where it will lie: that costs less than a copy.
        let fill = || Fill {
            number,
            market: id,
            price: meeting.price,
            lots: meeting.lots,
            taker,
            base,
            quote,
            royalty,
            buyer,
            seller,
        };
        events.push(Event::Traded(Box::new(fill())));
        self.settlement.push(UnsettledFill {
            fill: fill(),
            matched_at: self.time,
            bust: None,
            seats,
        });
        if !self.settlement.debts.is_empty() {
            self.repay_with_receipts([buyer_seat.0, seller_seat.1, fee_funds, royalty_funds], events);
        }
    }

    /// What a fill frees of its buyer's hold and does not pay: a better price or fee than was reserved for. A seller reserves just what it
    /// pays.
    #[inline]
    fn released_to_buyer(&self, market: usize, meeting: &Meeting) -> Amount {
        let (slot, fee) = meeting.sides[Side::Buy as usize];
        let (node, rate) = (self.orders.node(slot), self.orders.record(slot).rate);
        let hold = |left: Lots| self.markets[market].hold(Side::Buy, node.price, left, rate).0;
        let freed = hold(node.left) - hold(Lots(node.left.0 - meeting.lots.0));
        let paid = meeting.quote.0 + fee.0;
        Amount(freed.checked_sub(paid).expect("a hold covers its fills"))
    }

    /// Counts a fill against its order; gives what the order's side of it is, and the order's seat.
    #[inline]
    fn fill_side(&mut self, meeting: &Meeting, side: Side, released: Amount) -> (FillSide, SeatIndex) {
        let (slot, fee) = meeting.sides[side as usize];
        let node = self.orders.node_mut(slot);
        node.left = Lots(node.left.0 - meeting.lots.0);
        let (order, seat) = (node.id, node.seat);
        let record = self.orders.record_mut(slot);
        record.filled = Lots(record.filled.0 + meeting.lots.0);
        record.fees_paid = Amount(record.fees_paid.0 + meeting.cost(side).0);
        let fill_side = FillSide {
            order,
            signed_by: record.signed_by,
            account: self.accounts.seat(seat).account,
            fee,
            released,
        };
        (fill_side, seat)
    }

    /// Has an order that stands in the book show what it may of what is left, in its place.
    pub(super) fn show_anew(&mut self, market: usize, slot: Slot) {
        let display = self.orders.extra(slot).display;
        let node = self.orders.node(slot);
        debug_assert_ne!(node.level, NONE, "it stands in the book");
        let (side, left) = (node.side, node.left);
        let shown = display.map_or(left, |display| display.min(left));
        self.touch(market, slot);
        self.markets[market]
            .book
            .show(self.orders.nodes_mut(), side, slot, shown);
    }
}
