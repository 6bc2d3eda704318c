//! What changes now and then: the group, markets, accounts, withdrawals, exits, facts.

use souk_schema::exchange::{GroupId, MarketId, MarketKind, MarketSpec, MarketState};
use sqlx::postgres::PgConnection;

use super::{digits, signed};
use crate::fold::{Changes, MarketParts, WithdrawalEnd};
use crate::words::word;

/// Writes all of it, each thing after those that it belongs to.
pub(super) async fn write(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    write_group(connection, group, changes).await?;
    write_accounts(connection, group, changes).await?;
    for (market, parts, spec, number) in &changes.markets {
        list(connection, group, *market, *parts, spec, signed(number.0)).await?;
    }
    write_markets(connection, group, changes).await?;
    write_withdrawals(connection, group, changes).await?;
    if !changes.exits_vanished.is_empty() {
        let vanished: Vec<i64> = changes.exits_vanished.iter().map(|exit| signed(*exit)).collect();
        sqlx::query("delete from account_exit where group_id = $1 and exit_id = any($2)")
            .bind(i64::from(group.0))
            .bind(vanished)
            .execute(&mut *connection)
            .await?;
    }
    for exit in &changes.exits {
        sqlx::query("insert into account_exit values ($1, $2, $3, $4, $5::text::numeric, $6, $7)")
            .bind(i64::from(group.0))
            .bind(signed(exit.exit_id))
            .bind(i64::from(exit.account.0))
            .bind(i64::from(exit.instrument.0))
            .bind(exit.amount.to_string())
            .bind(signed(exit.by.0))
            .bind(signed(exit.time.0))
            .execute(&mut *connection)
            .await?;
    }
    if !changes.facts.is_empty() {
        sqlx::query(
            "insert into fact select $1, chain, position, number
             from unnest($2::bigint[], $3::text[]::numeric[], $4::bigint[]) k(chain, position, number)",
        )
        .bind(i64::from(group.0))
        .bind(
            changes
                .facts
                .iter()
                .map(|(chain, ..)| signed(chain.0))
                .collect::<Vec<_>>(),
        )
        .bind(digits(changes.facts.iter().map(|(_, position, _)| *position)))
        .bind(
            changes
                .facts
                .iter()
                .map(|(.., number)| signed(number.0))
                .collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn write_group(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    if let Some(open) = &changes.opened {
        sqlx::query("insert into market_group values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)")
            .bind(i64::from(group.0))
            .bind(signed(open.chain.0))
            .bind(open.vault.as_slice())
            .bind(open.fee_account.as_slice())
            .bind(signed(open.exit_delay_secs))
            .bind(signed(open.settlement_grace_secs))
            .bind(i64::from(open.max_open_orders))
            .bind(signed(changes.engine_time.0))
            .bind(word(&MarketState::Open))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "update market_group set engine_time = $2, last_fill = coalesce($3, last_fill), settlement_limit = coalesce($4, settlement_limit)
         where group_id = $1",
    )
    .bind(i64::from(group.0))
    .bind(signed(changes.engine_time.0))
    .bind(changes.last_fill.map(|fill| signed(fill.0)))
    .bind(changes.settlement_limit.map(|limit| word(&limit)))
    .execute(connection)
    .await
    .map(|_| ())
}

async fn write_accounts(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    let group = i64::from(group.0);
    for (instrument, token) in &changes.instruments {
        sqlx::query("insert into instrument values ($1, $2, $3)")
            .bind(group)
            .bind(i64::from(instrument.0))
            .bind(token.key().as_bytes().to_vec())
            .execute(&mut *connection)
            .await?;
    }
    if !changes.accounts.is_empty() {
        sqlx::query(
            "insert into account select $1, id, address, false, number
             from unnest($2::bigint[], $3::bytea[], $4::bigint[]) k(id, address, number)
             on conflict (group_id, id) do update set address = excluded.address",
        )
        .bind(group)
        .bind(
            changes
                .accounts
                .keys()
                .map(|account| i64::from(account.0))
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .accounts
                .values()
                .map(|(address, _)| address.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .accounts
                .values()
                .map(|(_, number)| signed(number.0))
                .collect::<Vec<_>>(),
        )
        .execute(&mut *connection)
        .await?;
    }
    for (account, stopped) in &changes.stopped {
        sqlx::query("update account set stopped = $3 where group_id = $1 and id = $2")
            .bind(group)
            .bind(i64::from(account.0))
            .bind(stopped)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn list(
    connection: &mut PgConnection,
    group: GroupId,
    market: MarketId,
    parts: MarketParts,
    spec: &MarketSpec,
    number: i64,
) -> sqlx::Result<()> {
    let (kind, expires_at) = match spec.kind {
        MarketKind::Shares => ("shares", None),
        MarketKind::Licence { expires_at } => ("licence", expires_at.map(|time| signed(time.0))),
    };
    sqlx::query(
        "insert into market values (
             $1, $2, $3, $4, $5, $6, $7, $8, $9::text::numeric, $10::text::numeric, $11, $12, $13, $14::text::numeric,
             $15::text::numeric, $16::text::numeric, $17, $18, $19, $20::text::numeric, $21, null, null, null, $22
         )",
    )
    .bind(i64::from(group.0))
    .bind(i64::from(market.0))
    .bind(spec.key.as_slice())
    .bind(i64::from(parts.base.0))
    .bind(i64::from(parts.quote.0))
    .bind(i64::from(parts.royalty_account.0))
    .bind(kind)
    .bind(expires_at)
    .bind(spec.units.lot_size.to_string())
    .bind(spec.units.tick_size.to_string())
    .bind(spec.fees.maker_ppm.0.cast_signed())
    .bind(spec.fees.taker_ppm.0.cast_signed())
    .bind(spec.fees.royalty_ppm.0.cast_signed())
    .bind(spec.limits.min_lots.to_string())
    .bind(spec.limits.max_lots.to_string())
    .bind(spec.limits.max_price.to_string())
    .bind(i64::from(spec.limits.max_open_orders))
    .bind(spec.limits.band_ppm.map(|band| band.0.cast_signed()))
    .bind(i64::from(spec.limits.auction_secs))
    .bind(spec.reference_price.to_string())
    .bind(word(&MarketState::PreOpen))
    .bind(number)
    .execute(connection)
    .await
    .map(|_| ())
}

async fn write_markets(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    let group = i64::from(group.0);
    for (market, (state, cause, ends_at)) in &changes.states {
        sqlx::query(
            "update market set state = $3, state_cause = $4, auction_ends_at = $5 where group_id = $1 and id = $2",
        )
        .bind(group)
        .bind(i64::from(market.0))
        .bind(word(state))
        .bind(word(cause))
        .bind(ends_at.map(|time| signed(time.0)))
        .execute(&mut *connection)
        .await?;
    }
    for (market, (fees, limits)) in &changes.rules {
        sqlx::query(
            "update market set maker_ppm = $3, taker_ppm = $4, royalty_ppm = $5, min_lots = $6::text::numeric,
                 max_lots = $7::text::numeric, max_price = $8::text::numeric, max_open_orders = $9, band_ppm = $10, auction_secs = $11
             where group_id = $1 and id = $2",
        )
        .bind(group)
        .bind(i64::from(market.0))
        .bind(fees.maker_ppm.0.cast_signed())
        .bind(fees.taker_ppm.0.cast_signed())
        .bind(fees.royalty_ppm.0.cast_signed())
        .bind(limits.min_lots.to_string())
        .bind(limits.max_lots.to_string())
        .bind(limits.max_price.to_string())
        .bind(i64::from(limits.max_open_orders))
        .bind(limits.band_ppm.map(|band| band.0.cast_signed()))
        .bind(i64::from(limits.auction_secs))
        .execute(&mut *connection)
        .await?;
    }
    if !changes.last_prices.is_empty() {
        sqlx::query(
            "update market m set last_price = k.price from unnest($2::bigint[], $3::text[]::numeric[]) k(market, price)
             where m.group_id = $1 and m.id = k.market",
        )
        .bind(group)
        .bind(
            changes
                .last_prices
                .keys()
                .map(|market| i64::from(market.0))
                .collect::<Vec<_>>(),
        )
        .bind(digits(changes.last_prices.values()))
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn write_withdrawals(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    let group = i64::from(group.0);
    for made in &changes.withdrawals {
        sqlx::query("insert into withdrawal values ($1, $2, $3::text::numeric, $4, $5::text::numeric, $6, $7, $8, $9, null, null)")
            .bind(group)
            .bind(i64::from(made.account.0))
            .bind(made.withdraw.nonce.to_string())
            .bind(i64::from(made.instrument.0))
            .bind(made.withdraw.amount.to_string())
            .bind(made.withdraw.receiver.as_slice())
            .bind(signed(made.withdraw.deadline_secs))
            .bind(signed(made.by.0))
            .bind(signed(made.time.0))
            .execute(&mut *connection)
            .await?;
    }
    for (account, nonce, end) in &changes.withdrawals_over {
        let (columns, by) = match end {
            WithdrawalEnd::Executed(by) => ("executed_by = $4", Some(signed(by.0))),
            WithdrawalEnd::Expired(by) => ("expired_by = $4", Some(signed(by.0))),
            WithdrawalEnd::Vanished => ("executed_by = $4, expired_by = $4", None),
        };
        let statement = format!(
            "update withdrawal set {columns} where group_id = $1 and account = $2 and nonce = $3::text::numeric"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(group)
            .bind(i64::from(account.0))
            .bind(nonce.to_string())
            .bind(by)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
