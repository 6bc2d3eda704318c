//! The matching engine of a market group: orders, books, balances. A pure state machine over commands; see `docs/exchange-rules.md`.
//!
//! It never reads a clock, a random number or the network, and iterates over nothing whose order depends on a hash.

#![deny(clippy::disallowed_methods)]
