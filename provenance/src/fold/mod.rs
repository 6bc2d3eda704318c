//! The pure core of the projector: records in, rows out. It never does I/O and never reads a clock.
//!
//! The order is "load first, decide synchronously, then write": [`link`] checks that records follow one another and leaves out what a
//! batch takes back itself, [`decode`] turns logs into events, [`WorkingSet::touch`] says which open rows the events may change, the
//! shell loads those, [`apply`] decides, and [`Writes`] is what the shell then writes. Memory depends on the batch, never on the chain.
#![deny(clippy::disallowed_methods)]

mod apply;
mod decode;
mod foreign;
mod held;
mod link;
mod rows;
mod things;
mod vault;
mod working_set;

pub use apply::apply;
pub use decode::{ChainDecoder, Child, DecodedBlock, DecodedLog};
pub(crate) use foreign::identity;
pub use foreign::{ForeignSet, Known, Link};
pub use held::{Change, Held};
pub use link::{Linked, Linker, NotLinked};
pub use rows::{
    AccountRow, At, BalanceRow, Closed, ContractRow, EventRow, Fact, FeeAccountRow, ForeignClosed, LinkRow, OwnerRow,
    QuarantineRow, VaultBalanceRow, Writes,
};
pub use things::Thing;
pub use vault::{Market, VaultSet};
pub use working_set::{Lifetime, WorkingSet};
