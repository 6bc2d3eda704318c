//! The demo economy: a family tree of well-known public datasets, models and agents, and larger synthetic economies of the same shape,
//! written to a dev chain with real signed transactions.
//!
//! The lineage and the licences of the family tree are publicly documented facts (`demo/data/*.toml`); owners' accounts, prices, shares,
//! contributions, payments, tasks, executions and disputes are made up. What is written is a pure function of a seed; only [`load`] talks
//! to a node. Never holds a key of any worth: accounts are derived from the seed in the open, and judge, relayer and admin are the dev
//! chain's own, so it is for development chains alone.
//!
//! Start at [`plan`] for what the economy is, at [`Synthetic`] for the large ones, at [`load`] for how it gets on chain.

mod action;
mod cast;
mod encode;
mod events;
mod family;
mod family_plan;
mod licences;
mod load;
mod node;
mod synthetic;
pub mod trade;
mod work;

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod rules;

pub use action::{
    AccountNo, Action, Allotments, AssetNo, Contribution, Derivation, Economy, Edge, Mint, NewAsset, Payment, Stage,
    Step, TermsNo,
};
pub use cast::{Account, DEV_FUNDER_KEY};
pub use encode::EXCHANGE_GROUP;
pub use events::{EventCounts, EventKind};
pub use family::{Entry, Family, FamilyError, ForeignParent, ParentOf};
pub use family_plan::{Plan, PlannedMarket, TICK_MICROS, Traded, Trading, plan};
pub use licences::{Terms, UnknownLicence, public_terms};
pub use load::{LoadError, Options, Progress, Summary, load};
pub use synthetic::Synthetic;
pub use work::{
    Aggregation, Claim, Completion, Execution, Mirror, Named, Office, Outcome, Review, Round, Submission, Task, Update,
    Venue, Work,
};
