//! What a final block said and is gone with it: the chain went back past finality. Everything that it moved is reversed here; where the new
//! chain says it again, it counts again. Whatever is reversed, all markets halt until the operator has looked.

use alloy_primitives::{Address, B256};
use souk_schema::exchange::event::{CreditCause, DebitCause, StateCause};
use souk_schema::exchange::{Amount, Event, FillNumber, InstrumentId, Rejection};

use crate::engine::Engine;
use crate::state::settlement::{Deposit, Finished};

impl Engine {
    pub(super) fn deposit_vanished(&mut self, deposit_id: u64, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let deposit = self
            .settlement
            .deposits
            .get(&deposit_id)
            .copied()
            .filter(|deposit| !deposit.vanished);
        let deposit = deposit.ok_or(Rejection::NothingToChange)?;
        self.check_debit(deposit.instrument, deposit.amount)?;
        let vanished = Deposit {
            vanished: true,
            ..deposit
        };
        self.settlement.deposits.insert(deposit_id, vanished);
        let cause = DebitCause::DepositVanished { deposit_id };
        self.debit(deposit.account, deposit.instrument, deposit.amount, cause, events);
        self.bust_uncovered(events);
        self.mend_balances(events);
        self.halt_all(events);
        Ok(())
    }

    /// Fills whose numbers had been consumed are unsettled again, as far back as they are remembered.
    pub(super) fn fills_vanished(&mut self, from: FillNumber, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if from == FillNumber(0) || from > self.settlement.settled {
            return Err(Rejection::NothingToChange);
        }
        let again = self.settlement.take_back(from);
        for at in 0..again {
            let unsettled = self.settlement.unsettled_at(at);
            if !unsettled.busted() {
                let again = unsettled.clone();
                self.make_pending(&again);
                let fill = Box::new(again.fill);
                events.push(Event::FillUnsettled { fill });
            }
        }
        events.push(Event::SettlementVanished {
            through: self.settlement.settled,
        });
        self.bust_uncovered(events);
        self.mend_balances(events);
        self.halt_all(events);
        Ok(())
    }

    /// A withdrawal is under way again: its co-signature is good until the deadline, and after it the amount comes back.
    pub(super) fn withdrawal_vanished(
        &mut self,
        address: &Address,
        nonce: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        let finished = self.settlement.finished.get(&(account, nonce));
        let Some(Finished { flight, executed: true }) = finished else {
            return Err(Rejection::NothingToChange);
        };
        let (instrument, amount) = (flight.instrument, flight.withdraw.amount);
        self.check_credit(instrument, amount)?;
        let finished = self.settlement.finished.remove(&(account, nonce));
        let flight = finished.expect("it was just seen").flight;
        self.settlement.withdrawals.insert((account, nonce), flight);
        *self.instruments.total_mut(instrument) += amount.0 as i128;
        events.push(Event::WithdrawalVanished { account, nonce });
        self.halt_all(events);
        Ok(())
    }

    pub(super) fn exit_vanished(&mut self, exit_id: u64, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let exit = self.settlement.exits.get(&exit_id).copied();
        let exit = exit.ok_or(Rejection::NothingToChange)?;
        self.check_credit(exit.instrument, exit.amount)?;
        self.settlement.exits.remove(&exit_id);
        *self.instruments.total_mut(exit.instrument) += exit.amount.0 as i128;
        let cause = CreditCause::ExitVanished { exit_id };
        self.credit(exit.account, exit.instrument, exit.amount, cause, events);
        self.halt_all(events);
        Ok(())
    }

    pub(super) fn flush_vanished(
        &mut self,
        market: &B256,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let market = self.find_market(market)?;
        if amount == Amount::ZERO {
            return Err(Rejection::ZeroAmount);
        }
        let (account, instrument) = (self.markets[market].royalty_account, self.markets[market].quote);
        self.check_credit(instrument, amount)?;
        *self.instruments.total_mut(instrument) += amount.0 as i128;
        self.credit(account, instrument, amount, CreditCause::FlushVanished, events);
        self.halt_all(events);
        Ok(())
    }

    /// Whether a credit leaves sums that can be kept. What is owed counts as if it had been paid, so that no single balance outgrows the sum.
    pub(super) fn check_credit(&self, instrument: InstrumentId, amount: Amount) -> Result<(), Rejection> {
        let sum = i128::try_from(amount.0).ok().and_then(|amount| {
            let total = self.instruments.total(instrument).checked_add(self.owed(instrument))?;
            total.checked_add(amount)
        });
        sum.map(|_| ()).ok_or(Rejection::Overflow)
    }

    fn halt_all(&mut self, events: &mut Vec<Event>) {
        for market in 0..self.markets.len() {
            self.halt(market, StateCause::FinalityBroken, events);
        }
    }
}
