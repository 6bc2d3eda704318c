//! The call auction: one price, the one that fills most.

use std::cmp::Reverse;

use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{Event, Lots, MarketId, MarketState, OrderId, Side, Ticks};

use super::Oracle;
use super::matching::Meeting;

impl Oracle {
    /// Crosses the book of a market whose auction is over, and opens it.
    pub(super) fn cross(&mut self, market: u32) {
        let mut crossing = self.crossing(market);
        let last = self.markets[market as usize].last;
        let (price, lots) = crossing.unwrap_or((last, 0));
        self.emit_crossed(market, price, lots);
        while let Some((price, _)) = crossing {
            self.fill_at(market, price);
            crossing = self.crossing(market);
            if let Some((price, lots)) = crossing {
                self.emit_crossed(market, price, lots);
            }
        }
        self.enter(market, MarketState::Open, StateCause::AuctionOver);
        let opened = &mut self.markets[market as usize];
        opened.band_last = opened.last;
        self.run_stops(market);
    }

    fn emit_crossed(&mut self, market: u32, price: u64, lots: u64) {
        self.emit(Event::AuctionCrossed {
            market: MarketId(market),
            price: Ticks(price),
            lots: Lots(lots),
        });
    }

    /// The price of the auction and the lots that cross there; `None` where nothing does.
    fn crossing(&self, market: u32) -> Option<(u64, u64)> {
        let last = self.markets[market as usize].last;
        let (bids, asks) = (self.book(market, Side::Buy), self.book(market, Side::Sell));
        let candidates = bids.iter().chain(&asks).map(|order| order.price);
        let at = |price: u64| {
            let bought: u64 = bids.iter().filter(|bid| bid.price >= price).map(|bid| bid.left).sum();
            let sold: u64 = asks.iter().filter(|ask| ask.price <= price).map(|ask| ask.left).sum();
            (bought, sold)
        };
        let best = candidates.min_by_key(|price| {
            let (bought, sold) = at(*price);
            (
                Reverse(bought.min(sold)),
                bought.abs_diff(sold),
                price.abs_diff(last),
                *price,
            )
        })?;
        let (bought, sold) = at(best);
        let lots = bought.min(sold);
        (lots > 0).then_some((best, lots))
    }

    fn fill_at(&mut self, market: u32, price: u64) {
        while let Some((older, younger, lots)) = self.next_pair(market, price) {
            if self.order(older).account == self.order(younger).account {
                self.close(younger, CloseCause::SelfTrade);
                continue;
            }
            let maker_ppm = self.markets[market as usize].spec.fees.maker_ppm;
            self.trade(&Meeting {
                first: older,
                second: younger,
                price,
                lots,
                ppm: (maker_ppm, maker_ppm),
            });
            for order in self
                .orders
                .iter_mut()
                .filter(|order| [older, younger].contains(&order.id))
            {
                order.show_anew();
            }
        }
    }

    /// Best bid and best ask where both take the price: the older, the younger, and the lots that both have.
    fn next_pair(&self, market: u32, price: u64) -> Option<(OrderId, OrderId, u64)> {
        let bid = self.best(market, Side::Buy).filter(|bid| bid.price >= price)?;
        let ask = self.best(market, Side::Sell).filter(|ask| ask.price <= price)?;
        Some((bid.id.min(ask.id), bid.id.max(ask.id), bid.left.min(ask.left)))
    }
}
