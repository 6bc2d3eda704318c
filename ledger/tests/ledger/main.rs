//! The ledger against a real Postgres, a real log and the real engine: whatever happens to the projector or to Postgres, the tables say what
//! the engine and a vault say (laws LED-1, LED-2, LOG-1, LOG-2), and what would make them say something else is refused.

mod crashes;
mod fold;
mod reads;
mod reconcile;
mod refusals;
mod replay;
mod support;
mod world;
