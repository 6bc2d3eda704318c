//! Amounts and prices as people write them, from and to base units, ticks and lots. Pure; no float anywhere.
//!
//! A price in human units is whole units of the quote instrument for one whole unit of the base instrument. Where no decimal expresses
//! it exactly (a lot of three base units, say) it is rounded down at [`PRICE_DIGITS`] digits; the ticks beside it are exact.

use alloy_primitives::U256;
use souk_schema::exchange::{Amount, MarketUnits, Ticks};

/// Most digits behind the point of a price.
pub const PRICE_DIGITS: u8 = 18;

/// Most digits behind the point that a token may have; the largest that an ERC-20 can sensibly say.
pub const MOST_DECIMALS: u8 = 36;

/// How the units of a market's two instruments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Lot and tick.
    pub units: MarketUnits,
    /// Digits behind the point of the base instrument.
    pub base: u8,
    /// Digits behind the point of the quote instrument.
    pub quote: u8,
}

fn ten_to(power: u8) -> U256 {
    U256::from(10u8).pow(U256::from(power))
}

/// Base units as whole units, without zeros at the end.
pub fn write(amount: u128, decimals: u8) -> String {
    write_wide(U256::from(amount), decimals)
}

fn write_wide(amount: U256, decimals: u8) -> String {
    let digits = amount.to_string();
    let decimals = usize::from(decimals);
    if decimals == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// Whole units as base units. `None` for what is no plain decimal number, has more digits than the token, or does not fit.
pub fn read(text: &str, decimals: u8) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || text.len() > 80 {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let decimals = usize::from(decimals);
    if fraction.len() > decimals {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

impl Scale {
    /// A price in human units; rounded down where no decimal expresses it.
    pub fn price(&self, price: Ticks) -> String {
        self.per_lot(U256::from(price.0) * U256::from(self.units.tick_size.0))
    }

    /// A price given as quote base units for one lot.
    pub fn price_of_lot(&self, quote_per_lot: Amount) -> String {
        self.per_lot(U256::from(quote_per_lot.0))
    }

    /// The average price of what cost `quote` base units for `base` base units; `None` for nothing.
    pub fn average(&self, quote: Amount, base: Amount) -> Option<String> {
        (base.0 > 0).then(|| self.ratio(U256::from(quote.0), U256::from(base.0)))
    }

    fn per_lot(&self, quote: U256) -> String {
        self.ratio(quote, U256::from(self.units.lot_size.0))
    }

    /// quote / 10^quote ÷ base / 10^base, rounded down at [`PRICE_DIGITS`] digits. At most 128 + 120 bits wide before the division.
    fn ratio(&self, quote: U256, base: U256) -> String {
        let shift = i16::from(self.base) + i16::from(PRICE_DIGITS) - i16::from(self.quote);
        let power = ten_to(shift.unsigned_abs().try_into().unwrap_or(u8::MAX));
        let scaled = if shift >= 0 {
            let wide = quote.widening_mul::<256, 4, 512, 8>(power);
            let (quotient, _) = wide.div_rem(alloy_primitives::aliases::U512::from(base));
            quotient.saturating_to::<U256>()
        } else {
            quote / base.saturating_mul(power)
        };
        write_wide(scaled, PRICE_DIGITS)
    }

    /// A price in human units as quote base units for one lot; `None` where it is no whole number of them.
    pub fn read_price(&self, text: &str) -> Option<Amount> {
        let price = U256::from(read(text, PRICE_DIGITS)?);
        // price / 10^18 × lot / 10^base × 10^quote
        let numerator = price.checked_mul(U256::from(self.units.lot_size.0))?;
        let shift = i16::from(self.quote) - i16::from(PRICE_DIGITS) - i16::from(self.base);
        let power = ten_to(shift.unsigned_abs().try_into().ok()?);
        let exact = if shift >= 0 {
            numerator.checked_mul(power)?
        } else {
            let (quotient, remainder) = numerator.div_rem(power);
            remainder.is_zero().then_some(quotient)?
        };
        u128::try_from(exact).ok().map(Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scale(lot: u128, tick: u128, base: u8, quote: u8) -> Scale {
        Scale {
            units: MarketUnits {
                lot_size: Amount(lot),
                tick_size: Amount(tick),
            },
            base,
            quote,
        }
    }

    #[test]
    fn amounts_are_written_and_read_as_people_do() {
        for (amount, decimals, text) in [
            (0, 6, "0"),
            (1, 6, "0.000001"),
            (1_500_000, 6, "1.5"),
            (42, 0, "42"),
            (u128::MAX, 18, "340282366920938463463.374607431768211455"),
        ] {
            assert_eq!(write(amount, decimals), text);
            assert_eq!(read(text, decimals), Some(amount));
        }
        assert_eq!(read("1.50", 6), Some(1_500_000));
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e6",
            "1,5",
            "1.0000001",
            " 1",
            "0x1",
            &"9".repeat(60),
        ] {
            assert_eq!(read(bad, 6), None, "{bad}");
        }
    }

    #[test]
    fn prices_are_for_one_whole_unit() {
        // Shares without digits, one per lot, for a coin of six digits in steps of a cent.
        let shares = scale(1, 10_000, 0, 6);
        assert_eq!(shares.price(Ticks(123)), "1.23");
        assert_eq!(shares.read_price("1.23"), Some(Amount(1_230_000)));
        assert_eq!(shares.read_price("1.2300001"), None);
        assert_eq!(
            shares.average(Amount(5_000_000), Amount(3)).as_deref(),
            Some("1.666666666666666666")
        );
        assert_eq!(shares.average(Amount(0), Amount(0)), None);
        // A thousand base units of an 18-digit token per lot.
        let fine = scale(1_000, 1, 18, 6);
        assert_eq!(fine.price(Ticks(1)), "1000000000");
        assert_eq!(fine.read_price("1000000000"), Some(Amount(1)));
        assert_eq!(scale(3, 1, 0, 0).price(Ticks(1)), "0.333333333333333333");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(amount in any::<u128>(), decimals in 0u8..=36) {
            prop_assert_eq!(read(&write(amount, decimals), decimals), Some(amount));
        }

        #[test]
        fn no_price_overflows(ticks in any::<u64>(), lot in 1u128.., tick in 1u128.., base in 0u8..=36, quote in 0u8..=36) {
            let scale = scale(lot, tick, base, quote);
            scale.price(Ticks(ticks));
            scale.read_price("1.5");
            scale.average(Amount(lot), Amount(tick));
        }
    }
}
