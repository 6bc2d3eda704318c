//! Amounts of any size are exact.

use alloy_primitives::U512;
use polars_core::prelude::DataType;
use souk_analytics::frame::Amounts;
use souk_analytics::{Claim, Dated, Period, StatementError, statement};
use souk_payouts::rule::Kind;
use souk_payouts::state::{Change, Line, PortionChange};
use souk_payouts::{Role, Route};
use souk_schema::U256;

use crate::economy::{account, token};

fn dated<T>(block: u64, what: T) -> Dated<T> {
    Dated {
        block,
        at: 1_000 * block,
        what,
    }
}

fn line(block: u64, revenue: u64, amount: U256) -> Dated<Line> {
    let line = Line {
        revenue: U256::from(revenue),
        portion: 0,
        asset: U256::MAX,
        kind: Kind {
            route: Route::Own,
            role: Role::Owner,
        },
        paths: 1,
        recipient: account(1),
        token: token(0),
        amount,
    };
    dated(block, line)
}

fn vested(block: u64, revenue: u64) -> Dated<PortionChange> {
    let change = PortionChange {
        revenue: U256::from(revenue),
        portion: None,
        change: Change::Vested(block),
    };
    dated(block, change)
}

fn claim(block: u64, amount: U256) -> Dated<Claim> {
    let claim = Claim {
        account: account(1),
        token: token(0),
        amount,
    };
    dated(block, claim)
}

#[test]
fn thirty_eight_digits_are_a_decimal_and_one_more_is_text() {
    let largest = U256::from(10_u128.pow(38) - 1);
    let of = |lines: &[Dated<Line>]| statement(lines, &[], &[], account(1), Period::default()).unwrap();
    let decimal = of(&[line(1, 1, largest)]);
    assert_eq!(decimal.amounts, Amounts::Decimal);
    assert_eq!(
        decimal.frame.column("earned").unwrap().dtype(),
        &DataType::Decimal(38, 0)
    );
    let text = of(&[line(1, 1, largest), line(2, 2, U256::from(1))]);
    assert_eq!(text.amounts, Amounts::Text, "the balance has 39 digits");
    assert!(text.frame.column("earned").is_err());
    let balance = text.frame.column("balance_text").unwrap();
    let digits = format!("1{}", "0".repeat(38));
    assert_eq!(balance.get(3).unwrap().get_str(), Some(digits.as_str()));
}

#[test]
fn more_than_256_bits_in_all_are_exact() {
    let lines: Vec<_> = (1..=3).map(|revenue| line(revenue, revenue, U256::MAX)).collect();
    let changes: Vec<_> = (1..=3).map(|revenue| vested(5, revenue)).collect();
    let statement = statement(&lines, &changes, &[claim(6, U256::MAX)], account(1), Period::default()).unwrap();
    let total = statement.totals[0];
    assert_eq!(total.earned, U512::from(U256::MAX) * U512::from(3));
    assert_eq!(total.closing, U512::from(U256::MAX) * U512::from(2));
    assert_eq!(total.closing_claimable, total.closing);
    let earned = statement.frame.column("earned_text").unwrap();
    assert_eq!(earned.get(1).unwrap().get_str(), Some(U256::MAX.to_string().as_str()));
}

#[test]
fn a_claim_of_what_no_root_counts_is_refused() {
    let lines = [line(1, 1, U256::from(10))];
    let of = |claims: &[Dated<Claim>]| statement(&lines, &[vested(2, 1)], claims, account(1), Period::default());
    assert_eq!(of(&[claim(3, U256::from(10))]).unwrap().totals[0].closing, U512::ZERO);
    let refused = of(&[claim(3, U256::from(11))]);
    assert!(matches!(refused, Err(StatementError::ClaimedBeyondVested { token: of }) if of == token(0)));
}

#[test]
fn a_change_of_all_portions_is_not_of_those_that_come_later() {
    let mut later = line(3, 1, U256::from(5));
    later.what.portion = 1;
    let lines = [line(1, 1, U256::from(10)), later];
    let statement = statement(&lines, &[vested(2, 1)], &[], account(1), Period::default()).unwrap();
    assert_eq!(statement.totals[0].vested, U512::from(10));
    let status = statement.frame.column("status").unwrap();
    assert_eq!(status.get(1).unwrap().get_str(), Some("vested"));
    assert_eq!(status.get(2).unwrap().get_str(), Some("in next root"));
}
