//! Orders that the engine took, open and past.

use std::sync::Arc;

use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, CommandNumber, GroupId, Instructions, Lots, MarketId, OrderId, OrderKind, PostOnly, SelfTrade, Side,
    SignedOrder, Ticks, TimeInForce, UnixMillis,
};
use sqlx::{AssertSqlSafe, FromRow};

use super::{Digits, natural};
use crate::error::ApiError;
use crate::exchange::order::{OrderStatus, OrderView};
use crate::scalars::{Address, Bytes, Bytes32};
use crate::store::Reader;
use crate::store::listing::{SortType, listing};

/// A row of `exchange.exchange_order`, with the address of its account and the market's id in the vault.
#[derive(Clone, Debug, FromRow)]
pub struct OrderRow {
    group_id: i64,
    id: i64,
    address: Address,
    market: i64,
    market_key: Bytes32,
    side: i16,
    kind: i16,
    time_in_force: i16,
    post_only: i16,
    self_trade: i16,
    nonce: Digits,
    client_order_id: Option<Bytes32>,
    base_amount: Digits,
    limit_price: Digits,
    fee_cap: Digits,
    display_amount: Digits,
    trigger_price: Digits,
    expiry_secs: i64,
    good_until_secs: i64,
    signer: Address,
    signature: Bytes,
    placed_at: i64,
    price: Digits,
    lots: Digits,
    remaining: Digits,
    expires_at: i64,
    filled_lots: Digits,
    filled_quote: Digits,
    fees: Digits,
    status: String,
    updated_at: i64,
    signed_by: i64,
}

const COLUMNS: &str = "t.group_id, t.id, a.address, t.market, m.key as market_key, t.side, t.kind, t.time_in_force, t.post_only, \
    t.self_trade, t.nonce::text as nonce, t.client_order_id, t.base_amount::text as base_amount, t.limit_price::text as limit_price, \
    t.fee_cap::text as fee_cap, t.display_amount::text as display_amount, t.trigger_price::text as trigger_price, t.expiry_secs, \
    t.good_until_secs, t.signer, t.signature, t.placed_at, t.price::text as price, t.lots::text as lots, \
    t.remaining::text as remaining, t.expires_at, t.filled_lots::text as filled_lots, t.filled_quote::text as filled_quote, \
    t.fees::text as fees, t.status, t.updated_at, t.signed_by";

listing! {
    /// Orders of the account whose address is the scope's key, newest first; those of market `at` alone where that is not negative. `time`
    /// 1 lists open ones alone, 2 those that are over, anything else all.
    OrdersOf of OrderRow {
        name: "orders",
        columns: COLUMNS,
        from: "exchange.account a join exchange.account_activity v on v.group_id = a.group_id and v.account = a.id \
               cross join lateral unnest(v.orders) as u(id) \
               join exchange.exchange_order t on t.group_id = a.group_id and t.id = u.id \
               join exchange.market m on m.group_id = t.group_id and m.id = t.market \
               where a.group_id = k.chain and a.address = k.key and a.id > 0 and (k.at < 0 or t.market = k.at) \
               and (k.time not in (1, 2) or (t.status in ('open', 'waiting')) = (k.time = 1))",
        sort: &[("u.id", SortType::Integer)],
        descending: true,
    }
}

listing! {
    /// The order of the account whose address is the scope's key, with the id `at`.
    OrderOf of OrderRow {
        name: "order",
        columns: COLUMNS,
        from: "exchange.exchange_order t join exchange.account a on a.group_id = t.group_id and a.id = t.account \
               join exchange.market m on m.group_id = t.group_id and m.id = t.market \
               where t.group_id = k.chain and t.id = k.at and a.address = k.key and a.id > 0",
        sort: &[("t.id", SortType::Integer)],
        descending: true,
    }
}

/// The choice with a number that a table holds.
fn choice<T>(number: i16, from: fn(u8) -> Option<T>) -> Result<T, ApiError> {
    let choice = u8::try_from(number).ok().and_then(from);
    choice.ok_or_else(|| ApiError::internal(format!("an order's row holds {number} as a choice")))
}

impl OrderRow {
    /// As everything else knows orders.
    ///
    /// # Errors
    /// `INTERNAL` for what no projector writes.
    pub fn view(&self) -> Result<OrderView, ApiError> {
        let signature: [u8; 65] = self.signature.0.as_slice().try_into().map_err(ApiError::internal)?;
        let instructions = Instructions {
            kind: choice(self.kind, OrderKind::from_number)?,
            time_in_force: choice(self.time_in_force, TimeInForce::from_number)?,
            post_only: choice(self.post_only, PostOnly::from_number)?,
            self_trade: choice(self.self_trade, SelfTrade::from_number)?,
            display_amount: Amount(self.display_amount.0),
            trigger_price: Amount(self.trigger_price.0),
            good_until_secs: natural(self.good_until_secs),
            client_order_id: self.client_order_id.map(|id| id.0).unwrap_or_default(),
        };
        let signed = SignedOrder {
            account: self.address.0,
            market: self.market_key.0,
            side: if self.side == 0 { Side::Buy } else { Side::Sell },
            base_amount: Amount(self.base_amount.0),
            limit_price: Amount(self.limit_price.0),
            fee_cap: Amount(self.fee_cap.0),
            nonce: self.nonce.small(),
            expiry_secs: natural(self.expiry_secs),
            instructions,
            signature: Signature(signature),
            signer: self.signer.0,
        };
        let status = match self.status.as_str() {
            "open" => OrderStatus::Open,
            "waiting" => OrderStatus::Waiting,
            cause => OrderStatus::Closed(serde_json::from_value(cause.into()).map_err(ApiError::internal)?),
        };
        Ok(OrderView {
            group: GroupId(u32::try_from(self.group_id).map_err(ApiError::internal)?),
            id: OrderId(natural(self.id)),
            account: self.address.0,
            market: MarketId(u32::try_from(self.market).map_err(ApiError::internal)?),
            signed: Arc::new(signed),
            price: Ticks(self.price.small()),
            lots: Lots(self.lots.small()),
            remaining: Lots(self.remaining.small()),
            filled: Lots(self.filled_lots.small()),
            cost: Amount(self.filled_quote.0),
            fees: Amount(self.fees.0),
            status,
            placed_at: UnixMillis(natural(self.placed_at)),
            updated_at: UnixMillis(natural(self.updated_at)),
            expires_at: UnixMillis(natural(self.expires_at)),
            updated_by: CommandNumber(natural(self.signed_by)),
        })
    }
}

/// The order of an account with a nonce; the newest where that has several (an account's withdrawals use nonces too, and orders only once).
///
/// # Errors
/// When the database does not answer.
pub async fn by_nonce(
    reader: &Reader,
    group: GroupId,
    account: souk_schema::Address,
    nonce: u64,
) -> Result<Option<OrderView>, ApiError> {
    let sql = format!(
        "select {COLUMNS} from exchange.exchange_order t join exchange.account a on a.group_id = t.group_id and a.id = t.account \
         join exchange.market m on m.group_id = t.group_id and m.id = t.market \
         where t.group_id = $1 and a.group_id = $1 and a.address = $2 and a.id > 0 and t.nonce = $3::numeric order by t.id desc limit 1"
    );
    let query = sqlx::query(AssertSqlSafe(sql))
        .bind(i64::from(group.0))
        .bind(account.to_vec())
        .bind(nonce.to_string());
    let rows: Vec<OrderRow> = reader.all(query).await?;
    rows.first().map(OrderRow::view).transpose()
}

/// Every order of a group that can still be filled.
///
/// # Errors
/// When the database does not answer.
pub async fn all_open(reader: &Reader, group: GroupId) -> Result<Vec<OrderView>, ApiError> {
    let sql = format!(
        "select {COLUMNS} from exchange.exchange_order t join exchange.account a on a.group_id = t.group_id and a.id = t.account \
         join exchange.market m on m.group_id = t.group_id and m.id = t.market \
         where t.group_id = $1 and t.status in ('open', 'waiting')"
    );
    let rows: Vec<OrderRow> = reader
        .all(sqlx::query(AssertSqlSafe(sql)).bind(i64::from(group.0)))
        .await?;
    rows.iter().map(OrderRow::view).collect()
}
