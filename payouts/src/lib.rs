//! Who is paid what of every revenue: the rule, the fold of domain events that feeds it, holds, what may be claimed, Merkle roots, and why
//! each base unit went where it went.
//!
//! Pure: it does no I/O, never reads a clock or a random number, and no result depends on the order of a hash table. No arithmetic here is a
//! float; every split names its rounding. Start with [`State`] for the fold (`apply` and `revert` are twins), with [`rule`] for one
//! revenue's split, with [`merkle`] for roots, and with [`explain`] and [`simulate`] for the questions that people ask, and
//! with [`snapshot`] for how a fold goes on in another life.
//!
//! Laws kept here: PAY-1 (each revenue equals the sum of its lines, at every node of the split), PAY-2 (every line explains itself), PAY-3
//! (a root is a function of the log alone).

#![deny(clippy::disallowed_methods)]

mod above;
mod codec;
pub mod explain;
pub mod fact;
pub mod license;
pub mod merkle;
pub mod rule;
pub mod simulate;
pub mod snapshot;
pub mod state;

pub use codec::Malformed;
pub use fact::{BlockFacts, Contracts, Fact};
pub use rule::{Kind, Role, Route};
pub use snapshot::{Archived, SnapshotError};
pub use state::{Entry, Line, Output, Refused, State};
