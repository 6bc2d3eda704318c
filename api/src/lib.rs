//! The public face of Souk: GraphQL over HTTP and WebSocket, health, metrics. Alone knows HTTP and JSON. It writes no table; the one thing
//! that it changes is the exchange, by commands ([`exchange::gateway`]).
//!
//! Start at [`serve`]. [`graphql`] has the schema, [`engine`] takes a request through it, [`http`] and [`ws`] bring requests and carry
//! answers away to the letter of their specifications, [`store`] reads the tables. Law API-1: an answer is made of one snapshot and
//! names it ([`session`]).

pub mod auth;
pub mod config;
pub mod engine;
pub mod error;
pub mod exchange;
pub mod export;
pub mod feed;
pub mod follow;
pub mod graphql;
pub mod http;
pub mod limits;
pub mod operations;
pub mod payouts;
pub mod persisted;
pub mod scalars;
pub mod server;
pub mod session;
pub mod shared;
pub mod status;
pub mod store;
pub mod ws;

pub use auth::SignInConfig;
pub use config::ApiConfig;
pub use exchange::tokens::{TokenName, TokenNames};
pub use exchange::{ExchangeLimits, ExchangeParts, RunningGroup};
pub use server::{ServeError, Server, serve};
pub use status::{IndexerReport, StatusSources};
