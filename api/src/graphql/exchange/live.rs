//! What happens on the exchange from now on, for everybody: books, trades, candles. [`super::own`] has what is an account's own.
//!
//! Every subscription begins with a snapshot, or with what was missed since `resumeFrom` where that is still kept; then come messages that are
//! numbered by the command that caused them and linked to the one before. Public ones are rendered once for all who ask the same: see
//! [`crate::shared`].

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, SimpleObject, Subscription};
use async_stream::stream;
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::super::extension::Execution;
use super::book::{BookDepth, OrderBookMessage};
use super::kinds::CandleInterval;
use super::trade::{Candle, Trade};
use crate::error::{ApiError, ErrorCode};
use crate::exchange::{Exchange, Group, MarketAt, not_running};
use crate::feed::{Feed, Subject};
use crate::scalars::{Bytes32, Long};
use crate::session::{Session, Sources};
use crate::shared::Part;
use crate::store::Reader;
use crate::store::exchange::groups;

/// What was traded in a market by one command.
#[derive(SimpleObject)]
pub struct TradesMessage {
    /// The market.
    market_id: Bytes32,
    /// Whether this begins anew: the newest trades that are kept, older ones are found with `Market.trades`.
    snapshot: bool,
    /// Number of the command. Pass that of the last message as `resumeFrom` after a lost connection.
    sequence: Long,
    /// That of the message before this one; the same as `sequence` for a snapshot.
    prev_sequence: Long,
    /// In order. A trade that was told before comes again where it was reversed, or reinstated.
    trades: Vec<Trade>,
}

/// Candles of a market that are new or other.
#[derive(SimpleObject)]
pub struct CandlesMessage {
    /// The market.
    market_id: Bytes32,
    /// Whether this is the beginning: the newest two candles.
    snapshot: bool,
    /// Number of the last command that they count.
    sequence: Long,
    /// Oldest first. A bust may change older ones too; those are not told.
    candles: Vec<Candle>,
}

/// Candles come at most so often.
const CANDLE_PAUSE: Duration = Duration::from_millis(250);

/// Why a reader is left behind.
pub(super) fn left(error: RecvError) -> ApiError {
    match error {
        RecvError::Lagged(missed) => ApiError::new(
            ErrorCode::SlowConsumer,
            format!("{missed} messages were not read in time: subscribe again with `resumeFrom`"),
        ),
        RecvError::Closed => ApiError::new(
            ErrorCode::Unavailable,
            "the exchange's readers begin anew: subscribe again",
        ),
    }
}

/// What a subscription of the exchange needs.
pub(super) struct Following {
    execution: Execution,
    pub(super) exchange: Exchange,
    pub(super) sources: Sources,
}

impl Following {
    pub(super) fn of(ctx: &Context<'_>) -> Result<Following, ApiError> {
        let execution = ctx.data_unchecked::<Execution>().clone();
        let sources = execution.engine().sources().clone();
        let exchange = sources.exchange.clone().ok_or_else(not_running)?;
        Ok(Following {
            execution,
            exchange,
            sources,
        })
    }

    fn market(&self, market: Bytes32) -> Result<(Arc<Group>, MarketAt), ApiError> {
        let (group, view) = self.exchange.group_of(market.0)?;
        let at = self.exchange.market_at(group.handle.group(), view.id)?;
        Ok((group.clone(), at))
    }

    /// Notes what the next message is of.
    pub(super) fn told(&self, group: &Group, sequence: u64) {
        self.execution.set_sequence(sequence);
        self.execution.set_exchange(async_graphql::value!([{
            "group": group.handle.group().0,
            "command": sequence,
        }]));
    }

    pub(super) fn session(&self) -> Session {
        Session::new(self.sources.clone())
    }
}

/// What happens on the exchange from now on.
#[derive(Default)]
pub struct ExchangeSubscriptions;

/// What happens on the exchange from now on.
#[Subscription]
impl ExchangeSubscriptions {
    /// A market's book: a snapshot first, then what changes.
    #[graphql(complexity = "10 + child_complexity")]
    async fn order_book(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market's id in the vault.")] market: Bytes32,
        #[graphql(desc = "How many levels of each side.", default_with = "BookDepth::Ten")] depth: BookDepth,
        #[graphql(
            desc = "Go on after the message with this sequence: where it is still kept without a snapshot, else with one."
        )]
        resume_from: Option<Long>,
    ) -> Result<impl Stream<Item = Result<OrderBookMessage, ApiError>> + use<>, ApiError> {
        let following = Following::of(ctx)?;
        let (group, at) = following.market(market)?;
        let after = resume_from.map(|Long(sequence)| sequence.unsigned_abs());
        let book = group.hub()?.listen_book(at.market.id, depth.levels(), after);
        let book = book.ok_or_else(|| ApiError::internal("a market without a book"))?;
        let part = following.execution.part();
        following.execution.set_listening();
        following.execution.set_sequence(book.listening.sequence);
        Ok(stream! {
            let mut coming = book.listening.coming;
            if part != Part::Rest {
                match book.listening.missed {
                    Some(missed) => {
                        for message in missed {
                            following.told(&group, message.sequence);
                            yield Ok(OrderBookMessage::changes(&at, &message));
                        }
                    }
                    None => {
                        following.told(&group, book.listening.sequence);
                        yield Ok(OrderBookMessage::whole(&at, &book.held, book.listening.sequence, book.time.0));
                    }
                }
            }
            if part == Part::Beginning {
                return;
            }
            loop {
                match coming.recv().await {
                    Ok(message) => {
                        following.told(&group, message.sequence);
                        yield Ok(OrderBookMessage::changes(&at, &message));
                    }
                    Err(error) => {
                        yield Err(left(error));
                        break;
                    }
                }
            }
        })
    }

    /// A market's trades: those that are still kept first, then each as it happens.
    #[graphql(complexity = "10 + child_complexity")]
    async fn trades(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market's id in the vault.")] market: Bytes32,
        #[graphql(
            desc = "Go on after the message with this sequence: where it is still kept without a snapshot, else with one."
        )]
        resume_from: Option<Long>,
    ) -> Result<impl Stream<Item = Result<TradesMessage, ApiError>> + use<>, ApiError> {
        let following = Following::of(ctx)?;
        let (group, at) = following.market(market)?;
        let after = resume_from.map(|Long(sequence)| sequence.unsigned_abs());
        let trades = group.hub()?.listen_trades(at.market.id, after);
        let (recent, listening) = trades.ok_or_else(|| ApiError::internal("a market without trades"))?;
        let part = following.execution.part();
        following.execution.set_listening();
        following.execution.set_sequence(listening.sequence);
        let message = move |at: &MarketAt, snapshot, (sequence, previous): (u64, u64), trades: &[_]| TradesMessage {
            market_id: market,
            snapshot,
            sequence: Long::saturating(sequence),
            prev_sequence: Long::saturating(previous),
            trades: trades
                .iter()
                .map(|trade| Trade::of_live(at.group, &at.scale, trade))
                .collect(),
        };
        Ok(stream! {
            let mut coming = listening.coming;
            if part != Part::Rest {
                match listening.missed {
                    Some(missed) => {
                        for told in missed {
                            following.told(&group, told.sequence);
                            yield Ok(message(&at, false, (told.sequence, told.previous), &told.trades));
                        }
                    }
                    None => {
                        following.told(&group, listening.sequence);
                        yield Ok(message(&at, true, (listening.sequence, listening.sequence), &recent));
                    }
                }
            }
            if part == Part::Beginning {
                return;
            }
            loop {
                match coming.recv().await {
                    Ok(told) => {
                        following.told(&group, told.sequence);
                        yield Ok(message(&at, false, (told.sequence, told.previous), &told.trades));
                    }
                    Err(error) => {
                        yield Err(left(error));
                        break;
                    }
                }
            }
        })
    }

    /// A market's newest candles: two first, then those that change, a few times a second at most. What was missed is found with
    /// `Market.candles`.
    #[graphql(complexity = "10 + child_complexity")]
    async fn candles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market's id in the vault.")] market: Bytes32,
        #[graphql(desc = "How long a candle is.")] interval: CandleInterval,
    ) -> Result<impl Stream<Item = Result<CandlesMessage, ApiError>> + use<>, ApiError> {
        let following = Following::of(ctx)?;
        let (group, at) = following.market(market)?;
        let mut changes = ctx.data_unchecked::<Feed>().changes(Subject::Group(at.group));
        let feed = ctx.data_unchecked::<Feed>().clone();
        let part = following.execution.part();
        following.execution.set_listening();
        Ok(stream! {
            let mut told: Option<Vec<Candle>> = None;
            loop {
                let turn = feed.turn().await;
                let newest = newest_candles(&following.sources, &at, interval).await;
                drop(turn);
                let (sequence, candles) = match newest {
                    Ok(newest) => newest,
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                };
                let before = told.replace(candles.clone());
                let snapshot = before.is_none();
                let before = before.unwrap_or_default();
                let candles: Vec<Candle> = candles.into_iter().filter(|candle| !before.contains(candle)).collect();
                following.told(&group, sequence);
                if (snapshot && part != Part::Rest) || (!snapshot && !candles.is_empty()) {
                    yield Ok(CandlesMessage {
                        market_id: market,
                        snapshot,
                        sequence: Long::saturating(sequence),
                        candles,
                    });
                }
                if part == Part::Beginning {
                    break;
                }
                tokio::time::sleep(CANDLE_PAUSE).await;
                if !changes.wait().await {
                    break;
                }
            }
        })
    }
}

/// The newest two candles of a market, and the last command that they count.
async fn newest_candles(
    sources: &Sources,
    at: &MarketAt,
    interval: CandleInterval,
) -> Result<(u64, Vec<Candle>), ApiError> {
    let reader = Reader::begin(&sources.pool).await?;
    let tables = groups::tables(&reader).await?;
    let command = tables
        .iter()
        .find(|tables| tables.group == at.group)
        .map_or(0, |tables| tables.command.0);
    let mut transaction = reader.transaction().await;
    let bounds = (0, u64::MAX);
    let rows =
        souk_ledger::read::candles(&mut **transaction, at.group, at.market.id, interval.into(), bounds, 2).await?;
    Ok((
        command,
        rows.iter().map(|row| Candle::new(&at.scale, interval, row)).collect(),
    ))
}
