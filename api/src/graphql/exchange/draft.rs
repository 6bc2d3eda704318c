//! Orders as people mean them, made into what is signed: decimals become base units, and what is left out is filled in.

use std::time::{SystemTime, UNIX_EPOCH};

use async_graphql::{InputObject, Json, SimpleObject};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{Amount, GroupId, Instructions, Rejection, Side as Book, SignedOrder};

use super::input::{UnsignedOrder, number};
use super::kinds::{OrderType, PostOnly, SelfTrade, Side, TimeInForce};
use crate::error::ApiError;
use crate::exchange::decimal;
use crate::exchange::refusal::refusal;
use crate::exchange::{Exchange, MarketAt, signing};
use crate::scalars::{Address, BigInt, Bytes32, Decimal, Long};

/// How long an order is signed for where nobody says: a week.
const DEFAULT_LIFETIME_SECS: u64 = 7 * 86_400;

/// An order as people mean it.
#[derive(Clone, Debug, InputObject)]
pub struct OrderDraft {
    /// Whose balances it moves.
    account: Address,
    /// The market's id in the vault.
    market: Bytes32,
    /// Buy or sell.
    side: Side,
    /// What makes it work.
    #[graphql(name = "type", default_with = "OrderType::Limit")]
    kind: OrderType,
    /// How much, in whole units of the base instrument; a whole number of lots.
    amount: Decimal,
    /// Worst price, in whole units of the quote instrument for one whole unit of the base instrument; a whole number of ticks. It protects a
    /// market order too.
    price: Decimal,
    /// Where a stop starts to work.
    trigger_price: Option<Decimal>,
    /// Most that the book shows at a time; without it all.
    display_amount: Option<Decimal>,
    /// How long it works; without it until cancelled for orders that rest, else immediate or cancel.
    time_in_force: Option<TimeInForce>,
    /// Whether it may take.
    #[graphql(default_with = "PostOnly::No")]
    post_only: PostOnly,
    /// What happens where it would meet an order of its own account.
    #[graphql(default_with = "SelfTrade::CancelTaker")]
    self_trade: SelfTrade,
    /// Most fees, in quote base units; without it what the order costs at its price and the market's present fees.
    fee_cap: Option<BigInt>,
    /// Without it the account's highest so far and one. Who signs several orders before placing them counts up itself.
    nonce: Option<BigInt>,
    /// Unix seconds; without it a week from now. At most 30 days ahead.
    expiry: Option<Long>,
    /// Unix seconds at which the engine takes it out, before the expiry.
    good_until: Option<Long>,
    /// Chosen by the client.
    client_order_id: Option<Bytes32>,
}

/// An order that is to be signed.
#[derive(Clone, Debug, SimpleObject)]
pub struct OrderToSign {
    /// What a wallet signs, as `eth_signTypedData_v4` takes it.
    typed_data: Json<serde_json::Value>,
    /// The EIP-712 digest, for those who sign without a wallet.
    digest: Bytes32,
    /// The same order in the form of `placeOrder`; add the signature.
    order: UnsignedOrder,
}

/// The engine's time, or this machine's where time has not gone on since.
fn now_secs(at: &MarketAt) -> u64 {
    let clock = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    clock.max(at.time.secs())
}

impl OrderDraft {
    /// Whose balances it moves.
    pub(super) fn account(&self) -> souk_schema::Address {
        self.account.0
    }

    /// Whether it says which nonce it has.
    pub(super) fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    /// The market, and the order without a signature, as if its account had signed it.
    pub(super) fn order(&self, exchange: &Exchange) -> Result<(MarketAt, SignedOrder), ApiError> {
        let (group, market) = exchange.group_of(self.market.0)?;
        let id = group.handle.group();
        let at = exchange.market_at(id, market.id)?;
        let units = at.scale.units;
        let lots = decimal::read(&self.amount.0, at.scale.base).and_then(|base| units.lots(Amount(base)));
        let lots = lots.ok_or_else(|| {
            refusal(Rejection::QuantityNotOnLot {
                lot_size: units.lot_size,
            })
        })?;
        let price = |text: &Decimal| {
            let price = at
                .scale
                .read_price(&text.0)
                .filter(|price| units.ticks(*price).is_some_and(|ticks| ticks.0 > 0));
            price.ok_or_else(|| {
                refusal(Rejection::PriceNotOnTick {
                    tick_size: units.tick_size,
                })
            })
        };
        let limit = price(&self.price)?;
        let ticks = units.ticks(limit).unwrap_or_default();
        let quote = units.quote(ticks, lots).ok_or_else(|| refusal(Rejection::Overflow))?;
        let display = match &self.display_amount {
            None => Amount::ZERO,
            Some(display) => {
                let shown = decimal::read(&display.0, at.scale.base).map(Amount);
                shown.ok_or_else(|| {
                    refusal(Rejection::QuantityNotOnLot {
                        lot_size: units.lot_size,
                    })
                })?
            }
        };
        let kind = self.kind.into();
        let rests = matches!(self.kind, OrderType::Limit | OrderType::StopLimit);
        let in_force = self.time_in_force.unwrap_or(if rests {
            TimeInForce::GoodTilCancelled
        } else {
            TimeInForce::ImmediateOrCancel
        });
        let order = SignedOrder {
            account: self.account.0,
            market: self.market.0,
            side: self.side.into(),
            base_amount: units.base(lots).ok_or_else(|| refusal(Rejection::Overflow))?,
            limit_price: limit,
            fee_cap: self.fee_cap(&at, quote)?,
            nonce: match self.nonce {
                Some(nonce) => number("nonce", nonce)?,
                None => next_nonce(exchange, id, self.account.0)?,
            },
            expiry_secs: self.expiry.map_or_else(
                || now_secs(&at).saturating_add(DEFAULT_LIFETIME_SECS),
                |Long(expiry)| expiry.unsigned_abs(),
            ),
            instructions: Instructions {
                kind,
                time_in_force: in_force.into(),
                post_only: self.post_only.into(),
                self_trade: self.self_trade.into(),
                display_amount: display,
                trigger_price: self.trigger_price.as_ref().map(price).transpose()?.unwrap_or_default(),
                good_until_secs: self.good_until.map_or(0, |Long(until)| until.unsigned_abs()),
                client_order_id: self.client_order_id.map(|id| id.0).unwrap_or_default(),
            },
            signature: Signature([0; 65]),
            signer: self.account.0,
        };
        Ok((at, order))
    }

    /// What is signed, or else what the engine asks for: the larger rate, and a seller's royalty.
    fn fee_cap(&self, at: &MarketAt, quote: Amount) -> Result<Amount, ApiError> {
        if let Some(cap) = self.fee_cap {
            let cap = cap.small().map(Amount);
            return cap.ok_or_else(|| ApiError::input("`feeCap` is not a whole number from 0 to 2^128 - 1"));
        }
        let fees = at.market.spec.fees;
        let rate = fees.maker_ppm.max(fees.taker_ppm);
        let royalty = if Book::from(self.side) == Book::Sell {
            fees.royalty_ppm
        } else {
            Default::default()
        };
        let cap = rate.floor_of(quote).zip(royalty.floor_of(quote));
        let cap = cap.and_then(|(fee, royalty)| fee.checked_add(royalty));
        cap.ok_or_else(|| refusal(Rejection::Overflow))
    }

    /// What is to be signed.
    pub(super) fn to_sign(&self, exchange: &Exchange) -> Result<OrderToSign, ApiError> {
        let (at, order) = self.order(exchange)?;
        Ok(OrderToSign {
            typed_data: Json(signing::order_typed_data(&order, at.opened.venue)),
            digest: Bytes32(signing::order_digest(&order, at.opened.venue)),
            order: UnsignedOrder::from(&order),
        })
    }
}

/// The nonce that an account uses next: one above the highest so far.
pub(super) fn next_nonce(exchange: &Exchange, group: GroupId, account: souk_schema::Address) -> Result<u64, ApiError> {
    let group = exchange.group(Some(group))?;
    let highest = group
        .handle
        .read(|engine| engine.account(account).and_then(|account| account.highest_nonce()));
    Ok(highest.map_or(1, |highest| highest.saturating_add(1)))
}
