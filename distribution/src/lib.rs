//! What is owed, kept up with the chain: the shell around [`souk_payouts`].
//!
//! - [`fold`] makes a chain's stream into payouts' states, one for each deployment that the chain has; pure.
//! - [`follow`] keeps them in memory at the head of the stream: what answers are computed from, in every process that answers.
//! - [`store`] keeps the lines in Postgres for whoever asks by account or with SQL, in one transaction with the position in the stream.
//! - [`snapshot`] is how they go on in another life without folding the stream from its first record.
//! - [`publish`] proposes the root of an epoch on chain, replaces it when something that it counts is held, and finalises it.
//! - [`verify`] recomputes every root from the log alone (PAY-3) and names the entry that differs.
//!
//! Nothing here decides who is owed what.

pub mod end;
pub mod fold;
pub mod follow;
mod positions;
pub mod publish;
pub mod snapshot;
pub mod store;
pub mod verify;

pub use end::{BlockTimes, Folded, fold_to_end};
pub use fold::{Deployed, DistributionState, RefusedFact};
pub use follow::{
    Claimable, DistributionError, DistributionHandle, DistributionStatus, Distributions, Found, Keeping, RefusedFacts,
    follow,
};
