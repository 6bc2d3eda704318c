//! Single fields: hashes, addresses, amounts and choices, and what is said of one that is wrong.

use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;

use super::{DecodeError, v1};
use crate::exchange::MarketState;
use crate::exchange::event::{CloseCause, ReduceCause, StateCause};
use crate::exchange::order::{OrderKind, PostOnly, SelfTrade, Side, TimeInForce};
use crate::exchange::quantity::Amount;
use crate::exchange::rejection::{AmendmentProblem, InstructionProblem, MarketProblem};
use crate::id::TokenRef;

pub(super) type Result<T> = std::result::Result<T, DecodeError>;

pub(super) fn missing(field: &'static str) -> DecodeError {
    DecodeError::Field {
        field,
        problem: "missing".into(),
    }
}

pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| missing(field))
}

fn wrong_size(field: &'static str, found: usize, expected: &'static str) -> DecodeError {
    DecodeError::Field {
        field,
        problem: format!("{found} bytes long, not {expected}"),
    }
}

pub(super) fn unknown(field: &'static str, number: impl std::fmt::Display) -> DecodeError {
    DecodeError::Field {
        field,
        problem: format!("unknown value {number}"),
    }
}

pub(super) fn put(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// The bytes from the first that is not 0.
fn put_trimmed(bytes: &[u8]) -> Bytes {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    put(&bytes[zeros..])
}

pub(super) fn put_amount(amount: Amount) -> Bytes {
    put_trimmed(&amount.0.to_be_bytes())
}

pub(super) fn amount(field: &'static str, bytes: &[u8]) -> Result<Amount> {
    let mut whole = [0; 16];
    padded(field, bytes, &mut whole, "at most 16 without leading zeros")?;
    Ok(Amount(u128::from_be_bytes(whole)))
}

/// One encoding for each number: leading zeros are refused.
fn padded(field: &'static str, bytes: &[u8], whole: &mut [u8], expected: &'static str) -> Result<()> {
    if bytes.len() > whole.len() || bytes.first() == Some(&0) {
        return Err(wrong_size(field, bytes.len(), expected));
    }
    let start = whole.len() - bytes.len();
    whole[start..].copy_from_slice(bytes);
    Ok(())
}

pub(super) fn hash(field: &'static str, bytes: &[u8]) -> Result<B256> {
    B256::try_from(bytes).map_err(|_| wrong_size(field, bytes.len(), "32"))
}

pub(super) fn address(field: &'static str, bytes: &[u8]) -> Result<Address> {
    Address::try_from(bytes).map_err(|_| wrong_size(field, bytes.len(), "20"))
}

pub(super) fn array<const N: usize>(field: &'static str, bytes: &[u8], expected: &'static str) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| wrong_size(field, bytes.len(), expected))
}

pub(super) fn byte(field: &'static str, number: u32) -> Result<u8> {
    u8::try_from(number).map_err(|_| unknown(field, number))
}

pub(super) fn put_token(token: &TokenRef) -> v1::Token {
    v1::Token {
        contract: put(token.contract.as_slice()),
        id: put_trimmed(&token.id.to_be_bytes::<32>()),
    }
}

pub(super) fn token(field: &'static str, token: Option<v1::Token>) -> Result<TokenRef> {
    let token = required(field, token)?;
    let mut id = [0; 32];
    padded("id", &token.id, &mut id, "at most 32 without leading zeros")?;
    Ok(TokenRef {
        contract: address("contract", &token.contract)?,
        id: U256::from_be_bytes(id),
    })
}

/// A choice's number in the schema and back. Names are the same on both sides; 0 in the schema is no choice.
macro_rules! choice {
    ($put:ident, $take:ident, $type:ident { $($variant:ident),* $(,)? }) => {
        pub(super) fn $put(value: $type) -> i32 {
            match value {
                $($type::$variant => v1::$type::$variant.into(),)*
            }
        }

        pub(super) fn $take(field: &'static str, number: i32) -> Result<$type> {
            match v1::$type::try_from(number) {
                $(Ok(v1::$type::$variant) => Ok($type::$variant),)*
                _ => Err(unknown(field, number)),
            }
        }
    };
}

choice!(
    put_market_state,
    market_state,
    MarketState {
        PreOpen,
        Auction,
        Open,
        PostOnly,
        Halted,
        Closed
    }
);
choice!(
    put_state_cause,
    state_cause,
    StateCause {
        Operator,
        Band,
        AuctionOver,
        SeriesEnds,
        SeriesRevoked,
        FinalityBroken,
        Escape,
    }
);
choice!(put_reduce_cause, reduce_cause, ReduceCause { Trader, SelfTrade });
choice!(
    put_close_cause,
    close_cause,
    CloseCause {
        Filled,
        Cancelled,
        NotFilled,
        Requoted,
        SelfTrade,
        Expired,
        FeeCapReached,
        DeadMan,
        Band,
        WouldTake,
        AccountStopped,
        Unfunded,
        Revoked,
        MarketClosed,
    }
);
choice!(
    put_market_problem,
    market_problem,
    MarketProblem {
        ZeroUnit,
        LotBounds,
        PriceBounds,
        TooLarge,
        FeesTooHigh,
        SameInstrument,
    }
);
choice!(
    put_instruction_problem,
    instruction_problem,
    InstructionProblem {
        MarketOrderRests,
        Trigger,
        PostOnlyTakes,
        Display,
        StopFillOrKill,
        ImmediateInAuction,
        Quote,
    }
);
choice!(
    put_amendment_problem,
    amendment_problem,
    AmendmentProblem {
        MarketOrSide,
        Kind,
        Quantity
    }
);
choice!(put_side, side, Side { Buy, Sell });
choice!(
    put_order_kind,
    order_kind,
    OrderKind {
        Limit,
        Market,
        Stop,
        StopLimit
    }
);
choice!(
    put_time_in_force,
    time_in_force,
    TimeInForce {
        GoodTilCancelled,
        ImmediateOrCancel,
        FillOrKill
    }
);
choice!(put_post_only, post_only, PostOnly { No, Reject, Slide });
choice!(
    put_self_trade,
    self_trade,
    SelfTrade {
        CancelTaker,
        CancelMaker,
        CancelBoth,
        Decrement
    }
);
