//! Ticks, lots and base units: distinct types, checked arithmetic, and only products that mean something.

use serde::{Deserialize, Serialize};

/// A price in ticks of its market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(pub u64);

/// A quantity in lots of its market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lots(pub u64);

/// An amount of an instrument in base units. Stored as decimal digits, which every language reads without losing any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub u128);

/// Parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ppm(pub u32);

/// What a market's lot and tick are worth. Fixed for the market's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MarketUnits {
    /// Base units of the base instrument in one lot; not 0.
    pub lot_size: Amount,
    /// Base units of the quote instrument for one lot at a price of one tick; not 0.
    pub tick_size: Amount,
}

impl Ppm {
    /// The whole.
    pub const WHOLE: u32 = 1_000_000;

    /// This part of an amount, rounded down; the remainder stays with who pays. `None` above `u128::MAX / 1_000_000` base units.
    pub fn floor_of(self, amount: Amount) -> Option<Amount> {
        let product = amount.0.checked_mul(u128::from(self.0))?;
        Some(Amount(product / u128::from(Self::WHOLE)))
    }
}

impl MarketUnits {
    /// What `lots` cost at a price, in quote base units; exact. `None` on overflow.
    pub fn quote(&self, price: Ticks, lots: Lots) -> Option<Amount> {
        let units = u128::from(price.0) * u128::from(lots.0);
        Some(Amount(units.checked_mul(self.tick_size.0)?))
    }

    /// Base units of the base instrument in `lots`; exact. `None` on overflow.
    pub fn base(&self, lots: Lots) -> Option<Amount> {
        Some(Amount(self.lot_size.0.checked_mul(u128::from(lots.0))?))
    }

    /// The lots in an amount of the base instrument; `None` where it is not whole lots, or too many.
    pub fn lots(&self, base: Amount) -> Option<Lots> {
        let whole = base.0.is_multiple_of(self.lot_size.0);
        u64::try_from(base.0 / self.lot_size.0).ok().filter(|_| whole).map(Lots)
    }

    /// The ticks of a price in quote base units for one lot; `None` where it is not whole ticks, or too many.
    pub fn ticks(&self, quote_per_lot: Amount) -> Option<Ticks> {
        let whole = quote_per_lot.0.is_multiple_of(self.tick_size.0);
        u64::try_from(quote_per_lot.0 / self.tick_size.0)
            .ok()
            .filter(|_| whole)
            .map(Ticks)
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference; `None` where it would be negative.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Lots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Amount).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: MarketUnits = MarketUnits {
        lot_size: Amount(10),
        tick_size: Amount(250),
    };

    #[test]
    fn what_is_not_whole_is_refused() {
        assert_eq!(UNITS.lots(Amount(25)), None);
        assert_eq!(UNITS.lots(Amount(30)), Some(Lots(3)));
        assert_eq!(UNITS.ticks(Amount(251)), None);
        assert_eq!(
            UNITS.ticks(Amount(u128::MAX / 250 * 250)),
            None,
            "more ticks than there are"
        );
    }

    #[test]
    fn fees_round_down() {
        assert_eq!(Ppm(2_500).floor_of(Amount(399)), Some(Amount(0)));
        assert_eq!(Ppm(2_500).floor_of(Amount(400)), Some(Amount(1)));
        assert_eq!(Ppm(2_500).floor_of(Amount(u128::MAX)), None);
    }

    proptest! {
        #[test]
        fn conversions_undo_each_other(lots in any::<u64>(), ticks in any::<u64>()) {
            prop_assert_eq!(UNITS.lots(UNITS.base(Lots(lots)).unwrap()), Some(Lots(lots)));
            prop_assert_eq!(UNITS.ticks(UNITS.quote(Ticks(ticks), Lots(1)).unwrap()), Some(Ticks(ticks)));
        }

        #[test]
        fn parts_of_an_amount_never_add_up_to_more(a in 0u128..1 << 90, b in 0u128..1 << 90, ppm in 0u32..=1_000_000) {
            let part = |amount| Ppm(ppm).floor_of(Amount(amount)).unwrap().0;
            prop_assert!(part(a) + part(b) <= part(a + b));
        }
    }
}
