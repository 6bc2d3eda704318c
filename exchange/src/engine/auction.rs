//! Call auctions: what was gathered crosses at one price.

use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{Event, Lots, MarketState, Side, Ticks};

use super::Engine;
use crate::book::{Ladder, Slot};
use crate::views::shown;

/// The price at which an auction crosses.
struct Crossing {
    price: Ticks,
    lots: u128,
}

impl Engine {
    /// Ends a market's auction.
    pub(super) fn cross(&mut self, market: usize, events: &mut Vec<Event>) {
        let id = self.markets[market].id;
        if !self.markets[market].book.is_crossed() {
            events.push(Event::AuctionCrossed {
                market: id,
                price: self.markets[market].last_price(),
                lots: Lots(0),
            });
        }
        while self.markets[market].book.is_crossed() {
            let crossing = self.find_crossing(market);
            events.push(Event::AuctionCrossed {
                market: id,
                price: crossing.price,
                lots: shown(crossing.lots),
            });
            while let Some((bid, ask)) = self.pair_at(market, crossing.price) {
                self.meet_in_auction(market, crossing.price, bid, ask, events);
            }
        }
        self.change_state(market, MarketState::Open, StateCause::AuctionOver, events);
        let band = self.markets[market].band();
        self.run_stops(market, band, events);
    }

    /// The first bid and ask that both take this price.
    fn pair_at(&self, market: usize, price: Ticks) -> Option<(Slot, Slot)> {
        let book = &self.markets[market].book;
        let bid = book.best(Side::Buy).filter(|level| level.price >= price)?;
        let ask = book.best(Side::Sell).filter(|level| level.price <= price)?;
        Some((bid.head, ask.head))
    }

    fn meet_in_auction(&mut self, market: usize, price: Ticks, bid: Slot, ask: Slot, events: &mut Vec<Event>) {
        let (bid_node, ask_node) = (self.orders.node(bid), self.orders.node(ask));
        let (older, younger, taker) = match bid_node.id < ask_node.id {
            true => (bid, ask, Side::Sell),
            false => (ask, bid, Side::Buy),
        };
        if bid_node.seat == ask_node.seat {
            self.close(younger, CloseCause::SelfTrade, events);
            return;
        }
        let lots = bid_node.left.min(ask_node.left);
        let maker_ppm = self.markets[market].fees().maker_ppm;
        let meeting = self.meeting(market, price, lots, [bid, ask], [maker_ppm; 2]);
        let is_capped = |slot: Slot, side: Side| self.is_capped(slot, meeting.cost(side));
        let capped = [
            (older, is_capped(older, taker.opposite())),
            (younger, is_capped(younger, taker)),
        ];
        if capped.iter().any(|(_, is_capped)| *is_capped) {
            for (slot, _) in capped.into_iter().filter(|(_, is_capped)| *is_capped) {
                self.close(slot, CloseCause::FeeCapReached, events);
            }
            return;
        }
        self.trade(market, &meeting, taker, events);
        for slot in [older, younger] {
            match self.orders.node(slot).left {
                Lots(0) => self.close(slot, CloseCause::Filled, events),
                _ => self.show_anew(market, slot),
            }
        }
    }

    /// The price that fills most lots; among those the one that leaves the smallest difference of both sides; among those the nearest to the
    /// last price; among those the lowest. The book is crossed.
    fn find_crossing(&self, market: usize) -> Crossing {
        let market = &self.markets[market];
        let nodes = self.orders.nodes();
        let lots_at = |side: Side| -> Vec<(Ticks, u128)> {
            let left = |slot: Slot| u128::from(nodes[slot as usize].left.0);
            let levels = market.book.side(side).iter();
            levels
                .map(|level| (level.price, Ladder::queue(nodes, level).map(left).sum()))
                .collect()
        };
        // Bids by falling price, asks by rising price.
        let (bids, asks) = (lots_at(Side::Buy), lots_at(Side::Sell));
        let mut prices: Vec<Ticks> = bids.iter().chain(&asks).map(|(price, _)| *price).collect();
        prices.sort_unstable();
        prices.dedup();
        let mut buying: u128 = bids.iter().map(|(_, lots)| lots).sum();
        let mut selling = 0;
        let (mut next_bid, mut next_ask) = (bids.len(), 0);
        let mut best: Option<((u128, u128, u64), Crossing)> = None;
        for price in prices {
            while next_bid > 0 && bids[next_bid - 1].0 < price {
                next_bid -= 1;
                buying -= bids[next_bid].1;
            }
            while next_ask < asks.len() && asks[next_ask].0 <= price {
                selling += asks[next_ask].1;
                next_ask += 1;
            }
            let lots = buying.min(selling);
            // Smaller is better.
            let rank = (
                u128::MAX - lots,
                buying.abs_diff(selling),
                price.0.abs_diff(market.last_price().0),
            );
            if best.as_ref().is_none_or(|(best, _)| rank < *best) {
                best = Some((rank, Crossing { price, lots }));
            }
        }
        best.expect("a crossed book has prices").1
    }
}
