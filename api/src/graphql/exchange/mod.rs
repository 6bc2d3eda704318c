//! The exchange in GraphQL: markets and books for everybody, orders and balances for those whose they are, and how commands come in.
//!
//! Names follow ccxt's unified structures. Every amount and price is there twice: as a decimal for people, and in base units, lots or ticks,
//! which are exact. Start at [`query::ExchangeQuery`] and [`mutation::Mutation`].

pub mod balance;
pub mod book;
pub mod draft;
pub mod fill;
pub mod input;
pub mod kinds;
pub mod live;
pub mod market;
pub mod mutation;
pub mod order;
pub mod own;
pub mod preview;
pub mod query;
pub mod reconciliation;
pub mod sign_in;
pub mod status;
pub mod trade;
pub mod viewer;
