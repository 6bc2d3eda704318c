//! A statement: per token an opening row, a row for each line that came or changed in the period and for each claim, and a closing row.
//!
//! Two balances are carried on. The *balance* is what the account is owed in all: what it earned, less what was recomputed and not restored,
//! less what it was paid. Of that the *claimable* balance is what finalised roots count and it was not paid yet.
//!
//! Under a root that the log does not bear out an account may have claimed more on chain than its lines give. What that is, *overpaid*, is in
//! neither balance and stands beside them: it is what was claimed beyond what finalised roots count by the lines. What vests later is set off
//! against it first, as the distributor does, whose amounts are cumulative. Without such a root it is 0. So
//!
//! ```text
//! closing           = opening           + earned − recomputed + restored − claimed + (closing_overpaid − opening_overpaid)
//! closing_claimable = opening_claimable + vested                        − claimed + (closing_overpaid − opening_overpaid)
//! ```
//!
//! and all closings are the openings of the period that begins when this one ends. Sums have 512 bits: a token that does not keep to its
//! supply may send any amounts, and must not spoil the statement of the others.

#![deny(clippy::disallowed_methods)]

use std::collections::BTreeMap;

use alloy_primitives::U512;
use polars_core::error::PolarsError;
use polars_core::frame::DataFrame;
use souk_payouts::state::{Line, PortionChange};
use souk_schema::{Address, U256};

use crate::course::{Course, Moves, courses};
use crate::frame::{self, Amounts};
use crate::record::{Claim, Dated, Period};

/// What an account is told about a period.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Whose it is.
    pub account: Address,
    /// The period.
    pub period: Period,
    /// The totals, by rising token: one for each token in which it ever had a line or a claim before the period's end.
    pub totals: Vec<Total>,
    /// The rows; the columns are those of [`frame`].
    pub frame: DataFrame,
    /// How the amounts are written in it.
    pub amounts: Amounts,
}

/// What a period was for one token, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The ERC-20.
    pub token: Address,
    /// The balance before.
    pub opening: U512,
    /// Lines that came.
    pub earned: U512,
    /// Lines that were recomputed and count no more.
    pub recomputed: U512,
    /// Lines that count again.
    pub restored: U512,
    /// Lines that finalised roots began to count.
    pub vested: U512,
    /// What was paid.
    pub claimed: U512,
    /// The balance after.
    pub closing: U512,
    /// What was claimable before.
    pub opening_claimable: U512,
    /// What is claimable after.
    pub closing_claimable: U512,
    /// What was claimed before beyond what finalised roots counted by the lines.
    pub opening_overpaid: U512,
    /// What was claimed by the end beyond what they count then.
    pub closing_overpaid: U512,
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Something ended, or vested, that never came: some of the records are missing.
    #[error("of {token} more was recomputed or vested than was earned: the records are not complete")]
    Incomplete {
        /// The ERC-20.
        token: Address,
    },
    /// More than 2^256 of the largest amounts.
    #[error("the amounts of {token} cannot be added")]
    TooMuch {
        /// The ERC-20.
        token: Address,
    },
    /// Polars adds the rows of a column up to something else.
    #[error("{column} of {token} is {total}, but its rows sum to {rows}")]
    Sums {
        /// The column.
        column: &'static str,
        /// The ERC-20.
        token: Address,
        /// What it should be.
        total: String,
        /// What Polars says.
        rows: String,
    },
    /// What Polars says.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

/// What moved a token, in a row or in all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) earned: U512,
    pub(crate) recomputed: U512,
    pub(crate) restored: U512,
    pub(crate) vested: U512,
    pub(crate) claimed: U512,
}

impl Sums {
    fn of_line(amount: U256, moves: Moves) -> Sums {
        // 256 bits times 32.
        let times = |count: u32| U512::from(amount).wrapping_mul(U512::from(count));
        Sums {
            earned: times(moves.earned),
            recomputed: times(moves.recomputed),
            restored: times(moves.restored),
            vested: times(moves.vested),
            claimed: U512::ZERO,
        }
    }

    fn of_claim(amount: U256) -> Sums {
        Sums {
            claimed: U512::from(amount),
            ..Sums::default()
        }
    }

    fn plus(self, other: Sums) -> Option<Sums> {
        Some(Sums {
            earned: self.earned.checked_add(other.earned)?,
            recomputed: self.recomputed.checked_add(other.recomputed)?,
            restored: self.restored.checked_add(other.restored)?,
            vested: self.vested.checked_add(other.vested)?,
            claimed: self.claimed.checked_add(other.claimed)?,
        })
    }
}

/// What a row of the period tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Line(&'a Course),
    Claim(&'a Dated<Claim>),
}

impl Entry<'_> {
    fn block(&self) -> u64 {
        match self {
            Entry::Line(course) => course.line.block,
            Entry::Claim(claim) => claim.block,
        }
    }
}

/// A token's part of the statement.
#[derive(Debug, Default)]
pub(crate) struct Section<'a> {
    before: Sums,
    within: Sums,
    pub(crate) entries: Vec<(Entry<'a>, Sums)>,
}

impl<'a> Section<'a> {
    fn enter(
        &mut self,
        token: Address,
        entry: Entry<'a>,
        before: Sums,
        within: Option<Sums>,
    ) -> Result<(), StatementError> {
        let too_much = || StatementError::TooMuch { token };
        self.before = self.before.plus(before).ok_or_else(too_much)?;
        if let Some(within) = within {
            self.within = self.within.plus(within).ok_or_else(too_much)?;
            self.entries.push((entry, within));
        }
        Ok(())
    }

    fn total(&self, token: Address) -> Result<Total, StatementError> {
        let balance = |sums: &Sums| -> Result<[U512; 3], StatementError> {
            let counted = sums.earned.checked_add(sums.restored);
            let counted = counted.ok_or(StatementError::TooMuch { token })?;
            let overpaid = sums.claimed.saturating_sub(sums.vested);
            let set_off = sums.claimed.saturating_sub(overpaid);
            let less = |amount: U512, taken| amount.checked_sub(taken).ok_or(StatementError::Incomplete { token });
            let owed = less(less(counted, sums.recomputed)?, set_off)?;
            Ok([owed, less(sums.vested, set_off)?, overpaid])
        };
        let within = self.within;
        let all = self.before.plus(within).ok_or(StatementError::TooMuch { token })?;
        let [opening, opening_claimable, opening_overpaid] = balance(&self.before)?;
        let [closing, closing_claimable, closing_overpaid] = balance(&all)?;
        Ok(Total {
            token,
            opening,
            earned: within.earned,
            recomputed: within.recomputed,
            restored: within.restored,
            vested: within.vested,
            claimed: within.claimed,
            closing,
            opening_claimable,
            closing_claimable,
            opening_overpaid,
            closing_overpaid,
        })
    }
}

/// States what became of an account's lines in a period, and what it was paid.
///
/// Lines and claims may be those of anybody and of any time. Lines and changes are in the order in which they came to be, and complete up to
/// the period's end for the account's revenues. An account that nothing is known of has an empty statement.
///
/// # Errors
/// [`StatementError`]: for records that no chain can have, or that are not complete. What was claimed beyond the lines is stated.
pub fn statement(
    lines: &[Dated<Line>],
    changes: &[Dated<PortionChange>],
    claims: &[Dated<Claim>],
    account: Address,
    period: Period,
) -> Result<Statement, StatementError> {
    let courses = courses(lines, changes, account, period);
    let mut sections: BTreeMap<Address, Section<'_>> = BTreeMap::new();
    for course in &courses {
        let (token, amount) = (course.line.what.token, course.line.what.amount);
        let before = Sums::of_line(amount, course.before);
        let is_told = course.within != Moves::default();
        let within = is_told.then(|| Sums::of_line(amount, course.within));
        let section = sections.entry(token).or_default();
        section.enter(token, Entry::Line(course), before, within)?;
    }
    let is_asked = |claim: &&Dated<Claim>| claim.what.account == account && !period.is_over_at(claim.at);
    for claim in claims.iter().filter(is_asked) {
        let sums = Sums::of_claim(claim.what.amount);
        let (before, within) = match period.is_after(claim.at) {
            true => (sums, None),
            false => (Sums::default(), Some(sums)),
        };
        let token = claim.what.token;
        let section = sections.entry(token).or_default();
        section.enter(token, Entry::Claim(claim), before, within)?;
    }
    let mut told = Vec::with_capacity(sections.len());
    for (token, mut section) in sections {
        // Stable, so that lines keep their order and a block's claims follow them.
        section.entries.sort_by_key(|(entry, _)| entry.block());
        told.push((section.total(token)?, section));
    }
    let (frame, amounts) = frame::of(&told)?;
    Ok(Statement {
        account,
        period,
        totals: told.into_iter().map(|(total, _)| total).collect(),
        frame,
        amounts,
    })
}
