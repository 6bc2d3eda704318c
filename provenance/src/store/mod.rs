//! Postgres: what the projector loads, writes and takes back. It decides nothing; that is [`crate::fold`]'s.
//!
//! Every function works on a connection whose search path is one schema ([`connect`]), within a transaction that its caller opened.

mod encode;
mod foreign;
mod indexes;
mod load;
mod migrate;
mod projection;
mod revert;
mod vault;
mod write;

pub use encode::{TableRows, encode};
pub use indexes::{build_read_indexes, has_read_indexes};
pub use load::{children, load, quarantined, recent_blocks};
pub use migrate::{connect, connect_for_batches, drop_schema, lock, migrate};
pub use projection::{Projection, advance, insert_projection, lock_projection, read_projection, set_decoder_version};
pub use revert::revert_from;
pub use write::{close, insert, notify};

/// The channel on which the id of a chain is sent whenever its tables changed.
pub const CHANNEL: &str = "souk_projection";
