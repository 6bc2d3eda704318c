//! Trades and candles, as everybody may see them: without accounts.

use async_graphql::SimpleObject;
use souk_ledger::read::CandleRow;
use souk_schema::exchange::{FillNumber, GroupId, Lots, Ticks};

use super::book::written;
use super::kinds::{CandleInterval, Side};
use crate::exchange::decimal::{self, Scale};
use crate::exchange::hub;
use crate::scalars::{BigInt, Decimal, FillId, Long};
use crate::store::exchange::fills::TradeRow;

/// A trade.
#[derive(Clone, Debug, SimpleObject)]
pub struct Trade {
    /// The fill.
    fill_id: FillId,
    /// Engine time, milliseconds.
    timestamp: Long,
    /// The side that came to the book.
    side: Side,
    /// The price.
    price: Decimal,
    /// How much, of the base instrument.
    amount: Decimal,
    /// What it cost, of the quote instrument.
    cost: Decimal,
    /// The price, in ticks.
    price_ticks: BigInt,
    /// How much, in lots.
    lots: BigInt,
    /// Whether it was reversed.
    busted: bool,
}

impl Trade {
    /// A trade of the tables.
    pub(super) fn of_row(group: GroupId, scale: &Scale, row: &TradeRow) -> Trade {
        let number = FillNumber(row.number.unsigned_abs());
        let (price, lots) = (Ticks(row.price.small()), Lots(row.lots.small()));
        let (written_price, amount) = written(scale, price, lots);
        Trade {
            fill_id: FillId(group, number),
            timestamp: Long::saturating(row.time.unsigned_abs()),
            side: row.taker().into(),
            price: written_price,
            amount,
            cost: Decimal(decimal::write(row.quote.0, scale.quote)),
            price_ticks: price.0.into(),
            lots: lots.0.into(),
            busted: row.busted,
        }
    }

    /// A trade that was just told.
    pub(super) fn of_live(group: GroupId, scale: &Scale, trade: &hub::Trade) -> Trade {
        let (price, amount) = written(scale, trade.price, trade.lots);
        Trade {
            fill_id: FillId(group, FillNumber(trade.number)),
            timestamp: Long::saturating(trade.time.0),
            side: trade.taker.into(),
            price,
            amount,
            cost: Decimal(decimal::write(trade.quote, scale.quote)),
            price_ticks: trade.price.0.into(),
            lots: trade.lots.0.into(),
            busted: trade.busted,
        }
    }
}

/// What was traded in a stretch of time. Fills that were reversed do not count.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct Candle {
    /// Its beginning, milliseconds.
    timestamp: Long,
    /// How long it is.
    interval: CandleInterval,
    /// Price of the first trade.
    open: Decimal,
    /// Highest price.
    high: Decimal,
    /// Lowest price.
    low: Decimal,
    /// Price of the last trade.
    close: Decimal,
    /// What was traded, of the base instrument.
    base_volume: Decimal,
    /// What was paid, of the quote instrument.
    quote_volume: Decimal,
    /// How many trades.
    trades: Long,
}

impl Candle {
    /// A candle of the tables.
    pub(super) fn new(scale: &Scale, interval: CandleInterval, row: &CandleRow) -> Candle {
        let price = |ticks| Decimal(scale.price(ticks));
        let base = scale.units.base(row.lots).map_or(u128::MAX, |base| base.0);
        Candle {
            timestamp: Long::saturating(row.start_secs.saturating_mul(1_000)),
            interval,
            open: price(row.open),
            high: price(row.high),
            low: price(row.low),
            close: price(row.close),
            base_volume: Decimal(decimal::write(base, scale.base)),
            quote_volume: Decimal(decimal::write(row.quote.0, scale.quote)),
            trades: Long::saturating(row.fills),
        }
    }
}
