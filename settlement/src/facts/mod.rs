//! What a chain's stream tells an engine: the vault's logs, as facts, in the one order in which any reader finds them.
//!
//! [`FactFolder`] and [`Telling`] are the pure parts; [`FactFollower`] reads the streams and submits. Most facts count once their block is final. What stops
//! somebody from trading (an exit, a revoked key) counts as soon as it is seen, and is taken back where its block is reverted.
//!
//! # Generations
//!
//! A new generation of a stream tells the chain again from its beginning; the engine must hear nothing twice. So the folder keeps what it
//! told ([`told::Told`]), known by what the chain calls it (deposit, exit, fill number, …) and not by its place in a stream. Where the new
//! generation is another chain, because a final block was reverted, what such blocks had moved vanishes ([`broken`]). States (which keys sign,
//! which exits wait) are compared once the new generation has caught up with the old one's head.

mod broken;
mod chain;
mod finality;
mod folder;
mod follow;
mod held;
mod resume;
mod snapshot;
pub mod telling;
mod told;

pub use folder::{FactAt, FactConfig, FactFolder, FoldError, generation_of, last_position};

pub use follow::{FactFollower, FollowError};
pub use snapshot::{Snapshot, StoredSnapshot, Unusable};
pub use telling::Telling;

#[cfg(test)]
mod tests;
