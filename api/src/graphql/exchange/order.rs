//! Orders, for those whose they are.

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use souk_schema::exchange::{Amount, Lots, Ticks};

use super::kinds::{OrderCloseCause, OrderStatus, OrderType, PostOnly, SelfTrade, Side, TimeInForce};
use super::market::Market;
use crate::error::ApiError;
use crate::exchange::MarketAt;
use crate::exchange::decimal;
use crate::exchange::order::{OrderStatus as Status, OrderView};
use crate::scalars::{Address, BigInt, Bytes, Bytes32, Decimal, Long, OrderId};
use crate::session::Session;

/// What was or would be paid beside a price.
#[derive(Clone, Debug, SimpleObject)]
pub struct Fee {
    /// How much.
    pub(super) cost: Decimal,
    /// The symbol of the instrument that it is paid in: the market's quote.
    pub(super) currency: String,
    /// How much, in base units.
    pub(super) base_units: BigInt,
}

impl Fee {
    /// A fee in a market.
    pub(super) fn of(session: &Session, at: &MarketAt, amount: Amount) -> Result<Fee, ApiError> {
        let name = session
            .exchange()?
            .token_name(at.opened.venue.chain, at.market.spec.quote)?;
        Ok(Fee {
            cost: Decimal(decimal::write(amount.0, at.scale.quote)),
            currency: name.symbol,
            base_units: amount.0.into(),
        })
    }
}

/// An order.
#[derive(Clone)]
pub struct Order {
    session: Session,
    at: MarketAt,
    view: Arc<OrderView>,
}

impl Order {
    /// An order of the request's exchange.
    pub(super) fn new(session: &Session, view: Arc<OrderView>) -> Result<Order, ApiError> {
        Ok(Order {
            session: session.clone(),
            at: session.exchange()?.market_at(view.group, view.market)?,
            view,
        })
    }

    fn price_of(&self, price: Ticks) -> Decimal {
        Decimal(self.at.scale.price(price))
    }

    fn amount_of(&self, lots: Lots) -> Decimal {
        let base = self.at.scale.units.base(lots).map_or(u128::MAX, |base| base.0);
        Decimal(decimal::write(base, self.at.scale.base))
    }
}

/// An order as it stands: what was signed, and what became of it.
#[Object]
impl Order {
    /// Its id.
    async fn order_id(&self) -> OrderId {
        OrderId(self.view.group, self.view.id)
    }

    /// The id that the client chose; null for none.
    async fn client_order_id(&self) -> Option<Bytes32> {
        let id = self.view.signed.instructions.client_order_id;
        (!id.is_zero()).then_some(Bytes32(id))
    }

    /// Where.
    async fn market(&self) -> Market {
        Market::new(&self.session, self.at.clone())
    }

    /// `base/quote` of its market.
    async fn symbol(&self) -> Result<String, ApiError> {
        Market::new(&self.session, self.at.clone()).written_symbol().await
    }

    /// Whose.
    async fn account(&self) -> Address {
        Address(self.view.account)
    }

    /// Who signed it: the account, or a trading key that it registered.
    async fn signer(&self) -> Address {
        Address(self.view.signed.signer)
    }

    /// Engine time of its placement, milliseconds.
    async fn timestamp(&self) -> Long {
        Long::saturating(self.view.placed_at.0)
    }

    /// Engine time of its last change, milliseconds.
    async fn last_update_timestamp(&self) -> Long {
        Long::saturating(self.view.updated_at.0)
    }

    /// Whether it works.
    async fn status(&self) -> OrderStatus {
        self.view.status.into()
    }

    /// Why it is over; null while it is not.
    async fn close_cause(&self) -> Option<OrderCloseCause> {
        match self.view.status {
            Status::Closed(cause) => Some(cause.into()),
            Status::Open | Status::Waiting => None,
        }
    }

    /// Buy or sell.
    async fn side(&self) -> Side {
        self.view.side().into()
    }

    /// What makes it work.
    #[graphql(name = "type")]
    async fn kind(&self) -> OrderType {
        self.view.signed.instructions.kind.into()
    }

    /// How long it works.
    async fn time_in_force(&self) -> TimeInForce {
        self.view.signed.instructions.time_in_force.into()
    }

    /// Whether it may take.
    async fn post_only(&self) -> PostOnly {
        self.view.signed.instructions.post_only.into()
    }

    /// What happens where it would meet an order of its own account.
    async fn self_trade(&self) -> SelfTrade {
        self.view.signed.instructions.self_trade.into()
    }

    /// The price that it works at: its limit, or where a post-only order slid to.
    async fn price(&self) -> Decimal {
        self.price_of(self.view.price)
    }

    /// The price that it works at, in ticks.
    async fn price_ticks(&self) -> BigInt {
        self.view.price.0.into()
    }

    /// The price that was signed, as quote base units for one lot.
    async fn limit_price(&self) -> BigInt {
        self.view.signed.limit_price.0.into()
    }

    /// Where a stop starts to work; null for others.
    async fn trigger_price(&self) -> Option<Decimal> {
        let trigger = self.view.signed.instructions.trigger_price;
        (trigger.0 > 0).then(|| Decimal(self.at.scale.price_of_lot(trigger)))
    }

    /// All of it, what was filled included.
    async fn amount(&self) -> Decimal {
        self.amount_of(self.view.lots)
    }

    /// All of it, in lots.
    async fn lots(&self) -> BigInt {
        self.view.lots.0.into()
    }

    /// Most that the book shows of it at a time; null for all.
    async fn display_amount(&self) -> Option<Decimal> {
        let display = self.view.signed.instructions.display_amount;
        (display.0 > 0).then(|| Decimal(decimal::write(display.0, self.at.scale.base)))
    }

    /// What was filled, without what was reversed.
    async fn filled(&self) -> Decimal {
        self.amount_of(self.view.filled)
    }

    /// What was filled, in lots.
    async fn filled_lots(&self) -> BigInt {
        self.view.filled.0.into()
    }

    /// What is left; of an order that is over, what was never filled.
    async fn remaining(&self) -> Decimal {
        self.amount_of(self.view.remaining)
    }

    /// What is left, in lots.
    async fn remaining_lots(&self) -> BigInt {
        self.view.remaining.0.into()
    }

    /// What the filled part cost, of the quote instrument.
    async fn cost(&self) -> Decimal {
        Decimal(decimal::write(self.view.cost.0, self.at.scale.quote))
    }

    /// The average price of the filled part, rounded down; null before a fill.
    async fn average(&self) -> Option<Decimal> {
        let base = self.at.scale.units.base(self.view.filled)?;
        self.at.scale.average(self.view.cost, base).map(Decimal)
    }

    /// What was paid beside the price, a seller's royalties included.
    async fn fee(&self) -> Result<Fee, ApiError> {
        Fee::of(&self.session, &self.at, self.view.fees)
    }

    /// Most that fees may come to, as signed, in quote base units.
    async fn fee_cap(&self) -> BigInt {
        self.view.signed.fee_cap.0.into()
    }

    /// The nonce that was signed.
    async fn nonce(&self) -> BigInt {
        self.view.signed.nonce.into()
    }

    /// Unix seconds; it matches strictly before.
    async fn expiry(&self) -> Long {
        Long::saturating(self.view.expires_at.secs())
    }

    /// The signature, 65 bytes.
    async fn signature(&self) -> Bytes {
        Bytes(self.view.signed.signature.0.to_vec())
    }
}
