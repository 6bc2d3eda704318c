//! What the engine was told, over all generations of the chain's stream.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use souk_schema::exchange::Amount;
use souk_schema::{BlockRef, TokenRef};

/// A deposit as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToldDeposit {
    pub(super) account: Address,
    pub(super) token: TokenRef,
    pub(super) amount: Amount,
    /// Where it was last seen.
    pub(super) block: BlockRef,
}

impl ToldDeposit {
    /// Whether it is the same deposit, wherever it is.
    pub(super) fn is_same(&self, other: &ToldDeposit) -> bool {
        (self.account, self.token, self.amount) == (other.account, other.token, other.amount)
    }
}

/// What the engine was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) deposits: BTreeMap<u64, ToldDeposit>,
    pub(super) withdrawals: BTreeSet<(Address, u64)>,
    /// Exits that wait, as far as the engine knows.
    pub(super) exits: BTreeMap<u64, Address>,
    pub(super) exits_executed: BTreeSet<u64>,
    /// Number of the last fill that is over.
    pub(super) fills_through: u64,
    pub(super) flushes: BTreeSet<(B256, U256)>,
    /// Keys that sign, as far as the engine knows.
    pub(super) keys: BTreeSet<(Address, Address)>,
    pub(super) nonces_below: BTreeMap<Address, u64>,
    pub(super) nonces: BTreeSet<(Address, u64)>,
    pub(super) series: BTreeSet<TokenRef>,
    pub(super) escape: bool,
    pub(super) final_secs: u64,
}
