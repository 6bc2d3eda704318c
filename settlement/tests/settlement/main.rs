//! Facts and settlement against a real dev chain, the real contracts, a real engine and a real log.

mod exits;
mod facts;
mod operator;
mod postgres;
mod settle;
mod world;
