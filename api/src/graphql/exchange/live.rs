//! What happens on the exchange from now on: books, trades, candles for everybody; orders, fills, balances for those whose they are.
//!
//! Every subscription begins with a snapshot, or with what was missed since `resumeFrom` where that is still kept; then come messages that are
//! numbered by the command that caused them and linked to the one before. Public ones are rendered once for all who ask the same: see
//! [`crate::shared`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, SimpleObject, Subscription};
use async_stream::stream;
use futures::Stream;
use souk_schema::exchange::{AccountId, CommandNumber, FillNumber};
use tokio::sync::broadcast::error::RecvError;

use super::super::extension::Execution;
use super::balance::{ExchangeBalance, balances_of};
use super::book::{BookDepth, OrderBookMessage};
use super::fill::{Fill, OwnSide};
use super::input;
use super::kinds::{CandleInterval, FillState};
use super::order::Order;
use super::trade::{Candle, Trade};
use crate::auth::caller::Caller;
use crate::auth::sessions::Viewer;
use crate::error::{ApiError, ErrorCode};
use crate::exchange::view::{Change, FillNews};
use crate::exchange::{Exchange, Group, MarketAt, not_running};
use crate::feed::{Feed, Subject};
use crate::scalars::{Bytes32, Long};
use crate::session::{Session, Sources};
use crate::shared::Part;
use crate::store::Reader;
use crate::store::exchange::{fills, groups, scope};
use crate::store::listing::{Page, pages};

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

/// What a command changed in the account's orders.
#[derive(SimpleObject)]
pub struct OrdersMessage {
    /// Whether this begins anew: all open orders, and what the client held before is void.
    snapshot: bool,
    /// Number of the command. Pass that of the last message as `resumeFrom` after a lost connection.
    sequence: Long,
    /// That of the message before this one; the same as `sequence` for a snapshot.
    prev_sequence: Long,
    /// Orders that changed, as they are after the command.
    orders: Vec<Order>,
}

/// What became of the account's fills.
#[derive(SimpleObject)]
pub struct FillsMessage {
    /// Whether this begins anew: all fills that are not settled for good.
    snapshot: bool,
    /// Number of the command. Where only the chain's news came, that of the message before.
    sequence: Long,
    /// That of the message before this one; the same as `sequence` for a snapshot.
    prev_sequence: Long,
    /// Fills that are new, or came further: matched, submitted, settled, final, or busted.
    fills: Vec<Fill>,
}

/// The account's balances after a command that changed them.
#[derive(SimpleObject)]
pub struct BalancesMessage {
    /// Whether this begins anew.
    snapshot: bool,
    /// Number of the last command that they count.
    sequence: Long,
    /// That of the message before this one; the same as `sequence` for a snapshot.
    prev_sequence: Long,
    /// All balances of the account in the group; an instrument that is missing is one of which it has nothing.
    balances: Vec<ExchangeBalance>,
}

/// How often the chain's news of fills is looked for while some are under way.
const CHAIN_NEWS: Duration = Duration::from_millis(500);

/// Candles come at most so often.
const CANDLE_PAUSE: Duration = Duration::from_millis(250);

/// Why a reader is left behind.
fn left(error: RecvError) -> ApiError {
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
struct Following {
    execution: Execution,
    exchange: Exchange,
    sources: Sources,
}

impl Following {
    fn of(ctx: &Context<'_>) -> Result<Following, ApiError> {
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
        let at = self.exchange.market_at(group.handle.group(), view.id);
        let at = at.ok_or_else(|| ApiError::internal("a market without a group"))?;
        Ok((group.clone(), at))
    }

    /// Notes what the next message is of.
    fn told(&self, group: &Group, sequence: u64) {
        self.execution.set_sequence(sequence);
        self.execution.set_exchange(async_graphql::value!([{
            "group": group.handle.group().0,
            "command": sequence,
        }]));
    }

    fn session(&self) -> Session {
        Session::new(self.sources.clone())
    }
}

/// An account that follows a group.
struct OwnFollowing {
    following: Following,
    caller: Caller,
    group: Arc<Group>,
    viewer: Viewer,
}

impl OwnFollowing {
    fn of(ctx: &Context<'_>, group: Option<Long>) -> Result<OwnFollowing, ApiError> {
        let following = Following::of(ctx)?;
        let caller = Caller::of(ctx).clone();
        let viewer = caller.viewer(&following.exchange)?;
        let group = following.exchange.group(input::group(group)?)?.clone();
        Ok(OwnFollowing {
            following,
            caller,
            group,
            viewer,
        })
    }

    /// Sessions end: a subscription ends with its own.
    fn check(&self) -> Result<(), ApiError> {
        self.caller.viewer(&self.following.exchange).map(drop)
    }

    fn account(&self) -> Option<AccountId> {
        self.group.hub().ok()?.look().account(self.viewer.account)
    }

    fn told(&self, sequence: u64) {
        self.following.told(&self.group, sequence);
    }

    fn orders(&self, change: &Change, previous: u64) -> Result<Option<OrdersMessage>, ApiError> {
        self.check()?;
        let session = self.following.session();
        let own = change
            .orders
            .values()
            .filter(|order| order.account == self.viewer.account);
        let orders: Vec<Order> = own
            .map(|order| Order::new(&session, order.clone()))
            .collect::<Result<_, _>>()?;
        Ok((!orders.is_empty()).then_some(OrdersMessage {
            snapshot: false,
            sequence: Long::saturating(change.number.0),
            prev_sequence: Long::saturating(previous),
            orders,
        }))
    }

    fn balances(&self, snapshot: bool, previous: Option<u64>) -> Result<BalancesMessage, ApiError> {
        self.check()?;
        let (number, balances) = balances_of(&self.following.session(), &self.group, self.viewer.account)?;
        Ok(BalancesMessage {
            snapshot,
            sequence: Long::saturating(number),
            prev_sequence: Long::saturating(previous.unwrap_or(number)),
            balances,
        })
    }

    /// The account's sides of fills that a change tells of.
    fn sides(&self, change: &Change) -> Vec<OwnSide> {
        let Some(account) = self.account() else {
            return Vec::new();
        };
        let own = change
            .fills
            .iter()
            .filter(|told| told.fill.buyer.account == account || told.fill.seller.account == account);
        own.map(|told| OwnSide::of_news(&told.fill, account, told.matched_at.0, told.news))
            .collect()
    }

    /// What the tables know of fills from a number on, by number.
    async fn from_tables(&self, from: FillNumber) -> Result<Vec<OwnSide>, ApiError> {
        let reader = Reader::begin(&self.following.sources.pool).await?;
        let list = fills::FillsFrom(scope(
            self.group.handle.group(),
            self.viewer.account.to_vec(),
            i64::try_from(from.0).unwrap_or(i64::MAX),
            0,
        ));
        let page = Page {
            backward: false,
            size: 500,
            after: None,
            before: None,
        };
        let found = pages(&reader, &[(list, page)]).await?;
        let rows = found.into_values().flat_map(|rows| rows.rows);
        rows.map(|(_, row)| OwnSide::of_row(&row)).collect()
    }

    fn fills(
        &self,
        snapshot: bool,
        (sequence, previous): (u64, u64),
        sides: impl IntoIterator<Item = OwnSide>,
    ) -> Result<FillsMessage, ApiError> {
        self.check()?;
        let session = self.following.session();
        let group = self.group.handle.group();
        let fills = sides.into_iter().map(|side| Fill::new(&session, group, side));
        Ok(FillsMessage {
            snapshot,
            sequence: Long::saturating(sequence),
            prev_sequence: Long::saturating(previous),
            fills: fills.collect::<Result<_, _>>()?,
        })
    }
}

/// Fills that are under way, as they were told last.
#[derive(Default)]
struct UnderWay(BTreeMap<FillNumber, OwnSide>);

impl UnderWay {
    fn note(&mut self, side: &OwnSide) {
        if matches!(side.state, FillState::Final | FillState::Busted) {
            self.0.remove(&side.number);
        } else {
            self.0.insert(side.number, side.clone());
        }
    }

    /// Of what the tables say, that which is the chain's news of fills under way. What the engine decides comes by its own events.
    fn news(&mut self, found: Vec<OwnSide>) -> Vec<OwnSide> {
        let mut news = Vec::new();
        for side in found {
            let told = self.0.get(&side.number);
            let other = told.is_some_and(|told| {
                (told.state, told.transaction, told.block) != (side.state, side.transaction, side.block)
            });
            if other && !matches!(side.state, FillState::Final | FillState::Busted) {
                self.note(&side);
                news.push(side);
            }
        }
        news
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
            while part != Part::Beginning {
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
            while part != Part::Beginning {
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

    /// The account's orders in a group: all open ones first, then those that a command changed. Needs a session.
    #[graphql(complexity = "10 + child_complexity")]
    async fn my_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
        #[graphql(
            desc = "Go on after the message with this sequence: where it is still kept without a snapshot, else with one."
        )]
        resume_from: Option<Long>,
    ) -> Result<impl Stream<Item = Result<OrdersMessage, ApiError>> + use<>, ApiError> {
        let own = OwnFollowing::of(ctx, group)?;
        let after = resume_from.map(|Long(sequence)| CommandNumber(sequence.unsigned_abs()));
        let listening = own.group.hub()?.listen_account(own.viewer.account, after);
        Ok(stream! {
            let mut coming = listening.coming;
            let mut previous = after.unwrap_or(listening.sequence).0;
            let missed = match listening.missed {
                Some(missed) => missed,
                None => {
                    previous = listening.sequence.0;
                    own.told(previous);
                    let session = own.following.session();
                    let orders: Result<Vec<Order>, ApiError> =
                        listening.orders.into_iter().map(|order| Order::new(&session, order)).collect();
                    yield orders.map(|orders| OrdersMessage {
                        snapshot: true,
                        sequence: Long::saturating(previous),
                        prev_sequence: Long::saturating(previous),
                        orders,
                    });
                    Vec::new()
                }
            };
            let mut missed = missed.into_iter();
            loop {
                let change = match missed.next() {
                    Some(change) => Ok(change),
                    None => coming.recv().await.map_err(left),
                };
                match change.and_then(|change| Ok((change.number.0, own.orders(&change, previous)?))) {
                    Ok((number, Some(message))) => {
                        previous = number;
                        own.told(number);
                        yield Ok(message);
                    }
                    Ok((_, None)) => {}
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                }
            }
        })
    }

    /// What becomes of the account's fills in a group, from the match to the settlement that is final: all that are under way first. Needs a
    /// session.
    #[graphql(complexity = "10 + child_complexity")]
    async fn my_fills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
        #[graphql(
            desc = "Go on after the message with this sequence: where it is still kept without a snapshot, else with one."
        )]
        resume_from: Option<Long>,
    ) -> Result<impl Stream<Item = Result<FillsMessage, ApiError>> + use<>, ApiError> {
        let own = OwnFollowing::of(ctx, group)?;
        let after = resume_from.map(|Long(sequence)| CommandNumber(sequence.unsigned_abs()));
        let listening = own.group.hub()?.listen_account(own.viewer.account, after);
        Ok(stream! {
            let mut coming = listening.coming;
            let mut previous = after.unwrap_or(listening.sequence).0;
            let mut under_way = UnderWay::default();
            let account = own.account();
            let open: Vec<OwnSide> = listening.fills.iter().filter_map(|open| {
                let news = open.busted.map_or(FillNews::Matched, FillNews::Busted);
                Some(OwnSide::of_news(&open.fill, account?, open.matched_at.0, news))
            }).collect();
            open.iter().for_each(|side| under_way.note(side));
            let missed = match listening.missed {
                Some(missed) => missed,
                None => {
                    previous = listening.sequence.0;
                    own.told(previous);
                    yield own.fills(true, (previous, previous), open);
                    Vec::new()
                }
            };
            let mut missed = missed.into_iter();
            loop {
                let change = match missed.next() {
                    Some(change) => Some(Ok(change)),
                    None => tokio::select! {
                        change = coming.recv() => Some(change.map_err(left)),
                        () = tokio::time::sleep(CHAIN_NEWS), if !under_way.0.is_empty() => None,
                    },
                };
                let told = match change {
                    Some(Ok(change)) => Ok((change.number.0, own.sides(&change))),
                    Some(Err(error)) => Err(error),
                    None => {
                        let oldest = under_way.0.keys().next().copied().unwrap_or_default();
                        own.from_tables(oldest).await.map(|found| (previous, under_way.news(found)))
                    }
                };
                match told {
                    Ok((_, sides)) if sides.is_empty() => {}
                    Ok((number, sides)) => {
                        sides.iter().for_each(|side| under_way.note(side));
                        let message = own.fills(false, (number, previous), sides);
                        previous = number;
                        own.told(number);
                        let failed = message.is_err();
                        yield message;
                        if failed {
                            break;
                        }
                    }
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                }
            }
        })
    }

    /// The account's balances in a group: now, and after each command that changes them. Needs a session.
    #[graphql(complexity = "10 + child_complexity")]
    async fn my_balances(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
        #[graphql(desc = "The sequence of the last message: where nothing changed since, there is no snapshot.")]
        resume_from: Option<Long>,
    ) -> Result<impl Stream<Item = Result<BalancesMessage, ApiError>> + use<>, ApiError> {
        let own = OwnFollowing::of(ctx, group)?;
        let after = resume_from.map(|Long(sequence)| CommandNumber(sequence.unsigned_abs()));
        let listening = own.group.hub()?.listen_account(own.viewer.account, after);
        Ok(stream! {
            let mut coming = listening.coming;
            let mut previous = after.unwrap_or(listening.sequence).0;
            // Balances are told whole, so what was missed is told by the newest alone.
            let beginning = match &listening.missed {
                Some(missed) if missed.is_empty() => None,
                Some(_) => Some(own.balances(false, Some(previous))),
                None => Some(own.balances(true, None)),
            };
            if let Some(message) = beginning {
                if let Ok(message) = &message {
                    previous = message.sequence.0.unsigned_abs();
                    own.told(previous);
                }
                let failed = message.is_err();
                yield message;
                if failed {
                    return;
                }
            }
            loop {
                let change = match coming.recv().await {
                    Ok(change) => change,
                    Err(error) => {
                        yield Err(left(error));
                        break;
                    }
                };
                // What came with a later look at the engine is told already.
                let touched = own.account().is_some_and(|account| change.balances.contains(&account));
                if !touched || change.number.0 <= previous {
                    continue;
                }
                let message = own.balances(false, Some(previous));
                if let Ok(message) = &message {
                    previous = message.sequence.0.unsigned_abs();
                    own.told(previous);
                }
                let failed = message.is_err();
                yield message;
                if failed {
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
