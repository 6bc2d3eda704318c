//! Groups, markets, candles and the statistics of a day.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use souk_schema::exchange::event::StateCause;
use souk_schema::exchange::{
    AccountId, Amount, FeeSchedule, FillNumber, GroupId, InstrumentId, Lots, MarketId, MarketKind, MarketLimits,
    MarketState, MarketUnits, Ppm, Ticks, UnixMillis,
};
use souk_schema::{ChainId, TokenRef};
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};

use super::cells::Cells;

/// A market group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupRow {
    /// The group.
    pub group: GroupId,
    /// The chain that it settles on.
    pub chain: ChainId,
    /// The vault there.
    pub vault: Address,
    /// The vault's exit delay in seconds.
    pub exit_delay_secs: u64,
    /// The vault's settlement grace in seconds.
    pub settlement_grace_secs: u64,
    /// Engine time of the last command.
    pub engine_time: UnixMillis,
    /// What all its markets are limited to while settlement lags; `Open` for no limit.
    pub settlement_limit: MarketState,
    /// The newest fill; 0 before there is one.
    pub last_fill: FillNumber,
    /// The newest fill that is settled for good; 0 before there is one.
    pub settled_through: FillNumber,
}

/// Every group, by its number.
///
/// # Errors
/// Those of Postgres.
pub async fn groups(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<GroupRow>> {
    let rows = sqlx::query("select * from exchange.market_group order by group_id")
        .fetch_all(executor)
        .await?;
    let group = |row: &PgRow| {
        let cells = Cells(row);
        Ok(GroupRow {
            group: GroupId(cells.id("group_id")?),
            chain: ChainId(cells.natural("chain_id")?),
            vault: cells.address("vault")?,
            exit_delay_secs: cells.natural("exit_delay_secs")?,
            settlement_grace_secs: cells.natural("settlement_grace_secs")?,
            engine_time: cells.millis("engine_time")?,
            settlement_limit: cells.word("settlement_limit")?,
            last_fill: FillNumber(cells.natural("last_fill")?),
            settled_through: FillNumber(cells.natural("settled_through")?),
        })
    };
    rows.iter().map(group).collect()
}

/// A market as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketRow {
    /// Its group.
    pub group: GroupId,
    /// Its number in the group.
    pub market: MarketId,
    /// Its id in the vault, which orders sign.
    pub key: B256,
    /// Number of the base instrument.
    pub base_instrument: InstrumentId,
    /// What is traded.
    pub base: TokenRef,
    /// Number of the quote instrument.
    pub quote_instrument: InstrumentId,
    /// What pays.
    pub quote: TokenRef,
    /// Receives the royalties of its trades.
    pub royalty_account: AccountId,
    /// Shares or a licence series.
    pub kind: MarketKind,
    /// Lot and tick.
    pub units: MarketUnits,
    /// What trading costs now.
    pub fees: FeeSchedule,
    /// What one order and one account may do now.
    pub limits: MarketLimits,
    /// Where the first band was centred.
    pub reference_price: Ticks,
    /// What it does with orders; the group's `settlement_limit` applies on top.
    pub state: MarketState,
    /// Why; `None` where it never changed.
    pub state_cause: Option<StateCause>,
    /// When its auction crosses.
    pub auction_ends_at: Option<UnixMillis>,
    /// Of the newest fill, busted or not, as the engine has it.
    pub last_price: Option<Ticks>,
}

const MARKETS: &str = "select m.group_id, m.id, m.key, m.base, b.token_key as base_token, m.quote, q.token_key as quote_token, m.royalty_account,
        m.kind, m.expires_at, m.lot_size::text, m.tick_size::text, m.maker_ppm, m.taker_ppm, m.royalty_ppm, m.min_lots::text,
        m.max_lots::text, m.max_price::text, m.max_open_orders, m.band_ppm, m.auction_secs, m.reference_price::text, m.state,
        m.state_cause, m.auction_ends_at, m.last_price::text
    from exchange.market m
    join exchange.instrument b on b.group_id = m.group_id and b.id = m.base
    join exchange.instrument q on q.group_id = m.group_id and q.id = m.quote
    where ($1::bigint is null or m.group_id = $1) and ($2::bytea is null or m.key = $2)
    order by m.group_id, m.id";

fn market(row: &PgRow) -> sqlx::Result<MarketRow> {
    let cells = Cells(row);
    let parts = |column| Ok::<_, sqlx::Error>(Ppm(cells.parts_or_null(column)?.unwrap_or_default()));
    let kind = match row.try_get("kind")? {
        "shares" => MarketKind::Shares,
        _ => MarketKind::Licence {
            expires_at: cells.natural_or_null("expires_at")?.map(UnixMillis),
        },
    };
    Ok(MarketRow {
        group: GroupId(cells.id("group_id")?),
        market: MarketId(cells.id("id")?),
        key: cells.hash("key")?,
        base_instrument: InstrumentId(cells.id("base")?),
        base: cells.token("base_token")?,
        quote_instrument: InstrumentId(cells.id("quote")?),
        quote: cells.token("quote_token")?,
        royalty_account: AccountId(cells.id("royalty_account")?),
        kind,
        units: MarketUnits {
            lot_size: cells.amount("lot_size")?,
            tick_size: cells.amount("tick_size")?,
        },
        fees: FeeSchedule {
            maker_ppm: parts("maker_ppm")?,
            taker_ppm: parts("taker_ppm")?,
            royalty_ppm: parts("royalty_ppm")?,
        },
        limits: MarketLimits {
            min_lots: cells.lots("min_lots")?,
            max_lots: cells.lots("max_lots")?,
            max_price: cells.ticks("max_price")?,
            max_open_orders: cells.id("max_open_orders")?,
            band_ppm: cells.parts_or_null("band_ppm")?.map(Ppm),
            auction_secs: cells.id("auction_secs")?,
        },
        reference_price: cells.ticks("reference_price")?,
        state: cells.word("state")?,
        state_cause: cells.word_or_null("state_cause")?,
        auction_ends_at: cells.natural_or_null("auction_ends_at")?.map(UnixMillis),
        last_price: cells.digits_or_null("last_price")?.map(Ticks),
    })
}

/// Every market, or those of one group, by group and number.
///
/// # Errors
/// Those of Postgres.
pub async fn markets(executor: impl PgExecutor<'_>, group: Option<GroupId>) -> sqlx::Result<Vec<MarketRow>> {
    let group = group.map(|group| i64::from(group.0));
    let rows = sqlx::query(MARKETS)
        .bind(group)
        .bind(None::<&[u8]>)
        .fetch_all(executor)
        .await?;
    rows.iter().map(market).collect()
}

/// The market with an id in the vault.
///
/// # Errors
/// Those of Postgres.
pub async fn market_by_key(executor: impl PgExecutor<'_>, key: B256) -> sqlx::Result<Option<MarketRow>> {
    let rows = sqlx::query(MARKETS)
        .bind(None::<i64>)
        .bind(key.as_slice())
        .fetch_optional(executor)
        .await?;
    rows.as_ref().map(market).transpose()
}

/// How long a candle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A minute.
    OneMinute,
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    OneHour,
    /// A day of UTC.
    OneDay,
}

impl Interval {
    /// All, shortest first.
    pub const ALL: [Interval; 4] = [
        Interval::OneMinute,
        Interval::FiveMinutes,
        Interval::OneHour,
        Interval::OneDay,
    ];

    /// Its length.
    pub fn secs(self) -> u32 {
        match self {
            Interval::OneMinute => 60,
            Interval::FiveMinutes => 300,
            Interval::OneHour => 3_600,
            Interval::OneDay => 86_400,
        }
    }
}

/// What the standing fills of a market came to in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CandleRow {
    /// Its beginning, inclusive, in seconds; a multiple of its length.
    pub start_secs: u64,
    /// Price of the first fill.
    pub open: Ticks,
    /// Highest.
    pub high: Ticks,
    /// Lowest.
    pub low: Ticks,
    /// Price of the last fill.
    pub close: Ticks,
    /// What was traded.
    pub lots: Lots,
    /// What it cost, in quote base units.
    pub quote: Amount,
    /// How many fills.
    pub fills: u64,
}

/// Candles that begin in `from_secs..to_secs`, oldest first; the newest `limit` of them. Stretches without a fill have none.
///
/// # Errors
/// Those of Postgres.
pub async fn candles(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    market: MarketId,
    interval: Interval,
    (from_secs, to_secs): (u64, u64),
    limit: u32,
) -> sqlx::Result<Vec<CandleRow>> {
    let bound = |secs: u64| i64::try_from(secs).unwrap_or(i64::MAX);
    let rows = sqlx::query(
        "select start_secs, open::text, high::text, low::text, close::text, lots::text, quote::text, fills from exchange.candle
         where group_id = $1 and market = $2 and secs = $3 and start_secs >= $4 and start_secs < $5
         order by start_secs desc limit $6",
    )
    .bind(i64::from(group.0))
    .bind(i64::from(market.0))
    .bind(interval.secs().cast_signed())
    .bind(bound(from_secs))
    .bind(bound(to_secs))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await?;
    let candle = |row: &PgRow| {
        let cells = Cells(row);
        Ok(CandleRow {
            start_secs: cells.natural("start_secs")?,
            open: cells.ticks("open")?,
            high: cells.ticks("high")?,
            low: cells.ticks("low")?,
            close: cells.ticks("close")?,
            lots: cells.lots("lots")?,
            quote: cells.amount("quote")?,
            fills: cells.natural("fills")?,
        })
    };
    rows.iter().rev().map(candle).collect()
}

/// What a market did in 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Price of the first fill of the time.
    pub open: Ticks,
    /// Highest.
    pub high: Ticks,
    /// Lowest.
    pub low: Ticks,
    /// Price of the last fill.
    pub close: Ticks,
    /// What was traded.
    pub lots: Lots,
    /// What it cost, in quote base units.
    pub quote: Amount,
    /// How many fills.
    pub fills: u64,
}

/// The 24 hours up to `now`: of the 1,440 whole minutes that end with the present one. `None` where nothing was traded.
///
/// # Errors
/// Those of Postgres.
pub async fn stats_24h(
    executor: impl PgExecutor<'_>,
    group: GroupId,
    market: MarketId,
    now: UnixMillis,
) -> sqlx::Result<Option<Stats>> {
    let minute = i64::try_from(now.secs() / 60 * 60).unwrap_or(i64::MAX);
    let row = sqlx::query(
        "select (array_agg(open order by start_secs))[1]::text as open, max(high)::text as high, min(low)::text as low,
                (array_agg(close order by start_secs desc))[1]::text as close, sum(lots)::text as lots, sum(quote)::text as quote,
                sum(fills)::bigint as fills
         from exchange.candle
         where group_id = $1 and market = $2 and secs = 60 and start_secs > $3 - 86400 and start_secs <= $3
         having count(*) > 0",
    )
    .bind(i64::from(group.0))
    .bind(i64::from(market.0))
    .bind(minute)
    .fetch_optional(executor)
    .await?;
    let stats = |row: PgRow| {
        let cells = Cells(&row);
        Ok(Stats {
            open: cells.ticks("open")?,
            high: cells.ticks("high")?,
            low: cells.ticks("low")?,
            close: cells.ticks("close")?,
            lots: cells.lots("lots")?,
            quote: cells.amount("quote")?,
            fills: cells.natural("fills")?,
        })
    };
    row.map(stats).transpose()
}
