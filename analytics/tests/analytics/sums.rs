//! Rows sum to totals, totals to balances, and periods to one another.

use std::collections::BTreeMap;

use alloy_primitives::U512;
use polars_core::prelude::{AnyValue, DataFrame};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_analytics::frame::column_name;
use souk_analytics::{Period, Statement, Total};
use souk_schema::Address;

use crate::economy::{BEGINNING, Economy, Size, account, token};

fn number(cell: &AnyValue<'_>) -> U512 {
    match cell {
        AnyValue::Null => U512::ZERO,
        AnyValue::Decimal(amount, _, 0) => U512::from(u128::try_from(*amount).unwrap()),
        text => text.get_str().unwrap().parse().unwrap(),
    }
}

/// A column summed over the rows of a token and of a kind.
fn sum(statement: &Statement, column: &str, token: Address, kinds: &[&str]) -> U512 {
    let frame: &DataFrame = &statement.frame;
    let name = column_name(column, statement.amounts);
    let cells = frame.column(&name).unwrap();
    let (tokens, entries) = (frame.column("token").unwrap(), frame.column("entry").unwrap());
    let mut total = U512::ZERO;
    for row in 0..frame.height() {
        let is_of = tokens.get(row).unwrap().get_str() == Some(token.to_string().as_str());
        if is_of && kinds.contains(&entries.get(row).unwrap().get_str().unwrap()) {
            total += number(&cells.get(row).unwrap());
        }
    }
    total
}

fn check(economy: &Economy, statement: &Statement, whose: Address, from: u64, to: u64) {
    for total in &statement.totals {
        let rows = |column| sum(statement, column, total.token, &["line", "claim"]);
        assert_eq!(rows("earned"), total.earned);
        assert_eq!(rows("recomputed"), total.recomputed);
        assert_eq!(rows("restored"), total.restored);
        assert_eq!(rows("vested"), total.vested);
        assert_eq!(rows("claimed"), total.claimed);
        let carried = |kind, column| sum(statement, column, total.token, &[kind]);
        assert_eq!(carried("opening", "balance"), total.opening);
        assert_eq!(carried("closing", "balance"), total.closing);
        assert_eq!(carried("opening", "claimable"), total.opening_claimable);
        assert_eq!(carried("closing", "claimable"), total.closing_claimable);
        assert_eq!(
            (total.opening_overpaid, total.closing_overpaid),
            (U512::ZERO, U512::ZERO)
        );
        let before = economy.balances(whose, total.token, from);
        let after = economy.balances(whose, total.token, to);
        assert_eq!((total.opening, total.opening_claimable), before);
        assert_eq!((total.closing, total.closing_claimable), after);
        assert_eq!(
            total.opening + total.earned + total.restored - total.recomputed - total.claimed,
            total.closing
        );
        assert_eq!(
            total.opening_claimable + total.vested - total.claimed,
            total.closing_claimable
        );
    }
    let told: Vec<Address> = statement.totals.iter().map(|total| total.token).collect();
    for missing in (0..3).map(token).filter(|token| !told.contains(token)) {
        assert_eq!(economy.balances(whose, missing, to), (U512::ZERO, U512::ZERO));
    }
}

#[test]
fn rows_sum_to_the_totals_and_periods_follow_one_another() {
    for seed in 0..60 {
        let size = if seed % 2 == 0 { Size::Usual } else { Size::Any };
        let economy = Economy::new(seed, size);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for whose in (1..4).map(account) {
            let mut closings: BTreeMap<Address, Total> = BTreeMap::new();
            let (mut from, mut all) = (BEGINNING, BTreeMap::<Address, U512>::new());
            while from < economy.end {
                let to = from + random.random_range(0..600);
                let period = Period::new(Some(from), Some(to)).unwrap();
                let statement = economy.statement(whose, period);
                check(&economy, &statement, whose, from, to);
                for total in &statement.totals {
                    if let Some(last) = closings.insert(total.token, *total) {
                        assert_eq!(last.closing, total.opening, "seed {seed}");
                        assert_eq!(last.closing_claimable, total.opening_claimable, "seed {seed}");
                    }
                    *all.entry(total.token).or_default() += total.claimed;
                }
                from = to;
            }
            let whole = economy.statement(whose, Period::default());
            check(&economy, &whole, whose, 0, u64::MAX);
            for total in &whole.totals {
                assert_eq!(
                    all[&total.token], total.claimed,
                    "seed {seed}: the claims of the periods sum to all"
                );
                assert_eq!(closings[&total.token].closing, total.closing, "seed {seed}");
                assert_eq!(total.opening, U512::ZERO);
            }
        }
    }
}

#[test]
fn the_economies_have_what_matters() {
    let (mut recomputed, mut restored, mut claimed, mut held) = (0, 0, 0, 0);
    for seed in 0..60 {
        let economy = Economy::new(seed, Size::Usual);
        let whole = economy.statement(account(1), Period::default());
        recomputed += whole.totals.iter().filter(|total| !total.recomputed.is_zero()).count();
        restored += whole.totals.iter().filter(|total| !total.restored.is_zero()).count();
        claimed += whole.totals.iter().filter(|total| !total.claimed.is_zero()).count();
        let holders = whole.frame.column("held_by").unwrap();
        held += holders.len() - holders.null_count();
    }
    assert!(recomputed > 20 && restored > 20 && claimed > 20 && held > 20);
}
