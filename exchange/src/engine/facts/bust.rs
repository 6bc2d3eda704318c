//! Fills that are reversed, and the balances that this leaves short.

use std::collections::BTreeMap;

use souk_schema::exchange::event::{BustCause, CloseCause};
use souk_schema::exchange::{AccountId, Event, InstrumentId, Side};

use crate::book::Slot;
use crate::engine::Engine;
use crate::state::accounts::{Accounts, FundsIndex};
use crate::state::market::Markets;
use crate::state::settlement::UnsettledFill;

/// What a fill takes from one balance or brings to another.
struct Moves {
    /// Buyer's quote, seller's base.
    payments: [(FundsIndex, u128); 2],
    /// Buyer's base, seller's quote, fees, royalty.
    receipts: [(FundsIndex, u128); 4],
}

impl Moves {
    #[inline]
    fn of(unsettled: &UnsettledFill, markets: &Markets, accounts: &Accounts) -> Moves {
        let fill = &unsettled.fill;
        let market = &markets[fill.market.0 as usize];
        let [buyer, seller] = unsettled.seats.map(|seat| accounts.seat(seat));
        let net = fill.quote.0 - fill.seller.fee.0 - fill.royalty.0;
        Moves {
            payments: [
                (buyer.quote, fill.quote.0 + fill.buyer.fee.0),
                (seller.base, fill.base.0),
            ],
            receipts: [
                (buyer.base, fill.base.0),
                (seller.quote, net),
                (market.fee_funds, fill.buyer.fee.0 + fill.seller.fee.0),
                (market.royalty_funds, fill.royalty.0),
            ],
        }
    }
}

/// A fill is no longer pending: settled, or about to be reversed.
#[inline]
pub(super) fn forget_pending(unsettled: &UnsettledFill, markets: &Markets, accounts: &mut Accounts) {
    let moves = Moves::of(unsettled, markets, accounts);
    let less = |pending: u128, amount| pending.checked_sub(amount).expect("an unsettled fill is pending");
    for (index, amount) in moves.payments {
        let funds = accounts.funds_mut(index);
        funds.pending_out = less(funds.pending_out, amount);
    }
    for (index, amount) in moves.receipts {
        let funds = accounts.funds_mut(index);
        funds.pending_in = less(funds.pending_in, amount);
    }
}

impl Engine {
    fn moves(&self, fill: &UnsettledFill) -> Moves {
        Moves::of(fill, &self.markets, &self.accounts)
    }

    /// A fill that was settled is pending again.
    pub(super) fn make_pending(&mut self, fill: &UnsettledFill) {
        let moves = self.moves(fill);
        for (index, amount) in moves.payments {
            self.accounts.funds_mut(index).pending_out += amount;
        }
        for (index, amount) in moves.receipts {
            self.accounts.funds_mut(index).pending_in += amount;
        }
    }

    /// Moves a fill's amounts back, between available balances.
    pub(super) fn reverse(&mut self, fill: &UnsettledFill) {
        let moves = self.moves(fill);
        for (index, amount) in moves.payments {
            self.accounts.funds_mut(index).available += amount as i128;
            self.scratch.moved.push(index);
        }
        for (index, amount) in moves.receipts {
            self.accounts.funds_mut(index).available -= amount as i128;
            self.scratch.moved.push(index);
        }
    }

    /// Moves a reversed fill's amounts again, between available balances.
    pub(super) fn reinstate(&mut self, fill: &UnsettledFill) {
        let moves = self.moves(fill);
        for (index, amount) in moves.payments {
            self.accounts.funds_mut(index).available -= amount as i128;
            self.scratch.moved.push(index);
        }
        for (index, amount) in moves.receipts {
            self.accounts.funds_mut(index).available += amount as i128;
            self.scratch.moved.push(index);
        }
    }

    /// Reverses, in number order, every unsettled fill that one of its sides could not pay on chain.
    pub(super) fn bust_uncovered(&mut self, events: &mut Vec<Event>) {
        let mut running: BTreeMap<FundsIndex, i128> = BTreeMap::new();
        for at in 0..self.settlement.unsettled().len() {
            let unsettled = self.settlement.unsettled_at(at);
            if unsettled.busted() {
                continue;
            }
            let moves = self.moves(unsettled);
            // A bust changes available and pending alike, so what is on chain is the same before and after it.
            for (index, _) in moves.payments.iter().chain(&moves.receipts) {
                running.entry(*index).or_insert_with(|| self.on_chain(*index));
            }
            if moves
                .payments
                .iter()
                .all(|(index, amount)| *amount as i128 <= running[index])
            {
                for (index, amount) in moves.payments {
                    *running.get_mut(&index).expect("entered above") -= amount as i128;
                }
                for (index, amount) in moves.receipts {
                    *running.get_mut(&index).expect("entered above") += amount as i128;
                }
            } else {
                self.bust(at, BustCause::Uncovered, events);
            }
        }
    }

    /// Reverses every unsettled fill, newest first.
    pub(super) fn bust_all(&mut self, events: &mut Vec<Event>) {
        for at in (0..self.settlement.unsettled().len()).rev() {
            if !self.settlement.unsettled_at(at).busted() {
                self.bust(at, BustCause::Escape, events);
            }
        }
    }

    fn bust(&mut self, at: usize, cause: BustCause, events: &mut Vec<Event>) {
        let unsettled = self.settlement.unsettled_at_mut(at);
        unsettled.bust = Some(cause);
        let unsettled = unsettled.clone();
        forget_pending(&unsettled, &self.markets, &mut self.accounts);
        self.reverse(&unsettled);
        events.push(Event::FillBusted {
            fill: Box::new(unsettled.fill),
            cause,
        });
    }

    /// Brings available balances that fell below 0 back to it: by closing orders that reserve the instrument, and where that is not enough, at
    /// the account `deficit`'s expense. Those that rose repay it.
    pub(super) fn mend_balances(&mut self, events: &mut Vec<Event>) {
        let mut moved = std::mem::take(&mut self.scratch.moved);
        moved.sort_unstable_by_key(|index| self.accounts.owner(*index));
        moved.dedup();
        for index in moved.drain(..) {
            let (account, instrument) = self.accounts.owner(index);
            if account != AccountId::DEFICIT && self.accounts.funds(index).available < 0 {
                self.mend(account, instrument, index, events);
            }
            self.repay(index, events);
        }
        self.scratch.moved = moved;
    }

    fn mend(&mut self, account: AccountId, instrument: InstrumentId, index: FundsIndex, events: &mut Vec<Event>) {
        for (_, slot) in self.orders_of(account).into_iter().rev() {
            if self.accounts.funds(index).available >= 0 {
                return;
            }
            if self.reserves(slot) == instrument {
                self.close(slot, CloseCause::Unfunded, events);
            }
        }
        let short = self.accounts.funds(index).available;
        if short >= 0 {
            return;
        }
        self.bear(account, instrument, index, short.unsigned_abs(), events);
    }

    /// The instrument that an order holds.
    fn reserves(&self, slot: Slot) -> InstrumentId {
        let market = &self.markets[self.market_of(slot)];
        match self.orders.node(slot).side {
            Side::Buy => market.quote,
            Side::Sell => market.base,
        }
    }
}
