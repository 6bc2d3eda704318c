//! Why a command was refused. The order of the variants is the order of precedence: of several reasons the first is given.

use serde::{Deserialize, Serialize};

use super::id::{FillNumber, OrderId};
use super::market::MarketState;
use super::quantity::{Amount, Lots, Ticks};

/// Why a command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Rejection {
    /// Heard before.
    #[error("this command was taken before")]
    Duplicate,
    /// The group's first command must open it.
    #[error("the group is not open")]
    GroupNotOpen,
    /// The group was opened before.
    #[error("the group is open already")]
    GroupAlreadyOpen,
    /// A market with this id exists.
    #[error("the market is listed already")]
    MarketAlreadyListed,
    /// The market's numbers do not work together.
    #[error("the market cannot be listed: {problem}")]
    InvalidMarket {
        /// What is wrong with it.
        problem: MarketProblem,
    },
    /// No market has this id.
    #[error("no market has this id")]
    UnknownMarket,
    /// The state cannot follow the present one.
    #[error("the market cannot go from {from:?} to {to:?}")]
    StateNotReachable {
        /// The present state.
        from: MarketState,
        /// What was asked for.
        to: MarketState,
    },
    /// The account never had a deposit in this group.
    #[error("the account is not known: deposit first")]
    UnknownAccount,
    /// The account asked for its exit.
    #[error("the account has an exit pending: cancel the exit to trade again")]
    AccountStopped,
    /// Signed by neither the account nor a key that it registered.
    #[error("the order is not signed by the account or one of its registered keys")]
    SignerNotAuthorised,
    /// No open order of the account is meant.
    #[error("no open order of the account has this id")]
    UnknownOrder,
    /// The market does not take this now.
    #[error("the market is {state:?} and does not take this")]
    MarketNotTaking {
        /// Its state.
        state: MarketState,
    },
    /// The combination of kind, time in force and the like means nothing.
    #[error("the instructions do not go together: {problem}")]
    InvalidInstructions {
        /// What is wrong with them.
        problem: InstructionProblem,
    },
    /// Not a whole number of ticks, or 0.
    #[error(
        "the price is not a whole number of ticks above 0; a tick is {tick_size} base units of the quote instrument for one lot"
    )]
    PriceNotOnTick {
        /// The market's tick.
        tick_size: Amount,
    },
    /// Above the market's highest price.
    #[error("the price is above the market's highest, {max_price} ticks")]
    PriceTooHigh {
        /// The bound.
        max_price: Ticks,
    },
    /// Not a whole number of lots.
    #[error("the quantity is not a whole number of lots; a lot is {lot_size} base units")]
    QuantityNotOnLot {
        /// The market's lot.
        lot_size: Amount,
    },
    /// Below or above the market's bounds.
    #[error("the quantity is not between {min_lots} and {max_lots} lots")]
    QuantityOutOfBounds {
        /// Least.
        min_lots: Lots,
        /// Most.
        max_lots: Lots,
    },
    /// The limit price is further from the last price than the band allows: below it for a seller, above it for a buyer.
    #[error("the price is outside of the band, {low} to {high} ticks")]
    PriceOutsideBand {
        /// Lowest price in the band.
        low: Ticks,
        /// Highest.
        high: Ticks,
    },
    /// Expired, or further away than an order may live.
    #[error("the expiry is past")]
    Expired,
    /// Further away than 30 days.
    #[error("the expiry is more than {max_secs} seconds ahead")]
    ExpiryTooFar {
        /// The bound.
        max_secs: u64,
    },
    /// The nonce was used, by this order or another.
    #[error("the nonce was used before")]
    NonceUsed,
    /// The nonce is so far below the newest that the engine cannot tell whether it was used.
    #[error("the nonce is too old: it must be above {floor}")]
    NonceTooOld {
        /// The highest nonce that is refused unseen.
        floor: u64,
    },
    /// An open order of the account has this client order id.
    #[error("an open order has this client order id")]
    DuplicateClientOrderId {
        /// That order.
        order: OrderId,
    },
    /// The signed fee cap is below what the order costs at its limit price.
    #[error("the fee cap is below {needed} base units, what the order costs at its limit price")]
    FeeCapTooLow {
        /// The least that is taken.
        needed: Amount,
    },
    /// The account has as many open orders as it may.
    #[error("the account has {limit} open orders, as many as it may")]
    TooManyOpenOrders {
        /// The bound.
        limit: u32,
    },
    /// An amendment must keep account, nonce, market and side, and sign for more than was filled.
    #[error("the amendment does not fit the order: {problem}")]
    AmendmentMismatch {
        /// What is wrong with it.
        problem: AmendmentProblem,
    },
    /// What remains must be less than now, and not 0.
    #[error("the order has {remaining} lots left: give fewer, and at least 1")]
    NotSmaller {
        /// What it has now.
        remaining: Lots,
    },
    /// More is needed than is available.
    #[error("{needed} base units are needed, {available} are available")]
    InsufficientFunds {
        /// What the command needs.
        needed: Amount,
        /// What the account has.
        available: Amount,
    },
    /// A post-only order would have taken.
    #[error("the order would take; it is post-only")]
    WouldTake,
    /// A fill-or-kill order cannot be filled wholly.
    #[error("the order cannot be filled wholly")]
    CannotFill,
    /// 0 base units.
    #[error("the amount is 0")]
    ZeroAmount,
    /// No market names this token.
    #[error("no market trades this token")]
    UnknownInstrument,
    /// More than is settled for good.
    #[error(
        "{withdrawable} base units can be withdrawn now; what fills brought counts once they are settled and final"
    )]
    NotWithdrawable {
        /// The most that can.
        withdrawable: Amount,
    },
    /// The fact speaks of a fill that is not the next to settle.
    #[error("fill {expected} is the next to settle")]
    NotNextFill {
        /// The oldest unsettled fill.
        expected: FillNumber,
    },
    /// The fact speaks of a deposit, withdrawal or exit that the engine does not know, or knows as over.
    #[error("there is nothing that this fact could change")]
    NothingToChange,
    /// The sums would no longer fit.
    #[error("the amount is too large")]
    Overflow,
}

/// What is wrong with a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MarketProblem {
    /// Lot and tick are at least one base unit.
    #[error("lot size and tick size must not be 0")]
    ZeroUnit,
    /// 1 ≤ min ≤ max.
    #[error("the least lots of an order must be 1 or more, and no more than the most")]
    LotBounds,
    /// 1 ≤ reference price ≤ highest price.
    #[error("the reference price must be 1 or more, and no more than the highest price")]
    PriceBounds,
    /// `max_price × max_lots` in quote base units stays below 2^100, `max_lots` in base units too.
    #[error("the largest order at the highest price is too large")]
    TooLarge,
    /// At most 5% on either side.
    #[error("fees and royalty of one side are at most 50000 parts per million")]
    FeesTooHigh,
    /// An ERC-1155 id and an ERC-20 of two contracts.
    #[error("base and quote are the same contract")]
    SameInstrument,
}

/// What is wrong with instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum InstructionProblem {
    /// Market orders and stops at market never rest.
    #[error("a market order is immediate-or-cancel or fill-or-kill")]
    MarketOrderRests,
    /// Only stops have a trigger.
    #[error("a stop has a trigger price, and nothing else has one")]
    Trigger,
    /// Only a limit or stop-limit order that rests can be post-only.
    #[error("only a limit order that is good til cancelled can be post-only")]
    PostOnlyTakes,
    /// Only an order that rests can show a part.
    #[error("only a limit order that is good til cancelled can show a part of itself, in whole lots")]
    Display,
    /// A stop-limit order rests or is immediate.
    #[error("a stop cannot be fill-or-kill")]
    StopFillOrKill,
    /// An auction gathers resting limit orders and stops.
    #[error("before and during an auction only orders that rest are taken")]
    ImmediateInAuction,
    /// A mass quote is made of post-only limit orders of its account and market, at most 32, with nonces and client ids that differ.
    #[error("a mass quote takes at most 32 post-only limit orders of its account and market, shown whole")]
    Quote,
}

/// What is wrong with an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AmendmentProblem {
    /// Another market or side.
    #[error("market and side must stay")]
    MarketOrSide,
    /// Another kind.
    #[error("the kind must stay")]
    Kind,
    /// No more than was filled.
    #[error("the quantity must be more than what was filled")]
    Quantity,
}
