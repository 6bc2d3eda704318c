//! Fills of an account, and how far each is settled.

use async_graphql::{Enum, Object};
use souk_schema::exchange::event::{BustCause, Fill as Matched};
use souk_schema::exchange::{AccountId, Amount, FillNumber, GroupId, Lots, MarketId, Side as Book, Ticks};

use super::book::written;
use super::kinds::{FillBustCause, FillState, Side, SkipReason};
use super::market::Market;
use super::order::Fee;
use crate::error::ApiError;
use crate::exchange::{MarketAt, decimal, view::FillNews};
use crate::scalars::{BigInt, Bytes32, Decimal, FillId, Long, OrderId};
use crate::session::Session;
use crate::store::exchange::fills::FillRow;

/// Which part an account's order had in a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum TakerOrMaker {
    /// It came to the book.
    Taker,
    /// It stood in the book.
    Maker,
}

/// One account's side of a fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnSide {
    pub(super) number: FillNumber,
    pub(super) market: MarketId,
    pub(super) order: u64,
    pub(super) buys: bool,
    pub(super) took: bool,
    pub(super) time: u64,
    pub(super) price: Ticks,
    pub(super) lots: Lots,
    pub(super) quote: Amount,
    pub(super) fee: Amount,
    pub(super) state: FillState,
    pub(super) bust: Option<(FillBustCause, Option<SkipReason>)>,
    pub(super) transaction: Option<Bytes32>,
    pub(super) block: Option<u64>,
}

/// A fill as an account sees it.
#[derive(Clone)]
pub struct Fill {
    session: Session,
    at: MarketAt,
    side: OwnSide,
}

impl OwnSide {
    /// Of a row of the tables.
    pub(super) fn of_row(row: &FillRow) -> Result<OwnSide, ApiError> {
        let royalty = if row.buys { 0 } else { row.royalty.0 };
        let bust = match row.bust_cause.as_deref() {
            None => None,
            Some("skipped") => {
                let reason = row.bust_reason.and_then(|reason| u8::try_from(reason).ok());
                Some((FillBustCause::Skipped, reason.and_then(SkipReason::from_number)))
            }
            Some("escape") => Some((FillBustCause::Escape, None)),
            Some(_) => Some((FillBustCause::Uncovered, None)),
        };
        let state = match (bust, row.settled, row.transaction_hash, row.block_number) {
            (Some(_), ..) => FillState::Busted,
            (None, true, ..) => FillState::Final,
            (None, false, Some(_), Some(_)) => FillState::Settled,
            (None, false, Some(_), None) => FillState::Submitted,
            (None, false, None, _) => FillState::Matched,
        };
        Ok(OwnSide {
            number: row.number(),
            market: MarketId(u32::try_from(row.market).map_err(ApiError::internal)?),
            order: row.own_order.unsigned_abs(),
            buys: row.buys,
            took: (row.taker == 0) == row.buys,
            time: row.time.unsigned_abs(),
            price: Ticks(row.price.small()),
            lots: Lots(row.lots.small()),
            quote: Amount(row.quote.0),
            fee: Amount(row.fee.0.saturating_add(royalty)),
            state,
            bust,
            transaction: row.transaction_hash,
            block: row.block_number.map(i64::unsigned_abs),
        })
    }

    /// Of what a command just did. `matched_at` is the engine time of the match.
    pub(super) fn of_news(fill: &Matched, account: AccountId, matched_at: u64, news: FillNews) -> OwnSide {
        let buys = fill.buyer.account == account;
        let (own, royalty) = if buys {
            (&fill.buyer, Amount::ZERO)
        } else {
            (&fill.seller, fill.royalty)
        };
        let bust = match news {
            FillNews::Busted(cause) => {
                let reason = match cause {
                    BustCause::Skipped { reason } => SkipReason::from_number(reason),
                    BustCause::Uncovered | BustCause::Escape => None,
                };
                Some((cause.into(), reason))
            }
            FillNews::Matched | FillNews::Final | FillNews::Reinstated | FillNews::Unsettled => None,
        };
        OwnSide {
            number: fill.number,
            market: fill.market,
            order: own.order.0,
            buys,
            took: (fill.taker == Book::Buy) == buys,
            time: matched_at,
            price: fill.price,
            lots: fill.lots,
            quote: fill.quote,
            fee: Amount(own.fee.0.saturating_add(royalty.0)),
            state: match news {
                FillNews::Matched | FillNews::Unsettled => FillState::Matched,
                FillNews::Final | FillNews::Reinstated => FillState::Final,
                FillNews::Busted(_) => FillState::Busted,
            },
            bust,
            transaction: None,
            block: None,
        }
    }
}

impl Fill {
    /// A fill of the request's exchange.
    pub(super) fn new(session: &Session, group: GroupId, side: OwnSide) -> Result<Fill, ApiError> {
        Ok(Fill {
            session: session.clone(),
            at: session.exchange()?.market_at(group, side.market)?,
            side,
        })
    }
}

/// A fill as an account sees it: its own side, and how far it is settled.
#[Object]
impl Fill {
    /// The fill.
    async fn fill_id(&self) -> FillId {
        FillId(self.at.group, self.side.number)
    }

    /// The account's order.
    async fn order_id(&self) -> OrderId {
        OrderId(self.at.group, souk_schema::exchange::OrderId(self.side.order))
    }

    /// Where.
    async fn market(&self) -> Market {
        Market::new(&self.session, self.at.clone())
    }

    /// `base/quote` of its market.
    async fn symbol(&self) -> Result<String, ApiError> {
        Market::new(&self.session, self.at.clone()).written_symbol().await
    }

    /// Engine time of the match, milliseconds.
    async fn timestamp(&self) -> Long {
        Long::saturating(self.side.time)
    }

    /// The account's side.
    async fn side(&self) -> Side {
        if self.side.buys { Side::Buy } else { Side::Sell }
    }

    /// Whether the account's order came to the book or stood in it.
    async fn taker_or_maker(&self) -> TakerOrMaker {
        if self.side.took {
            TakerOrMaker::Taker
        } else {
            TakerOrMaker::Maker
        }
    }

    /// The price.
    async fn price(&self) -> Decimal {
        Decimal(self.at.scale.price(self.side.price))
    }

    /// How much, of the base instrument.
    async fn amount(&self) -> Decimal {
        written(&self.at.scale, self.side.price, self.side.lots).1
    }

    /// What it cost, of the quote instrument.
    async fn cost(&self) -> Decimal {
        Decimal(decimal::write(self.side.quote.0, self.at.scale.quote))
    }

    /// What the account pays beside the price, a seller's royalty included.
    async fn fee(&self) -> Result<Fee, ApiError> {
        Fee::of(&self.session, &self.at, self.side.fee)
    }

    /// The price, in ticks.
    async fn price_ticks(&self) -> BigInt {
        self.side.price.0.into()
    }

    /// How much, in lots.
    async fn lots(&self) -> BigInt {
        self.side.lots.0.into()
    }

    /// How far it has come.
    async fn state(&self) -> FillState {
        self.side.state
    }

    /// The transaction that settles it; null before one was sent.
    async fn transaction_hash(&self) -> Option<Bytes32> {
        self.side.transaction
    }

    /// The block that has the transaction; null before.
    async fn block_number(&self) -> Option<Long> {
        self.side.block.map(Long::saturating)
    }

    /// Why it was reversed; null where it was not.
    async fn bust_cause(&self) -> Option<FillBustCause> {
        self.side.bust.map(|(cause, _)| cause)
    }

    /// The vault's reason, where it skipped the fill.
    async fn bust_reason(&self) -> Option<SkipReason> {
        self.side.bust.and_then(|(_, reason)| reason)
    }
}
