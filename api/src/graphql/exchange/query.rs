//! What can be asked of the exchange.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{Context, InputObject, Json, Object, SimpleObject};
use futures::future::BoxFuture;

use super::super::connection::{Connection, PageArguments, page_cost};
use super::draft::{OrderDraft, OrderToSign};
use super::input::{self, WithdrawalInput};
use super::kinds::{MarketKind, MarketState};
use super::market::Market;
use super::preview::{DraftOf, OrderPreview, preview};
use super::reconciliation::Reconciliation;
use super::sign_in::SignInChallenge;
use super::status::MarketGroup;
use super::viewer::Viewer;
use crate::auth::caller::Caller;
use crate::error::{ApiError, ErrorCode};
use crate::exchange::{MarketAt, signing};
use crate::scalars::{AssetId, Bytes32, Long};
use crate::session::Session;
use crate::store::listing::SortType;
use crate::store::loaders::TradedOf;

/// Which markets to list. Every condition that is given has to hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MarketWhere {
    /// Of this asset: of its shares, or of licences of it.
    asset: Option<AssetId>,
    /// Of one of these kinds.
    kinds: Option<Vec<MarketKind>>,
    /// In one of these states.
    states: Option<Vec<MarketState>>,
    /// Of this market group.
    group: Option<Long>,
}

/// A withdrawal that is to be signed.
#[derive(Clone, Debug, SimpleObject)]
pub struct WithdrawalToSign {
    /// What a wallet signs, as `eth_signTypedData_v4` takes it.
    typed_data: Json<serde_json::Value>,
    /// The EIP-712 digest, for those who sign without a wallet.
    digest: Bytes32,
}

/// The order of markets: by group, then by number.
const SORT: &[(&str, SortType)] = &[("group", SortType::Integer), ("market", SortType::Integer)];

/// Every market of the request's exchange, by group and number, save those whose payment token has not said yet how it is written.
pub(in crate::graphql) fn all_markets(session: &Session) -> Result<Vec<MarketAt>, ApiError> {
    let exchange = session.exchange()?;
    let mut all = Vec::new();
    for (group, live) in &session.live()?.groups {
        all.extend(live.markets.iter().filter_map(|market| {
            Some(MarketAt {
                group: *group,
                opened: live.opened,
                time: live.time,
                state: live.state(market),
                scale: exchange.scale(live.opened.venue.chain, market).ok()?,
                market: market.clone(),
            })
        }));
    }
    Ok(all)
}

/// The markets of an asset: of its shares, and of its licence series.
pub(in crate::graphql) async fn markets_of_asset(
    session: &Session,
    id: &souk_schema::caip::EvmAssetId,
) -> Result<Vec<Market>, ApiError> {
    let key = (id.chain, id.token.key().as_bytes().to_vec());
    let traded = session.load(TradedOf(key)).await?.unwrap_or_default();
    let of_asset = |at: &MarketAt| {
        let token = at.market.spec.base;
        at.opened.venue.chain == id.chain && traded.iter().any(|row| row.token_key.0 == token)
    };
    let all = all_markets(session)?.into_iter().filter(of_asset);
    Ok(all.map(|at| Market::new(session, at)).collect())
}

async fn matching(session: &Session, conditions: &MarketWhere) -> Result<Vec<MarketAt>, ApiError> {
    let of_asset = match &conditions.asset {
        None => None,
        Some(asset) => {
            let asset = asset.evm().map_err(ApiError::input)?;
            let key = (asset.chain, asset.token.key().as_bytes().to_vec());
            Some((asset.chain, session.load(TradedOf(key)).await?.unwrap_or_default()))
        }
    };
    let holds = |at: &MarketAt| {
        let spec = &at.market.spec;
        let kinds = conditions.kinds.as_ref();
        let states = conditions.states.as_ref();
        let asset = of_asset.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&spec.kind.into()))
            && states.is_none_or(|states| states.contains(&at.state.into()))
            && conditions
                .group
                .is_none_or(|Long(group)| group == i64::from(at.group.0))
            && asset.is_none_or(|(chain, rows)| {
                *chain == at.opened.venue.chain && rows.iter().any(|row| row.token_key.0 == spec.base)
            })
    };
    Ok(all_markets(session)?.into_iter().filter(holds).collect())
}

fn place(at: &MarketAt) -> (i64, i64) {
    (at.group.0.into(), at.market.id.0.into())
}

/// A cursor's place; cursors are checked before.
fn bound(cursor: &Option<Vec<String>>) -> Option<(i64, i64)> {
    let cursor = cursor.as_ref()?;
    Some((cursor.first()?.parse().ok()?, cursor.get(1)?.parse().ok()?))
}

/// What can be asked of the exchange.
#[derive(Default)]
pub struct ExchangeQuery;

/// What can be asked of the exchange.
#[Object]
impl ExchangeQuery {
    /// Markets, in the order of their listing.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn markets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which ones; all if left out.")] conditions: Option<MarketWhere>,
    ) -> Result<Connection<Market>, ApiError> {
        let session = Session::of(ctx);
        let page = PageArguments {
            first,
            last,
            after,
            before,
        }
        .page("markets", SORT)?;
        let mut found = matching(&session, &conditions.unwrap_or_default()).await?;
        let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let (start, end) = (bound(&page.after), bound(&page.before));
        found.retain(|at| start.is_none_or(|start| place(at) > start) && end.is_none_or(|end| place(at) < end));
        let size = usize::try_from(page.size).unwrap_or(0);
        let more = found.len() > size;
        if page.backward {
            found.drain(..found.len().saturating_sub(size));
        } else {
            found.truncate(size);
        }
        let rows = found.into_iter().map(|at| {
            let (group, market) = place(&at);
            (vec![group.to_string(), market.to_string()], Market::new(&session, at))
        });
        let rows: Vec<_> = rows.collect();
        let total = move || -> BoxFuture<'static, Result<i64, ApiError>> { Box::pin(async move { Ok(total) }) };
        Ok(Connection::new("markets", &page, rows, more, total))
    }

    /// A market by its id in the vault. An error tells where there is none.
    async fn market(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The market's id in the vault.")] id: Bytes32,
    ) -> Result<Option<Market>, ApiError> {
        let session = Session::of(ctx);
        let found = all_markets(&session)?.into_iter().find(|at| at.market.spec.key == id.0);
        match found {
            Some(at) => Ok(Some(Market::new(&session, at))),
            // It may be of a group that recovers, or pay in a token that is not known yet.
            None => {
                let exchange = session.exchange()?;
                let (group, market) = exchange.group_of(id.0)?;
                let at = exchange.market_at(group.handle.group(), market.id)?;
                Ok(Some(Market::new(&session, at)))
            }
        }
    }

    /// What an order would do now, without doing it: its fills, what it costs, what rests, or why it would be refused.
    #[graphql(complexity = "20 + child_complexity")]
    async fn preview_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] order: OrderDraft,
    ) -> Result<OrderPreview, ApiError> {
        preview(&Session::of(ctx), &order, DraftOf::Placement)
    }

    /// What an amendment would do now, without doing it: the open order with the draft's nonce is given the draft's terms. Its amount counts
    /// what is filled already. Needs a session of the order's account.
    #[graphql(complexity = "20 + child_complexity")]
    async fn preview_amendment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order as it is to be, with the nonce of the order that it amends.")] order: OrderDraft,
    ) -> Result<OrderPreview, ApiError> {
        if !order.has_nonce() {
            return Err(ApiError::input(
                "an amendment names the order that it amends by its `nonce`",
            ));
        }
        let session = Session::of(ctx);
        // It tells of an open order, which is nobody else's business.
        let viewer = Caller::of(ctx).viewer(session.exchange()?)?;
        if viewer.account != order.account() {
            let message = format!(
                "the session is of {}, and the order of {}",
                viewer.account,
                order.account()
            );
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        preview(&session, &order, DraftOf::Amendment)
    }

    /// What a wallet signs for an order (EIP-712), with everything that was left out filled in.
    async fn order_typed_data(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] order: OrderDraft,
    ) -> Result<OrderToSign, ApiError> {
        order.to_sign(Session::of(ctx).exchange()?)
    }

    /// What a wallet signs for a withdrawal (EIP-712).
    async fn withdrawal_typed_data(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The withdrawal.")] withdrawal: WithdrawalInput,
    ) -> Result<WithdrawalToSign, ApiError> {
        let session = Session::of(ctx);
        let (group, _, withdraw) = withdrawal.read()?;
        let group = session.exchange()?.group(group)?;
        let (number, venue) = (group.handle.group(), group.opened()?.venue);
        Ok(WithdrawalToSign {
            typed_data: Json(signing::withdrawal_typed_data(&withdraw, number, venue)),
            digest: Bytes32(signing::withdrawal_digest(&withdraw, number, venue)),
        })
    }

    /// A nonce and what else a sign-in message is made of (EIP-4361).
    async fn sign_in_challenge(&self, ctx: &Context<'_>) -> Result<SignInChallenge, ApiError> {
        let session = Session::of(ctx);
        let exchange = session.exchange()?;
        exchange.admit_request(Caller::of(ctx).client)?;
        Ok(SignInChallenge::new(exchange.sign_in(), &exchange.chains()))
    }

    /// The account that is signed in; needs a session.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, ApiError> {
        let session = Session::of(ctx);
        let viewer = Caller::of(ctx).viewer(session.exchange()?)?;
        Ok(Some(Viewer { session, viewer }))
    }

    /// What the last comparisons of the books found, by market group: engine = ledger after a command, and vault = ledger less what is in flight
    /// at a final block. Empty where nothing was compared yet.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn reconciliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this market group alone.")] group: Option<Long>,
    ) -> Result<Vec<Reconciliation>, ApiError> {
        let session = Session::of(ctx);
        session.exchange_tables().await?;
        Reconciliation::all(&session, input::group(group)?).await
    }

    /// The market groups, and how their engines are.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn market_groups(&self, ctx: &Context<'_>) -> Result<Vec<MarketGroup>, ApiError> {
        let session = Session::of(ctx);
        let tables = session.exchange_tables().await?;
        Ok(MarketGroup::all(session.exchange()?, tables))
    }
}
