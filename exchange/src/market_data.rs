//! A subscriber's replica of a market's book, and the check sum that proves it right.
//!
//! A feed sends the levels once and then every `LevelChanged`. Beside each message it sends the check sum of the book after it: CRC-32 (IEEE
//! 802.3, as in gzip) of this text. Of the ten best levels of each side, the best first, each is written as `price:lots` in decimal ticks and
//! shown lots; bids and asks take turns, a bid before the ask of the same depth, and a side that has fewer levels is passed over; all are
//! joined by `|`. So bids 5 at 101 and 3 at 100 and one ask, 7 at 103, are `101:5|103:7|100:3`. An empty book is the empty text, whose sum is 0.

use std::collections::BTreeMap;
use std::io::Write;

use souk_schema::exchange::{Lots, Side, Ticks};

/// Levels of each side that the check sum covers.
pub const CHECKED_DEPTH: usize = 10;

/// A market's book as a subscriber knows it: shown lots by price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    bids: BTreeMap<Ticks, Lots>,
    asks: BTreeMap<Ticks, Lots>,
}

impl Replica {
    /// The book of a snapshot: price and shown lots of each level, in any order.
    pub fn from_levels(
        bids: impl IntoIterator<Item = (Ticks, Lots)>,
        asks: impl IntoIterator<Item = (Ticks, Lots)>,
    ) -> Replica {
        Replica {
            bids: bids.into_iter().filter(|(_, lots)| *lots > Lots(0)).collect(),
            asks: asks.into_iter().filter(|(_, lots)| *lots > Lots(0)).collect(),
        }
    }

    /// Takes in a `LevelChanged` of the market: 0 lots where the level is gone.
    pub fn change(&mut self, side: Side, price: Ticks, lots: Lots) {
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        match lots {
            Lots(0) => levels.remove(&price),
            lots => levels.insert(price, lots),
        };
    }

    /// The levels of a side, the best first.
    pub fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (Ticks, Lots)> + '_> {
        let plain = |(price, lots): (&Ticks, &Lots)| (*price, *lots);
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(plain)),
            Side::Sell => Box::new(self.asks.iter().map(plain)),
        }
    }

    /// The check sum of the book.
    pub fn checksum(&self) -> u32 {
        checksum(self.levels(Side::Buy), self.levels(Side::Sell))
    }
}

/// The check sum of a book, whose levels are given the best first; those beyond the tenth are not looked at.
pub fn checksum(bids: impl IntoIterator<Item = (Ticks, Lots)>, asks: impl IntoIterator<Item = (Ticks, Lots)>) -> u32 {
    crc32fast::hash(&checked_text(bids, asks))
}

/// What the check sum is taken of.
fn checked_text(
    bids: impl IntoIterator<Item = (Ticks, Lots)>,
    asks: impl IntoIterator<Item = (Ticks, Lots)>,
) -> Vec<u8> {
    let (mut bids, mut asks) = (bids.into_iter(), asks.into_iter());
    let mut text = Vec::with_capacity(2 * CHECKED_DEPTH * 20);
    for _ in 0..CHECKED_DEPTH {
        for (price, lots) in [bids.next(), asks.next()].into_iter().flatten() {
            let separator = if text.is_empty() { "" } else { "|" };
            write!(text, "{separator}{price}:{lots}").expect("a Vec takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(replica: &Replica) -> String {
        String::from_utf8(checked_text(replica.levels(Side::Buy), replica.levels(Side::Sell))).expect("digits")
    }

    #[test]
    fn sides_take_turns() {
        let mut replica = Replica::from_levels([(Ticks(100), Lots(3)), (Ticks(101), Lots(5))], [(Ticks(103), Lots(7))]);
        assert_eq!(text(&replica), "101:5|103:7|100:3");
        // The sum that `crc32` of zlib gives for that text.
        assert_eq!(replica.checksum(), 0xf0f2_628d);
        replica.change(Side::Buy, Ticks(101), Lots(0));
        replica.change(Side::Sell, Ticks(102), Lots(1));
        assert_eq!(text(&replica), "100:3|102:1|103:7");
    }

    #[test]
    fn ten_levels_count() {
        let level = |price| (Ticks(price), Lots(1));
        let mut replica = Replica::from_levels((1..=12).map(level), (20..=20).map(level));
        let before = replica.checksum();
        replica.change(Side::Buy, Ticks(2), Lots(9));
        assert_eq!(replica.checksum(), before, "the eleventh bid");
        replica.change(Side::Buy, Ticks(3), Lots(9));
        assert_ne!(replica.checksum(), before, "the tenth bid");
    }

    #[test]
    fn an_empty_book_sums_to_nothing() {
        assert_eq!(Replica::default().checksum(), 0);
    }
}
