//! What clients send: orders as they were signed, and which order is meant.

use async_graphql::{InputObject, OneofObject, SimpleObject};
use souk_schema::exchange::command::{OrderTarget, Withdraw};
use souk_schema::exchange::{Amount, GroupId, Instructions, SignedOrder};

use super::kinds::{OrderType, PostOnly, SelfTrade, Side, TimeInForce};
use crate::error::{ApiError, ErrorCode};
use crate::exchange::signing;
use crate::scalars::{Address, AssetId, BigInt, Bytes, Bytes32, Long, OrderId};

/// A number of 128 bits, or an error that names the field.
fn amount(field: &str, value: BigInt) -> Result<Amount, ApiError> {
    let amount = value.small().map(Amount);
    amount.ok_or_else(|| ApiError::input(format!("`{field}` is not a whole number from 0 to 2^128 - 1")))
}

/// A number of 64 bits.
pub(super) fn number(field: &str, value: BigInt) -> Result<u64, ApiError> {
    let number = value.small().and_then(|value| u64::try_from(value).ok());
    number.ok_or_else(|| ApiError::input(format!("`{field}` is not a whole number from 0 to 2^64 - 1")))
}

/// A group's number.
pub(super) fn group(named: Option<Long>) -> Result<Option<GroupId>, ApiError> {
    let group = named.map(|Long(group)| u32::try_from(group).map(GroupId)).transpose();
    group.map_err(|_| ApiError::input("`group` is no market group's number"))
}

/// How an order is to be worked: the EIP-712 struct `Instructions`, field for field.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct InstructionsInput {
    /// What makes it work; `kind` in the signed struct: LIMIT 0, MARKET 1, STOP 2, STOP_LIMIT 3.
    #[graphql(name = "type", default_with = "OrderType::Limit")]
    kind: OrderType,
    /// How long it works: GOOD_TIL_CANCELLED 0, IMMEDIATE_OR_CANCEL 1, FILL_OR_KILL 2.
    #[graphql(default_with = "TimeInForce::GoodTilCancelled")]
    time_in_force: TimeInForce,
    /// Whether it may take: NO 0, REJECT 1, SLIDE 2.
    #[graphql(default_with = "PostOnly::No")]
    post_only: PostOnly,
    /// What happens where it would meet an order of its own account: CANCEL_TAKER 0, CANCEL_MAKER 1, CANCEL_BOTH 2, DECREMENT 3.
    #[graphql(default_with = "SelfTrade::CancelTaker")]
    self_trade: SelfTrade,
    /// Most base units that the book shows at a time, whole lots; 0 shows all.
    #[graphql(default_with = "BigInt::from(0u64)")]
    display_amount: BigInt,
    /// Where a stop starts to work, in quote base units for one lot; 0 for others.
    #[graphql(default_with = "BigInt::from(0u64)")]
    trigger_price: BigInt,
    /// Unix seconds at which the engine takes it out, if before the signed expiry; 0 for none.
    #[graphql(default_with = "Long(0)")]
    good_until: Long,
    /// Chosen by the client; two open orders of an account never share one. Null for none, which is signed as zeros.
    client_order_id: Option<Bytes32>,
}

/// An order as it was signed: the EIP-712 struct `Order`, field for field, and the signature. `orderTypedData` makes one.
#[derive(Clone, Debug, InputObject)]
pub struct SignedOrderInput {
    /// Whose balances it moves.
    account: Address,
    /// The market's id in the vault.
    market: Bytes32,
    /// BUY is signed as 0, SELL as 1.
    side: Side,
    /// Most base units of the base instrument over all fills of this account and nonce; whole lots.
    base_amount: BigInt,
    /// Worst price: quote base units for one lot; whole ticks.
    limit_price: BigInt,
    /// Most fees (a seller's royalty included) over all fills of this account and nonce, in quote base units.
    fee_cap: BigInt,
    /// Used once per account; an amendment carries the nonce of the order that it amends.
    nonce: BigInt,
    /// Unix seconds; the order matches strictly before.
    expiry: Long,
    /// How it is to be worked.
    instructions: InstructionsInput,
    /// 65 bytes: r, s, v.
    signature: Bytes,
}

impl SignedOrderInput {
    /// As the exchange knows orders; who signed is not known yet.
    pub(super) fn order(&self) -> Result<SignedOrder, ApiError> {
        let signature = signing::signature(&self.signature.0).ok_or_else(|| {
            ApiError::new(
                ErrorCode::BadSignature,
                "the signature is not 65 bytes: r, s and v of a wallet",
            )
        })?;
        let instructions = &self.instructions;
        Ok(SignedOrder {
            account: self.account.0,
            market: self.market.0,
            side: self.side.into(),
            base_amount: amount("baseAmount", self.base_amount)?,
            limit_price: amount("limitPrice", self.limit_price)?,
            fee_cap: amount("feeCap", self.fee_cap)?,
            nonce: number("nonce", self.nonce)?,
            expiry_secs: self.expiry.0.unsigned_abs(),
            instructions: Instructions {
                kind: instructions.kind.into(),
                time_in_force: instructions.time_in_force.into(),
                post_only: instructions.post_only.into(),
                self_trade: instructions.self_trade.into(),
                display_amount: amount("instructions.displayAmount", instructions.display_amount)?,
                trigger_price: amount("instructions.triggerPrice", instructions.trigger_price)?,
                good_until_secs: instructions.good_until.0.unsigned_abs(),
                client_order_id: instructions.client_order_id.map(|id| id.0).unwrap_or_default(),
            },
            signature,
            signer: souk_schema::Address::ZERO,
        })
    }
}

/// The instructions of an order that is to be signed, in the form in which they are sent back.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct InstructionsToSign {
    /// What makes it work.
    #[graphql(name = "type")]
    kind: OrderType,
    /// How long it works.
    time_in_force: TimeInForce,
    /// Whether it may take.
    post_only: PostOnly,
    /// What happens where it would meet an order of its own account.
    self_trade: SelfTrade,
    /// Most base units that the book shows at a time.
    display_amount: BigInt,
    /// Where a stop starts to work, in quote base units for one lot.
    trigger_price: BigInt,
    /// Unix seconds at which the engine takes it out; 0 for none.
    good_until: Long,
    /// Chosen by the client; null for none.
    client_order_id: Option<Bytes32>,
}

/// An order that is to be signed, in the form in which it is sent back: add `signature` and pass it to `placeOrder`.
#[derive(Clone, Debug, SimpleObject)]
pub struct UnsignedOrder {
    /// Whose balances it moves.
    account: Address,
    /// The market's id in the vault.
    market: Bytes32,
    /// Buy or sell.
    side: Side,
    /// Most base units of the base instrument.
    base_amount: BigInt,
    /// Worst price, in quote base units for one lot.
    limit_price: BigInt,
    /// Most fees, in quote base units.
    fee_cap: BigInt,
    /// The nonce.
    nonce: BigInt,
    /// Unix seconds; the order matches strictly before.
    expiry: Long,
    /// How it is to be worked.
    instructions: InstructionsToSign,
}

impl From<&SignedOrder> for UnsignedOrder {
    fn from(order: &SignedOrder) -> UnsignedOrder {
        let instructions = &order.instructions;
        let client_order_id = instructions.client_order_id;
        UnsignedOrder {
            account: Address(order.account),
            market: Bytes32(order.market),
            side: order.side.into(),
            base_amount: order.base_amount.0.into(),
            limit_price: order.limit_price.0.into(),
            fee_cap: order.fee_cap.0.into(),
            nonce: order.nonce.into(),
            expiry: Long::saturating(order.expiry_secs),
            instructions: InstructionsToSign {
                kind: instructions.kind.into(),
                time_in_force: instructions.time_in_force.into(),
                post_only: instructions.post_only.into(),
                self_trade: instructions.self_trade.into(),
                display_amount: instructions.display_amount.0.into(),
                trigger_price: instructions.trigger_price.0.into(),
                good_until: Long::saturating(instructions.good_until_secs),
                client_order_id: (!client_order_id.is_zero()).then_some(Bytes32(client_order_id)),
            },
        }
    }
}

/// Which order of the account is meant.
#[derive(Clone, Copy, Debug, OneofObject)]
pub enum OrderBy {
    /// The one with this id.
    OrderId(OrderId),
    /// The open one for which the client chose this id.
    ClientOrderId(Bytes32),
    /// The one with this nonce.
    Nonce(BigInt),
}

impl OrderBy {
    /// As commands name orders, and the group where the id says it.
    pub(super) fn target(&self) -> Result<(Option<GroupId>, OrderTarget), ApiError> {
        Ok(match self {
            OrderBy::OrderId(OrderId(group, id)) => (Some(*group), OrderTarget::Id(*id)),
            OrderBy::ClientOrderId(id) => (None, OrderTarget::ClientId(id.0)),
            OrderBy::Nonce(nonce) => (None, OrderTarget::Nonce(number("nonce", *nonce)?)),
        })
    }
}

/// A withdrawal from the vault: the EIP-712 struct `Withdrawal`, field for field.
#[derive(Clone, Debug, InputObject)]
pub struct WithdrawalInput {
    /// Whose balance.
    account: Address,
    /// Of what, for example `eip155:31337/erc20:0x…`.
    token: AssetId,
    /// How much, in base units.
    amount: BigInt,
    /// Who gets the tokens; the account itself where a registered key signs.
    receiver: Address,
    /// Used once per account, together with the nonces of orders.
    nonce: BigInt,
    /// Unix seconds, inclusive: unexecuted by then, the amount is credited back.
    deadline: Long,
    /// The market group that is to be debited; may be left out where there is one.
    group: Option<Long>,
}

impl WithdrawalInput {
    /// As commands have it, with the group and the chain of its token.
    pub(super) fn read(&self) -> Result<(Option<GroupId>, souk_schema::ChainId, Withdraw), ApiError> {
        let token = self.token.evm().map_err(ApiError::input)?;
        let withdraw = Withdraw {
            account: self.account.0,
            token: token.token,
            amount: amount("amount", self.amount)?,
            receiver: self.receiver.0,
            nonce: number("nonce", self.nonce)?,
            deadline_secs: self.deadline.0.unsigned_abs(),
        };
        Ok((group(self.group)?, token.chain, withdraw))
    }
}
