//! Why a balance is what it is: the postings of an account.

use alloy_primitives::Address;
use serde::Serialize;
use souk_schema::TokenRef;
use souk_schema::exchange::{Amount, CommandNumber, GroupId, InstrumentId, UnixMillis};
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};

use super::cells::Cells;
use crate::posting::{LedgerAccount, PostingKind};

/// A posting's place in the ledger of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PostingKey {
    /// The transaction.
    pub number: CommandNumber,
    /// The place in it, from 0.
    pub entry: u32,
}

/// A posting: an amount that left one account of the ledger and came to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostingRow {
    /// Its place.
    pub key: PostingKey,
    /// Engine time.
    pub time: UnixMillis,
    /// Why.
    pub kind: PostingKind,
    /// Of what.
    pub instrument: InstrumentId,
    /// The token.
    pub token: TokenRef,
    /// What it left.
    pub debited: LedgerAccount,
    /// Where it came to.
    pub credited: LedgerAccount,
    /// How much.
    pub amount: Amount,
    /// The order, fill, deposit, exit or nonce that it is about, as its kind says; 0 where there is none.
    pub reference: u64,
}

/// The postings that touch an account, newest first: those before a place (exclusive).
///
/// # Errors
/// Those of Postgres.
pub async fn postings_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
    before: Option<PostingKey>,
    limit: u32,
) -> sqlx::Result<Vec<PostingRow>> {
    let before = before.map_or((i64::MAX, 0), |key| {
        (key.number.0.cast_signed(), key.entry.cast_signed())
    });
    let rows = sqlx::query(
        "with mine as materialized (
             select id from exchange.account where group_id = $1 and address = $2 order by id limit 1
         ), newest as (
             select p.* from exchange.account_activity v
             cross join lateral unnest(v.transactions) u (number)
             join exchange.posting p on p.group_id = v.group_id and p.number = u.number
             where v.group_id = $1 and v.account = (select id from mine) and v.first_number <= $3
               and (select id from mine) in (p.debited, p.credited) and (p.number, p.entry) < ($3, $4)
             order by v.last_number desc, p.number desc, p.entry desc limit $5
         )
         select p.number, p.entry, t.time, p.kind, p.instrument, i.token_key, p.debited, p.debited_held, p.credited, p.credited_held,
                p.amount::text, p.reference::text
         from newest p
         join exchange.transaction t on t.group_id = p.group_id and t.number = p.number
         join exchange.instrument i on i.group_id = p.group_id and i.id = p.instrument
         order by p.number desc, p.entry desc",
    )
    .bind(i64::from(group.0))
    .bind(account.as_slice())
    .bind(before.0)
    .bind(before.1)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &PgRow) -> sqlx::Result<PostingRow> {
    let cells = Cells(row);
    let side = |account: &str, held: &str| -> sqlx::Result<LedgerAccount> {
        Ok(LedgerAccount::from_columns(row.try_get(account)?, row.try_get(held)?))
    };
    Ok(PostingRow {
        key: PostingKey {
            number: CommandNumber(cells.natural("number")?),
            entry: row.try_get::<i32, _>("entry")?.cast_unsigned(),
        },
        time: cells.millis("time")?,
        kind: cells.choice("kind", PostingKind::from_number)?,
        instrument: InstrumentId(cells.id("instrument")?),
        token: cells.token("token_key")?,
        debited: side("debited", "debited_held")?,
        credited: side("credited", "credited_held")?,
        amount: cells.amount("amount")?,
        reference: cells.digits("reference")?,
    })
}
