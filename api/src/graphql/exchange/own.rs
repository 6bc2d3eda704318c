//! What an account follows of its own: orders, fills to their settlement, balances. Begins and resumes as [`super::live`] does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, SimpleObject, Subscription};
use async_stream::stream;
use futures::Stream;
use souk_schema::exchange::{AccountId, CommandNumber, FillNumber};

use super::balance::{ExchangeBalance, balances_of};
use super::fill::{Fill, OwnSide};
use super::input;
use super::kinds::FillState;
use super::live::{Following, left};
use super::order::Order;
use crate::auth::caller::Caller;
use crate::auth::sessions::Viewer;
use crate::error::ApiError;
use crate::exchange::Group;
use crate::exchange::view::{Change, FillNews};
use crate::scalars::Long;
use crate::store::Reader;
use crate::store::exchange::{fills, scope};
use crate::store::listing::{Page, pages};

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

    /// What the tables know of the account's fills from one to another, by number.
    async fn known_to_tables(&self, from: FillNumber, to: FillNumber) -> Result<Vec<OwnSide>, ApiError> {
        const AT_ONCE: i64 = 500;
        let reader = Reader::begin(&self.following.sources.pool).await?;
        let (mut known, mut next) = (Vec::new(), from.0);
        loop {
            let list = fills::FillsFrom(scope(
                self.group.handle.group(),
                self.viewer.account.to_vec(),
                i64::try_from(next).unwrap_or(i64::MAX),
                0,
            ));
            let page = Page {
                backward: false,
                size: AT_ONCE,
                after: None,
                before: None,
            };
            let found = pages(&reader, &[(list, page)]).await?;
            let rows = found.into_values().flat_map(|rows| rows.rows);
            let sides: Vec<OwnSide> = rows.map(|(_, row)| OwnSide::of_row(&row)).collect::<Result<_, _>>()?;
            let is_last = (sides.len() as i64) < AT_ONCE;
            let last = sides.last().map(|side| side.number);
            known.extend(sides);
            match last {
                Some(last) if !is_last && last < to => next = last.0.saturating_add(1),
                _ => return Ok(known),
            }
        }
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

    /// The oldest and the newest of them.
    fn span(&self) -> (FillNumber, FillNumber) {
        let number = |found: Option<(&FillNumber, &OwnSide)>| found.map(|(number, _)| *number).unwrap_or_default();
        (number(self.0.first_key_value()), number(self.0.last_key_value()))
    }

    /// What was told of a fill's transaction stays true when the engine tells of it next.
    fn complete(&self, side: &mut OwnSide) {
        if let Some(told) = self.0.get(&side.number)
            && side.state == FillState::Final
        {
            (side.transaction, side.block) = (told.transaction, told.block);
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

/// What an account follows of its own.
#[derive(Default)]
pub struct OwnSubscriptions;

/// What an account follows of its own.
#[Subscription]
impl OwnSubscriptions {
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
                        let (oldest, newest) = under_way.span();
                        own.known_to_tables(oldest, newest).await.map(|found| (previous, under_way.news(found)))
                    }
                };
                match told {
                    Ok((_, sides)) if sides.is_empty() => {}
                    Ok((number, mut sides)) => {
                        sides.iter_mut().for_each(|side| under_way.complete(side));
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
