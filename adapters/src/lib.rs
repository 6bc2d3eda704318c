//! What a chain is watched for, and what its logs mean: pure functions from raw logs to domain events.
//!
//! Never asks a node, never keeps state beyond the contracts that factories created, and never stops on a log that it cannot decode:
//! it says why, and whoever called puts the log into quarantine. Start with [`WatchSet`] and [`Decoder`].

#![deny(clippy::disallowed_methods)]

mod child;
mod decoder;
mod factory;
mod foreign;
mod protocol;
#[cfg(test)]
mod tests;
mod token;
mod watch_set;

pub use child::{ChildKind, UnknownChildKind};
pub use decoder::{Decoder, Undecodable};
pub use watch_set::{ChildPosition, ContractSet, InvalidWatchSet, WatchSet};

/// Rises when logs may decode better than before: those that were quarantined, or that gave no event. Projections made by an older
/// decoder are then made anew if it had to quarantine anything, or if it left out what their watch set says today
/// ([`WatchSet::means_more_since`]).
pub const DECODER_VERSION: u32 = 3;
