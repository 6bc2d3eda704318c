//! From a chain to the event log: every block of a chain with its watched logs, proved complete, in the order of the canonical chain.
//!
//! Writes streams `chain.<id>` and nothing else: no derived table, no decoded event. Nodes are trusted with nothing that can be checked
//! (IDX-2); reorganisations become compensating records, so that whatever happened, a reader ends with the canonical chain (IDX-1).
//!
//! Start with [`run`]. The pure parts are [`follow`] (what to do about a head), [`proof`] (is a block complete) and [`rpc::classify`]
//! (what an error means); the shells around them are the RPC client, the fetcher and the engine.

mod engine;
mod error;
mod fetch;
pub mod follow;
pub mod proof;
pub mod rpc;
mod source;
mod status;
mod watch;

pub use engine::{run, verify};
pub use error::IndexError;
pub use source::{ChainSource, Finality, Limits, OnRewrite, ProofPolicy};
pub use status::{EndpointState, EndpointStatus, IndexerStatus, Phase, Totals};
