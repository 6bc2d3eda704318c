//! What is owed and why, over GraphQL: records of a chain are appended to a real log and projected by the real projectors, and every number is
//! compared with what the log says.

mod claims;
mod holds;
mod licences;
mod lines;
mod live;
mod refusals;
mod simulations;
mod snapshots;
mod world;
