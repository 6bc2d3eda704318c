//! How tokens are written: symbols and decimals, which are the contracts' to say. Who starts the exchange asks, once for each token, and again
//! where a market is listed that pays in another one. No I/O here.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use souk_schema::{Address, ChainId, TokenRef};

/// How a contract's tokens are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName {
    /// For example `tUSD`.
    pub symbol: String,
    /// Digits behind the point.
    pub decimals: u8,
}

/// Names by chain and contract, shared between who asks and who writes. What pays in a market and has none yet is never guessed: a decimal
/// would mean another amount once it is known.
#[derive(Clone, Debug, Default)]
pub struct TokenNames(Arc<RwLock<HashMap<(ChainId, Address), TokenName>>>);

impl TokenNames {
    /// How a contract's tokens are written, where that is known.
    pub fn get(&self, chain: ChainId, contract: Address) -> Option<TokenName> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&(chain, contract)).cloned()
    }

    /// Notes what a contract says.
    pub fn insert(&self, chain: ChainId, contract: Address, name: TokenName) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.insert((chain, contract), name);
    }
}

/// The first digits of an address, for where a name is missing.
pub fn short(address: Address) -> String {
    format!("{:#x}", address)[..10].to_owned()
}

/// A name made of an asset's, fit for a symbol: capitals, digits, points and dashes. `Zephyr 7B` becomes `ZEPHYR-7B`.
pub fn ticker_of(name: &str) -> Option<String> {
    let mut ticker = String::new();
    for char in name.chars().take(40) {
        match char.to_ascii_uppercase() {
            char if char.is_ascii_alphanumeric() || char == '.' => ticker.push(char),
            _ if ticker.ends_with('-') || ticker.is_empty() => {}
            _ => ticker.push('-'),
        }
    }
    let ticker = ticker.trim_end_matches('-');
    (!ticker.is_empty()).then(|| ticker.to_owned())
}

/// The symbol of a token that no asset is known of.
pub fn nameless(token: TokenRef) -> String {
    let digits = token.id.to_string();
    match digits.get(..8) {
        Some(first) if digits.len() > 8 => format!("{}-{first}~", short(token.contract)),
        _ => format!("{}-{digits}", short(token.contract)),
    }
}

/// A day of UTC as eight digits, for example 20270131, of Unix seconds. By Howard Hinnant's `civil_from_days`.
pub fn day(secs: u64) -> String {
    let days = i64::try_from(secs / 86_400).unwrap_or(i64::MAX / 4) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_schema::U256;

    #[test]
    fn symbols_are_made_of_names() {
        for (name, ticker) in [
            ("zephyr-7b", Some("ZEPHYR-7B")),
            ("HuggingFaceH4/zephyr 7b (beta)", Some("HUGGINGFACEH4-ZEPHYR-7B-BETA")),
            ("tuned 100%", Some("TUNED-100")),
            ("  —  ", None),
            ("", None),
        ] {
            assert_eq!(ticker_of(name).as_deref(), ticker, "{name}");
        }
        let token = TokenRef::new(Address::repeat_byte(0xab), U256::MAX);
        assert_eq!(nameless(token), "0xabababab-11579208~");
        assert_eq!(nameless(TokenRef::new(token.contract, U256::from(7))), "0xabababab-7");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "19700101");
        assert_eq!(day(951_782_400), "20000229");
        assert_eq!(day(1_633_019_124), "20210930");
        assert_eq!(day(4_107_542_399), "21000228");
    }
}
