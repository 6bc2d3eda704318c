//! The double-entry ledger of the exchange in Postgres, and what is read beside it: orders, trades, candles.
//!
//! Everything is projected from the streams `exchange.events.<group>`. [`posting`] is what double entry means here (law LED-1), [`fold`] the
//! pure core that makes rows of outcomes, [`project`] the projector, [`read`] what others ask, [`reconcile`] the proof that engine, ledger
//! and vault agree (law LED-2). Nothing here decides about an order or a balance; that was the engine.

mod amounts;
pub mod fold;
pub mod hash;
pub mod posting;
pub mod project;
pub mod read;
pub mod reconcile;
pub mod settlement;
pub mod store;
pub mod tables;
mod words;
