//! The proof that engine, ledger and vault agree, per account and instrument (law LED-2).
//!
//! - Engine = ledger, at a command: what the engine says of its balances is what the tables say ([`engine_equals_ledger`]).
//! - Ledger = vault, at a final block `F` and the command `p` that applied the last fact of it ([`vault_equals_ledger`]):
//!   vault balance = ledger(p) − net fills unsettled at F + withdrawals debited by p and unexecuted at F − what `deficit` bore for the account and was not
//!   repaid;
//!   and the vault holds at least the sum of its balances.
//! - The ledger itself: balances are the sums of their postings ([`ledger_adds_up`]).
//!
//! [`verify_exchange`] is all that needs no engine, as lines; [`watch_reconciliation`] does it for ever, exports metrics, and keeps what it found
//! for [`reconciliations`].

mod books;
mod engine;
mod found;
mod positions;
mod vault;
mod verify;
mod watch;

use alloy_primitives::Address;
use serde::Serialize;
use souk_schema::TokenRef;
use souk_schema::amount::Balance;
use souk_schema::exchange::{CommandNumber, GroupId, Venue};

pub use books::ledger_adds_up;
pub use engine::{EngineBalance, engine_equals_ledger};
pub use found::{DifferenceRow, Other, ReconciliationRow, reconciliations};
pub use vault::{VaultBalances, VaultError, VaultSnapshot, vault_equals_ledger};
pub use verify::{Verification, verify_exchange};
pub use watch::{Books, EngineBalances, watch_reconciliation};

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The command at which each group was looked at.
    pub at: Vec<(GroupId, CommandNumber)>,
    /// How many numbers were compared.
    pub compared: u64,
    /// What was not equal.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether everything was equal.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Two numbers that should be equal and are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which numbers: `available`, `vault balance`, ….
    pub what: &'static str,
    /// Whose; `None` for what is of the whole vault or group.
    pub account: Option<Address>,
    /// Of what.
    pub token: TokenRef,
    /// What the ledger makes of it.
    pub ledger: Balance,
    /// What the other side says.
    pub other: Balance,
}

impl Difference {
    /// What the other side has more than the ledger.
    pub fn difference(&self) -> Balance {
        self.other - self.ledger
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.account {
            Some(account) => write!(f, "account {account}")?,
            None => f.write_str("all accounts")?,
        }
        let (TokenRef { contract, id }, difference) = (&self.token, self.difference());
        let (what, ledger, other) = (self.what, self.ledger, self.other);
        write!(
            f,
            ", token {contract}/{id}: {what} is {other}, by the ledger {ledger} (difference {difference})"
        )
    }
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Postgres failed.
    #[error("Postgres: {0}")]
    Database(#[from] sqlx::Error),
    /// The ledger is not there yet. Try again when it is.
    #[error("the ledger of group {group} has come to command {last}, not yet to what is to be compared")]
    Behind {
        /// The group.
        group: GroupId,
        /// The last command in the tables.
        last: CommandNumber,
    },
    /// There is no block to compare the vault at.
    #[error("the log has no two final blocks of the vault's chain yet, so there is nothing to compare the vault at")]
    NothingFinal,
    /// Nothing in the tables is of this vault.
    #[error("the ledger has no market group of the vault {} on chain {}", .0.vault, .0.chain)]
    NoGroup(Venue),
    /// The vault could not be asked.
    #[error("the vault: {0}")]
    Vault(VaultError),
}

/// Begins a view of one moment.
const SNAPSHOT: &str = "begin isolation level repeatable read, read only";
