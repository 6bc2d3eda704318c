//! Settles a group's fills on chain, in the order of their numbers.
//!
//! The pure parts: [`queue`] (which fills wait, and the orders that cover them), [`batch`] (what the vault is shown), [`journal`]
//! (what was done, written before it is done) and [`decide`] (what to do about what the node says). The shell around them is [`Settler`].
//!
//! A restart reads journal and events from the last [`snapshot`] on. After a crash the journal says which transactions may be on their way, and the vault which number is next; the account's nonce keeps
//! any two of them from both being mined.

pub mod batch;
mod config;
pub mod decide;
mod error;
pub mod journal;
mod planning;
pub mod queue;
mod resume;
mod run;
mod snapshot;
pub mod state;

pub use config::{Operator, SettlerConfig};
pub use error::SettleError;
pub use run::{Settler, Step};
pub use snapshot::StoredSettling;

#[cfg(test)]
mod tests;
