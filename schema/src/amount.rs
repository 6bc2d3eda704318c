//! Fractions and signed balances. Nothing here is a float, and every division says which way it rounds.

use alloy_primitives::{U256, aliases::I512};
use serde::{Deserialize, Serialize};

/// A share of a whole in parts per 100,000,000, the unit of Story's royalty module and of our contracts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct E8(u32);

/// A fraction that is more than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} parts per 100,000,000 is more than the whole; the largest share is 100000000")]
pub struct MoreThanWhole(pub u64);

impl E8 {
    /// The whole: 100%.
    pub const WHOLE: E8 = E8(100_000_000);
    /// Nothing: 0%.
    pub const ZERO: E8 = E8(0);

    /// A share from parts per 100,000,000.
    ///
    /// # Errors
    /// [`MoreThanWhole`] above 100,000,000 parts.
    pub fn from_parts(parts: u64) -> Result<E8, MoreThanWhole> {
        match u32::try_from(parts) {
            Ok(parts) if parts <= Self::WHOLE.0 => Ok(E8(parts)),
            _ => Err(MoreThanWhole(parts)),
        }
    }

    /// Parts per 100,000,000.
    pub fn parts(self) -> u32 {
        self.0
    }

    /// This share of `amount` base units, rounded down, and the remainder in hundred-millionths of a base unit.
    pub fn floor_of(self, amount: U256) -> (U256, u32) {
        let product = amount.widening_mul::<256, 4, 512, 8>(U256::from(self.0));
        let (quotient, remainder) = product.div_rem(alloy_primitives::aliases::U512::from(Self::WHOLE.0));
        (quotient.to::<U256>(), remainder.to::<u32>())
    }
}

/// A balance in base units as the logs that Souk saw add up. It is signed because a contract watched from the middle of its life, or
/// one that emits false events, can send what it was never seen to receive.
pub type Balance = I512;

/// An amount in base units as a balance. Every `U256` fits.
pub fn balance_of(amount: U256) -> Balance {
    Balance::from_raw(alloy_primitives::aliases::U512::from(amount))
}

/// Serialises a `U256` as decimal digits in a string, which every language and SQL can read without losing any.
pub mod decimal {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes decimal digits.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads decimal digits.
    ///
    /// # Errors
    /// Those of the deserializer, and text that is no decimal number below 2^256.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        U256::from_str_radix(&text, 10).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn more_than_the_whole_is_refused() {
        assert_eq!(E8::from_parts(100_000_000), Ok(E8::WHOLE));
        assert_eq!(E8::from_parts(100_000_001), Err(MoreThanWhole(100_000_001)));
        assert_eq!(E8::from_parts(u64::MAX), Err(MoreThanWhole(u64::MAX)));
    }

    #[test]
    fn the_largest_amount_is_split_without_overflow() {
        assert_eq!(E8::WHOLE.floor_of(U256::MAX), (U256::MAX, 0));
    }

    proptest! {
        #[test]
        fn quotient_and_remainder_give_the_product_back(parts in 0u64..=100_000_000, amount in any::<u128>()) {
            let (quotient, remainder) = E8::from_parts(parts).unwrap().floor_of(U256::from(amount));
            let whole = U256::from(100_000_000u32);
            prop_assert_eq!(quotient * whole + U256::from(remainder), U256::from(amount) * U256::from(parts));
            prop_assert!(U256::from(remainder) < whole);
        }
    }
}
