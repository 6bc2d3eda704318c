//! Postgres: what the projector loads and writes. It decides nothing; that is `fold`'s.
//!
//! Every function works on a connection whose search path is one schema ([`connect`]), within a transaction that its caller opened.

mod encode;
mod load;
mod migrate;
mod projection;
mod write;

pub use encode::{Encoded, encode};
pub use load::load;
pub use migrate::{connect, connect_for_batches, drop_schema, lock, migrate};
pub use projection::{Offset, advance, read_projection};
pub use write::{add, change};

/// The channel on which the number of a group is sent whenever its tables changed.
pub const CHANNEL: &str = "souk_exchange";

/// Numbers that count things are far below 2^63; times and deadlines that somebody else chose are kept as that at most.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
