//! The row of `projection`: how far a group is projected. It is written in the transaction that writes the rows that it counts (LOG-2).

use souk_schema::exchange::{CommandNumber, GroupId};
use sqlx::postgres::PgConnection;

use super::signed;

/// How far a group is projected, of which edition of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The next record to apply.
    pub next_sequence: u64,
    /// The last command that was applied.
    pub last_number: CommandNumber,
    /// How often the rows were replaced as a whole, from 1.
    pub epoch: u64,
}

impl Default for Offset {
    fn default() -> Offset {
        Offset {
            next_sequence: 0,
            last_number: CommandNumber(0),
            epoch: 1,
        }
    }
}

/// Reads a group's row; where there is none, nothing was applied.
///
/// # Errors
/// Those of Postgres.
pub async fn read_projection(connection: &mut PgConnection, group: GroupId) -> sqlx::Result<Offset> {
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("select next_sequence, last_number, epoch from projection where group_id = $1")
            .bind(i64::from(group.0))
            .fetch_optional(connection)
            .await?;
    let offset = |(next, number, epoch): (i64, i64, i64)| Offset {
        next_sequence: next.cast_unsigned(),
        last_number: CommandNumber(number.cast_unsigned()),
        epoch: epoch.cast_unsigned(),
    };
    Ok(row.map(offset).unwrap_or_default())
}

/// Advances a group from one offset to another of the same epoch; false when it is no longer where it was, and then nothing of this transaction may stand.
///
/// # Errors
/// Those of Postgres.
pub async fn advance(connection: &mut PgConnection, group: GroupId, from: Offset, to: Offset) -> sqlx::Result<bool> {
    sqlx::query(
        "insert into projection (group_id, next_sequence, last_number) values ($1, 0, 0) on conflict do nothing",
    )
    .bind(i64::from(group.0))
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query(
        "update projection set next_sequence = $5, last_number = $6, updated_at = now()
         where group_id = $1 and next_sequence = $2 and last_number = $3 and epoch = $4",
    )
    .bind(i64::from(group.0))
    .bind(signed(from.next_sequence))
    .bind(signed(from.last_number.0))
    .bind(signed(from.epoch))
    .bind(signed(to.next_sequence))
    .bind(signed(to.last_number.0))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
