//! At which price a call auction would cross, by what its book shows. Pure.

use souk_exchange::market_data::Replica;
use souk_schema::exchange::{Lots, Side, Ticks};

/// Where an auction would cross now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indication {
    /// The one price.
    pub price: Ticks,
    /// Shown lots that would be filled.
    pub lots: Lots,
    /// What buyers ask for at that price beyond what sellers offer; negative where sellers offer more.
    pub surplus: i128,
}

/// The price that fills most, then leaves the smallest difference, then is nearest to the last, then the lowest: as the engine crosses,
/// save that hidden parts of icebergs are not known here. `None` where nothing would be filled.
pub fn indication(book: &Replica, last: Ticks) -> Option<Indication> {
    let bids: Vec<(Ticks, Lots)> = book.levels(Side::Buy).collect();
    let asks: Vec<(Ticks, Lots)> = book.levels(Side::Sell).collect();
    let mut prices: Vec<Ticks> = bids.iter().chain(&asks).map(|(price, _)| *price).collect();
    prices.sort_unstable();
    prices.dedup();
    // Buyers at a price are those who would pay it or more. Prices rise, so each level is passed once.
    let mut demand: u128 = bids.iter().map(|(_, lots)| u128::from(lots.0)).sum();
    let (mut leaving, mut coming) = (bids.iter().rev().peekable(), asks.iter().peekable());
    let mut supply: u128 = 0;
    let mut best: Option<Indication> = None;
    for price in prices {
        while let Some((_, lots)) = leaving.next_if(|(bid, _)| *bid < price) {
            demand -= u128::from(lots.0);
        }
        while let Some((_, lots)) = coming.next_if(|(ask, _)| *ask <= price) {
            supply += u128::from(lots.0);
        }
        let found = Indication {
            price,
            lots: Lots(u64::try_from(demand.min(supply)).unwrap_or(u64::MAX)),
            surplus: i128::try_from(demand).unwrap_or(i128::MAX) - i128::try_from(supply).unwrap_or(i128::MAX),
        };
        let rank = |of: &Indication| {
            (
                std::cmp::Reverse(of.lots),
                of.surplus.unsigned_abs(),
                of.price.0.abs_diff(last.0),
                of.price,
            )
        };
        if found.lots.0 > 0 && best.as_ref().is_none_or(|best| rank(&found) < rank(best)) {
            best = Some(found);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crosses(bids: &[(u64, u64)], asks: &[(u64, u64)], last: u64) -> Option<(u64, u64, i128)> {
        let level = |(price, lots): &(u64, u64)| (Ticks(*price), Lots(*lots));
        let book = Replica::from_levels(bids.iter().map(level), asks.iter().map(level));
        indication(&book, Ticks(last)).map(|found| (found.price.0, found.lots.0, found.surplus))
    }

    #[test]
    fn the_price_fills_most_then_leaves_least_then_is_nearest_then_lowest() {
        assert_eq!(crosses(&[], &[(5, 1)], 5), None);
        assert_eq!(crosses(&[(4, 1)], &[(5, 1)], 5), None);
        assert_eq!(
            crosses(&[(10, 5), (9, 5)], &[(8, 7)], 20),
            Some((9, 7, 3)),
            "at 10 only 5 would be filled"
        );
        assert_eq!(crosses(&[(10, 5)], &[(8, 5)], 12), Some((10, 5, 0)));
        assert_eq!(
            crosses(&[(10, 5)], &[(8, 5)], 9),
            Some((8, 5, 0)),
            "as near, so the lower"
        );
        assert_eq!(crosses(&[(10, 6)], &[(8, 5), (10, 1)], 8), Some((10, 6, 0)));
    }
}
