//! Fills: the trades of a market, and those of an account.

use alloy_primitives::{Address, B256};
use serde::Serialize;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FillNumber, GroupId, Lots, MarketId, OrderId, Side, Ticks, UnixMillis,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgExecutor, Row};

use super::Page;
use super::cells::Cells;

/// How far a fill has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FillState {
    /// Matched; [`FillRow::settlement`] says whether it was sent to the chain.
    Matched,
    /// The vault executed it, in a block that is final.
    Settled,
    /// Reversed.
    Busted,
}

/// The transaction that settles a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// Its hash.
    pub transaction_hash: B256,
    /// The block that it is in; `None` while it waits.
    pub block_number: Option<u64>,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FillSideRow {
    /// Whose.
    pub account: AccountId,
    /// The account's address.
    pub address: Address,
    /// The order.
    pub order: OrderId,
    /// The command whose signature covers it.
    pub signed_by: CommandNumber,
    /// In quote base units, without the royalty.
    pub fee: Amount,
}

/// A fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FillRow {
    /// Its number within the group.
    pub number: FillNumber,
    /// Where.
    pub market: MarketId,
    /// The command that matched it.
    pub matched_by: CommandNumber,
    /// Engine time of the match.
    pub time: UnixMillis,
    /// At.
    pub price: Ticks,
    /// How many.
    pub lots: Lots,
    /// Which side came to the book.
    pub taker: Side,
    /// In base units.
    pub base: Amount,
    /// What they cost.
    pub quote: Amount,
    /// Out of the seller's proceeds.
    pub royalty: Amount,
    /// Who bought.
    pub buyer: FillSideRow,
    /// Who sold.
    pub seller: FillSideRow,
    /// How far it has come.
    pub state: FillState,
    /// `skipped`, `uncovered` or `escape` where it was busted (and perhaps reinstated).
    pub bust_cause: Option<String>,
    /// The vault's reason code of a skipped one.
    pub bust_reason: Option<u8>,
    /// The transaction that settles it, once there is one.
    pub settlement: Option<Settlement>,
}

const COLUMNS: &str = "f.number, f.market, f.matched_by, f.time, f.price::text, f.lots::text, f.taker, f.base::text, f.quote::text,
    f.royalty::text, f.buyer, f.buyer_order, f.buyer_signed_by, f.buyer_fee::text, f.seller, f.seller_order, f.seller_signed_by,
    f.seller_fee::text, f.bust_cause, f.bust_reason, f.busted_by is not null and f.reinstated_by is null as busted,
    f.number <= g.settled_through as settled, b.address as buyer_address, s.address as seller_address,
    t.transaction_hash, t.block_number";

const JOINED: &str = "join exchange.market_group g on g.group_id = f.group_id
    join exchange.account b on b.group_id = f.group_id and b.id = f.buyer
    join exchange.account s on s.group_id = f.group_id and s.id = f.seller
    left join lateral (
        select transaction_hash, block_number, last_fill from exchange.settlement
        where group_id = f.group_id and first_fill <= f.number order by first_fill desc limit 1
    ) t on t.last_fill >= f.number";

fn side(cells: &Cells<'_>, name: &str) -> sqlx::Result<FillSideRow> {
    Ok(FillSideRow {
        account: AccountId(cells.id(name)?),
        address: cells.address(&format!("{name}_address"))?,
        order: OrderId(cells.natural(&format!("{name}_order"))?),
        signed_by: CommandNumber(cells.natural(&format!("{name}_signed_by"))?),
        fee: cells.amount(&format!("{name}_fee"))?,
    })
}

fn from_row(row: &PgRow) -> sqlx::Result<FillRow> {
    let cells = Cells(row);
    let is_buy = row.try_get::<i16, _>("taker")? == 0;
    let state = match (row.try_get("busted")?, row.try_get("settled")?) {
        (true, _) => FillState::Busted,
        (false, true) => FillState::Settled,
        (false, false) => FillState::Matched,
    };
    let block_number = cells.natural_or_null("block_number")?;
    let settlement = cells
        .hash_or_null("transaction_hash")?
        .map(|transaction_hash| Settlement {
            transaction_hash,
            block_number,
        });
    Ok(FillRow {
        number: FillNumber(cells.natural("number")?),
        market: MarketId(cells.id("market")?),
        matched_by: CommandNumber(cells.natural("matched_by")?),
        time: cells.millis("time")?,
        price: cells.ticks("price")?,
        lots: cells.lots("lots")?,
        taker: if is_buy { Side::Buy } else { Side::Sell },
        base: cells.amount("base")?,
        quote: cells.amount("quote")?,
        royalty: cells.amount("royalty")?,
        buyer: side(&cells, "buyer")?,
        seller: side(&cells, "seller")?,
        state,
        bust_cause: row.try_get("bust_cause")?,
        bust_reason: row
            .try_get::<Option<i16>, _>("bust_reason")?
            .and_then(|reason| reason.try_into().ok()),
        settlement,
    })
}

/// A fill by its number.
///
/// # Errors
/// Those of Postgres.
pub async fn fill(executor: impl PgExecutor<'_>, group: GroupId, number: FillNumber) -> sqlx::Result<Option<FillRow>> {
    let statement = format!("select {COLUMNS} from exchange.fill f {JOINED} where f.group_id = $1 and f.number = $2");
    let row = sqlx::query(AssertSqlSafe(statement))
        .bind(i64::from(group.0))
        .bind(number.0.cast_signed())
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(from_row).transpose()
}

/// The trades of a market, newest first, busted ones included; paged by fill number.
///
/// # Errors
/// Those of Postgres.
pub async fn trades(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    market: MarketId,
    page: Page,
) -> sqlx::Result<Vec<FillRow>> {
    let statement = format!(
        "select {COLUMNS} from (
             select * from exchange.fill where group_id = $1 and market = $2 and number < $3 and number > $4
             order by number desc limit $5
         ) f {JOINED} order by f.number desc"
    );
    let (before, after, limit) = page.bounds();
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(i64::from(group.0))
        .bind(i64::from(market.0))
        .bind(before)
        .bind(after)
        .bind(limit)
        .fetch_all(executor)
        .await?;
    rows.iter().map(from_row).collect()
}

/// The fills of an account on either side, newest first, in one market or all; paged by fill number.
///
/// # Errors
/// Those of Postgres.
pub async fn fills_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
    market: Option<MarketId>,
    page: Page,
) -> sqlx::Result<Vec<FillRow>> {
    let statement = format!(
        "select {COLUMNS} from (
             select f.* from exchange.account_activity v
             cross join lateral unnest(v.fills) u (number)
             join exchange.fill f on f.group_id = v.group_id and f.number = u.number
             where v.group_id = $1
               and v.account = (select id from exchange.account where group_id = $1 and address = $2 order by id limit 1)
               and u.number < $3 and u.number > $4 and ($6::bigint is null or f.market = $6)
             order by v.last_number desc, u.number desc limit $5
         ) f {JOINED} order by f.number desc"
    );
    let (before, after, limit) = page.bounds();
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(i64::from(group.0))
        .bind(account.as_slice())
        .bind(before)
        .bind(after)
        .bind(limit)
        .bind(market.map(|market| i64::from(market.0)))
        .fetch_all(executor)
        .await?;
    rows.iter().map(from_row).collect()
}
