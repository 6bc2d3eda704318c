//! The engine against its rules: an oracle that is obviously right and slow gets the same seeded commands, every law is checked from outside
//! after every command, and a whole exchange (engine, vault, settlement, crashes, reorganisations) is simulated. Failures print their seed and
//! a minimal list of commands. `SOUK_SIMULATION_SEED` runs one seed, `SOUK_SIMULATION_SEEDS` that many.

mod coverage;
mod differential;
mod engine;
mod generator;
mod lawful;
mod laws;
mod machine;
mod oracle;
mod seeds;
mod shrink;
mod simulation;
mod text;
