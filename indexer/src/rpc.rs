//! JSON-RPC to Ethereum nodes that throttle, lie and disappear: transports, error classification, endpoints with health, failover.
//!
//! Knows nothing of streams and decides nothing about branches; what it hands out was well-formed, not yet proved. Start at
//! [`pool::Pool`]; [`classify`] is where providers' wordings are understood.

mod adaptive;
mod answer;
pub mod classify;
pub(crate) mod endpoint;
mod http;
pub(crate) mod pool;
pub mod wire;
mod ws;

pub(crate) use answer::Call;
pub(crate) use endpoint::Endpoint;
pub(crate) use pool::Pool;
pub(crate) use ws::Announcement;
