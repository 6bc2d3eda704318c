//! What clients may change: orders, withdrawals, sessions.

use async_graphql::{Context, Object, SimpleObject};
use souk_schema::exchange::{Amount, CommandBody, Event, GroupId, Rejection};

use super::input::{OrderBy, SignedOrderInput, WithdrawalInput, group as group_number};
use super::order::Order;
use super::preview::Refusal;
use super::sign_in::SignedIn;
use super::viewer::WithdrawalApproval;
use crate::auth::caller::Caller;
use crate::auth::sessions::Viewer;
use crate::error::{ApiError, ErrorCode};
use crate::exchange::gateway::{Changed, Placed, is_key};
use crate::exchange::refusal::refusal;
use crate::exchange::{Exchange, Group, decimal, signing};
use crate::scalars::{Address, Bytes, Bytes32, Decimal, Long};
use crate::session::Session;

/// Most orders of one `placeOrders`.
const MOST_ORDERS: usize = 50;

/// Most quotes of one `massQuote`.
const MOST_QUOTES: usize = 32;

/// An order that the exchange has.
#[derive(SimpleObject)]
pub struct PlacedOrder {
    /// The order as it is now.
    order: Order,
    /// The command that did it; null where the very same order was placed before, and this answers with that one.
    command_number: Option<Long>,
    /// Whether the very same order was placed before.
    repeated: bool,
}

/// What became of one of several orders.
#[derive(SimpleObject)]
pub struct OrderPlacement {
    /// The order; null where it was refused.
    placed: Option<PlacedOrder>,
    /// Why it was refused; null where it was taken.
    refusal: Option<Refusal>,
}

/// What a command changed.
#[derive(SimpleObject)]
pub struct ChangedOrders {
    /// The market group.
    group: Long,
    /// The command.
    command_number: Long,
    /// Engine time, milliseconds.
    timestamp: Long,
    /// Orders that it changed, as they are now.
    orders: Vec<Order>,
}

/// A dead man's switch that was set.
#[derive(SimpleObject)]
pub struct DeadManSwitch {
    /// The market group.
    group: Long,
    /// When all orders are cancelled unless it is set again, in milliseconds of engine time; null while it is off.
    fires_at: Option<Long>,
    /// The command.
    command_number: Long,
}

fn placed(session: &Session, placed: Placed) -> Result<PlacedOrder, ApiError> {
    Ok(PlacedOrder {
        order: Order::new(session, placed.order)?,
        command_number: placed.number.map(|number| Long::saturating(number.0)),
        repeated: placed.number.is_none(),
    })
}

fn changed(session: &Session, changed: Changed) -> Result<ChangedOrders, ApiError> {
    let orders = changed.orders.into_iter().map(|order| Order::new(session, order));
    Ok(ChangedOrders {
        group: Long::saturating(changed.group.0.into()),
        command_number: Long::saturating(changed.number.0),
        timestamp: Long::saturating(changed.time.0),
        orders: orders.collect::<Result<_, ApiError>>()?,
    })
}

/// Who is signed in, and the group that is meant.
fn rights<'a>(
    exchange: &'a Exchange,
    caller: &Caller,
    named: Option<GroupId>,
) -> Result<(Viewer, &'a Group), ApiError> {
    let viewer = caller.viewer(exchange)?;
    Ok((viewer, exchange.group(named)?))
}

/// The group that an order's id names, or else the argument.
fn either(of_order: Option<GroupId>, named: Option<Long>) -> Result<Option<GroupId>, ApiError> {
    match (of_order, group_number(named)?) {
        (Some(of_order), Some(named)) if of_order != named => {
            Err(ApiError::input("the order's id names another group than `group`"))
        }
        (of_order, named) => Ok(of_order.or(named)),
    }
}

/// What clients may change.
pub struct Mutation;

/// What clients may change. Placing and amending needs a signed order and no session; the rest needs a session. An order that was refused is
/// an error whose `code` says why and whose `extensions` have the values.
#[Object]
impl Mutation {
    /// Opens a session for an account, by a message that it signed (EIP-4361). `signInChallenge` says what the message is made of.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message, to the letter as it was signed.")] message: String,
        #[graphql(desc = "What `personal_sign` gave: 65 bytes.")] signature: Bytes,
        #[graphql(desc = "For whom a registered trading key signs in; without it the signer signs in for itself.")]
        account: Option<Address>,
    ) -> Result<SignedIn, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        exchange.admit_request(Caller::of(ctx).client)?;
        let chains = exchange.chains();
        let may_act = |chain, account, signer| exchange.may_act(&Viewer { chain, account, signer });
        let account = account.map(|account| account.0);
        let opened = exchange
            .sign_in()
            .sign_in(&message, &signature.0, &chains, account, may_act)?;
        Ok(opened.into())
    }

    /// Ends the session; whether there was one.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let token = Caller::of(ctx).token.as_deref();
        Ok(token.is_some_and(|token| exchange.sign_in().sign_out(token)))
    }

    /// Places a signed order. The very same order again answers with the first: send it again whenever an answer was lost.
    #[graphql(complexity = "10 + child_complexity")]
    async fn place_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and its signature.")] order: SignedOrderInput,
    ) -> Result<PlacedOrder, ApiError> {
        let session = Session::of(ctx);
        let done = session
            .exchange()?
            .place(Caller::of(ctx).client, order.order()?)
            .await?;
        placed(&session, done)
    }

    /// Places signed orders one after another, each by itself: one that is refused does not keep the others out.
    #[graphql(complexity = "10 * orders.len() * (1 + child_complexity)")]
    async fn place_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The orders and their signatures, at most 50.")] orders: Vec<SignedOrderInput>,
    ) -> Result<Vec<OrderPlacement>, ApiError> {
        if orders.len() > MOST_ORDERS {
            return Err(ApiError::input(format!(
                "{} orders are too many: send at most {MOST_ORDERS}",
                orders.len()
            )));
        }
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let client = Caller::of(ctx).client;
        // All are on their way before the first is answered, in this order: they share a group commit.
        let placing = orders
            .iter()
            .map(|order| async move { exchange.place(client, order.order()?).await });
        let tried = futures::future::join_all(placing).await;
        let placement = |tried: Result<Placed, ApiError>| {
            let (done, refused) = match tried {
                Ok(done) => (Some(placed(&session, done)?), None),
                Err(error) => (None, Some(error.into())),
            };
            Ok(OrderPlacement {
                placed: done,
                refusal: refused,
            })
        };
        tried.into_iter().map(placement).collect()
    }

    /// Replaces an open order by a newly signed one with the same account, nonce, market and side. It keeps its place in the queue where only
    /// the quantity shrinks.
    #[graphql(complexity = "10 + child_complexity")]
    async fn amend_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new order and its signature.")] order: SignedOrderInput,
    ) -> Result<PlacedOrder, ApiError> {
        let session = Session::of(ctx);
        let done = session
            .exchange()?
            .amend(Caller::of(ctx).client, order.order()?)
            .await?;
        placed(&session, done)
    }

    /// Takes the account's earlier quotes out of a market and places these, all or none of them. Needs a session.
    #[graphql(complexity = "10 * (1 + quotes.len()) * (1 + child_complexity)")]
    async fn mass_quote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market's id in the vault.")] market: Bytes32,
        #[graphql(
            desc = "Post-only limit orders with their signatures, at most 32; none only takes the earlier ones out."
        )]
        quotes: Vec<SignedOrderInput>,
    ) -> Result<ChangedOrders, ApiError> {
        if quotes.len() > MOST_QUOTES {
            return Err(ApiError::input(format!(
                "{} quotes are too many: send at most {MOST_QUOTES}",
                quotes.len()
            )));
        }
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let viewer = caller.viewer(exchange)?;
        let quotes = quotes
            .iter()
            .map(SignedOrderInput::order)
            .collect::<Result<_, ApiError>>()?;
        let done = exchange.quote(caller.client, viewer.account, market.0, quotes).await?;
        changed(&session, done)
    }

    /// Cancels an order. Needs a session.
    #[graphql(complexity = "5 + child_complexity")]
    async fn cancel_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order.")] order: OrderBy,
        #[graphql(desc = "The market group; may be left out where there is one, or with an order's id.")] group: Option<
            Long,
        >,
    ) -> Result<ChangedOrders, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let (of_order, target) = order.target()?;
        let (viewer, group) = rights(exchange, caller, either(of_order, group)?)?;
        let body = CommandBody::CancelOrder {
            account: viewer.account,
            order: target,
        };
        changed(&session, exchange.carry_out(caller.client, group, body).await?)
    }

    /// Cancels every order of the account, or those in one market. Needs a session.
    #[graphql(complexity = "5 + 20 * child_complexity")]
    async fn cancel_all(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In this market alone.")] market: Option<Bytes32>,
        #[graphql(desc = "The market group; may be left out where there is one, or with a market.")] group: Option<
            Long,
        >,
    ) -> Result<ChangedOrders, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let of_market = match market {
            Some(market) => Some(exchange.group_of(market.0)?.0.handle.group()),
            None => None,
        };
        let (viewer, group) = rights(exchange, caller, either(of_market, group)?)?;
        let body = CommandBody::CancelAll {
            account: viewer.account,
            market: market.map(|market| market.0),
        };
        changed(&session, exchange.carry_out(caller.client, group, body).await?)
    }

    /// Shrinks an order, which keeps its place in the queue. Needs a session.
    #[graphql(complexity = "5 + child_complexity")]
    async fn reduce_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order.")] order: OrderBy,
        #[graphql(desc = "What is to be left of it, in whole units of the base instrument; less than now, not 0.")]
        remaining: Decimal,
        #[graphql(desc = "The market's id in the vault.")] market: Bytes32,
    ) -> Result<ChangedOrders, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let (of_order, target) = order.target()?;
        let (of_market, view) = exchange.group_of(market.0)?;
        let named = either(of_order, Some(Long(of_market.handle.group().0.into())))?;
        let (viewer, group) = rights(exchange, caller, named)?;
        let scale = exchange.scale(group.opened()?.venue.chain, &view)?;
        let lot_size = scale.units.lot_size;
        let left = decimal::read(&remaining.0, scale.base).and_then(|left| scale.units.lots(Amount(left)));
        let body = CommandBody::ReduceOrder {
            account: viewer.account,
            order: target,
            remaining: left.ok_or_else(|| refusal(Rejection::QuantityNotOnLot { lot_size }))?,
        };
        changed(&session, exchange.carry_out(caller.client, group, body).await?)
    }

    /// Cancels all orders of the account unless this comes again within the time. Needs a session.
    async fn set_dead_man(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seconds; 0 switches it off.")] timeout_secs: Long,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<DeadManSwitch, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let (viewer, group) = rights(exchange, caller, group_number(group)?)?;
        let timeout_secs = u32::try_from(timeout_secs.0)
            .map_err(|_| ApiError::input(format!("`timeoutSecs` is more than {}", u32::MAX)))?;
        let body = CommandBody::SetDeadMan {
            account: viewer.account,
            timeout_secs,
        };
        let done = exchange.carry_out(caller.client, group, body).await?;
        let fires_at = done.events.iter().find_map(|event| match event {
            Event::DeadManSet { fires_at, .. } => *fires_at,
            _ => None,
        });
        Ok(DeadManSwitch {
            group: Long::saturating(done.group.0.into()),
            fires_at: fires_at.map(|at| Long::saturating(at.0)),
            command_number: Long::saturating(done.number.0),
        })
    }

    /// Debits a withdrawal and co-signs it, by a session or by the account's signature over it. The very same withdrawal again answers with
    /// the same co-signature while it is under way.
    #[graphql(complexity = "10 + child_complexity")]
    async fn withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The withdrawal.")] withdrawal: WithdrawalInput,
        #[graphql(
            desc = "The account's or a registered key's signature over `withdrawalTypedData`, 65 bytes; not needed with a session."
        )]
        signature: Option<Bytes>,
    ) -> Result<WithdrawalApproval, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        let caller = Caller::of(ctx);
        let (named, chain, withdraw) = withdrawal.read()?;
        let group = exchange.group(named)?;
        let venue = group.opened()?.venue;
        if chain != venue.chain {
            return Err(ApiError::input(format!(
                "the token is on chain {chain}; the group settles on {}",
                venue.chain
            )));
        }
        let signer = match signature {
            Some(signature) => {
                let digest = signing::withdrawal_digest(&withdraw, group.handle.group(), venue);
                let bytes = signing::signature(&signature.0).map(|signature| signature.0);
                let signer = bytes.and_then(|bytes| souk_contracts::exchange::recover(digest, &bytes));
                signer
                    .ok_or_else(|| ApiError::new(ErrorCode::BadSignature, "the signature is no wallet's of 65 bytes"))?
            }
            None => {
                let viewer = caller.viewer(exchange)?;
                if viewer.account != withdraw.account || viewer.chain != venue.chain {
                    return Err(ApiError::new(
                        ErrorCode::Forbidden,
                        format!(
                            "the session is of {} on chain {}: it cannot withdraw for {}",
                            viewer.account, viewer.chain, withdraw.account
                        ),
                    ));
                }
                viewer.signer
            }
        };
        if signer != withdraw.account {
            if !is_key(group, withdraw.account, signer) {
                return Err(refusal(Rejection::SignerNotAuthorised));
            }
            if withdraw.receiver != withdraw.account {
                return Err(ApiError::new(
                    ErrorCode::Forbidden,
                    "a trading key withdraws to its account alone: the account itself has to sign for another receiver",
                ));
            }
        }
        let approved = exchange.withdraw(caller.client, group, withdraw).await?;
        Ok(approved.into())
    }
}
