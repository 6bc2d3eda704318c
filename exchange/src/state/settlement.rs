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

/// A withdrawal that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// As it was under way.
    pub flight: InFlight,
    /// Whether it was paid out; else it was credited back after its deadline.
    pub executed: bool,
}

/// An exit that was paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidExit {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How much was debited.
    pub amount: Amount,
}

/// How many fills are remembered after they were settled or skipped, in case the chain goes back past finality.
pub const REMEMBERED_FILLS: usize = 16_384;

/// All that is unsettled, and what of the rest a chain that goes back past finality could undo.
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
    /// The newest fills up to `settled`, without gaps, at most [`REMEMBERED_FILLS`].
    pub remembered: VecDeque<UnsettledFill>,
    /// Withdrawals that are over.
    pub finished: BTreeMap<(AccountId, u64), Finished>,
    /// Exits that were debited, by the vault's number.
    pub exits: BTreeMap<u64, PaidExit>,
}

impl Settlement {
    /// The number that the next fill gets.
    pub fn next_number(&self) -> FillNumber {
        FillNumber(self.settled.0 + self.unsettled.len() as u64 + 1)
    }

    /// Takes the oldest unsettled fill out, whose number the vault has consumed. Call [`Settlement::remember`] with what became of it.
    pub fn consume(&mut self) -> Option<UnsettledFill> {
        let consumed = self.unsettled.pop_front()?;
        self.settled = consumed.fill.number;
        Some(consumed)
    }

    /// Remembers the fill that was consumed last.
    pub fn remember(&mut self, consumed: UnsettledFill) {
        if self.remembered.len() == REMEMBERED_FILLS {
            self.remembered.pop_front();
        }
        self.remembered.push_back(consumed);
    }

    /// Has the remembered fills from a number on wait for the chain again; returns how many.
    pub fn take_back(&mut self, from: FillNumber) -> usize {
        let mut again = 0;
        while self.settled >= from
            && let Some(fill) = self.remembered.pop_back()
        {
            self.settled = FillNumber(fill.fill.number.0 - 1);
            self.unsettled.push_front(fill);
            again += 1;
        }
        again
    }

    /// When the oldest fill was matched that is neither settled nor busted.
    pub fn oldest_match(&self) -> Option<UnixMillis> {
        self.unsettled
            .iter()
            .find(|unsettled| !unsettled.busted())
            .map(|unsettled| unsettled.matched_at)
    }
}
