//! The projector against a real Postgres and a real log: whatever happens to the chain, to the projector or to Postgres, the tables are
//! those of the canonical chain projected once (laws LOG-1, LOG-2, IDX-1).

mod chain;
mod crashes;
mod foreign;
mod identity;
mod indexes;
mod oracle;
mod refusals;
mod replay;
mod statuses;
mod support;
mod views;
mod world;
