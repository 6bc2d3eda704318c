//! The vocabulary of the exchange: what traders, the operator and the chains tell an engine ([`command`]), and what the engine makes of it
//! ([`event`], [`rejection`]).
//!
//! A *market group* is one engine with one stream of commands, one stream of events and its own balances. This module says what the words
//! mean, to the last base unit; the engine (`exchange/`) decides. Start with [`command::Command`].
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | *instrument* | anything that has balances: an ERC-20, or one id of an ERC-1155 contract |
//! | *market* | trading of a base instrument against a quote instrument, in whole lots at whole ticks |
//! | *lot* | the smallest quantity: a fixed number of base units of the base instrument |
//! | *tick* | the smallest price step: a fixed number of quote base units for one lot |
//! | *hold* | what an open order reserves of its account's balance |
//! | *fill* | one match of two orders; numbered in match order within its group |
//! | *settled* | said of a fill that the vault on chain has executed, in a block that is final |
//! | *bust* | the reversal of a fill that the vault skipped or will skip |
//! | *available*, *held* | the parts of a balance that a new order may use, and that open orders reserve |
//! | *pending* | what unsettled fills bring to (in) or take from (out) a balance |
//! | *fact* | a command that reports what a chain did, with its position |

pub mod command;
pub mod encoding;
pub mod event;
pub mod id;
pub mod market;
pub mod order;
pub mod quantity;
pub mod rejection;

pub use command::{Command, CommandBatch, CommandBody, Source};
pub use event::{Event, Outcome, OutcomeBatch};
pub use id::{AccountId, CommandNumber, FillNumber, GroupId, InstrumentId, MarketId, OrderId, UnixMillis};
pub use market::{FeeSchedule, MarketKind, MarketLimits, MarketSpec, MarketState};
pub use order::{Instructions, OrderKind, PostOnly, SelfTrade, Side, SignedOrder, TimeInForce};
pub use quantity::{Amount, Lots, MarketUnits, Ppm, Ticks};
pub use rejection::Rejection;

use crate::ChainId;

/// The streams of a group.
impl GroupId {
    /// What the group's engine is told; many writers.
    pub fn command_stream(self) -> String {
        format!("exchange.commands.{self}")
    }

    /// What the group's engine made of it; one fenced writer.
    pub fn event_stream(self) -> String {
        format!("exchange.events.{self}")
    }

    /// What was sent to the chain to settle the group's fills; one fenced writer.
    pub fn settlement_stream(self) -> String {
        format!("exchange.settlement.{self}")
    }
}

/// The chain and vault that a group settles on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Venue {
    /// The chain.
    pub chain: ChainId,
    /// The `ExchangeVault` on it.
    pub vault: crate::Address,
}
