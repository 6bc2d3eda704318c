//! Payouts against their rule: a slow oracle, written from the text of the rule alone, is fed the same seeded economies, with reorganisations
//! around everything; and each law and promise has a test of its own. Failures name their seed. `SOUK_PAYOUT_SEEDS` says how many economies.

mod accounts;
mod differential;
mod distributors;
mod economy;
mod events;
mod holds;
mod laws;
mod licences;
mod oracle;
mod refusals;
mod scale;
mod simulate;
mod snapshots;
mod world;
