//! What the core must know of earlier events, read back from the tables.

use std::collections::BTreeMap;

use alloy_primitives::map::HashMap;
use futures::TryStreamExt;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FillNumber, GroupId, InstrumentId, Lots, MarketId, MarketUnits, OrderId, Side,
    Ticks, UnixMillis,
};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::fold::{Context, FillTaken, MarketParts, OrderState, Unsettled};
use crate::read::{Cells, OrderStatus};

/// Reads a group's context: markets, open orders, unsettled fills.
///
/// # Errors
/// Those of Postgres, and of rows that no Souk wrote.
pub async fn load(connection: &mut PgConnection, group: GroupId, last_number: CommandNumber) -> sqlx::Result<Context> {
    let group = i64::from(group.0);
    let markets = sqlx::query("select base, quote, royalty_account, lot_size::text, tick_size::text from market where group_id = $1 order by id")
        .bind(group)
        .fetch_all(&mut *connection)
        .await?;
    let markets = markets.iter().map(market).collect::<sqlx::Result<_>>()?;
    let mut orders = HashMap::default();
    let mut rows = sqlx::query(
        "select id, account, market, side, price::text, lots::text, remaining::text, expires_at, filled_lots::text,
                filled_quote::text, fees::text, status, signed_by, updated_at, placed_at
         from exchange_order where group_id = $1 and status in ('open', 'waiting')",
    )
    .bind(group)
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let (id, state) = order(&row)?;
        orders.insert(id, state);
    }
    drop(rows);
    let mut unsettled = BTreeMap::new();
    let mut rows = sqlx::query(
        "select f.number, f.market, f.base::text, f.quote::text, f.royalty::text, f.buyer, f.buyer_fee::text, f.seller,
                f.seller_fee::text
         from market_group g join fill f on f.group_id = g.group_id and f.number > g.settled_through
         where g.group_id = $1 and (f.busted_by is null or f.reinstated_by is not null)",
    )
    .bind(group)
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let (number, fill) = fill(&row)?;
        unsettled.insert(number, fill);
    }
    Ok(Context {
        last_number,
        markets,
        orders,
        unsettled,
    })
}

fn market(row: &PgRow) -> sqlx::Result<MarketParts> {
    let cells = Cells(row);
    Ok(MarketParts {
        base: InstrumentId(cells.id("base")?),
        quote: InstrumentId(cells.id("quote")?),
        royalty_account: AccountId(cells.id("royalty_account")?),
        units: MarketUnits {
            lot_size: cells.amount("lot_size")?,
            tick_size: cells.amount("tick_size")?,
        },
    })
}

fn order(row: &PgRow) -> sqlx::Result<(OrderId, OrderState)> {
    let cells = Cells(row);
    let is_buy = row.try_get::<i16, _>("side")? == 0;
    let is_waiting = row.try_get::<&str, _>("status")? == "waiting";
    let state = OrderState {
        account: AccountId(cells.id("account")?),
        market: MarketId(cells.id("market")?),
        side: if is_buy { Side::Buy } else { Side::Sell },
        price: Ticks(cells.digits("price")?),
        lots: Lots(cells.digits("lots")?),
        remaining: Lots(cells.digits("remaining")?),
        expires_at: UnixMillis(cells.natural("expires_at")?),
        filled: FillTaken {
            lots: Lots(cells.digits("filled_lots")?),
            quote: Amount(cells.digits("filled_quote")?),
            fees: Amount(cells.digits("fees")?),
        },
        status: if is_waiting {
            OrderStatus::Waiting
        } else {
            OrderStatus::Open
        },
        signed_by: CommandNumber(cells.natural("signed_by")?),
        signed: None,
        is_new: false,
        is_touched: false,
        updated_at: UnixMillis(cells.natural("updated_at")?),
        placed_at: UnixMillis(cells.natural("placed_at")?),
    };
    Ok((OrderId(cells.natural("id")?), state))
}

fn fill(row: &PgRow) -> sqlx::Result<(FillNumber, Unsettled)> {
    let cells = Cells(row);
    let fill = Unsettled {
        market: MarketId(cells.id("market")?),
        base: cells.amount("base")?,
        quote: cells.amount("quote")?,
        royalty: cells.amount("royalty")?,
        buyer: AccountId(cells.id("buyer")?),
        buyer_fee: cells.amount("buyer_fee")?,
        seller: AccountId(cells.id("seller")?),
        seller_fee: cells.amount("seller_fee")?,
    };
    Ok((FillNumber(cells.natural("number")?), fill))
}
