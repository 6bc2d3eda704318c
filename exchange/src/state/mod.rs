//! What an engine remembers, each part by itself: none of them knows the rules, all of them assert what must never be otherwise.

pub mod accounts;
pub mod instruments;
pub mod market;
pub mod nonces;
pub mod orders;
pub mod settlement;
pub mod sources;
pub mod timers;
