//! Withdrawals that the engine approved.

use sqlx::FromRow;

use super::Digits;
use crate::scalars::{Address, Key};
use crate::store::listing::{SortType, listing};

/// A row of `exchange.withdrawal`.
#[derive(Clone, Debug, FromRow)]
pub struct WithdrawalRow {
    /// Whose.
    pub address: Address,
    /// Used once per account.
    pub nonce: Digits,
    /// Of what.
    pub token_key: Key,
    /// How much.
    pub amount: Digits,
    /// To whom.
    pub receiver: Address,
    /// Unix seconds.
    pub deadline_secs: i64,
    /// Engine time of the approval, milliseconds.
    pub approved_at: i64,
    /// Paid out.
    pub executed: bool,
    /// Credited back.
    pub expired: bool,
}

listing! {
    /// Withdrawals of the account whose address is the scope's key, newest first.
    WithdrawalsOf of WithdrawalRow {
        name: "withdrawals",
        columns: "a.address, t.nonce::text as nonce, i.token_key, t.amount::text as amount, t.receiver, t.deadline_secs, t.approved_at, \
                  t.executed_by is not null as executed, t.expired_by is not null as expired",
        from: "exchange.withdrawal t join exchange.account a on a.group_id = t.group_id and a.id = t.account \
               join exchange.instrument i on i.group_id = t.group_id and i.id = t.instrument \
               where t.group_id = k.chain and a.group_id = k.chain and a.address = k.key and a.id > 0",
        sort: &[("t.approved_by", SortType::Integer), ("t.nonce", SortType::Numeric)],
        descending: true,
    }
}
