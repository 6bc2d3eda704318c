//! What the engine was told, over all generations of the chain's stream.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use souk_schema::exchange::Amount;
use souk_schema::{BlockRef, TokenRef};

use crate::pairs;

/// A deposit as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) deposits: BTreeMap<u64, ToldDeposit>,
    /// Withdrawals that were paid out, and where.
    #[serde(with = "pairs")]
    pub(super) withdrawals: BTreeMap<(Address, u64), BlockRef>,
    /// Exits that wait, as far as the engine knows.
    pub(super) exits: BTreeMap<u64, Address>,
    /// Exits that were paid out, and where.
    pub(super) exits_executed: BTreeMap<u64, BlockRef>,
    /// Number of the last fill that is over.
    pub(super) fills_through: u64,
    /// The first of the fills that a block made over, for each block that did.
    pub(super) fills: BTreeMap<u64, (B256, u64)>,
    /// Royalties that were paid out: how much, and where.
    #[serde(with = "pairs")]
    pub(super) flushes: BTreeMap<(B256, U256), (Amount, BlockRef)>,
    /// Keys that sign, as far as the engine knows.
    pub(super) keys: BTreeSet<(Address, Address)>,
    pub(super) nonces_below: BTreeMap<Address, u64>,
    pub(super) nonces: BTreeSet<(Address, u64)>,
    pub(super) series: BTreeSet<TokenRef>,
    pub(super) escape: bool,
    /// Who took what through the escape; a balance that was taken is 0 for good.
    pub(super) escaped: BTreeSet<(Address, TokenRef)>,
    /// Time and number of the last block that was told to be final.
    pub(super) last_final: (u64, u64),
}

impl Told {
    /// Every final block that said something, as far as it could be taken back.
    pub(super) fn blocks(&self) -> BTreeMap<u64, B256> {
        let deposits = self.deposits.values().map(|deposit| deposit.block);
        let paid = self.withdrawals.values().chain(self.exits_executed.values()).copied();
        let flushed = self.flushes.values().map(|(_, block)| *block);
        let blocks = deposits.chain(paid).chain(flushed);
        let blocks = blocks.map(|block| (block.number, block.hash));
        blocks
            .chain(self.fills.iter().map(|(number, (hash, _))| (*number, *hash)))
            .collect()
    }
}
