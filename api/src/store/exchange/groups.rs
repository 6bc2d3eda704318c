//! How far each group of the exchange is in the tables.

use souk_schema::exchange::{CommandNumber, GroupId};
use sqlx::FromRow;

use super::natural;
use crate::error::ApiError;
use crate::store::Reader;

/// How far a group's tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTables {
    /// The group.
    pub group: GroupId,
    /// The last command that is in.
    pub command: CommandNumber,
    /// The next record of the group's stream of events to apply.
    pub next_sequence: u64,
    /// Engine time of the last command, in milliseconds.
    pub time: u64,
}

#[derive(FromRow)]
struct Row {
    group_id: i64,
    last_number: i64,
    next_sequence: i64,
    engine_time: Option<i64>,
}

/// Every group that the tables know, by number.
///
/// # Errors
/// When the database does not answer.
pub async fn tables(reader: &Reader) -> Result<Vec<GroupTables>, ApiError> {
    let query = sqlx::query(
        "select p.group_id, p.last_number, p.next_sequence, g.engine_time from exchange.projection p \
         left join exchange.market_group g on g.group_id = p.group_id order by p.group_id",
    );
    let rows: Vec<Row> = reader.all(query).await?;
    let tables = |row: Row| {
        Some(GroupTables {
            group: GroupId(u32::try_from(row.group_id).ok()?),
            command: CommandNumber(natural(row.last_number)),
            next_sequence: natural(row.next_sequence),
            time: natural(row.engine_time.unwrap_or(0)),
        })
    };
    Ok(rows.into_iter().filter_map(tables).collect())
}
