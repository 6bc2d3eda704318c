//! Fills: of a market for everybody, of an account with how far each is settled.

use std::sync::Arc;

use souk_schema::exchange::event::{BustCause, Fill, FillSide};
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FillNumber, GroupId, Lots, MarketId, OrderId, Side, Ticks, UnixMillis,
};
use sqlx::FromRow;

use super::{Digits, natural};
use crate::error::ApiError;
use crate::exchange::view::Unsettled;
use crate::scalars::Bytes32;
use crate::store::Reader;
use crate::store::listing::{SortType, listing};

/// A trade, as everybody may see it.
#[derive(Clone, Debug, FromRow)]
pub struct TradeRow {
    /// The fill's number in its group.
    pub number: i64,
    /// Engine time, milliseconds.
    pub time: i64,
    /// In ticks.
    pub price: Digits,
    /// How many.
    pub lots: Digits,
    /// 0 where the buyer came to the book.
    pub taker: i16,
    /// What they cost, in quote base units.
    pub quote: Digits,
    /// Whether it was reversed, for now.
    pub busted: bool,
}

impl TradeRow {
    /// The side that came to the book.
    pub fn taker(&self) -> Side {
        if self.taker == 0 { Side::Buy } else { Side::Sell }
    }
}

listing! {
    /// Trades of the market with the number `at`, newest first.
    TradesOf of TradeRow {
        name: "trades",
        columns: "t.number, t.time, t.price::text as price, t.lots::text as lots, t.taker, t.quote::text as quote, \
                  (t.busted_by is not null and t.reinstated_by is null) as busted",
        from: "exchange.fill t where t.group_id = k.chain and t.market = k.at",
        sort: &[("t.number", SortType::Integer)],
        descending: true,
    }
}

/// A fill of an account: its own side of it, and how far it is settled.
#[derive(Clone, Debug, FromRow)]
pub struct FillRow {
    /// The fill's number in its group.
    pub number: i64,
    /// Its market's number.
    pub market: i64,
    /// Engine time, milliseconds.
    pub time: i64,
    /// In ticks.
    pub price: Digits,
    /// How many.
    pub lots: Digits,
    /// 0 where the buyer came to the book.
    pub taker: i16,
    /// In base units.
    pub base: Digits,
    /// What they cost, in quote base units.
    pub quote: Digits,
    /// The seller's, to the asset's revenue.
    pub royalty: Digits,
    /// Whether the account is the buyer.
    pub buys: bool,
    /// The account's order.
    pub own_order: i64,
    /// The account's fee, without the royalty.
    pub fee: Digits,
    /// `skipped`, `uncovered` or `escape`, where it is reversed.
    pub bust_cause: Option<String>,
    /// The vault's reason code, where it skipped the fill.
    pub bust_reason: Option<i16>,
    /// Settled for good.
    pub settled: bool,
    /// The transaction that carries it, where one was sent.
    pub transaction_hash: Option<Bytes32>,
    /// The block that has the transaction.
    pub block_number: Option<i64>,
}

impl FillRow {
    /// Its number.
    pub fn number(&self) -> FillNumber {
        FillNumber(natural(self.number))
    }
}

/// What is selected of a fill `t`, its group `g` and the account `a` whose side it is.
const COLUMNS: &str = "t.number, t.market, t.time, t.price::text as price, t.lots::text as lots, t.taker, t.base::text as base, \
    t.quote::text as quote, t.royalty::text as royalty, t.buyer = a.id as buys, \
    case when t.buyer = a.id then t.buyer_order else t.seller_order end as own_order, \
    case when t.buyer = a.id then t.buyer_fee else t.seller_fee end::text as fee, \
    case when t.reinstated_by is null then t.bust_cause end as bust_cause, \
    case when t.reinstated_by is null then t.bust_reason end as bust_reason, \
    t.number <= g.settled_through as settled, s.transaction_hash, s.block_number";

/// The tables of [`COLUMNS`], with a lateral look at the settlement that carries the fill.
macro_rules! fills_of {
    ($condition:literal) => {
        concat!(
            "exchange.account a join exchange.account_activity v on v.group_id = a.group_id and v.account = a.id \
             cross join lateral unnest(v.fills) as u(number) \
             join exchange.fill t on t.group_id = a.group_id and t.number = u.number \
             join exchange.market_group g on g.group_id = t.group_id \
             left join lateral (select transaction_hash, block_number from exchange.settlement s \
               where s.group_id = t.group_id and s.first_fill <= t.number and s.last_fill >= t.number \
               order by s.first_fill desc limit 1) s on true \
             where a.group_id = k.chain and a.address = k.key and a.id > 0 and ",
            $condition
        )
    };
}

listing! {
    /// Fills of the account whose address is the scope's key, newest first; those of the order `at` alone where that is not negative.
    FillsOf of FillRow {
        name: "fills",
        columns: COLUMNS,
        from: fills_of!("(k.at < 0 or t.buyer_order = k.at or t.seller_order = k.at)"),
        sort: &[("u.number", SortType::Integer)],
        descending: true,
    }
}

listing! {
    /// Fills of the account whose address is the scope's key, beginning with the number `at`, oldest first.
    FillsFrom of FillRow {
        name: "fillsFrom",
        columns: COLUMNS,
        from: fills_of!("u.number >= k.at"),
        sort: &[("u.number", SortType::Integer)],
        descending: false,
    }
}

/// A fill that is not settled for good, with both sides.
#[derive(Clone, Debug, FromRow)]
struct UnsettledRow {
    number: i64,
    market: i64,
    price: Digits,
    lots: Digits,
    taker: i16,
    base: Digits,
    quote: Digits,
    royalty: Digits,
    buyer: i64,
    buyer_order: i64,
    buyer_signed_by: i64,
    buyer_fee: Digits,
    seller: i64,
    seller_order: i64,
    seller_signed_by: i64,
    seller_fee: Digits,
    time: i64,
    bust_cause: Option<String>,
    bust_reason: Option<i16>,
}

/// Every fill of a group that is not settled for good, by number. What orders released by them is not kept.
///
/// # Errors
/// When the database does not answer.
pub async fn unsettled(reader: &Reader, group: GroupId) -> Result<Vec<Unsettled>, ApiError> {
    let query = sqlx::query(
        "select t.number, t.market, t.price::text as price, t.lots::text as lots, t.taker, t.base::text as base, t.quote::text as quote, \
         t.royalty::text as royalty, t.buyer, t.buyer_order, t.buyer_signed_by, t.buyer_fee::text as buyer_fee, t.seller, t.seller_order, \
         t.seller_signed_by, t.seller_fee::text as seller_fee, t.time, \
         case when t.reinstated_by is null then t.bust_cause end as bust_cause, t.bust_reason from exchange.fill t join exchange.market_group g on g.group_id = t.group_id \
         where t.group_id = $1 and t.number > g.settled_through order by t.number",
    );
    let rows: Vec<UnsettledRow> = reader.all(query.bind(i64::from(group.0))).await?;
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let side = |account: i64, order: i64, signed_by: i64, fee: Digits| FillSide {
        order: OrderId(natural(order)),
        signed_by: CommandNumber(natural(signed_by)),
        account: AccountId(small(account)),
        fee: Amount(fee.0),
        released: Amount::ZERO,
    };
    let fill = |row: UnsettledRow| {
        let fill = Fill {
            number: FillNumber(natural(row.number)),
            market: MarketId(small(row.market)),
            price: Ticks(row.price.small()),
            lots: Lots(row.lots.small()),
            taker: if row.taker == 0 { Side::Buy } else { Side::Sell },
            base: Amount(row.base.0),
            quote: Amount(row.quote.0),
            royalty: Amount(row.royalty.0),
            buyer: side(row.buyer, row.buyer_order, row.buyer_signed_by, row.buyer_fee),
            seller: side(row.seller, row.seller_order, row.seller_signed_by, row.seller_fee),
        };
        let busted = row.bust_cause.map(|cause| match cause.as_str() {
            "skipped" => BustCause::Skipped {
                reason: u8::try_from(row.bust_reason.unwrap_or_default()).unwrap_or_default(),
            },
            "escape" => BustCause::Escape,
            _ => BustCause::Uncovered,
        });
        Unsettled {
            fill: Arc::new(fill),
            matched_at: UnixMillis(natural(row.time)),
            busted,
        }
    };
    Ok(rows.into_iter().map(fill).collect())
}
