//! The rows of a statement as a Polars frame.
//!
//! | column | of | what |
//! |---|---|---|
//! | `entry` | all | `opening`, `line`, `claim` or `closing` |
//! | `token` | all | the ERC-20 that amounts are base units of; its rows stand together, by rising token |
//! | `time`, `block` | line, claim | when the line came, or the claim was paid: RFC 3339 |
//! | `revenue`, `portion`, `asset` | line | which line it is; the first and the last may have 78 digits and are text |
//! | `route`, `role`, `paths` | line | how the money reached the asset, and as what the account has it from there |
//! | `status`, `epoch`, `held_by` | line | how it stands at the period's end |
//! | `status` | opening, closing | what `overpaid` is, where it is not 0 |
//! | `amount` | line, claim | how much it is |
//! | `earned`, `recomputed`, `restored`, `vested`, `claimed` | line, claim | what of that moved in the period; they sum to the totals |
//! | `balance`, `claimable` | opening, closing | what is carried on |
//! | `overpaid` | opening, closing | what was claimed on chain beyond what finalised roots count by the lines, and is in neither balance |
//!
//! The nine columns of amounts are decimals of 38 digits where all their amounts have no more. Where one has more, all of them are text in
//! decimal digits, and their names end with `_text`.

#![deny(clippy::disallowed_methods)]

use alloy_primitives::U512;
use polars_core::error::PolarsResult;
use polars_core::prelude::{AnyValue, Column, DataFrame, DataType, Int128Chunked, IntoColumn, NewChunkedArray, Schema};
use souk_payouts::{Role, Route};
use souk_schema::Address;

use crate::course::Standing;
use crate::record::time_text;
use crate::statement::{Entry, Section, StatementError, Sums, Total};

/// Digits of a Polars decimal.
pub const DIGITS: usize = 38;

/// How amounts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// As decimals of [`DIGITS`] digits.
    Decimal,
    /// As text.
    Text,
}

impl Amounts {
    /// What the metadata says.
    pub fn as_str(self) -> &'static str {
        match self {
            Amounts::Decimal => "decimal",
            Amounts::Text => "text",
        }
    }
}

/// The columns of amounts.
const AMOUNTS: [&str; 9] = [
    "amount",
    "earned",
    "recomputed",
    "restored",
    "vested",
    "claimed",
    "balance",
    "claimable",
    "overpaid",
];

/// What an overpaid amount is, in its row.
const OVERPAID: &str = "claimed on chain beyond what the lines give";

/// The columns of a statement, for those who read it back.
pub fn schema(amounts: Amounts) -> Schema {
    let plain = [
        ("entry", DataType::String),
        ("token", DataType::String),
        ("time", DataType::String),
        ("block", DataType::UInt64),
        ("revenue", DataType::String),
        ("portion", DataType::UInt32),
        ("asset", DataType::String),
        ("route", DataType::String),
        ("role", DataType::String),
        ("paths", DataType::UInt32),
        ("status", DataType::String),
        ("epoch", DataType::UInt64),
        ("held_by", DataType::String),
    ];
    let plain = plain.into_iter().map(|(name, kind)| (name.into(), kind));
    let kind = match amounts {
        Amounts::Decimal => DataType::Decimal(DIGITS, 0),
        Amounts::Text => DataType::String,
    };
    let of_amounts = AMOUNTS
        .iter()
        .map(|name| (column_name(name, amounts).into(), kind.clone()));
    plain.chain(of_amounts).collect()
}

/// What a column of amounts is called.
pub fn column_name(name: &str, amounts: Amounts) -> String {
    match amounts {
        Amounts::Decimal => name.into(),
        Amounts::Text => format!("{name}_text"),
    }
}

/// One row.
#[derive(Default)]
struct Row {
    entry: &'static str,
    token: String,
    time: Option<String>,
    block: Option<u64>,
    line: Option<LineCells>,
    standing: Option<Standing>,
    is_overpaid: bool,
    /// In the order of [`AMOUNTS`].
    amounts: [Option<U512>; 9],
}

/// What only a line has.
struct LineCells {
    revenue: String,
    portion: u32,
    asset: String,
    route: &'static str,
    role: &'static str,
    paths: u32,
}

/// Makes the frame, and checks that Polars adds its rows up to the totals where it can.
pub(crate) fn of(told: &[(Total, Section<'_>)]) -> Result<(DataFrame, Amounts), StatementError> {
    let mut rows = Vec::new();
    let mut spans = Vec::with_capacity(told.len());
    for (total, section) in told {
        let first = rows.len();
        let opening = [total.opening, total.opening_claimable, total.opening_overpaid];
        rows.push(Row::carried("opening", total.token, opening));
        rows.extend(
            section
                .entries
                .iter()
                .map(|(entry, sums)| Row::entry(entry, sums, total.token)),
        );
        let closing = [total.closing, total.closing_claimable, total.closing_overpaid];
        rows.push(Row::carried("closing", total.token, closing));
        spans.push((first, rows.len() - first));
    }
    let fits = |amount: &U512| as_decimal(*amount).is_some();
    let amounts = match rows.iter().flat_map(|row| row.amounts.iter().flatten()).all(fits) {
        true => Amounts::Decimal,
        false => Amounts::Text,
    };
    let frame = frame(&rows, amounts)?;
    if amounts == Amounts::Decimal {
        for ((total, _), (first, length)) in told.iter().zip(spans) {
            check_sums(&frame.slice(i64::try_from(first).unwrap_or(i64::MAX), length), total)?;
        }
    }
    Ok((frame, amounts))
}

impl Row {
    /// Balance, claimable balance and what is overpaid.
    fn carried(entry: &'static str, token: Address, carried: [U512; 3]) -> Row {
        let mut row = Row {
            entry,
            token: token.to_string(),
            is_overpaid: !carried[2].is_zero(),
            ..Row::default()
        };
        row.amounts[6..].copy_from_slice(&carried.map(Some));
        row
    }

    fn entry(entry: &Entry<'_>, sums: &Sums, token: Address) -> Row {
        let (name, block, at, amount) = match entry {
            Entry::Line(course) => ("line", course.line.block, course.line.at, course.line.what.amount),
            Entry::Claim(claim) => ("claim", claim.block, claim.at, claim.what.amount),
        };
        let mut row = Row {
            entry: name,
            token: token.to_string(),
            time: Some(time_text(at)),
            block: Some(block),
            ..Row::default()
        };
        if let Entry::Line(course) = entry {
            let line = &course.line.what;
            row.line = Some(LineCells {
                revenue: line.revenue.to_string(),
                portion: line.portion,
                asset: line.asset.to_string(),
                route: route(line.kind.route),
                role: role(line.kind.role),
                paths: line.paths,
            });
            row.standing = Some(course.standing());
        }
        // A cell where nothing moved is empty.
        let moved = |amount: U512| (!amount.is_zero()).then_some(amount);
        row.amounts[..6].copy_from_slice(&[
            Some(U512::from(amount)),
            moved(sums.earned),
            moved(sums.recomputed),
            moved(sums.restored),
            moved(sums.vested),
            moved(sums.claimed),
        ]);
        row
    }

    fn status(&self) -> Option<String> {
        match &self.standing {
            Some(standing) => Some(standing.to_string()),
            None => self.is_overpaid.then(|| OVERPAID.into()),
        }
    }

    fn epoch(&self) -> Option<u64> {
        match self.standing {
            Some(Standing::Vested(epoch)) => Some(epoch),
            _ => None,
        }
    }

    fn held_by(&self) -> Option<String> {
        let Some(Standing::Held(keys)) = &self.standing else {
            return None;
        };
        let keys: Vec<String> = keys.iter().map(crate::course::hold_text).collect();
        Some(keys.join(", "))
    }
}

fn frame(rows: &[Row], amounts: Amounts) -> PolarsResult<DataFrame> {
    let line = |row: &Row, cell: fn(&LineCells) -> String| row.line.as_ref().map(cell);
    let texts = |name: &'static str, cell: &dyn Fn(&Row) -> Option<String>| {
        Column::new(name.into(), rows.iter().map(cell).collect::<Vec<_>>())
    };
    let mut columns = vec![
        texts("entry", &|row| Some(row.entry.into())),
        texts("token", &|row| Some(row.token.clone())),
        texts("time", &|row| row.time.clone()),
        Column::new("block".into(), rows.iter().map(|row| row.block).collect::<Vec<_>>()),
        texts("revenue", &|row| line(row, |line| line.revenue.clone())),
        Column::new("portion".into(), numbers(rows, |line| line.portion)),
        texts("asset", &|row| line(row, |line| line.asset.clone())),
        texts("route", &|row| line(row, |line| line.route.into())),
        texts("role", &|row| line(row, |line| line.role.into())),
        Column::new("paths".into(), numbers(rows, |line| line.paths)),
        texts("status", &Row::status),
        Column::new("epoch".into(), rows.iter().map(Row::epoch).collect::<Vec<_>>()),
        texts("held_by", &Row::held_by),
    ];
    for (index, name) in AMOUNTS.iter().enumerate() {
        let cells = rows.iter().map(|row| row.amounts.get(index).copied().flatten());
        let name = column_name(name, amounts).into();
        columns.push(match amounts {
            Amounts::Decimal => Int128Chunked::from_iter_options(name, cells.map(|cell| cell.and_then(as_decimal)))
                .into_decimal(DIGITS, 0)?
                .into_column(),
            Amounts::Text => Column::new(
                name,
                cells
                    .map(|cell| cell.map(|amount| amount.to_string()))
                    .collect::<Vec<_>>(),
            ),
        });
    }
    DataFrame::new(rows.len(), columns)
}

fn numbers(rows: &[Row], cell: fn(&LineCells) -> u32) -> Vec<Option<u32>> {
    rows.iter().map(|row| row.line.as_ref().map(cell)).collect()
}

/// The number, if a Polars decimal can hold it.
fn as_decimal(amount: U512) -> Option<i128> {
    let amount = i128::try_from(u128::try_from(amount).ok()?).ok()?;
    (amount < 10_i128.pow(38)).then_some(amount)
}

/// That one token's rows sum to its totals. A total that a decimal cannot hold is left out: Polars' sum would wrap.
fn check_sums(rows: &DataFrame, total: &Total) -> Result<(), StatementError> {
    let columns = [
        ("earned", total.earned),
        ("recomputed", total.recomputed),
        ("restored", total.restored),
        ("vested", total.vested),
        ("claimed", total.claimed),
    ];
    for (column, total_of_column) in columns {
        let Some(wanted) = as_decimal(total_of_column) else {
            continue;
        };
        let sum = rows.column(column)?.sum_reduce()?;
        if !matches!(sum.value(), AnyValue::Decimal(sum, _, 0) if *sum == wanted) {
            return Err(StatementError::Sums {
                column,
                token: total.token,
                total: total_of_column.to_string(),
                rows: sum.value().to_string(),
            });
        }
    }
    Ok(())
}

fn route(route: Route) -> &'static str {
    match route {
        Route::ProtocolFee => "protocol_fee",
        Route::Own => "own",
        Route::RoyaltyLap => "royalty_lap",
        Route::RoyaltyLrp => "royalty_lrp",
        Route::Returned => "returned",
        Route::Forfeited => "forfeited",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Protocol => "protocol",
        Role::Contributor => "contributor",
        Role::Shareholder => "shareholder",
        Role::Owner => "owner",
    }
}
