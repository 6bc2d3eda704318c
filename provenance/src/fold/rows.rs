//! What a batch writes: rows to insert, and rows of the tables to close. Rows borrow from the decoded blocks.

use alloy_primitives::Address;
use souk_schema::amount::Balance;
use souk_schema::event::DomainEvent;
use souk_schema::record::{Block, RawLog};
use souk_schema::{TokenRef, TokenStandard};

/// Where on the chain something became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The block, inclusive.
    pub block: u64,
    /// The log within it.
    pub log_index: u32,
}

/// A row that an event alone makes: asset, version, derivation, terms, attachment, series, revocation, share issue, contribution, revenue.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// The event that made it.
    pub event: &'a DomainEvent,
    /// Where.
    pub at: At,
    /// The block from which it is not true any more (exclusive); `None` while it is. A fact that ended in its own block is no row.
    pub until: Option<u64>,
}

/// Who owned an ERC-721 token, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRow {
    /// The token.
    pub token: TokenRef,
    /// Its owner.
    pub owner: Address,
    /// Since when.
    pub at: At,
    /// Until when (exclusive).
    pub until: Option<u64>,
}

/// What an account held of a token, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// The token.
    pub token: TokenRef,
    /// The account.
    pub account: Address,
    /// How much, in base units; never zero.
    pub amount: Balance,
    /// Since when.
    pub at: At,
    /// Until when (exclusive).
    pub until: Option<u64>,
}

/// A contract that a factory created.
#[derive(Clone, Copy, Debug)]
pub struct ContractRow {
    /// Its address.
    pub address: Address,
    /// What it is.
    pub standard: TokenStandard,
    /// Who created it.
    pub factory: Address,
    /// Where.
    pub at: At,
}

/// A decoded event.
#[derive(Clone, Copy, Debug)]
pub struct EventRow<'a> {
    /// The block that holds it.
    pub block: u64,
    /// The log that it was decoded from.
    pub log: &'a RawLog,
    /// Its place among the events of that log, from 0.
    pub ordinal: u32,
    /// The event.
    pub event: &'a DomainEvent,
}

/// A watched log that means nothing to us.
#[derive(Clone, Debug)]
pub struct QuarantineRow<'a> {
    /// The block that holds it.
    pub block: u64,
    /// The log.
    pub log: &'a RawLog,
    /// Why.
    pub reason: String,
}

/// Rows that were open in the tables before the batch and are closed by it. The last number is the block (exclusive).
#[derive(Debug, Default)]
pub struct Closed {
    /// Token, the row's first block, the block that ended it.
    pub owners: Vec<(TokenRef, u64, u64)>,
    /// Token, account, the row's first block, the block that ended it.
    pub balances: Vec<(TokenRef, Address, u64, u64)>,
    /// Licence series that were revoked.
    pub series: Vec<(TokenRef, u64)>,
    /// Contributions that were voided.
    pub contributions: Vec<(TokenRef, u64)>,
}

/// Everything that a batch of blocks writes.
#[derive(Debug, Default)]
pub struct Writes<'a> {
    /// The blocks themselves.
    pub blocks: Vec<&'a Block>,
    /// Decoded events.
    pub events: Vec<EventRow<'a>>,
    /// Logs that could not be decoded or cannot be true.
    pub quarantine: Vec<QuarantineRow<'a>>,
    /// Contracts that factories created.
    pub contracts: Vec<ContractRow>,
    /// Rows that one event makes.
    pub facts: Vec<Fact<'a>>,
    /// Ownerships that began in the batch.
    pub owners: Vec<OwnerRow>,
    /// Balances that began in the batch.
    pub balances: Vec<BalanceRow>,
    /// Older rows that ended in the batch.
    pub closed: Closed,
}
