//! What a statement is made from: lines, what became of them, and claims, each with the block that it is of; and the period.

#![deny(clippy::disallowed_methods)]

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use souk_schema::{Address, U256};

/// Something that a block brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated<T> {
    /// The block's number.
    pub block: u64,
    /// The block's time in Unix seconds; it never falls from block to block.
    pub at: u64,
    /// What it brought.
    pub what: T,
}

/// A payment by the distributor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who was paid.
    pub account: Address,
    /// In which ERC-20.
    pub token: Address,
    /// How much, in base units.
    pub amount: U256,
}

/// From when, inclusive, until when, exclusive, in Unix seconds; open where it says nothing. So one period's end is the next one's beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    from: Option<u64>,
    to: Option<u64>,
}

/// What is no period, or no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It ends before it begins.
    #[error("the period ends at {to}, before it begins at {from}")]
    Backwards {
        /// Its beginning.
        from: String,
        /// Its end.
        to: String,
    },
    /// Neither of the ways in which a time can be told.
    #[error("{0}: expected a date (2026-01-31), a time (2026-01-31T12:00:00Z) or Unix seconds, not before 1970")]
    NoTime(String),
}

impl Period {
    /// A period; one that ends as it begins is empty.
    ///
    /// # Errors
    /// [`PeriodError::Backwards`].
    pub fn new(from: Option<u64>, to: Option<u64>) -> Result<Period, PeriodError> {
        match (from, to) {
            (Some(from), Some(to)) if to < from => Err(PeriodError::Backwards {
                from: time_text(from),
                to: time_text(to),
            }),
            _ => Ok(Period { from, to }),
        }
    }

    /// The first second.
    pub fn from(&self) -> Option<u64> {
        self.from
    }

    /// The first second after it.
    pub fn to(&self) -> Option<u64> {
        self.to
    }

    /// Whether a time is before it.
    pub fn is_after(&self, at: u64) -> bool {
        self.from.is_some_and(|from| at < from)
    }

    /// Whether a time is neither before it nor in it.
    pub fn is_over_at(&self, at: u64) -> bool {
        self.to.is_some_and(|to| at >= to)
    }
}

/// Unix seconds of a date (its midnight in UTC), an RFC 3339 time (rounded up to a second, as blocks have whole ones) or a number of seconds.
///
/// # Errors
/// [`PeriodError::NoTime`].
pub fn parse_time(text: &str) -> Result<u64, PeriodError> {
    let wrong = || PeriodError::NoTime(text.into());
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| wrong());
    }
    // A date has ten characters; a time must say its offset.
    let timestamp = match text.len() {
        10 => {
            let date: Date = text.parse().map_err(|_| wrong())?;
            TimeZone::UTC
                .to_timestamp(date.to_datetime(Time::midnight()))
                .map_err(|_| wrong())?
        }
        _ => text.parse().map_err(|_| wrong())?,
    };
    let seconds = timestamp.as_second() + i64::from(timestamp.subsec_nanosecond() > 0);
    u64::try_from(seconds).map_err(|_| wrong())
}

/// A time as RFC 3339 in UTC; the seconds themselves where a broken chain reports what no calendar has.
pub fn time_text(at: u64) -> String {
    let timestamp = i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_second(at).ok());
    timestamp.map_or_else(|| at.to_string(), |timestamp| timestamp.to_string())
}
