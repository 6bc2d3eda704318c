//! Amounts of any size are exact.

use alloy_primitives::U512;
use polars_core::prelude::DataType;
use souk_analytics::frame::Amounts;
use souk_analytics::{Claim, Dated, Period, Statement, StatementError, statement};
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

/// Ten vest, eleven are claimed, and eight come later of which five vest.
#[test]
fn what_was_claimed_beyond_the_lines_is_stated_and_set_off_against_what_vests_later() {
    let mut later = line(4, 2, U256::from(5));
    later.what.portion = 1;
    let lines = [line(1, 1, U256::from(10)), line(4, 2, U256::from(3)), later];
    let mut vests = vested(6, 2);
    vests.what.portion = Some(1);
    let of = |from: Option<u64>, to: Option<u64>| {
        let (changes, claims) = ([vested(2, 1), vests], [claim(3, U256::from(11))]);
        let at = |block: u64| 1_000 * block;
        let period = Period::new(from.map(at), to.map(at)).unwrap();
        statement(&lines, &changes, &claims, account(1), period).unwrap()
    };
    let carried = |statement: &Statement| {
        let total = statement.totals[0];
        let opening = [total.opening, total.opening_claimable, total.opening_overpaid];
        let closing = [total.closing, total.closing_claimable, total.closing_overpaid];
        (
            opening.map(|amount| amount.to::<u64>()),
            closing.map(|amount| amount.to::<u64>()),
        )
    };
    assert_eq!(carried(&of(None, Some(3))), ([0, 0, 0], [10, 10, 0]));
    let claimed = of(Some(3), Some(4));
    assert_eq!(carried(&claimed), ([10, 10, 0], [0, 0, 1]));
    assert_eq!(carried(&of(Some(4), Some(5))), ([0, 0, 1], [8, 0, 1]));
    assert_eq!(carried(&of(Some(5), None)), ([8, 0, 1], [7, 4, 0]));
    assert_eq!(carried(&of(None, None)), ([0, 0, 0], [7, 4, 0]));

    // The file says it in a column, and what it is beside it.
    let (overpaid, status) = (
        claimed.frame.column("overpaid").unwrap(),
        claimed.frame.column("status").unwrap(),
    );
    let cells: Vec<_> = (0..3).map(|row| overpaid.get(row).unwrap().to_string()).collect();
    assert_eq!(cells, ["0", "null", "1"]);
    assert!(status.get(0).unwrap().is_null());
    assert_eq!(
        status.get(2).unwrap().get_str(),
        Some("claimed on chain beyond what the lines give")
    );
}

/// One whose token it has no line in, as a false root may pay anybody.
#[test]
fn whoever_claimed_without_a_line_has_a_statement_too() {
    let statement = statement(&[], &[], &[claim(3, U256::MAX)], account(1), Period::default()).unwrap();
    let total = statement.totals[0];
    assert_eq!((total.closing, total.closing_claimable), (U512::ZERO, U512::ZERO));
    assert_eq!(total.closing_overpaid, U512::from(U256::MAX));
}

#[test]
fn records_that_are_not_complete_are_refused() {
    let mut ended = vested(1, 1);
    ended.what.change = Change::Ended;
    ended.what.portion = Some(0);
    let line = line(2, 1, U256::from(10));
    let period = Period::new(Some(2_000), None).unwrap();
    let refused = statement(&[line], &[ended], &[], account(1), period);
    assert!(matches!(refused, Err(StatementError::Incomplete { token: of }) if of == token(0)));
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
