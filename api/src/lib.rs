//! The public face of Souk: GraphQL over HTTP and WebSocket, health, metrics. Alone knows HTTP and JSON, and writes nothing.
//!
//! Start at [`serve`]. [`graphql`] has the schema, [`engine`] takes a request through it, [`http`] and [`ws`] bring requests and carry
//! answers away to the letter of their specifications, [`store`] reads the tables. Law API-1: an answer is made of one snapshot and
//! names it ([`session`]).

pub mod config;
pub mod engine;
pub mod error;
pub mod feed;
pub mod follow;
pub mod graphql;
pub mod http;
pub mod limits;
pub mod operations;
pub mod persisted;
pub mod scalars;
pub mod server;
pub mod session;
pub mod status;
pub mod store;
pub mod ws;

pub use config::ApiConfig;
pub use server::{ServeError, Server, serve};
pub use status::{IndexerReport, StatusSources};
