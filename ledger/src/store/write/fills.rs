//! What becomes of fills after their match.

use souk_schema::exchange::GroupId;
use souk_schema::exchange::event::BustCause;
use sqlx::postgres::PgConnection;

use super::signed;
use crate::fold::{Bust, Changes};

/// Writes settlements, busts and reinstatements.
pub(super) async fn write(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    let group = i64::from(group.0);
    if let Some((_, through)) = changes.settled.last() {
        let (numbers, fills): (Vec<i64>, Vec<i64>) = changes
            .settled
            .iter()
            .map(|(number, through)| (signed(number.0), signed(through.0)))
            .unzip();
        sqlx::query(
            "insert into settled select $1, number, through from unnest($2::bigint[], $3::bigint[]) k(number, through)",
        )
        .bind(group)
        .bind(numbers)
        .bind(fills)
        .execute(&mut *connection)
        .await?;
        sqlx::query("update market_group set settled_through = $2 where group_id = $1")
            .bind(group)
            .bind(signed(through.0))
            .execute(&mut *connection)
            .await?;
    }
    if !changes.busts.is_empty() {
        let causes = changes.busts.iter().map(|bust| match bust.cause {
            BustCause::Skipped { reason } => ("skipped", Some(i16::from(reason))),
            BustCause::Uncovered => ("uncovered", None),
            BustCause::Escape => ("escape", None),
        });
        let (causes, reasons): (Vec<&str>, Vec<Option<i16>>) = causes.unzip();
        let column = |part: fn(&Bust) -> u64| changes.busts.iter().map(|bust| signed(part(bust))).collect::<Vec<_>>();
        sqlx::query(
            "update fill f set busted_by = k.by, bust_cause = k.cause, bust_reason = k.reason, reinstated_by = null
             from unnest($2::bigint[], $3::bigint[], $4::text[], $5::smallint[]) k(number, by, cause, reason)
             where f.group_id = $1 and f.number = k.number",
        )
        .bind(group)
        .bind(column(|bust| bust.fill.0))
        .bind(column(|bust| bust.by.0))
        .bind(causes)
        .bind(reasons)
        .execute(&mut *connection)
        .await?;
    }
    if !changes.reinstated.is_empty() {
        let (fills, numbers): (Vec<i64>, Vec<i64>) = changes
            .reinstated
            .iter()
            .map(|(fill, by)| (signed(fill.0), signed(by.0)))
            .unzip();
        sqlx::query(
            "update fill f set reinstated_by = k.by from unnest($2::bigint[], $3::bigint[]) k(number, by)
             where f.group_id = $1 and f.number = k.number",
        )
        .bind(group)
        .bind(fills)
        .bind(numbers)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
