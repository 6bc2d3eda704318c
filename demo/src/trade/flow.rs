//! A seeded stream of orders and cancels, as a market of makers and takers gives it.
//!
//! Every market has a fair value that wanders around where it began. Makers quote in a ladder around it and take stale quotes back, takers
//! take a few lots at a time, more often in the direction in which the fair value moves, and now and then leave an order of their own. The
//! flow does not see what becomes of its orders, so that the same seed gives the same stream whoever is on the other side; a cancel may
//! therefore name an order that is filled already. Start at [`Flow::new`].

#![deny(clippy::disallowed_methods)]

use std::collections::VecDeque;

use alloy::primitives::keccak256;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::action::AccountNo;

/// Quotes that all makers keep in one market, both sides together.
const QUOTES: usize = 40;
/// Rungs of the ladder on one side.
const RUNGS: u32 = 6;

/// A market as the flow sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowMarket {
    /// Where the fair value begins, in ticks; at least 50.
    pub price_ticks: u64,
    /// Most lots of one quote.
    pub quote_lots: u64,
}

/// Buys or sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeSide {
    /// Pays dollars.
    Buy,
    /// Gets dollars.
    Sell,
}

/// How an order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Rests, post-only.
    Quote,
    /// Takes what it can and rests with what is left.
    Rest,
    /// Rests, and shows only so many lots.
    Iceberg(u64),
    /// Takes what it can; the rest is cancelled.
    Take,
}

/// What a trader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// An order. Orders are numbered from 0 in the order of their placing.
    Place {
        /// Who.
        trader: AccountNo,
        /// Where.
        market: usize,
        /// Which side.
        side: TradeSide,
        /// Worst price.
        price_ticks: u64,
        /// How many.
        lots: u64,
        /// How.
        style: Style,
    },
    /// An earlier order taken back, if it is still there.
    Cancel {
        /// Who placed it.
        trader: AccountNo,
        /// Its number.
        order: u64,
    },
}

/// An intent, and how long after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// Milliseconds since the intent before.
    pub pause_ms: u64,
    /// What.
    pub intent: Intent,
}

/// The stream; it never ends.
#[derive(Clone, Debug)]
pub struct Flow {
    rng: ChaCha12Rng,
    makers: Vec<AccountNo>,
    takers: Vec<AccountNo>,
    markets: Vec<Market>,
    orders: u64,
    /// A cancel that was drawn together with the order before it.
    next: Option<Intent>,
}

#[derive(Clone, Debug)]
struct Market {
    now: FlowMarket,
    anchor: u64,
    fair: u64,
    rising: bool,
    quotes: VecDeque<(AccountNo, u64)>,
}

impl Flow {
    /// A stream over these markets. `makers` and `takers` must not be empty, nor `markets`.
    pub fn new(seed: u64, markets: &[FlowMarket], makers: Vec<AccountNo>, takers: Vec<AccountNo>) -> Self {
        let market = |&now: &FlowMarket| Market {
            now,
            anchor: now.price_ticks,
            fair: now.price_ticks,
            rising: true,
            quotes: VecDeque::with_capacity(QUOTES + 1),
        };
        Self {
            rng: ChaCha12Rng::from_seed(keccak256(format!("souk demo trading {seed}")).0),
            makers,
            takers,
            markets: markets.iter().map(market).collect(),
            orders: 0,
            next: None,
        }
    }

    fn draw(&mut self) -> Intent {
        let number = self.busy_market();
        self.wander(number);
        match self.rng.random_range(0..100u32) {
            0..55 => self.quote(number),
            55..90 => self.take(number),
            _ => self.rest(number),
        }
    }

    /// A market; those listed first are the busier ones.
    fn busy_market(&mut self) -> usize {
        let one = self.rng.random_range(0..self.markets.len());
        let other = self.rng.random_range(0..self.markets.len());
        one.min(other)
    }

    /// Moves the fair value by up to two thousandths, back towards where it began more often than away.
    fn wander(&mut self, number: usize) {
        let market = &mut self.markets[number];
        let step = self.rng.random_range(0..=(market.fair / 500).max(1));
        let home = market.fair < market.anchor;
        market.rising = if self.rng.random_ratio(3, 5) {
            home
        } else {
            self.rng.random()
        };
        market.fair = if market.rising {
            market.fair + step
        } else {
            market.fair - step.min(market.fair / 2)
        };
        // Never so far that the accounts could run dry.
        market.fair = market.fair.clamp(market.anchor / 2, market.anchor * 2);
    }

    /// A maker's quote, and the oldest one taken back where there are enough.
    fn quote(&mut self, number: usize) -> Intent {
        let trader = self.makers[self.rng.random_range(0..self.makers.len())];
        let market = &mut self.markets[number];
        let rung = u64::from(self.rng.random_range(0..RUNGS).min(self.rng.random_range(0..RUNGS)));
        let width = (market.fair / 400).max(1);
        let away = (width / 2).max(1) + rung * width;
        let side = if self.rng.random() {
            TradeSide::Buy
        } else {
            TradeSide::Sell
        };
        let price_ticks = match side {
            TradeSide::Buy => market.fair - away.min(market.fair - 1),
            TradeSide::Sell => market.fair + away,
        };
        let lots = self.rng.random_range(1..=market.now.quote_lots);
        market.quotes.push_back((trader, self.orders));
        if market.quotes.len() > QUOTES
            && let Some((trader, order)) = market.quotes.pop_front()
        {
            self.next = Some(Intent::Cancel { trader, order });
        }
        Intent::Place {
            trader,
            market: number,
            side,
            price_ticks,
            lots,
            style: Style::Quote,
        }
    }

    /// A taker's order, ready to pay up to two hundredths more than the fair value.
    fn take(&mut self, number: usize) -> Intent {
        let trader = self.takers[self.rng.random_range(0..self.takers.len())];
        let market = &self.markets[number];
        let with_the_trend = self.rng.random_ratio(11, 20);
        let side = if market.rising == with_the_trend {
            TradeSide::Buy
        } else {
            TradeSide::Sell
        };
        let slack = (market.fair / 50).max(1);
        Intent::Place {
            trader,
            market: number,
            side,
            price_ticks: match side {
                TradeSide::Buy => market.fair + slack,
                TradeSide::Sell => market.fair - slack.min(market.fair - 1),
            },
            lots: self.rng.random_range(1..=market.now.quote_lots.div_ceil(2)),
            style: Style::Take,
        }
    }

    /// A taker's patient order just inside of the spread.
    fn rest(&mut self, number: usize) -> Intent {
        let trader = self.takers[self.rng.random_range(0..self.takers.len())];
        let market = &mut self.markets[number];
        let side = if self.rng.random() {
            TradeSide::Buy
        } else {
            TradeSide::Sell
        };
        let away = self.rng.random_range(0..=(market.fair / 200).max(1));
        let lots = self.rng.random_range(1..=market.now.quote_lots);
        let style = if lots >= 4 && self.rng.random_ratio(1, 4) {
            Style::Iceberg(lots / 4)
        } else {
            Style::Rest
        };
        market.quotes.push_back((trader, self.orders));
        Intent::Place {
            trader,
            market: number,
            side,
            price_ticks: match side {
                TradeSide::Buy => market.fair - away.min(market.fair - 1),
                TradeSide::Sell => market.fair + away,
            },
            lots,
            style,
        }
    }
}

impl Iterator for Flow {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        if let Some(intent) = self.next.take() {
            return Some(Timed { pause_ms: 0, intent });
        }
        let intent = self.draw();
        self.orders += 1;
        // Bursts and lulls: the smaller of two draws, and sometimes a long one.
        let one = self.rng.random_range(5..400);
        let pause_ms = if self.rng.random_ratio(1, 10) {
            one * 5
        } else {
            one.min(self.rng.random_range(5..400))
        };
        Some(Timed { pause_ms, intent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKETS: [FlowMarket; 2] = [
        FlowMarket {
            price_ticks: 400,
            quote_lots: 20,
        },
        FlowMarket {
            price_ticks: 90_000,
            quote_lots: 2,
        },
    ];

    fn flow(seed: u64) -> Flow {
        Flow::new(seed, &MARKETS, vec![0, 1, 2], vec![10, 11])
    }

    #[test]
    fn a_seed_gives_one_stream() {
        let first = |seed| flow(seed).take(1_000).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn a_cancel_names_an_order_that_its_trader_placed_before() {
        let mut placed = Vec::new();
        let mut cancels = 0;
        for timed in flow(3).take(5_000) {
            match timed.intent {
                Intent::Place { trader, .. } => placed.push(trader),
                Intent::Cancel { trader, order } => {
                    assert_eq!(placed.get(order as usize), Some(&trader));
                    cancels += 1;
                }
            }
        }
        assert!(cancels > 1_000, "{cancels}");
    }

    #[test]
    fn prices_stay_around_where_they_began_and_both_sides_are_there() {
        let (mut buys, mut sells) = (0, 0);
        for timed in flow(4).take(20_000) {
            let Intent::Place {
                market,
                side,
                price_ticks,
                lots,
                ..
            } = timed.intent
            else {
                continue;
            };
            let began = MARKETS[market].price_ticks;
            assert!(
                price_ticks >= began / 4 && price_ticks <= began * 3,
                "{price_ticks} in market {market}"
            );
            assert!(lots >= 1 && lots <= MARKETS[market].quote_lots);
            match side {
                TradeSide::Buy => buys += 1,
                TradeSide::Sell => sells += 1,
            }
        }
        assert!(
            buys * 4 > sells * 3 && sells * 4 > buys * 3,
            "{buys} buys, {sells} sells"
        );
    }
}
