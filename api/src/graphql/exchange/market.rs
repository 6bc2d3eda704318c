//! Markets and the instruments that they trade.

use async_graphql::{Object, SimpleObject};
use souk_schema::caip::EvmAssetId;
use souk_schema::exchange::{Amount, Lots, MarketKind as Kind, Side, Ticks};
use souk_schema::{ChainId as Chain, TokenRef, TokenStandard};

use super::super::asset::Asset;
use super::super::connection::{Connection, PageArguments, page_cost};
use super::super::token::Token;
use super::book::{BookDepth, OrderBook};
use super::kinds::{CandleInterval, MarketKind, MarketState};
use super::trade::{Candle, Trade};
use crate::error::ApiError;
use crate::exchange::decimal::{self, Scale};
use crate::exchange::{MarketAt, auction, tokens};
use crate::scalars::{Address, AssetId, BigInt, Bytes32, ChainId, Decimal, Long};
use crate::session::{Pin, Session};
use crate::store::exchange::fills::TradesOf;
use crate::store::exchange::markets::UnderlyingRow;
use crate::store::exchange::scope;
use crate::store::loaders::{StatsOf, UnderlyingOf};

/// A token that the exchange has balances of.
#[derive(Clone)]
pub struct Instrument {
    pub(super) session: Session,
    pub(super) chain: Chain,
    pub(super) token: TokenRef,
    pub(super) standard: TokenStandard,
}

impl Instrument {
    /// An instrument by its token: an ERC-20 where a market pays with its contract.
    pub(super) fn of(session: &Session, chain: Chain, token: TokenRef) -> Result<Instrument, ApiError> {
        let live = session.live()?;
        let pays = live.groups.values().any(|group| {
            group.opened.venue.chain == chain && group.markets.iter().any(|market| market.spec.quote == token.contract)
        });
        Ok(Instrument {
            session: session.clone(),
            chain,
            token,
            standard: if pays {
                TokenStandard::Erc20
            } else {
                TokenStandard::Erc1155
            },
        })
    }

    pub(super) fn decimals(&self) -> Result<u8, ApiError> {
        let exchange = self.session.exchange()?;
        match self.standard {
            TokenStandard::Erc20 => Ok(exchange.token_name(self.chain, self.token.contract)?.decimals),
            _ => Ok(0),
        }
    }

    pub(super) fn write(&self, amount: u128) -> Result<Decimal, ApiError> {
        Ok(Decimal(decimal::write(amount, self.decimals()?)))
    }

    async fn underlying(&self) -> Result<Option<UnderlyingRow>, ApiError> {
        let key = self.token.key().as_bytes().to_vec();
        self.session.load(UnderlyingOf((self.chain, key))).await
    }

    pub(super) async fn written_symbol(&self) -> Result<String, ApiError> {
        if self.standard == TokenStandard::Erc20 {
            let name = self.session.exchange()?.token_name(self.chain, self.token.contract);
            return Ok(name.map_or_else(|_| tokens::short(self.token.contract), |name| name.symbol));
        }
        let underlying = self.underlying().await?;
        let named = underlying.and_then(|row| Some((tokens::ticker_of(&row.name)?, row.expires_at)));
        Ok(match named {
            None => tokens::nameless(self.token),
            Some((name, None)) => name,
            Some((name, Some(expires_at))) => match expires_at.small().and_then(|secs| u64::try_from(secs).ok()) {
                Some(secs) if secs > 0 => format!("{name}-LIC-{}", tokens::day(secs)),
                _ => format!("{name}-LIC"),
            },
        })
    }
}

/// A token that the exchange has balances of.
#[Object]
impl Instrument {
    /// The token as CAIP-19.
    async fn asset_id(&self) -> AssetId {
        EvmAssetId {
            chain: self.chain,
            standard: self.standard,
            token: self.token,
        }
        .into()
    }

    /// The contract that keeps it.
    async fn contract(&self) -> Address {
        Address(self.token.contract)
    }

    /// Its id within the contract; 0 for an ERC-20.
    async fn number(&self) -> BigInt {
        self.token.id.into()
    }

    /// How it is called in symbols: an ERC-20's own symbol; for shares the asset's name in capitals; for a licence series that, `-LIC`
    /// and the day on which it ends.
    async fn symbol(&self) -> Result<String, ApiError> {
        self.written_symbol().await
    }

    /// Digits behind the point of its decimals.
    #[graphql(name = "decimals")]
    async fn digits(&self) -> Result<i32, ApiError> {
        Ok(self.decimals()?.into())
    }

    /// The token with its holders and history; null where its chain is not indexed.
    async fn token(&self) -> Result<Option<Token>, ApiError> {
        let id = EvmAssetId {
            chain: self.chain,
            standard: self.standard,
            token: self.token,
        };
        let indexed = self.session.snapshot().await?.chains.contains_key(&self.chain);
        Ok(indexed.then(|| Token::of(&self.session, Pin::Head, id)))
    }
}

/// Trading of a base instrument against a quote instrument, in whole lots at whole ticks.
#[derive(Clone)]
pub struct Market {
    pub(super) session: Session,
    pub(super) at: MarketAt,
}

impl Market {
    /// A market of the request's exchange.
    pub(in crate::graphql) fn new(session: &Session, at: MarketAt) -> Market {
        Market {
            session: session.clone(),
            at,
        }
    }

    pub(super) fn chain(&self) -> Chain {
        self.at.opened.venue.chain
    }

    fn scale(&self) -> &Scale {
        &self.at.scale
    }

    fn price(&self, ticks: Ticks) -> Decimal {
        Decimal(self.scale().price(ticks))
    }

    fn amount(&self, lots: Lots) -> Decimal {
        self.written(self.scale().units.base(lots), self.scale().base)
    }

    fn written(&self, amount: Option<Amount>, decimals: u8) -> Decimal {
        Decimal(decimal::write(amount.map_or(u128::MAX, |amount| amount.0), decimals))
    }

    /// `base/quote`.
    pub(super) async fn written_symbol(&self) -> Result<String, ApiError> {
        let (base, quote) = (self.instrument(true), self.instrument(false));
        Ok(format!(
            "{}/{}",
            base.written_symbol().await?,
            quote.written_symbol().await?
        ))
    }

    pub(super) fn instrument(&self, base: bool) -> Instrument {
        let spec = &self.at.market.spec;
        let (token, standard) = if base {
            (spec.base, TokenStandard::Erc1155)
        } else {
            (TokenRef::new(spec.quote, souk_schema::U256::ZERO), TokenStandard::Erc20)
        };
        Instrument {
            session: self.session.clone(),
            chain: self.chain(),
            token,
            standard,
        }
    }
}

/// Least and most of something.
#[derive(Clone, Debug, SimpleObject)]
pub struct DecimalRange {
    /// Least.
    min: Decimal,
    /// Most.
    max: Decimal,
}

/// What one order may be.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderBounds {
    /// Of the base instrument.
    amount: DecimalRange,
    /// The price.
    price: DecimalRange,
    /// Least lots.
    min_lots: BigInt,
    /// Most lots.
    max_lots: BigInt,
    /// Highest price, in ticks; the lowest is 1.
    max_price_ticks: BigInt,
    /// Most open orders of one account in this market, stops included.
    max_open_orders: Long,
}

/// The steps in which prices and amounts go, as ccxt's `TICK_SIZE` mode has them.
#[derive(Clone, Debug, SimpleObject)]
pub struct MarketPrecision {
    /// The step of amounts: one lot.
    amount: Decimal,
    /// The step of prices: one tick.
    price: Decimal,
}

/// What trading costs: parts of what is paid, rounded down.
#[derive(Clone, Debug, SimpleObject)]
pub struct MarketFees {
    /// Of the order that rested, for example 0.001.
    maker: Decimal,
    /// Of the order that came.
    taker: Decimal,
    /// Of the seller, to the asset's revenue.
    royalty: Decimal,
    /// Of the order that rested, in parts per million.
    maker_ppm: i32,
    /// Of the order that came, in parts per million.
    taker_ppm: i32,
    /// Of the seller, in parts per million.
    royalty_ppm: i32,
}

/// The prices between which a market trades without an auction.
#[derive(Clone, Debug, SimpleObject)]
pub struct PriceBand {
    /// Lowest.
    low: Decimal,
    /// Highest.
    high: Decimal,
    /// Lowest, in ticks.
    low_ticks: BigInt,
    /// Highest, in ticks.
    high_ticks: BigInt,
}

/// Where an auction would cross now, by what the book shows.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuctionIndication {
    /// The one price.
    price: Decimal,
    /// The one price, in ticks.
    price_ticks: BigInt,
    /// What would be filled, of the base instrument.
    amount: Decimal,
    /// What would be filled, in lots.
    lots: BigInt,
    /// Lots that buyers ask for at that price beyond what sellers offer; negative where sellers offer more.
    surplus_lots: BigInt,
}

/// A market's day, as ccxt's ticker has it. Prices of fills that were reversed do not count.
#[derive(Clone, Debug, SimpleObject)]
pub struct Ticker {
    /// `base/quote`.
    symbol: String,
    /// Engine time, milliseconds.
    timestamp: Long,
    /// The highest bid.
    bid: Option<Decimal>,
    /// What is shown at the highest bid.
    bid_volume: Option<Decimal>,
    /// The lowest ask.
    ask: Option<Decimal>,
    /// What is shown at the lowest ask.
    ask_volume: Option<Decimal>,
    /// Price of the last trade; null before the first.
    last: Option<Decimal>,
    /// Price of the last trade, in ticks.
    last_ticks: Option<BigInt>,
    /// Price of the first trade of the 24 hours. This and all that follow are null without a trade in them.
    open: Option<Decimal>,
    /// Highest price.
    high: Option<Decimal>,
    /// Lowest price.
    low: Option<Decimal>,
    /// Price of the last trade of the 24 hours.
    close: Option<Decimal>,
    /// Average price, weighted by amount; rounded down.
    vwap: Option<Decimal>,
    /// What was traded, of the base instrument.
    base_volume: Decimal,
    /// What was paid, of the quote instrument.
    quote_volume: Decimal,
    /// How many trades.
    trades: Long,
}

fn ppm(parts: u32) -> Decimal {
    Decimal(decimal::write(parts.into(), 6))
}

/// Trading of a base instrument against a quote instrument, in whole lots at whole ticks.
#[Object]
impl Market {
    /// Its id in the vault, which orders sign: its true name.
    pub(super) async fn market_id(&self) -> Bytes32 {
        Bytes32(self.at.market.spec.key)
    }

    /// `base/quote`, for people: made of names, which are not unique.
    async fn symbol(&self) -> Result<String, ApiError> {
        self.written_symbol().await
    }

    /// What is traded.
    async fn kind(&self) -> MarketKind {
        self.at.market.spec.kind.into()
    }

    /// The asset whose shares or licences are traded; null where it is not indexed.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        match self.instrument(true).underlying().await? {
            Some(row) => Asset::by_key(&self.session, Pin::Head, self.chain(), row.asset_key.0).await,
            None => Ok(None),
        }
    }

    /// What is traded.
    async fn base(&self) -> Instrument {
        self.instrument(true)
    }

    /// What pays.
    async fn quote(&self) -> Instrument {
        self.instrument(false)
    }

    /// The market group: one engine, balances of its own.
    async fn group(&self) -> Long {
        Long::saturating(self.at.group.0.into())
    }

    /// The chain that it settles on.
    async fn chain_id(&self) -> ChainId {
        ChainId(self.chain())
    }

    /// What it does with orders now. Where settlement lags this is less than what the market's own state would allow.
    async fn state(&self) -> MarketState {
        self.at.state.into()
    }

    /// When its auction crosses, in milliseconds; null outside of auctions.
    async fn auction_ends_at(&self) -> Option<Long> {
        self.at.market.auction_ends_at.map(|time| Long::saturating(time.0))
    }

    /// When the traded licence series ends, in milliseconds; the market closes the settlement grace before. Null for shares and for ever.
    async fn series_ends_at(&self) -> Option<Long> {
        match self.at.market.spec.kind {
            Kind::Licence { expires_at } => expires_at.map(|time| Long::saturating(time.0)),
            Kind::Shares => None,
        }
    }

    /// Base units of the base instrument in one lot.
    async fn lot_size(&self) -> BigInt {
        self.scale().units.lot_size.0.into()
    }

    /// Base units of the quote instrument for one lot at a price of one tick.
    async fn tick_size(&self) -> BigInt {
        self.scale().units.tick_size.0.into()
    }

    /// The steps in which prices and amounts go.
    async fn precision(&self) -> MarketPrecision {
        MarketPrecision {
            amount: self.amount(Lots(1)),
            price: self.price(Ticks(1)),
        }
    }

    /// What one order may be.
    async fn limits(&self) -> OrderBounds {
        let limits = &self.at.market.spec.limits;
        OrderBounds {
            amount: DecimalRange {
                min: self.amount(limits.min_lots),
                max: self.amount(limits.max_lots),
            },
            price: DecimalRange {
                min: self.price(Ticks(1)),
                max: self.price(limits.max_price),
            },
            min_lots: limits.min_lots.0.into(),
            max_lots: limits.max_lots.0.into(),
            max_price_ticks: limits.max_price.0.into(),
            max_open_orders: Long::saturating(limits.max_open_orders.into()),
        }
    }

    /// What trading costs.
    async fn fees(&self) -> MarketFees {
        let fees = self.at.market.spec.fees;
        MarketFees {
            maker: ppm(fees.maker_ppm.0),
            taker: ppm(fees.taker_ppm.0),
            royalty: ppm(fees.royalty_ppm.0),
            maker_ppm: fees.maker_ppm.0.cast_signed(),
            taker_ppm: fees.taker_ppm.0.cast_signed(),
            royalty_ppm: fees.royalty_ppm.0.cast_signed(),
        }
    }

    /// The prices between which it trades without an auction; null where there is no band.
    async fn band(&self) -> Result<Option<PriceBand>, ApiError> {
        let group = self.session.exchange()?.group(Some(self.at.group))?;
        let id = self.at.market.id;
        let band = group
            .handle
            .read(|engine| engine.market(id).and_then(|market| market.band()));
        Ok(band.map(|(low, high)| PriceBand {
            low: self.price(low),
            high: self.price(high),
            low_ticks: low.0.into(),
            high_ticks: high.0.into(),
        }))
    }

    /// Best prices and the last 24 hours.
    #[graphql(complexity = "5 + child_complexity")]
    async fn ticker(&self) -> Result<Ticker, ApiError> {
        let (group, market) = (self.at.group, self.at.market.id);
        let (bid, ask) = {
            let look = self.session.exchange()?.group(Some(group))?.hub()?.look();
            let book = look.book(market);
            let best = |side| book.and_then(|book| book.levels.levels(side).next());
            (best(Side::Buy), best(Side::Sell))
        };
        let tables = self.session.exchange_tables().await?;
        let time = tables
            .iter()
            .find(|tables| tables.group == group)
            .map_or(0, |tables| tables.time);
        let minute = i64::try_from(time / 60_000 * 60).unwrap_or(i64::MAX);
        let stats = self.session.load(StatsOf((group, market, minute))).await?;
        let price = |of: fn(&crate::store::exchange::markets::StatsRow) -> u64| {
            stats.as_ref().map(|stats| self.price(Ticks(of(stats))))
        };
        let (lots, quote) = stats
            .as_ref()
            .map_or((0, 0), |stats| (stats.lots.small(), stats.quote.0));
        let base = self.scale().units.base(Lots(lots));
        Ok(Ticker {
            symbol: self.written_symbol().await?,
            timestamp: Long::saturating(self.at.time.0),
            bid: bid.map(|(price, _)| self.price(price)),
            bid_volume: bid.map(|(_, lots)| self.amount(lots)),
            ask: ask.map(|(price, _)| self.price(price)),
            ask_volume: ask.map(|(_, lots)| self.amount(lots)),
            last: self.at.market.last_price.map(|last| self.price(last)),
            last_ticks: self.at.market.last_price.map(|last| last.0.into()),
            open: price(|stats| stats.open.small()),
            high: price(|stats| stats.high.small()),
            low: price(|stats| stats.low.small()),
            close: price(|stats| stats.close.small()),
            vwap: self
                .scale()
                .average(Amount(quote), base.unwrap_or_default())
                .map(Decimal),
            base_volume: self.written(base, self.scale().base),
            quote_volume: self.written(Some(Amount(quote)), self.scale().quote),
            trades: stats.map_or(Long(0), |stats| Long(stats.fills)),
        })
    }

    /// Where its auction would cross now; null where it holds none, or nothing would be filled.
    #[graphql(complexity = 5)]
    async fn auction(&self) -> Result<Option<AuctionIndication>, ApiError> {
        if !matches!(
            self.at.state,
            souk_schema::exchange::MarketState::PreOpen | souk_schema::exchange::MarketState::Auction
        ) {
            return Ok(None);
        }
        let look = self.session.exchange()?.group(Some(self.at.group))?.hub()?.look();
        let spec = &self.at.market.spec;
        let last = self.at.market.last_price.unwrap_or(spec.reference_price);
        let found = look
            .book(self.at.market.id)
            .and_then(|book| auction::indication(&book.levels, last));
        Ok(found.map(|found| AuctionIndication {
            price: self.price(found.price),
            price_ticks: found.price.0.into(),
            amount: self.amount(found.lots),
            lots: found.lots.0.into(),
            surplus_lots: found.surplus.into(),
        }))
    }

    /// Its book.
    #[graphql(complexity = "depth.cost(child_complexity)")]
    async fn order_book(
        &self,
        #[graphql(desc = "How many levels of each side.", default_with = "BookDepth::Ten")] depth: BookDepth,
    ) -> Result<OrderBook, ApiError> {
        OrderBook::of(&self.session, &self.at, depth)
    }

    /// Its trades, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn trades(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Trade>, ApiError> {
        self.session.exchange_tables().await?;
        let list = TradesOf(scope(self.at.group, Vec::new(), self.at.market.id.0.into(), 0));
        let (group, scale) = (self.at.group, self.at.scale);
        let page = PageArguments {
            first,
            last,
            after,
            before,
        };
        Connection::of(&self.session, page, list, move |row| Trade::of_row(group, &scale, &row)).await
    }

    /// Its candles that begin in a stretch of time, oldest first; stretches without a trade have none.
    #[graphql(complexity = "20 + 5 * child_complexity")]
    async fn candles(
        &self,
        #[graphql(desc = "How long a candle is.")] interval: CandleInterval,
        #[graphql(desc = "Begin with this Unix time in seconds; without it as far back as `limit` reaches.")]
        from: Option<Long>,
        #[graphql(desc = "End before this Unix time in seconds; without it with the newest.")] to: Option<Long>,
        #[graphql(desc = "The newest so many, from 1 to 1000.", default = 200)] limit: i32,
    ) -> Result<Vec<Candle>, ApiError> {
        if !(1..=1_000).contains(&limit) {
            return Err(ApiError::input(format!(
                "{limit} candles are not possible: ask for 1 to 1000"
            )));
        }
        self.session.exchange_tables().await?;
        let bounds = (
            from.map_or(0, |Long(from)| from.unsigned_abs()),
            to.map_or(u64::MAX, |Long(to)| to.unsigned_abs()),
        );
        let rows = {
            let mut transaction = self.session.reader().await?.transaction().await;
            let (group, market) = (self.at.group, self.at.market.id);
            let limit = limit.unsigned_abs();
            souk_ledger::read::candles(&mut **transaction, group, market, interval.into(), bounds, limit).await?
        };
        Ok(rows
            .iter()
            .map(|row| Candle::new(&self.at.scale, interval, row))
            .collect())
    }
}
