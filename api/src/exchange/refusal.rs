//! The one place where an engine's reason becomes an error of the API: its code, what programs find in `extensions`, and what a person is
//! told to do.

use souk_schema::exchange::{MarketState, Rejection};

use crate::error::{ApiError, ErrorCode};

/// Numbers of the exchange do not fit JavaScript's: they are texts, as everywhere.
fn text(value: impl ToString) -> serde_json::Value {
    value.to_string().into()
}

/// A name as GraphQL's enums spell it: `PostOnly` becomes `POST_ONLY`.
fn enum_name(value: impl std::fmt::Debug) -> String {
    let mut name = String::new();
    for char in format!("{value:?}").chars() {
        if char.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(char.to_ascii_uppercase());
    }
    name
}

/// The error that a client is told.
pub fn refusal(rejection: Rejection) -> ApiError {
    let error = ApiError::new(code(rejection), format!("{rejection}{}", advice(rejection)));
    with_details(error, rejection)
}

/// The code of a reason. No two reasons share one.
fn code(rejection: Rejection) -> ErrorCode {
    match rejection {
        Rejection::Duplicate => ErrorCode::DuplicateCommand,
        Rejection::GroupNotOpen => ErrorCode::GroupNotOpen,
        Rejection::GroupAlreadyOpen => ErrorCode::GroupAlreadyOpen,
        Rejection::MarketAlreadyListed => ErrorCode::MarketAlreadyListed,
        Rejection::InvalidMarket { .. } => ErrorCode::InvalidMarket,
        Rejection::UnknownMarket => ErrorCode::UnknownMarket,
        Rejection::StateNotReachable { .. } => ErrorCode::StateNotReachable,
        Rejection::UnknownAccount => ErrorCode::UnknownAccount,
        Rejection::AccountStopped => ErrorCode::AccountStopped,
        Rejection::SignerNotAuthorised => ErrorCode::SignerNotAuthorised,
        Rejection::UnknownOrder => ErrorCode::UnknownOrder,
        Rejection::MarketNotTaking { .. } => ErrorCode::MarketNotTaking,
        Rejection::InvalidInstructions { .. } => ErrorCode::InvalidInstructions,
        Rejection::PriceNotOnTick { .. } => ErrorCode::PriceNotOnTick,
        Rejection::PriceTooHigh { .. } => ErrorCode::PriceTooHigh,
        Rejection::QuantityNotOnLot { .. } => ErrorCode::QuantityNotOnLot,
        Rejection::QuantityOutOfBounds { .. } => ErrorCode::QuantityOutOfBounds,
        Rejection::PriceOutsideBand { .. } => ErrorCode::PriceOutsideBand,
        Rejection::Expired => ErrorCode::Expired,
        Rejection::ExpiryTooFar { .. } => ErrorCode::ExpiryTooFar,
        Rejection::NonceUsed => ErrorCode::NonceUsed,
        Rejection::NonceTooOld { .. } => ErrorCode::NonceTooOld,
        Rejection::DuplicateClientOrderId { .. } => ErrorCode::DuplicateClientOrderId,
        Rejection::FeeCapTooLow { .. } => ErrorCode::FeeCapTooLow,
        Rejection::TooManyOpenOrders { .. } => ErrorCode::TooManyOpenOrders,
        Rejection::AmendmentMismatch { .. } => ErrorCode::AmendmentMismatch,
        Rejection::NotSmaller { .. } => ErrorCode::NotSmaller,
        Rejection::InsufficientFunds { .. } => ErrorCode::InsufficientFunds,
        Rejection::WouldTake => ErrorCode::WouldTake,
        Rejection::CannotFill => ErrorCode::CannotFill,
        Rejection::ZeroAmount => ErrorCode::ZeroAmount,
        Rejection::UnknownInstrument => ErrorCode::UnknownInstrument,
        Rejection::NotWithdrawable { .. } => ErrorCode::NotWithdrawable,
        Rejection::NotNextFill { .. } => ErrorCode::NotNextFill,
        Rejection::NothingToChange => ErrorCode::NothingToChange,
        Rejection::Overflow => ErrorCode::AmountTooLarge,
    }
}

/// What to do about it, where the reason itself does not say.
fn advice(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::Duplicate => ": ask for what it led to instead of sending it again",
        Rejection::GroupNotOpen => ": try again once the operator has opened it",
        Rejection::UnknownMarket => ": list them with `markets`",
        Rejection::UnknownAccount => " in the vault, and wait for its block to be final",
        Rejection::SignerNotAuthorised => {
            ": sign the order's typed data (`orderTypedData`) for this chain and vault, or register the key"
        }
        Rejection::UnknownOrder => ": it is filled, cancelled or expired, or it never was; see `viewer { orders }`",
        Rejection::MarketNotTaking { state } => match state {
            MarketState::PreOpen => ": resting limit orders and stops are taken before the opening",
            MarketState::Auction => ": resting limit orders and stops are taken during an auction",
            MarketState::Open => "",
            MarketState::PostOnly => ": post-only orders, cancels and reductions are taken",
            MarketState::Halted => ": cancels and reductions are taken",
            MarketState::Closed => " any more",
        },
        Rejection::PriceOutsideBand { .. } => ": choose a limit within it",
        Rejection::Expired => ": sign a later one",
        Rejection::ExpiryTooFar { .. } => ": sign a sooner one, and place the order again when it ends",
        Rejection::NonceUsed => " by another order: sign with a new one",
        Rejection::FeeCapTooLow { .. } => ": sign a higher one; `previewOrder` tells what it costs",
        Rejection::TooManyOpenOrders { .. } => ": cancel one first",
        Rejection::InsufficientFunds { .. } => ": deposit, cancel another order, or ask for less",
        Rejection::WouldTake => ": choose a price that does not cross, let it slide, or drop post-only",
        Rejection::CannotFill => ": ask for less, a worse price, or take what there is with immediate-or-cancel",
        Rejection::ZeroAmount => ": move at least one base unit",
        Rejection::Overflow => ": ask for less",
        _ => "",
    }
}

fn with_details(error: ApiError, rejection: Rejection) -> ApiError {
    match rejection {
        Rejection::InvalidMarket { problem } => error.with("problem", enum_name(problem)),
        Rejection::StateNotReachable { from, to } => error.with("from", enum_name(from)).with("to", enum_name(to)),
        Rejection::MarketNotTaking { state } => error.with("state", enum_name(state)),
        Rejection::InvalidInstructions { problem } => error.with("problem", enum_name(problem)),
        Rejection::PriceNotOnTick { tick_size } => error.with("tickSize", text(tick_size)),
        Rejection::PriceTooHigh { max_price } => error.with("maxPriceTicks", text(max_price)),
        Rejection::QuantityNotOnLot { lot_size } => error.with("lotSize", text(lot_size)),
        Rejection::QuantityOutOfBounds { min_lots, max_lots } => {
            error.with("minLots", text(min_lots)).with("maxLots", text(max_lots))
        }
        Rejection::PriceOutsideBand { low, high } => error.with("lowTicks", text(low)).with("highTicks", text(high)),
        Rejection::ExpiryTooFar { max_secs } => error.with("maxSecs", max_secs),
        Rejection::NonceTooOld { floor } => error.with("floor", text(floor)),
        Rejection::DuplicateClientOrderId { order } => error.with("order", text(order)),
        Rejection::FeeCapTooLow { needed } => error.with("needed", text(needed)),
        Rejection::TooManyOpenOrders { limit } => error.with("limit", limit),
        Rejection::AmendmentMismatch { problem } => error.with("problem", enum_name(problem)),
        Rejection::NotSmaller { remaining } => error.with("remainingLots", text(remaining)),
        Rejection::InsufficientFunds { needed, available } => {
            error.with("needed", text(needed)).with("available", text(available))
        }
        Rejection::NotWithdrawable { withdrawable } => error.with("withdrawable", text(withdrawable)),
        Rejection::NotNextFill { expected } => error.with("expected", text(expected)),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use souk_schema::exchange::rejection::{AmendmentProblem, InstructionProblem, MarketProblem};
    use souk_schema::exchange::{Amount, FillNumber, Lots, OrderId, Ticks};

    /// One of each, in the order of precedence.
    const ALL: [Rejection; 36] = [
        Rejection::Duplicate,
        Rejection::GroupNotOpen,
        Rejection::GroupAlreadyOpen,
        Rejection::MarketAlreadyListed,
        Rejection::InvalidMarket {
            problem: MarketProblem::ZeroUnit,
        },
        Rejection::UnknownMarket,
        Rejection::StateNotReachable {
            from: MarketState::PreOpen,
            to: MarketState::Open,
        },
        Rejection::UnknownAccount,
        Rejection::AccountStopped,
        Rejection::SignerNotAuthorised,
        Rejection::UnknownOrder,
        Rejection::MarketNotTaking {
            state: MarketState::PostOnly,
        },
        Rejection::InvalidInstructions {
            problem: InstructionProblem::PostOnlyTakes,
        },
        Rejection::PriceNotOnTick { tick_size: Amount(5) },
        Rejection::PriceTooHigh { max_price: Ticks(5) },
        Rejection::QuantityNotOnLot { lot_size: Amount(5) },
        Rejection::QuantityOutOfBounds {
            min_lots: Lots(1),
            max_lots: Lots(5),
        },
        Rejection::PriceOutsideBand {
            low: Ticks(1),
            high: Ticks(5),
        },
        Rejection::Expired,
        Rejection::ExpiryTooFar { max_secs: 5 },
        Rejection::NonceUsed,
        Rejection::NonceTooOld { floor: 5 },
        Rejection::DuplicateClientOrderId { order: OrderId(5) },
        Rejection::FeeCapTooLow { needed: Amount(5) },
        Rejection::TooManyOpenOrders { limit: 5 },
        Rejection::AmendmentMismatch {
            problem: AmendmentProblem::Kind,
        },
        Rejection::NotSmaller { remaining: Lots(5) },
        Rejection::InsufficientFunds {
            needed: Amount(5),
            available: Amount(4),
        },
        Rejection::WouldTake,
        Rejection::CannotFill,
        Rejection::ZeroAmount,
        Rejection::UnknownInstrument,
        Rejection::NotWithdrawable {
            withdrawable: Amount(5),
        },
        Rejection::NotNextFill {
            expected: FillNumber(5),
        },
        Rejection::NothingToChange,
        Rejection::Overflow,
    ];

    #[test]
    fn every_reason_has_a_code_of_its_own_and_carries_its_values() {
        let codes: std::collections::HashSet<_> = ALL.iter().map(|rejection| refusal(*rejection).code).collect();
        assert_eq!(codes.len(), ALL.len());
        for rejection in ALL {
            let stored = serde_json::to_value(rejection).unwrap();
            let values = stored.as_object().unwrap().len() - 1;
            assert_eq!(refusal(rejection).details.len(), values, "{rejection:?}");
        }
    }

    #[test]
    fn values_are_spelled_as_the_schema_spells_them() {
        let error = refusal(Rejection::MarketNotTaking {
            state: MarketState::PostOnly,
        });
        assert_eq!(error.details, [("state", json!("POST_ONLY"))]);
        let error = refusal(Rejection::InsufficientFunds {
            needed: Amount(u128::MAX),
            available: Amount(4),
        });
        assert_eq!(error.details[0], ("needed", json!(u128::MAX.to_string())));
        assert!(error.message.ends_with("or ask for less"), "{}", error.message);
    }
}
