//! What a chain is watched for, and what its logs mean: pure functions from raw logs to domain events.
//!
//! Never asks a node, never keeps state beyond the contracts that factories created, and never stops on a log that it cannot decode:
//! it says why, and whoever called puts the log into quarantine. Start with [`WatchSet`] and [`Decoder`].

#![deny(clippy::disallowed_methods)]

mod decoder;
mod factory;
mod protocol;
#[cfg(test)]
mod tests;
mod token;
mod watch_set;

pub use decoder::{Decoder, Undecodable};
pub use watch_set::{ChildPosition, ContractSet, InvalidWatchSet, WatchSet};

/// Rises when logs that were quarantined, or events that came out wrong, may decode better than before; projections made by an
/// older decoder that had to quarantine anything are then made anew.
pub const DECODER_VERSION: u32 = 1;
