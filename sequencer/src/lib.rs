//! Runs an engine on streams: commands in, outcomes out, snapshots beside.
//!
//! ```text
//! gateways ─► append ─► exchange.commands.<group> ─► follow ─► decide (the engine's thread) ─┬─► who submitted, who listens
//! (submit)   (group commits)                                                                 ├─► events ─► exchange.events.<group>
//!                                                                                            └─► snapshots (Postgres)
//! ```
//!
//! A command counts once it is durable in the log; the log decides the order, and any engine that reads it comes to the same outcomes. So
//! a stop is no more than a crash, and a crash loses nothing that was acknowledged: the engine comes back from a snapshot and the log.
//! Events are written once each, by whoever holds the fence; a standby compares its own with them.
//!
//! It never changes or drops what an engine decided, and never feeds an engine anything that is not in the stream. Start with [`start`] and
//! [`GroupHandle`].

mod append;
mod clock;
mod compare;
mod config;
mod decide;
mod error;
mod events;
mod follow;
mod handle;
mod machine;
mod queue;
pub mod record;
mod run;
mod snapshot;
mod status;
mod tick;
pub mod verify;
mod waiters;

pub use clock::Clock;
pub use config::{GroupConfig, Role};
pub use error::{SequencerError, SubmitError};
pub use handle::GroupHandle;
pub use run::start;
pub use status::{GroupStatus, Phase};
