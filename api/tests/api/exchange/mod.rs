//! The exchange over GraphQL, on a real engine, sequencer and ledger over the embedded log.

mod clients;
pub mod desk;
mod hostile;
mod live;
mod markets;
mod orders;
mod own;
mod previews;
mod sessions;
