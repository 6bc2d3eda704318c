//! Settles a group's fills on chain, in the order of their numbers.
//!
//! The pure parts: [`queue`] (which fills wait, and the orders that cover them), [`batch`] (what the vault is shown), [`journal`]
//! (what was done, written before it is done), [`decide`] (what to do about what the node says), [`planning`] (new transactions in the making)
//! and [`settling`] (all of it between two steps). The shell around them is [`Settler`]; the simulation of a whole exchange drives them, too.
//!
//! A restart reads journal and events from the last [`snapshot`] on. After a crash the journal says which transactions may be on their way, and the vault which number is next; the account's nonce keeps
//! any two of them from both being mined.

pub mod batch;
mod config;
pub mod decide;
mod error;
pub mod journal;
pub mod planning;
pub mod queue;
mod resume;
mod run;
pub mod settling;
mod snapshot;
pub mod state;

pub use config::{Operator, SettlerConfig};
pub use error::SettleError;
pub use run::{Settler, Step};
pub use snapshot::{Snapshot, StoredSettling, Unusable};

#[cfg(test)]
mod tests;
