//! The pure core: from outcomes to what they change in the tables. It knows what earlier events said ([`Context`]) and nothing else.
//!
//! [`Context::apply`] takes one outcome after the other and collects [`Changes`]; [`postings()`] is the double entry of one event.

#![deny(clippy::disallowed_methods)]

mod apply;
mod candles;
mod changes;
mod context;
mod money;
mod orders;

pub use candles::{CandleKey, CandlePart};
pub use changes::{Activity, BalanceChange, Bust, Changes, Exited, NewFill, WithdrawalEnd, Withdrawn};
pub use context::{Context, MarketParts, Unsettled};
pub use money::postings;
pub use orders::{FillTaken, OrderState, TouchedOrder};

use souk_schema::exchange::{CommandNumber, FillNumber, MarketId, OrderId};

/// Outcomes that do not follow from those before them: the stream is not what one engine wrote, or this is a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Numbers have no gaps.
    #[error("command {found} follows command {last}")]
    Gap {
        /// The last that was applied.
        last: CommandNumber,
        /// What came.
        found: CommandNumber,
    },
    /// An event names an order that no event opened, or that is over.
    #[error("order {0} is not open")]
    UnknownOrder(OrderId),
    /// An event names a market that no event listed.
    #[error("market {0} is not listed")]
    UnknownMarket(MarketId),
    /// A fill's fees and royalty are more than it brings.
    #[error("fill {0} does not add up")]
    Fill(FillNumber),
    /// An order was accepted without its signed text.
    #[error("order {0} came without what was signed")]
    Unsigned(OrderId),
    /// A withdrawal was approved that was not debited.
    #[error("the withdrawal with nonce {0} was approved without a debit")]
    Undebited(u64),
    /// Lots or amounts beyond what their types hold.
    #[error("amounts of order {0} do not fit")]
    Overflow(OrderId),
}
