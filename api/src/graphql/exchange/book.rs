//! Books: levels of shown quantities, with what a client needs to prove its own.

use async_graphql::{Enum, SimpleObject};
use souk_schema::exchange::{Lots, Ticks};

use crate::error::ApiError;
use crate::exchange::decimal::{self, Scale};
use crate::exchange::levels::{Level, Top};
use crate::exchange::{MarketAt, hub::BookMessage};
use crate::scalars::{BigInt, Bytes32, Decimal, Long};
use crate::session::Session;

/// How many levels of each side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum BookDepth {
    /// The best ten, which the check sum covers.
    Ten,
    /// The best fifty.
    Fifty,
    /// The best five hundred.
    FiveHundred,
}

impl BookDepth {
    /// As a number.
    pub fn levels(self) -> usize {
        match self {
            BookDepth::Ten => 10,
            BookDepth::Fifty => 50,
            BookDepth::FiveHundred => 500,
        }
    }

    /// What so many levels cost: they are kept ready.
    pub fn cost(self, child: usize) -> usize {
        child.saturating_add(self.levels() / 10)
    }
}

/// What a book shows at a price.
#[derive(Clone, Debug, SimpleObject)]
pub struct BookLevel {
    /// The price.
    price: Decimal,
    /// What is shown, of the base instrument; 0 where a level is gone.
    amount: Decimal,
    /// The price, in ticks.
    price_ticks: BigInt,
    /// What is shown, in lots; 0 where a level is gone.
    lots: BigInt,
}

/// A book at one moment. The check sum is CRC-32 (as zlib's) of this text: of the ten best levels of each side, best first, each written as
/// `priceTicks:lots`; bids and asks take turns, a bid before the ask of the same depth, and a side that has fewer levels is passed over; joined
/// by `|`. Bids 5 at 101 and 3 at 100 and one ask, 7 at 103, are `101:5|103:7|100:3`.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderBook {
    /// The market.
    market_id: Bytes32,
    /// Number of the command that changed the book last; where that was before this server began, of a later one.
    sequence: Long,
    /// Engine time, milliseconds.
    timestamp: Long,
    /// Highest first.
    bids: Vec<BookLevel>,
    /// Lowest first.
    asks: Vec<BookLevel>,
    /// CRC-32 of the ten best levels of each side.
    checksum: Long,
}

fn level(scale: &Scale, (price, lots): &Level) -> BookLevel {
    let base = scale.units.base(*lots).map_or(u128::MAX, |base| base.0);
    BookLevel {
        price: Decimal(scale.price(*price)),
        amount: Decimal(decimal::write(base, scale.base)),
        price_ticks: price.0.into(),
        lots: lots.0.into(),
    }
}

fn levels(scale: &Scale, of: &[Level]) -> Vec<BookLevel> {
    of.iter().map(|of| level(scale, of)).collect()
}

impl OrderBook {
    /// A market's book now.
    pub(super) fn of(session: &Session, at: &MarketAt, depth: BookDepth) -> Result<OrderBook, ApiError> {
        let look = session.exchange()?.group(Some(at.group))?.hub()?.look();
        let (top, sequence) = look.book(at.market.id).map_or_else(Default::default, |book| {
            (Top::of(&book.levels, depth.levels()), book.changed_by)
        });
        Ok(OrderBook {
            market_id: Bytes32(at.market.spec.key),
            sequence: Long::saturating(sequence.0),
            timestamp: Long::saturating(look.time().0),
            bids: levels(&at.scale, &top.bids),
            asks: levels(&at.scale, &top.asks),
            checksum: Long(top.checksum().into()),
        })
    }
}

/// A message about a book. The first is a snapshot, save for one who resumes where nothing was lost; then come changes, each linked to the
/// message before it. After each the client's ten best levels have the check sum, or something was lost: begin anew then.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderBookMessage {
    /// The market.
    market_id: Bytes32,
    /// Whether `bids` and `asks` are all levels, and what the client held before is void.
    snapshot: bool,
    /// Number of the command that changed the levels. Pass that of the last message as `resumeFrom` after a lost connection.
    sequence: Long,
    /// That of the message before this one; the same as `sequence` for a snapshot.
    prev_sequence: Long,
    /// Engine time, milliseconds.
    timestamp: Long,
    /// Bids, highest first: what is shown at each from now on, 0 for nothing. A bid that falls out of the best so many is told as 0.
    bids: Vec<BookLevel>,
    /// Asks, lowest first, in the same way.
    asks: Vec<BookLevel>,
    /// CRC-32 of the ten best levels of each side after this message; see `OrderBook`.
    checksum: Long,
}

impl OrderBookMessage {
    /// All levels.
    pub(super) fn whole(at: &MarketAt, top: &Top, sequence: u64, timestamp: u64) -> OrderBookMessage {
        OrderBookMessage {
            market_id: Bytes32(at.market.spec.key),
            snapshot: true,
            sequence: Long::saturating(sequence),
            prev_sequence: Long::saturating(sequence),
            timestamp: Long::saturating(timestamp),
            bids: levels(&at.scale, &top.bids),
            asks: levels(&at.scale, &top.asks),
            checksum: Long(top.checksum().into()),
        }
    }

    /// What changed.
    pub(super) fn changes(at: &MarketAt, message: &BookMessage) -> OrderBookMessage {
        OrderBookMessage {
            market_id: Bytes32(at.market.spec.key),
            snapshot: false,
            sequence: Long::saturating(message.sequence),
            prev_sequence: Long::saturating(message.previous),
            timestamp: Long::saturating(message.time.0),
            bids: levels(&at.scale, &message.changes.bids),
            asks: levels(&at.scale, &message.changes.asks),
            checksum: Long(message.checksum.into()),
        }
    }
}

/// A price and lots as GraphQL writes them, for messages that are about one level.
pub(super) fn written(scale: &Scale, price: Ticks, lots: Lots) -> (Decimal, Decimal) {
    let level = level(scale, &(price, lots));
    (level.price, level.amount)
}
