//! What a batch writes: rows to insert, and rows of the tables to close. Rows borrow from the decoded blocks.

use alloy_primitives::Address;
use souk_adapters::ChildKind;
use souk_schema::TokenRef;
use souk_schema::amount::Balance;
use souk_schema::event::DomainEvent;
use souk_schema::record::{Block, RawLog};

use super::foreign::{Known, Link};

/// Where on the chain something became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The block, inclusive.
    pub block: u64,
    /// The log within it.
    pub log_index: u32,
}

/// A row that an event alone makes: asset, version, derivation, terms, attachment, series, revocation, share issue, contribution,
/// revenue, and everything about tasks, executions, disputes, payouts, mirrors and markets.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// The event that made it.
    pub event: &'a DomainEvent,
    /// The asset that it belongs to, where the event is of a task, an execution, a round or a dispute.
    pub asset: Option<TokenRef>,
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

/// Where a vault's fees gathered, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeAccountRow {
    /// The vault.
    pub vault: Address,
    /// The account.
    pub account: Address,
    /// Since when.
    pub at: At,
    /// Until when (exclusive).
    pub until: Option<u64>,
}

/// What an account had of a token in a vault, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultBalanceRow {
    /// The vault.
    pub vault: Address,
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

/// What an address stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The address.
    pub account: Address,
    /// What it stands for.
    pub known: Known,
    /// Since when.
    pub at: At,
}

/// A link that another protocol declares, and when it was true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The derived thing's own key.
    pub child: TokenRef,
    /// What tells the links of a child apart.
    pub slot: String,
    /// The link.
    pub link: Link,
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
    pub kind: ChildKind,
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
    /// What it is about, as the state before it knows: [`DomainEvent::subject`], or the asset that this belongs to.
    pub subject: Option<TokenRef>,
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
    /// Vault, the row's first block, the block that ended it.
    pub fee_accounts: Vec<(Address, u64, u64)>,
    /// Vault, token, account, the row's first block, the block that ended it.
    pub vault_balances: Vec<(Address, TokenRef, Address, u64, u64)>,
    /// What other protocols say no more.
    pub foreign: ForeignClosed,
}

/// Rows of other protocols that were open in the tables before the batch and are closed by it.
#[derive(Debug, Default)]
pub struct ForeignClosed {
    /// Child, slot, the row's first block, the block that ended it.
    pub links: Vec<(TokenRef, String, u64, u64)>,
    /// Attestations that were revoked.
    pub attestations: Vec<(TokenRef, u64)>,
    /// Feedback that was revoked.
    pub feedback: Vec<(TokenRef, u64)>,
    /// Disputes that are over.
    pub disputes: Vec<(TokenRef, u64)>,
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
    /// Fee accounts of vaults that began in the batch.
    pub fee_accounts: Vec<FeeAccountRow>,
    /// Balances within vaults that began in the batch.
    pub vault_balances: Vec<VaultBalanceRow>,
    /// What addresses stand for since the batch.
    pub foreign_accounts: Vec<AccountRow>,
    /// Links of other protocols that began in the batch.
    pub foreign_links: Vec<LinkRow>,
    /// Older rows that ended in the batch.
    pub closed: Closed,
}
