//! The matching engine of a market group: orders, books, balances. A pure state machine over commands; see `docs/exchange-rules.md`.
//!
//! It never reads a clock, a random number or the network, and iterates over nothing whose order depends on a hash. Start with
//! [`Engine::apply`]. [`book`] is the books alone, without owners or money; [`market_data`] is the subscriber's side: a replica of a book, and
//! the check sum that proves it right.

#![deny(clippy::disallowed_methods)]

pub mod book;
pub mod market_data;

mod ahead;
mod engine;
mod snapshot;
mod state;
mod table;
mod views;

pub use engine::Engine;
pub use engine::preview::{Preview, PreviewFill};
pub use snapshot::SnapshotError;
pub use state::settlement::{InFlight, UnsettledFill};
pub use table::{SlotTable, mix};
pub use views::{AccountView, Balance, LevelView, MarketView, OrderView};
