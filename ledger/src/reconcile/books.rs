//! The ledger in itself: balances are the sums of their postings, and transactions have the postings that they announce.

use souk_schema::exchange::{CommandNumber, GroupId};
use sqlx::PgPool;

use super::{Difference, ReconcileError, Report, SNAPSHOT};
use crate::read::{Cells, projection};

/// Adds up every posting of a group. It reads all of them.
///
/// # Errors
/// Those of Postgres.
pub async fn ledger_adds_up(pool: &PgPool, group: GroupId) -> Result<Report, ReconcileError> {
    let mut view = pool.begin_with(SNAPSHOT).await?;
    let last = projection(&mut *view, group)
        .await?
        .map_or(CommandNumber(0), |at| at.last_number);
    let compared: i64 = sqlx::query_scalar("select 2 * count(*) from exchange.balance where group_id = $1")
        .bind(i64::from(group.0))
        .fetch_one(&mut *view)
        .await?;
    let rows = sqlx::query(
        "with sums as (
             select account, instrument, held, sum(amount) as amount from exchange.posting_side
             where group_id = $1 and account >= 0 group by account, instrument, held
         ), parts as (
             select b.account, b.instrument, p.held, p.amount
             from exchange.balance b cross join lateral (values (false, b.available), (true, b.held)) p (held, amount)
             where b.group_id = $1
         )
         select coalesce(a.address, decode(repeat('00', 20), 'hex')) as address, i.token_key, held,
                coalesce(s.amount, 0)::text as posted, coalesce(p.amount, 0)::text as has
         from sums s full join parts p using (account, instrument, held)
         left join exchange.account a on a.group_id = $1 and a.id = account
         join exchange.instrument i on i.group_id = $1 and i.id = instrument
         where coalesce(s.amount, 0) <> coalesce(p.amount, 0)
         order by account, instrument, held",
    )
    .bind(i64::from(group.0))
    .fetch_all(&mut *view)
    .await?;
    let difference = |row| {
        let cells = Cells(row);
        let held: bool = sqlx::Row::try_get(row, "held")?;
        Ok(Difference {
            what: if held { "held balance" } else { "available balance" },
            account: Some(cells.address("address")?),
            token: cells.token("token_key")?,
            ledger: cells.digits("posted")?,
            other: cells.digits("has")?,
        })
    };
    Ok(Report {
        at: vec![(group, last)],
        compared: compared.cast_unsigned(),
        differences: rows.iter().map(difference).collect::<sqlx::Result<_>>()?,
    })
}
