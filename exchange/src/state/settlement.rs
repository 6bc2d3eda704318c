//! Fills that the chain has not settled yet, and what else is on its way between engine and chain.

use std::collections::{BTreeMap, VecDeque};

use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::event::{BustCause, Fill};
use souk_schema::exchange::{AccountId, Amount, FillNumber, InstrumentId, UnixMillis};

/// A fill whose number the vault has not consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsettledFill {
    /// What moves.
    pub fill: Fill,
    /// Engine time of the match.
    pub matched_at: UnixMillis,
    /// Why it was reversed, where it was; the vault has to consume its number all the same.
    pub bust: Option<BustCause>,
}

impl UnsettledFill {
    /// Whether it was reversed.
    pub fn busted(&self) -> bool {
        self.bust.is_some()
    }
}

/// A deposit that the engine credited, or credited and took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How much.
    pub amount: Amount,
    /// Whether its block is gone.
    pub vanished: bool,
}

/// A withdrawal that was debited and not paid out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// As the operator co-signs it.
    pub withdraw: Withdraw,
    /// The instrument of its token.
    pub instrument: InstrumentId,
}

/// All that is unsettled.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// The last number that the vault consumed.
    pub settled: FillNumber,
    /// The fills after that, without gaps.
    pub unsettled: VecDeque<UnsettledFill>,
    /// All deposits, by the vault's number.
    pub deposits: BTreeMap<u64, Deposit>,
    /// Withdrawals under way.
    pub withdrawals: BTreeMap<(AccountId, u64), InFlight>,
}

impl Settlement {
    /// The number that the next fill gets.
    pub fn next_number(&self) -> FillNumber {
        FillNumber(self.settled.0 + self.unsettled.len() as u64 + 1)
    }

    /// When the oldest fill was matched that is neither settled nor busted.
    pub fn oldest_match(&self) -> Option<UnixMillis> {
        self.unsettled
            .iter()
            .find(|unsettled| !unsettled.busted())
            .map(|unsettled| unsettled.matched_at)
    }
}
