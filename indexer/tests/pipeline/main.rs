//! The indexer against a real anvil, through the faulty proxy where a fault is wanted, into the real embedded log.
//!
//! Every test ends alike: the stream, reduced, equals the canonical chain as the node tells it block by block (IDX-1).

mod basics;
mod chain;
mod faults;
mod finality;
mod harness;
mod postgres;
// The whole of souk-tests stands on every crate of the workspace; only its proxy is wanted here.
mod live;
#[path = "../../../tests/src/proxy/mod.rs"]
mod proxy;
mod reorgs;
mod simulation;
mod streams;
