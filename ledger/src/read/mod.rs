//! What is read from the live tables: markets, trades, candles, orders, balances, postings. One statement each, so that a caller who wants
//! several to be of one moment runs them in a repeatable-read transaction; [`projection`] then says which moment (law API-1).
//!
//! Lists are newest first and paged by key ([`Page`]); amounts come as they are stored, in base units, ticks and lots.

mod accounts;
mod cells;
mod fills;
mod markets;
mod orders;
mod postings;

use souk_schema::exchange::{CommandNumber, GroupId};
use sqlx::PgExecutor;

pub use accounts::{
    AccountRow, BalanceRow, ExitRow, WithdrawalRow, WithdrawalState, account, balances_of, exits_of, withdrawals_of,
};
pub use fills::{FillRow, FillSideRow, FillState, Settlement, fill, fills_of, trades};
pub use markets::{
    CandleRow, GroupRow, Interval, MarketRow, Stats, candles, groups, market_by_key, markets, stats_24h,
};
pub use orders::{OrderFilter, OrderKey, OrderRow, OrderStatus, order, orders_of};
pub use postings::{PostingKey, PostingRow, postings_of};

pub(crate) use cells::Cells;

/// A part of a list that is sorted newest first by a number that each row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only rows with a lower number: what comes further down the list.
    pub before: Option<u64>,
    /// Only rows with a higher number. With `before` absent these are still the newest `limit` of them.
    pub after: Option<u64>,
    /// At most so many rows.
    pub limit: u32,
}

impl Page {
    /// The newest rows.
    pub fn newest(limit: u32) -> Page {
        Page {
            before: None,
            after: None,
            limit,
        }
    }

    /// Exclusive bounds and limit as Postgres takes them.
    fn bounds(self) -> (i64, i64, i64) {
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        (
            self.before.map_or(i64::MAX, bound),
            self.after.map_or(-1, bound),
            i64::from(self.limit),
        )
    }
}

/// How far a group is projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// The next record of the group's event stream to apply.
    pub next_sequence: u64,
    /// The last command whose outcome is in the tables.
    pub last_number: CommandNumber,
    /// Rises when the group's rows were replaced as a whole.
    pub epoch: u64,
}

/// How far a group is projected; `None` before its first record.
///
/// # Errors
/// Those of Postgres.
pub async fn projection(executor: impl PgExecutor<'_>, group: GroupId) -> sqlx::Result<Option<Projection>> {
    let row = sqlx::query("select next_sequence, last_number, epoch from exchange.projection where group_id = $1")
        .bind(i64::from(group.0))
        .fetch_optional(executor)
        .await?;
    row.map(|row| {
        let cells = Cells(&row);
        Ok(Projection {
            next_sequence: cells.natural("next_sequence")?,
            last_number: CommandNumber(cells.natural("last_number")?),
            epoch: cells.natural("epoch")?,
        })
    })
    .transpose()
}
