//! Orders that the engine took, open and past.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::exchange::event::CloseCause;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, GroupId, Instructions, Lots, MarketId, OrderId, OrderKind, PostOnly, SelfTrade,
    Side, SignedOrder, Ticks, TimeInForce, UnixMillis,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgExecutor, Row};

use super::Page;
use super::cells::Cells;

/// What an order is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// A stop whose trigger price was not reached.
    Waiting,
    /// It works: in the book, filled in part or not at all.
    Open,
    /// It is over.
    Closed(CloseCause),
}

impl OrderStatus {
    pub(crate) fn word(self) -> std::borrow::Cow<'static, str> {
        match self {
            OrderStatus::Waiting => "waiting".into(),
            OrderStatus::Open => "open".into(),
            OrderStatus::Closed(CloseCause::Filled) => "filled".into(),
            OrderStatus::Closed(cause) => crate::words::word(&cause).into(),
        }
    }

    pub(crate) fn parse(word: &str) -> Option<OrderStatus> {
        match word {
            "waiting" => Some(OrderStatus::Waiting),
            "open" => Some(OrderStatus::Open),
            cause => crate::words::parse(cause).map(OrderStatus::Closed),
        }
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    /// Its id.
    pub order: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketId,
    /// As signed: the newest signature where it was amended.
    pub signed: SignedOrder,
    /// The command whose signature counts.
    pub signed_by: CommandNumber,
    /// When it was taken.
    pub placed_at: UnixMillis,
    /// Worst price; after a slide, the price that it moved to.
    pub price: Ticks,
    /// All lots that were signed, filled ones included.
    pub lots: Lots,
    /// What is left; of an order that is over, what was never filled.
    pub remaining: Lots,
    /// Matches strictly before.
    pub expires_at: UnixMillis,
    /// Lots of its fills that stand (were not busted).
    pub filled_lots: Lots,
    /// What those came to, in quote base units.
    pub filled_quote: Amount,
    /// What was paid for them, a seller's royalties included.
    pub fees: Amount,
    /// What it is doing.
    pub status: OrderStatus,
    /// Engine time of its last change.
    pub updated_at: UnixMillis,
}

impl OrderRow {
    /// Average price of its fills in quote base units for one lot, rounded down; `None` before the first.
    pub fn average_price(&self) -> Option<Amount> {
        self.filled_quote
            .0
            .checked_div(u128::from(self.filled_lots.0))
            .map(Amount)
    }
}

/// Which orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderFilter {
    /// Every one.
    #[default]
    All,
    /// Those that work or wait for their trigger.
    Open,
    /// Those that are over.
    Closed,
}

/// Names an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// By the engine's id.
    Id(OrderId),
    /// By the nonce that its account signed.
    Nonce(Address, u64),
    /// By the id that its account chose; the newest of several.
    ClientId(Address, B256),
}

const COLUMNS: &str = "o.id, o.account, a.address, o.market, m.key, o.side, o.kind, o.time_in_force, o.post_only, o.self_trade,
    o.nonce::text, o.client_order_id, o.base_amount::text, o.limit_price::text, o.fee_cap::text, o.display_amount::text,
    o.trigger_price::text, o.expiry_secs, o.good_until_secs, o.signer, o.signature, o.signed_by, o.placed_at, o.price::text,
    o.lots::text, o.remaining::text, o.expires_at, o.filled_lots::text, o.filled_quote::text, o.fees::text, o.status, o.updated_at";

fn from_row(row: &PgRow) -> sqlx::Result<OrderRow> {
    let cells = Cells(row);
    let status: &str = row.try_get("status")?;
    let status =
        OrderStatus::parse(status).ok_or_else(|| sqlx::Error::Decode(format!("order status {status}").into()))?;
    let signature: &[u8] = row.try_get("signature")?;
    let signature: [u8; 65] = signature
        .try_into()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let side = if row.try_get::<i16, _>("side")? == 0 {
        Side::Buy
    } else {
        Side::Sell
    };
    let signed = SignedOrder {
        account: cells.address("address")?,
        market: cells.hash("key")?,
        side,
        base_amount: cells.amount("base_amount")?,
        limit_price: cells.amount("limit_price")?,
        fee_cap: cells.amount("fee_cap")?,
        nonce: cells.digits("nonce")?,
        expiry_secs: cells.natural("expiry_secs")?,
        instructions: Instructions {
            kind: cells.choice("kind", OrderKind::from_number)?,
            time_in_force: cells.choice("time_in_force", TimeInForce::from_number)?,
            post_only: cells.choice("post_only", PostOnly::from_number)?,
            self_trade: cells.choice("self_trade", SelfTrade::from_number)?,
            display_amount: cells.amount("display_amount")?,
            trigger_price: cells.amount("trigger_price")?,
            good_until_secs: cells.natural("good_until_secs")?,
            client_order_id: cells.hash_or_null("client_order_id")?.unwrap_or_default(),
        },
        signature: Signature(signature),
        signer: cells.address("signer")?,
    };
    Ok(OrderRow {
        order: OrderId(cells.natural("id")?),
        account: AccountId(cells.id("account")?),
        market: MarketId(cells.id("market")?),
        signed,
        signed_by: CommandNumber(cells.natural("signed_by")?),
        placed_at: cells.millis("placed_at")?,
        price: cells.ticks("price")?,
        lots: cells.lots("lots")?,
        remaining: cells.lots("remaining")?,
        expires_at: cells.millis("expires_at")?,
        filled_lots: cells.lots("filled_lots")?,
        filled_quote: cells.amount("filled_quote")?,
        fees: cells.amount("fees")?,
        status,
        updated_at: cells.millis("updated_at")?,
    })
}

/// The orders of an account, newest first, in one market or all; paged by order id.
///
/// # Errors
/// Those of Postgres.
pub async fn orders_of(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    account: Address,
    filter: OrderFilter,
    market: Option<MarketId>,
    page: Page,
) -> sqlx::Result<Vec<OrderRow>> {
    let mine = "(select id from exchange.account where group_id = $1 and address = $2 order by id limit 1)";
    let of_market = "($6::bigint is null or o.market = $6)";
    let found = if filter == OrderFilter::Open {
        format!(
            "select o.* from exchange.exchange_order o
             where o.group_id = $1 and o.account = {mine} and o.id < $3 and o.id > $4 and {of_market} and o.status in ('open', 'waiting')
             order by o.id desc limit $5"
        )
    } else {
        let status = match filter {
            OrderFilter::Closed => "and o.status not in ('open', 'waiting')",
            OrderFilter::All | OrderFilter::Open => "",
        };
        // An order's id is the number of its command and a byte.
        format!(
            "select o.* from exchange.account_activity v
             cross join lateral unnest(v.orders) u (id)
             join exchange.exchange_order o on o.group_id = v.group_id and o.id = u.id
             where v.group_id = $1 and v.account = {mine} and v.first_number <= $3 >> 8 and v.last_number >= $4 >> 8
               and u.id < $3 and u.id > $4 and {of_market} {status}
             order by v.last_number desc, u.id desc limit $5"
        )
    };
    let statement = format!(
        "select {COLUMNS} from ({found}) o
         join exchange.account a on a.group_id = o.group_id and a.id = o.account
         join exchange.market m on m.group_id = o.group_id and m.id = o.market
         order by o.id desc"
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

/// One order.
///
/// # Errors
/// Those of Postgres.
pub async fn order(executor: impl PgExecutor<'_>, group: GroupId, key: OrderKey) -> sqlx::Result<Option<OrderRow>> {
    let condition = match key {
        OrderKey::Id(_) => "o.id = $2",
        OrderKey::Nonce(..) => "a.address = $2 and o.nonce = $3::numeric",
        OrderKey::ClientId(..) => "a.address = $2 and o.client_order_id = $3",
    };
    let statement = format!(
        "select {COLUMNS} from exchange.exchange_order o
         join exchange.account a on a.group_id = o.group_id and a.id = o.account
         join exchange.market m on m.group_id = o.group_id and m.id = o.market
         where o.group_id = $1 and {condition} order by o.id desc limit 1"
    );
    let query = sqlx::query(AssertSqlSafe(statement)).bind(i64::from(group.0));
    let query = match &key {
        OrderKey::Id(id) => query.bind(id.0.cast_signed()),
        OrderKey::Nonce(account, nonce) => query.bind(account.to_vec()).bind(nonce.to_string()),
        OrderKey::ClientId(account, id) => query.bind(account.to_vec()).bind(id.to_vec()),
    };
    let row = query.fetch_optional(executor).await?;
    row.as_ref().map(from_row).transpose()
}
