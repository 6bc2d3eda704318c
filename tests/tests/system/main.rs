//! Whole-system scenarios: the `souk` program on real parts, and what happens to it. Start with `world`.

mod activity;
mod apart;
mod attestations;
mod away;
mod begun_anew;
mod collections;
mod command_line;
mod escape;
mod exchange;
mod exchange_apart;
mod faults;
mod kill;
mod metadata;
mod outage;
mod payouts;
mod program;
mod reorg;
mod separate;
mod series;
mod simulated;
mod standby;
mod trade;
mod trader;
mod verify;
mod world;
mod writers;
