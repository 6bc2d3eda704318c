//! Candles as fills add to them.

use std::collections::BTreeMap;

use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{MarketId, Ticks, UnixMillis};

use crate::read::Interval;

/// Which candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CandleKey {
    /// Whose.
    pub market: MarketId,
    /// How long.
    pub interval: Interval,
    /// Its beginning in seconds, inclusive.
    pub start_secs: u64,
}

/// What fills add to a candle, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandlePart {
    /// Price of the first.
    pub open: Ticks,
    /// Highest.
    pub high: Ticks,
    /// Lowest.
    pub low: Ticks,
    /// Price of the last.
    pub close: Ticks,
    /// What was traded; beyond `u64` only in theory.
    pub lots: u128,
    /// What it cost. Saturates at 2^128 - 1, which is more than any token's supply.
    pub quote: u128,
    /// How many.
    pub fills: u64,
}

/// Adds a fill to the candles of its time.
pub(super) fn add(candles: &mut BTreeMap<CandleKey, CandlePart>, time: UnixMillis, fill: &Fill) {
    for interval in Interval::ALL {
        let secs = u64::from(interval.secs());
        let key = CandleKey {
            market: fill.market,
            interval,
            start_secs: time.secs() / secs * secs,
        };
        let part = candles.entry(key).or_insert(CandlePart {
            open: fill.price,
            high: fill.price,
            low: fill.price,
            close: fill.price,
            lots: 0,
            quote: 0,
            fills: 0,
        });
        part.high = part.high.max(fill.price);
        part.low = part.low.min(fill.price);
        part.close = fill.price;
        part.lots += u128::from(fill.lots.0);
        part.quote = part.quote.saturating_add(fill.quote.0);
        part.fills += 1;
    }
}
