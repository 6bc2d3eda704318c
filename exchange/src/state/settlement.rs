//! Fills that the chain has not settled yet, and what else is on its way between engine and chain.

use std::collections::vec_deque::Iter;
use std::collections::{BTreeMap, VecDeque};

use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::event::{BustCause, Fill};
use souk_schema::exchange::{AccountId, Amount, FillNumber, InstrumentId, UnixMillis};

use super::accounts::SeatIndex;

/// A fill whose number the vault has not consumed.
#[derive(Clone, Debug)]
pub struct UnsettledFill {
    /// What moves.
    pub fill: Fill,
    /// Engine time of the match.
    pub matched_at: UnixMillis,
    /// Why it was reversed, where it was; the vault has to consume its number all the same.
    pub bust: Option<BustCause>,
    /// Where buyer and seller have their balances, so that nobody has to look for them when it is settled.
    pub(crate) seats: [SeatIndex; 2],
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
    /// The newest fills, by number, without gaps: first those up to `settled`, at most [`REMEMBERED_FILLS`], then the unsettled. A fill that is
    /// settled stays where it is.
    fills: VecDeque<UnsettledFill>,
    /// How many of them are remembered only.
    remembered: usize,
    /// All deposits, by the vault's number.
    pub deposits: BTreeMap<u64, Deposit>,
    /// Withdrawals under way.
    pub withdrawals: BTreeMap<(AccountId, u64), InFlight>,
    /// Withdrawals that are over.
    pub finished: BTreeMap<(AccountId, u64), Finished>,
    /// Exits that were debited, by the vault's number.
    pub exits: BTreeMap<u64, PaidExit>,
    /// What the account `deficit` bore for others and was not repaid; nothing is 0. Only the third rules keep it.
    pub debts: BTreeMap<(AccountId, InstrumentId), u128>,
}

impl Settlement {
    /// The number that the next fill gets.
    #[inline]
    pub fn next_number(&self) -> FillNumber {
        FillNumber(self.settled.0 + (self.fills.len() - self.remembered) as u64 + 1)
    }

    /// The fills after `settled`, oldest first.
    pub fn unsettled(&self) -> Iter<'_, UnsettledFill> {
        self.fills.range(self.remembered..)
    }

    /// One of the fills after `settled`, counted from the oldest.
    pub fn unsettled_at(&self, at: usize) -> &UnsettledFill {
        &self.fills[self.remembered + at]
    }

    /// One of the fills after `settled`, counted from the oldest.
    pub fn unsettled_at_mut(&mut self, at: usize) -> &mut UnsettledFill {
        &mut self.fills[self.remembered + at]
    }

    /// The newest fills up to `settled`, oldest first.
    pub fn remembered(&self) -> Iter<'_, UnsettledFill> {
        self.fills.range(..self.remembered)
    }

    /// Adds the fill of the next number.
    #[inline]
    pub fn push(&mut self, fill: UnsettledFill) {
        self.fills.push_back(fill);
    }

    /// Puts fills back as they were.
    pub fn restore(&mut self, remembered: Vec<UnsettledFill>, unsettled: Vec<UnsettledFill>) {
        self.remembered = remembered.len();
        self.fills = remembered.into_iter().chain(unsettled).collect();
    }

    /// The vault has consumed the number of the oldest unsettled fill, which is remembered from now on.
    pub fn consume(&mut self) -> Option<&mut UnsettledFill> {
        self.settled = self.fills.get(self.remembered)?.fill.number;
        if self.remembered == REMEMBERED_FILLS {
            self.fills.pop_front();
        } else {
            self.remembered += 1;
        }
        self.fills.get_mut(self.remembered - 1)
    }

    /// Has the remembered fills from a number on wait for the chain again; returns how many.
    pub fn take_back(&mut self, from: FillNumber) -> usize {
        let before = self.remembered;
        while self.settled >= from && self.remembered > 0 {
            self.remembered -= 1;
            self.settled = FillNumber(self.settled.0 - 1);
        }
        before - self.remembered
    }

    /// When the oldest fill was matched that is neither settled nor busted.
    pub fn oldest_match(&self) -> Option<UnixMillis> {
        self.unsettled()
            .find(|unsettled| !unsettled.busted())
            .map(|unsettled| unsettled.matched_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_schema::exchange::event::FillSide;
    use souk_schema::exchange::{CommandNumber, Lots, MarketId, OrderId, Side, Ticks};

    fn fill(number: u64) -> UnsettledFill {
        let side = FillSide {
            order: OrderId(1),
            signed_by: CommandNumber(1),
            account: AccountId(1),
            fee: Amount::ZERO,
            released: Amount::ZERO,
        };
        let fill = Fill {
            number: FillNumber(number),
            market: MarketId(0),
            price: Ticks(1),
            lots: Lots(1),
            taker: Side::Buy,
            base: Amount(1),
            quote: Amount(1),
            royalty: Amount::ZERO,
            buyer: side,
            seller: side,
        };
        UnsettledFill {
            fill,
            matched_at: UnixMillis(number),
            bust: None,
            seats: [0, 1],
        }
    }

    fn numbers(fills: Iter<'_, UnsettledFill>) -> (usize, Option<u64>, Option<u64>) {
        let number = |fill: Option<&UnsettledFill>| fill.map(|fill| fill.fill.number.0);
        (fills.len(), number(fills.clone().next()), number(fills.last()))
    }

    #[test]
    fn the_newest_consumed_fills_are_remembered_and_can_be_taken_back() {
        let most = REMEMBERED_FILLS as u64;
        let mut settlement = Settlement::default();
        assert!(settlement.consume().is_none(), "there is nothing to consume");
        for number in 1..=most + 10 {
            assert_eq!(settlement.next_number(), FillNumber(number));
            settlement.push(fill(number));
        }
        for number in 1..=most + 5 {
            let consumed = settlement.consume().map(|consumed| consumed.fill.number);
            assert_eq!(consumed, Some(FillNumber(number)));
            assert_eq!(settlement.settled, FillNumber(number));
        }
        assert_eq!(
            numbers(settlement.remembered()),
            (REMEMBERED_FILLS, Some(6), Some(most + 5)),
            "the oldest five are forgotten"
        );
        assert_eq!(numbers(settlement.unsettled()), (5, Some(most + 6), Some(most + 10)));
        assert_eq!(settlement.oldest_match(), Some(UnixMillis(most + 6)));

        assert_eq!(settlement.take_back(FillNumber(most + 4)), 2);
        assert_eq!(settlement.settled, FillNumber(most + 3));
        assert_eq!(settlement.unsettled_at(0).fill.number, FillNumber(most + 4));
        assert_eq!(settlement.next_number(), FillNumber(most + 11));

        assert_eq!(
            settlement.take_back(FillNumber(1)),
            REMEMBERED_FILLS - 2,
            "no further than it remembers"
        );
        assert_eq!(settlement.settled, FillNumber(5));
        assert_eq!(numbers(settlement.remembered()), (0, None, None));
        assert_eq!(settlement.next_number(), FillNumber(most + 11));
    }
}
