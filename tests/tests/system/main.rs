//! Whole-system scenarios: the `souk` program on real parts, and what happens to it. Start with `world`.

mod activity;
mod command_line;
mod faults;
mod kill;
mod outage;
mod reorg;
mod verify;
mod world;
mod writers;
