//! What an order would do now, without doing it.

use async_graphql::{Json, SimpleObject};
use souk_schema::exchange::{Amount, Lots, Side, UnixMillis};

use super::draft::OrderDraft;
use super::order::Fee;
use crate::auth::now_secs;
use crate::error::{ApiError, ErrorCode};
use crate::exchange::decimal;
use crate::exchange::refusal::refusal;
use crate::scalars::{BigInt, Decimal};
use crate::session::Session;

/// Why a command would be, or was, refused: code, message and values as they stand in `errors` elsewhere.
#[derive(Clone, Debug, SimpleObject)]
pub struct Refusal {
    /// The code.
    code: ErrorCode,
    /// For a person.
    message: String,
    /// The values that go with the code, by name.
    details: Json<serde_json::Value>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Refusal {
        let details = error.details.into_iter().map(|(name, value)| (name.to_owned(), value));
        Refusal {
            code: error.code,
            message: error.message,
            details: Json(serde_json::Value::Object(details.collect())),
        }
    }
}

/// A fill that would happen.
#[derive(Clone, Debug, SimpleObject)]
pub struct PreviewedFill {
    /// The price.
    price: Decimal,
    /// How much, of the base instrument.
    amount: Decimal,
    /// The price, in ticks.
    price_ticks: BigInt,
    /// How much, in lots.
    lots: BigInt,
}

/// What an order would do if the engine took it now. The book may be another when it does.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct OrderPreview {
    /// Why it would be refused; null where it would be taken. Then nothing of what follows is there.
    refusal: Option<Refusal>,
    /// The fills, in order.
    fills: Vec<PreviewedFill>,
    /// What they fill, of the base instrument.
    filled: Option<Decimal>,
    /// Their average price, rounded down; null without fills.
    average: Option<Decimal>,
    /// What they cost, of the quote instrument.
    cost: Option<Decimal>,
    /// What is paid beside the price, a seller's royalty included.
    fee: Option<Fee>,
    /// What would rest in the book or wait for its trigger, of the base instrument.
    remaining: Option<Decimal>,
    /// Where it would rest: its limit, or where a post-only order slides to.
    price: Option<Decimal>,
    /// What it would reserve at first: of the quote instrument for a buyer, of the base instrument for a seller.
    hold: Option<Decimal>,
    /// What it would reserve at first, in base units.
    hold_base_units: Option<BigInt>,
    /// Whether it is a stop that would wait for its trigger.
    waits: Option<bool>,
    /// Whether it would send the market into an auction, because the next trade would leave the band.
    leaves_band: Option<bool>,
    /// Whether it is an amendment that keeps its place in the queue.
    keeps_place: Option<bool>,
}

/// What a draft is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DraftOf {
    /// A new order.
    Placement,
    /// New terms for the open order with its nonce.
    Amendment,
}

/// Previews a draft.
pub(super) fn preview(session: &Session, draft: &OrderDraft, of: DraftOf) -> Result<OrderPreview, ApiError> {
    let exchange = session.exchange()?;
    let refused = |error: ApiError| OrderPreview {
        refusal: Some(error.into()),
        ..OrderPreview::default()
    };
    let (at, order) = match draft.order(exchange) {
        Ok(order) => order,
        Err(error) if error.code == ErrorCode::Unavailable => return Err(error),
        Err(error) => return Ok(refused(error)),
    };
    let group = exchange.group(Some(at.group))?;
    let now = UnixMillis(now_secs().saturating_mul(1_000));
    let found = group.handle.read(|engine| match of {
        DraftOf::Placement => engine.preview(&order, now),
        DraftOf::Amendment => engine.preview_amendment(&order, now),
    });
    let found = match found {
        Ok(found) => found,
        Err(rejection) => return Ok(refused(refusal(rejection))),
    };
    let scale = &at.scale;
    let amount = |lots: Lots| {
        let base = scale.units.base(lots).map_or(u128::MAX, |base| base.0);
        Decimal(decimal::write(base, scale.base))
    };
    let fill = |fill: &souk_exchange::PreviewFill| PreviewedFill {
        price: Decimal(scale.price(fill.price)),
        amount: amount(fill.lots),
        price_ticks: fill.price.0.into(),
        lots: fill.lots.0.into(),
    };
    // The royalty is the seller's to pay, and a buyer holds what it pays with.
    let (paid, held_in) = match order.side {
        Side::Buy => (found.fees, scale.quote),
        Side::Sell => (Amount(found.fees.0.saturating_add(found.royalty.0)), scale.base),
    };
    let hold = decimal::write(found.hold.0, held_in);
    Ok(OrderPreview {
        refusal: None,
        fills: found.fills.iter().map(fill).collect(),
        filled: Some(amount(found.filled)),
        average: scale
            .units
            .base(found.filled)
            .and_then(|base| scale.average(found.quote, base))
            .map(Decimal),
        cost: Some(Decimal(decimal::write(found.quote.0, scale.quote))),
        fee: Some(Fee::of(session, &at, paid)?),
        remaining: Some(amount(found.rests)),
        price: Some(Decimal(scale.price(found.price))),
        hold: Some(Decimal(hold)),
        hold_base_units: Some(found.hold.0.into()),
        waits: Some(found.waits),
        leaves_band: Some(found.leaves_band),
        keeps_place: Some(found.keeps_place),
    })
}
