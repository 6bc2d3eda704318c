//! `rejection.proto`: reasons and their values.

use super::field::{self, Result, put_amount, unknown};
use super::v1::{self, Reason};
use crate::exchange::id::{FillNumber, OrderId};
use crate::exchange::quantity::{Lots, Ticks};
use crate::exchange::rejection::Rejection;

/// The reasons, and which of them have no values.
macro_rules! reasons {
    (bare: $($bare:ident),*; valued: $($valued:ident),* $(,)?) => {
        fn reason_of(rejection: &Rejection) -> Reason {
            match rejection {
                $(Rejection::$bare => Reason::$bare,)*
                $(Rejection::$valued { .. } => Reason::$valued,)*
            }
        }

        fn bare(reason: Reason) -> Option<Rejection> {
            match reason {
                $(Reason::$bare => Some(Rejection::$bare),)*
                Reason::Unspecified $(| Reason::$valued)* => None,
            }
        }
    };
}

reasons!(
    bare: Duplicate, GroupNotOpen, GroupAlreadyOpen, MarketAlreadyListed, UnknownMarket, UnknownAccount, AccountStopped,
        SignerNotAuthorised, UnknownOrder, Expired, NonceUsed, WouldTake, CannotFill, ZeroAmount, UnknownInstrument, NothingToChange,
        Overflow;
    valued: InvalidMarket, StateNotReachable, MarketNotTaking, InvalidInstructions, PriceNotOnTick, PriceTooHigh, QuantityNotOnLot,
        QuantityOutOfBounds, PriceOutsideBand, ExpiryTooFar, NonceTooOld, DuplicateClientOrderId, FeeCapTooLow, TooManyOpenOrders,
        AmendmentMismatch, NotSmaller, InsufficientFunds, NotWithdrawable, NotNextFill,
);

pub(super) fn put_rejection(rejection: &Rejection) -> v1::Rejection {
    let mut stored = v1::Rejection {
        reason: reason_of(rejection).into(),
        ..Default::default()
    };
    match *rejection {
        Rejection::InvalidMarket { problem } => stored.market_problem = field::put_market_problem(problem),
        Rejection::StateNotReachable { from, to } => {
            stored.state = field::put_market_state(from);
            stored.to_state = field::put_market_state(to);
        }
        Rejection::MarketNotTaking { state } => stored.state = field::put_market_state(state),
        Rejection::InvalidInstructions { problem } => {
            stored.instruction_problem = field::put_instruction_problem(problem);
        }
        Rejection::PriceNotOnTick { tick_size } => stored.unit = put_amount(tick_size),
        Rejection::PriceTooHigh { max_price } => stored.most = max_price.0,
        Rejection::QuantityNotOnLot { lot_size } => stored.unit = put_amount(lot_size),
        Rejection::QuantityOutOfBounds { min_lots, max_lots } => {
            (stored.least, stored.most) = (min_lots.0, max_lots.0);
        }
        Rejection::PriceOutsideBand { low, high } => (stored.least, stored.most) = (low.0, high.0),
        Rejection::ExpiryTooFar { max_secs } => stored.bound = max_secs,
        Rejection::NonceTooOld { floor } => stored.bound = floor,
        Rejection::DuplicateClientOrderId { order } => stored.order = order.0,
        Rejection::FeeCapTooLow { needed } => stored.needed = put_amount(needed),
        Rejection::TooManyOpenOrders { limit } => stored.bound = limit.into(),
        Rejection::AmendmentMismatch { problem } => stored.amendment_problem = field::put_amendment_problem(problem),
        Rejection::NotSmaller { remaining } => stored.bound = remaining.0,
        Rejection::InsufficientFunds { needed, available } => {
            stored.needed = put_amount(needed);
            stored.available = put_amount(available);
        }
        Rejection::NotWithdrawable { withdrawable } => stored.available = put_amount(withdrawable),
        Rejection::NotNextFill { expected } => stored.fill = expected.0,
        // The bare ones, which `reason_of` lists.
        _ => {}
    }
    stored
}

pub(super) fn rejection(stored: &v1::Rejection) -> Result<Rejection> {
    let reason = Reason::try_from(stored.reason).map_err(|_| unknown("reason", stored.reason))?;
    if let Some(bare) = bare(reason) {
        return Ok(bare);
    }
    let state = || field::market_state("state", stored.state);
    let unit = || field::amount("unit", &stored.unit);
    let needed = || field::amount("needed", &stored.needed);
    let available = || field::amount("available", &stored.available);
    Ok(match reason {
        Reason::InvalidMarket => Rejection::InvalidMarket {
            problem: field::market_problem("market_problem", stored.market_problem)?,
        },
        Reason::StateNotReachable => Rejection::StateNotReachable {
            from: state()?,
            to: field::market_state("to_state", stored.to_state)?,
        },
        Reason::MarketNotTaking => Rejection::MarketNotTaking { state: state()? },
        Reason::InvalidInstructions => Rejection::InvalidInstructions {
            problem: field::instruction_problem("instruction_problem", stored.instruction_problem)?,
        },
        Reason::PriceNotOnTick => Rejection::PriceNotOnTick { tick_size: unit()? },
        Reason::PriceTooHigh => Rejection::PriceTooHigh {
            max_price: Ticks(stored.most),
        },
        Reason::QuantityNotOnLot => Rejection::QuantityNotOnLot { lot_size: unit()? },
        Reason::QuantityOutOfBounds => Rejection::QuantityOutOfBounds {
            min_lots: Lots(stored.least),
            max_lots: Lots(stored.most),
        },
        Reason::PriceOutsideBand => Rejection::PriceOutsideBand {
            low: Ticks(stored.least),
            high: Ticks(stored.most),
        },
        Reason::ExpiryTooFar => Rejection::ExpiryTooFar { max_secs: stored.bound },
        Reason::NonceTooOld => Rejection::NonceTooOld { floor: stored.bound },
        Reason::DuplicateClientOrderId => Rejection::DuplicateClientOrderId {
            order: OrderId(stored.order),
        },
        Reason::FeeCapTooLow => Rejection::FeeCapTooLow { needed: needed()? },
        Reason::TooManyOpenOrders => Rejection::TooManyOpenOrders {
            limit: u32::try_from(stored.bound).map_err(|_| unknown("bound", stored.bound))?,
        },
        Reason::AmendmentMismatch => Rejection::AmendmentMismatch {
            problem: field::amendment_problem("amendment_problem", stored.amendment_problem)?,
        },
        Reason::NotSmaller => Rejection::NotSmaller {
            remaining: Lots(stored.bound),
        },
        Reason::InsufficientFunds => Rejection::InsufficientFunds {
            needed: needed()?,
            available: available()?,
        },
        Reason::NotWithdrawable => Rejection::NotWithdrawable {
            withdrawable: available()?,
        },
        Reason::NotNextFill => Rejection::NotNextFill {
            expected: FillNumber(stored.fill),
        },
        _ => return Err(unknown("reason", stored.reason)),
    })
}
