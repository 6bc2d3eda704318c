//! What the demo's traders do on the exchange, and how they sign it.
//!
//! [`Flow`] draws a believable stream of orders and cancels from a seed; [`message`] makes of each order what its account signs. Never
//! talks to an exchange: whoever drives it does.

mod flow;
mod message;

pub use flow::{Flow, FlowMarket, Intent, Style, Timed, TradeSide};
pub use message::{Draft, MarketUnits, SignError, Signed, sign};
