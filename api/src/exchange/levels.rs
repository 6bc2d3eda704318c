//! The best levels of a book, and what changed in them between two looks. Pure.
//!
//! A book is a [`Replica`], made of `LevelChanged` events alone; its check sum is defined in `souk_exchange::market_data`. A reader of the
//! best ten levels, say, is told of a level that comes up from below and of one that falls out, so that its own best levels stay whole.

use souk_exchange::market_data::{Replica, checksum};
use souk_schema::exchange::{Lots, Side, Ticks};

/// Shown lots at a price.
pub type Level = (Ticks, Lots);

/// The best levels of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Highest first.
    pub bids: Vec<Level>,
    /// Lowest first.
    pub asks: Vec<Level>,
}

impl Top {
    /// The best so many levels of each side; 0 for all.
    pub fn of(book: &Replica, depth: usize) -> Top {
        let depth = if depth == 0 { usize::MAX } else { depth };
        Top {
            bids: book.levels(Side::Buy).take(depth).collect(),
            asks: book.levels(Side::Sell).take(depth).collect(),
        }
    }

    /// The check sum of the best ten.
    pub fn checksum(&self) -> u32 {
        checksum(self.bids.iter().copied(), self.asks.iter().copied())
    }

    /// What a client that holds `before` sets to hold `self`: levels that are new or other, with their lots, and levels that are gone or
    /// have fallen out of the best, with 0. In the order of the sides.
    pub fn changes_since(&self, before: &Top) -> Top {
        Top {
            bids: changes(&before.bids, &self.bids, |left, right| left > right),
            asks: changes(&before.asks, &self.asks, |left, right| left < right),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

/// Walks both sides at once, best first; `better` tells which price comes first.
fn changes(before: &[Level], after: &[Level], better: impl Fn(Ticks, Ticks) -> bool) -> Vec<Level> {
    let mut changed = Vec::new();
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return changed,
            (Some((gone, _)), None) => {
                changed.push((*gone, Lots(0)));
                old.next();
            }
            (Some((gone, _)), Some((price, _))) if better(*gone, *price) => {
                changed.push((*gone, Lots(0)));
                old.next();
            }
            (Some((price, was)), Some((same, lots))) if price == same => {
                if was != lots {
                    changed.push((*same, *lots));
                }
                old.next();
                new.next();
            }
            (_, Some(level)) => {
                changed.push(**level);
                new.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A client that applies the changes of the best levels holds the best levels, and proves it by their check sum.
        #[test]
        fn changes_lead_from_one_look_to_the_next(
            steps in prop::collection::vec((any::<bool>(), 0u64..30, 0u64..3), 1..200),
            depth in 10usize..14,
        ) {
            let (mut book, mut client, mut seen) = (Replica::default(), Replica::default(), Top::default());
            for (buys, price, lots) in steps {
                let (side, price) = if buys { (Side::Buy, price) } else { (Side::Sell, price + 30) };
                book.change(side, Ticks(price), Lots(lots));
                let now = Top::of(&book, depth);
                let changes = now.changes_since(&seen);
                changes.bids.iter().for_each(|(price, lots)| client.change(Side::Buy, *price, *lots));
                changes.asks.iter().for_each(|(price, lots)| client.change(Side::Sell, *price, *lots));
                prop_assert_eq!(&Top::of(&client, 0), &now);
                prop_assert_eq!(client.checksum(), book.checksum());
                seen = now;
            }
        }
    }
}
