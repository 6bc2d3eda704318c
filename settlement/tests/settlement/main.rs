//! Facts and settlement against a real dev chain, the real contracts, a real engine and a real log.

mod broken;
mod exits;
mod facts;
mod operator;
mod outage;
mod postgres;
mod restarts;
mod resumes;
mod settle;
mod world;
