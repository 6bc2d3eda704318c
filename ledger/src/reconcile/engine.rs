//! Engine = ledger.

use std::collections::BTreeMap;

use souk_schema::amount::Balance;
use souk_schema::exchange::{AccountId, Amount, CommandNumber, GroupId, InstrumentId};
use sqlx::PgPool;

use super::positions::{Position, positions};
use super::{Difference, ReconcileError, Report, SNAPSHOT};
use crate::amounts::signed;
use crate::read::projection;

/// What an engine says that an account has of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineBalance {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// What new orders may use; negative for `deficit` only.
    pub available: i128,
    /// What open orders reserve.
    pub held: Amount,
    /// What unsettled fills bring.
    pub pending_in: Amount,
    /// What unsettled fills take.
    pub pending_out: Amount,
}

/// Compares every balance of an engine that has taken `number` commands with the tables after that command. Balances that either side
/// leaves out are zero.
///
/// # Errors
/// [`ReconcileError::Behind`] while the tables have not come to that command.
pub async fn engine_equals_ledger(
    pool: &PgPool,
    group: GroupId,
    number: CommandNumber,
    balances: impl IntoIterator<Item = EngineBalance>,
) -> Result<Report, ReconcileError> {
    let mut view = pool.begin_with(SNAPSHOT).await?;
    let last = projection(&mut *view, group)
        .await?
        .map_or(CommandNumber(0), |at| at.last_number);
    if last < number {
        return Err(ReconcileError::Behind { group, last });
    }
    let ledger = positions(&mut view, group, number).await?;
    let mut engine: BTreeMap<_, _> = balances
        .into_iter()
        .map(|balance| ((balance.account, balance.instrument), balance))
        .collect();
    let mut report = Report {
        at: vec![(group, number)],
        compared: 0,
        differences: Vec::new(),
    };
    for (key, position) in &ledger {
        compare(position, engine.remove(key).as_ref(), &mut report);
    }
    for (_, balance) in engine {
        if let Some(position) = unknown(&mut view, group, &balance).await? {
            compare(&position, Some(&balance), &mut report);
        }
    }
    Ok(report)
}

fn compare(position: &Position, balance: Option<&EngineBalance>, report: &mut Report) {
    let parts: [(&str, Balance, Option<Balance>); 4] = [
        (
            "available",
            position.available,
            balance.map(|balance| signed_i128(balance.available)),
        ),
        ("held", position.held, balance.map(|balance| signed(balance.held))),
        (
            "pending in",
            position.pending_in,
            balance.map(|balance| signed(balance.pending_in)),
        ),
        (
            "pending out",
            position.pending_out,
            balance.map(|balance| signed(balance.pending_out)),
        ),
    ];
    for (what, ledger, other) in parts {
        let other = other.unwrap_or_default();
        report.compared += 1;
        if ledger != other {
            report.differences.push(Difference {
                what,
                account: Some(position.address),
                token: position.token,
                ledger,
                other,
            });
        }
    }
}

fn signed_i128(value: i128) -> Balance {
    let magnitude = signed(Amount(value.unsigned_abs()));
    if value < 0 { -magnitude } else { magnitude }
}

/// A position of zero for a balance that the ledger does not have; `None` where the engine has nothing either.
async fn unknown(
    connection: &mut sqlx::PgConnection,
    group: GroupId,
    balance: &EngineBalance,
) -> Result<Option<Position>, ReconcileError> {
    let is_nothing =
        balance.available == 0 && [balance.held, balance.pending_in, balance.pending_out] == [Amount::ZERO; 3];
    if is_nothing {
        return Ok(None);
    }
    let row = sqlx::query(
        "select coalesce((select address from exchange.account where group_id = $1 and id = $2), decode(repeat('00', 20), 'hex')) as address,
                coalesce((select token_key from exchange.instrument where group_id = $1 and id = $3), decode(repeat('00', 20), 'hex'))
                    as token_key",
    )
    .bind(i64::from(group.0))
    .bind(i64::from(balance.account.0))
    .bind(i64::from(balance.instrument.0))
    .fetch_one(connection)
    .await?;
    let cells = crate::read::Cells(&row);
    Ok(Some(Position {
        address: cells.address("address")?,
        token: cells.token("token_key")?,
        available: Balance::ZERO,
        held: Balance::ZERO,
        pending_in: Balance::ZERO,
        pending_out: Balance::ZERO,
        in_flight: Balance::ZERO,
        deficit: Balance::ZERO,
    }))
}
