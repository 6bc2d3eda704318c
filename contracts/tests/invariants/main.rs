//! What must hold of the contracts, tried by seeded random transactions on an EVM in memory (revm), and what is said about
//! them elsewhere: their events, their committed artifacts, their deployment on a real node.
//!
//! `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose another seed and another number of cases. `SOUK_ARTIFACTS` runs the
//! same tests on other artifacts, which is how `contracts/mutate.mjs` proves that they fail on broken contracts.
//! Start at [`world`], then [`economy`] and [`exchange`].

mod abi;
mod artifacts;
mod contributions;
mod deployment;
mod disputes;
mod economy;
mod examples;
mod exchange;
mod executions;
mod gateway;
mod money;
mod payouts;
mod property;
mod shares;
mod tasks;
mod wired;
mod world;
