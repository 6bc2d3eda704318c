//! Accounts: balances, withdrawals, exits.

use alloy_primitives::Address;
use serde::Serialize;
use souk_schema::TokenRef;
use souk_schema::amount::Balance;
use souk_schema::exchange::{AccountId, Amount, CommandNumber, GroupId, InstrumentId, UnixMillis};
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};

use super::Page;
use super::cells::Cells;

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AccountRow {
    /// Its number in the group.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// It asked for its exit and trades no more until that is over.
    pub stopped: bool,
}

/// The account with an address; `None` before its first deposit.
///
/// # Errors
/// Those of Postgres.
pub async fn account(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    address: Address,
) -> sqlx::Result<Option<AccountRow>> {
    let row = sqlx::query(
        "select id, address, stopped from exchange.account where group_id = $1 and address = $2 and id > 0",
    )
    .bind(i64::from(group.0))
    .bind(address.as_slice())
    .fetch_optional(executor)
    .await?;
    let account = |row: PgRow| {
        let cells = Cells(&row);
        Ok(AccountRow {
            account: AccountId(cells.id("id")?),
            address: cells.address("address")?,
            stopped: row.try_get("stopped")?,
        })
    };
    row.map(account).transpose()
}

/// What an account has of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BalanceRow {
    /// Of what.
    pub instrument: InstrumentId,
    /// The token.
    pub token: TokenRef,
    /// What a new order may use. Negative for the account `deficit` only.
    pub available: Balance,
    /// What open orders reserve.
    pub held: Amount,
    /// What unsettled fills bring; in `available` already.
    pub pending_in: Amount,
    /// What unsettled fills take; out of `available` and `held` already.
    pub pending_out: Amount,
    /// The last command that changed it.
    pub version: CommandNumber,
}

impl BalanceRow {
    /// What may be withdrawn now: `min(available, available + held - pending_in)`, at least 0.
    pub fn withdrawable(&self) -> Amount {
        let available = i512_to_u128(self.available);
        let unsettled = self.pending_in.0.saturating_sub(self.held.0);
        Amount(available.saturating_sub(unsettled))
    }
}

fn i512_to_u128(value: Balance) -> u128 {
    if value.is_negative() {
        return 0;
    }
    u128::try_from(value.into_raw()).unwrap_or(u128::MAX)
}

/// Every balance of an account, by instrument.
///
/// # Errors
/// Those of Postgres.
pub async fn balances_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
) -> sqlx::Result<Vec<BalanceRow>> {
    let rows = sqlx::query(
        "select b.instrument, i.token_key, b.available::text, b.held::text, b.pending_in::text, b.pending_out::text, b.version
         from exchange.account a
         join exchange.balance b on b.group_id = a.group_id and b.account = a.id
         join exchange.instrument i on i.group_id = b.group_id and i.id = b.instrument
         where a.group_id = $1 and a.address = $2 order by b.account, b.instrument",
    )
    .bind(i64::from(group.0))
    .bind(account.as_slice())
    .fetch_all(executor)
    .await?;
    let balance = |row: &PgRow| {
        let cells = Cells(row);
        Ok(BalanceRow {
            instrument: InstrumentId(cells.id("instrument")?),
            token: cells.token("token_key")?,
            available: cells.digits("available")?,
            held: cells.amount("held")?,
            pending_in: cells.amount("pending_in")?,
            pending_out: cells.amount("pending_out")?,
            version: CommandNumber(cells.natural("version")?),
        })
    };
    rows.iter().map(balance).collect()
}

/// What became of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalState {
    /// Debited, and may be co-signed.
    Approved,
    /// Paid out on chain.
    Executed,
    /// Not paid out by its deadline, and credited back.
    Expired,
}

/// A withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithdrawalRow {
    /// Used once per account.
    pub nonce: u64,
    /// Of what.
    pub token: TokenRef,
    /// How much.
    pub amount: Amount,
    /// To whom on chain.
    pub receiver: Address,
    /// Unix seconds.
    pub deadline_secs: u64,
    /// The command that debited it.
    pub approved_by: CommandNumber,
    /// Engine time of that.
    pub approved_at: UnixMillis,
    /// What became of it.
    pub state: WithdrawalState,
}

/// The withdrawals of an account, newest first; paged by `approved_by`.
///
/// # Errors
/// Those of Postgres.
pub async fn withdrawals_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
    page: Page,
) -> sqlx::Result<Vec<WithdrawalRow>> {
    let (before, after, limit) = page.bounds();
    let rows = sqlx::query(
        "select w.nonce::text, i.token_key, w.amount::text, w.receiver, w.deadline_secs, w.approved_by, w.approved_at,
                w.executed_by is not null as executed, w.expired_by is not null as expired
         from exchange.account a
         join exchange.withdrawal w on w.group_id = a.group_id and w.account = a.id
         join exchange.instrument i on i.group_id = w.group_id and i.id = w.instrument
         where a.group_id = $1 and a.address = $2 and w.approved_by < $3 and w.approved_by > $4
         order by w.approved_by desc limit $5",
    )
    .bind(i64::from(group.0))
    .bind(account.as_slice())
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let withdrawal = |row: &PgRow| {
        let cells = Cells(row);
        let state = match (row.try_get("executed")?, row.try_get("expired")?) {
            (true, _) => WithdrawalState::Executed,
            (false, true) => WithdrawalState::Expired,
            (false, false) => WithdrawalState::Approved,
        };
        Ok(WithdrawalRow {
            nonce: cells.digits("nonce")?,
            token: cells.token("token_key")?,
            amount: cells.amount("amount")?,
            receiver: cells.address("receiver")?,
            deadline_secs: cells.natural("deadline_secs")?,
            approved_by: CommandNumber(cells.natural("approved_by")?),
            approved_at: cells.millis("approved_at")?,
            state,
        })
    };
    rows.iter().map(withdrawal).collect()
}

/// An exit that was paid out without the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExitRow {
    /// The vault's number of it.
    pub exit_id: u64,
    /// Of what.
    pub token: TokenRef,
    /// What was paid.
    pub amount: Amount,
    /// The command that debited it.
    pub number: CommandNumber,
    /// Engine time of that.
    pub time: UnixMillis,
}

/// The exits of an account that were paid out, newest first; paged by command number.
///
/// # Errors
/// Those of Postgres.
pub async fn exits_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
    page: Page,
) -> sqlx::Result<Vec<ExitRow>> {
    let (before, after, limit) = page.bounds();
    let rows = sqlx::query(
        "select e.exit_id, i.token_key, e.amount::text, e.number, e.time from exchange.account a
         join exchange.account_exit e on e.group_id = a.group_id and e.account = a.id
         join exchange.instrument i on i.group_id = e.group_id and i.id = e.instrument
         where a.group_id = $1 and a.address = $2 and e.number < $3 and e.number > $4 order by e.number desc limit $5",
    )
    .bind(i64::from(group.0))
    .bind(account.as_slice())
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let exit = |row: &PgRow| {
        let cells = Cells(row);
        Ok(ExitRow {
            exit_id: cells.natural("exit_id")?,
            token: cells.token("token_key")?,
            amount: cells.amount("amount")?,
            number: CommandNumber(cells.natural("number")?),
            time: cells.millis("time")?,
        })
    };
    rows.iter().map(exit).collect()
}
