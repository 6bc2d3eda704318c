//! Candles: new fills are added to them; where a fill was busted or reinstated, the candles of its time are made anew of the fills that
//! stand, because a highest price cannot be taken back out of a maximum.

use souk_schema::exchange::GroupId;
use sqlx::postgres::PgConnection;

use super::{digits, signed};
use crate::fold::{CandlePart, Changes};
use crate::read::Interval;

/// Writes the candles that a batch changed.
pub(super) async fn write(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    add(connection, group, changes).await?;
    let busted = changes.busts.iter().map(|bust| bust.fill);
    let again: Vec<i64> = busted
        .chain(changes.reinstated.iter().map(|(fill, _)| *fill))
        .map(|fill| signed(fill.0))
        .collect();
    if again.is_empty() {
        return Ok(());
    }
    make_anew(connection, group, &again).await
}

async fn add(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    if changes.candles.is_empty() {
        return Ok(());
    }
    let keys = || changes.candles.keys();
    let column = |part: fn(&CandlePart) -> u128| digits(changes.candles.values().map(part));
    sqlx::query(
        "insert into candle as c (group_id, market, secs, start_secs, open, high, low, close, lots, quote, fills)
         select $1, * from unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[]::numeric[], $6::text[]::numeric[],
                                  $7::text[]::numeric[], $8::text[]::numeric[], $9::text[]::numeric[], $10::text[]::numeric[],
                                  $11::bigint[])
         on conflict (group_id, market, secs, start_secs) do update set
             high = greatest(c.high, excluded.high), low = least(c.low, excluded.low), close = excluded.close,
             lots = c.lots + excluded.lots, quote = c.quote + excluded.quote, fills = c.fills + excluded.fills",
    )
    .bind(i64::from(group.0))
    .bind(keys().map(|key| i64::from(key.market.0)).collect::<Vec<_>>())
    .bind(keys().map(|key| key.interval.secs().cast_signed()).collect::<Vec<_>>())
    .bind(keys().map(|key| signed(key.start_secs)).collect::<Vec<_>>())
    .bind(column(|part| part.open.0.into()))
    .bind(column(|part| part.high.0.into()))
    .bind(column(|part| part.low.0.into()))
    .bind(column(|part| part.close.0.into()))
    .bind(column(|part| part.lots))
    .bind(column(|part| part.quote))
    .bind(changes.candles.values().map(|part| signed(part.fills)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(|_| ())
}

async fn make_anew(connection: &mut PgConnection, group: GroupId, fills: &[i64]) -> sqlx::Result<()> {
    let lengths: Vec<i32> = Interval::ALL
        .iter()
        .map(|interval| interval.secs().cast_signed())
        .collect();
    let touched = "with touched as (
            select distinct f.market, i.secs, f.time / 1000 / i.secs * i.secs as start_secs
            from fill f cross join unnest($3::integer[]) i(secs) where f.group_id = $1 and f.number = any($2)
        )";
    let delete = format!(
        "{touched} delete from candle c using touched t
         where c.group_id = $1 and c.market = t.market and c.secs = t.secs and c.start_secs = t.start_secs"
    );
    let insert = format!(
        "{touched} insert into candle
         select $1, t.market, t.secs, t.start_secs, f.* from touched t cross join lateral (
             select (array_agg(price order by number))[1], max(price), min(price), (array_agg(price order by number desc))[1],
                    sum(lots), sum(quote), count(*)
             from fill
             where group_id = $1 and market = t.market and time >= t.start_secs * 1000 and time < (t.start_secs + t.secs) * 1000
               and (busted_by is null or reinstated_by is not null)
             having count(*) > 0
         ) f"
    );
    for statement in [delete, insert] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(i64::from(group.0))
            .bind(fills)
            .bind(&lengths)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
