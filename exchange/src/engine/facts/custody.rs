//! What comes into the vault and what leaves it.

use alloy_primitives::{Address, B256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::{CloseCause, CreditCause, DebitCause};
use souk_schema::exchange::{AccountId, Amount, Event, InstrumentId, Rejection};

use crate::engine::Engine;
use crate::state::settlement::{Deposit, Finished, PaidExit};

impl Engine {
    pub(super) fn deposited(
        &mut self,
        deposit_id: u64,
        address: &Address,
        token: &TokenRef,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let found = self.find_mentioned(address)?;
        if amount == Amount::ZERO {
            return Err(Rejection::ZeroAmount);
        }
        let instrument = self.instruments.find(token).ok_or(Rejection::UnknownInstrument)?;
        if self
            .settlement
            .deposits
            .get(&deposit_id)
            .is_some_and(|deposit| !deposit.vanished)
        {
            return Err(Rejection::NothingToChange);
        }
        self.check_credit(instrument, amount)?;
        let account = self.open_mentioned(found, address, events);
        let deposit = Deposit {
            account,
            instrument,
            amount,
            vanished: false,
        };
        self.settlement.deposits.insert(deposit_id, deposit);
        *self.instruments.total_mut(instrument) += amount.0 as i128;
        self.credit(account, instrument, amount, CreditCause::Deposit { deposit_id }, events);
        Ok(())
    }

    pub(super) fn withdrawn(
        &mut self,
        address: &Address,
        nonce: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        let key = (account, nonce);
        if let Some(flight) = self.settlement.withdrawals.remove(&key) {
            *self.instruments.total_mut(flight.instrument) -= flight.withdraw.amount.0 as i128;
            events.push(Event::WithdrawalExecuted { account, nonce });
            let finished = Finished { flight, executed: true };
            self.settlement.finished.insert(key, finished);
            return Ok(());
        }
        // One that was credited back can be paid out all the same where the chain went back to before its deadline.
        let is_taken = self.goes_by(Rules::Second);
        let finished = self.settlement.finished.get(&key);
        let finished = finished.filter(|finished| !finished.executed && is_taken);
        let flight = &finished.ok_or(Rejection::NothingToChange)?.flight;
        let (instrument, amount) = (flight.instrument, flight.withdraw.amount);
        self.check_debit(instrument, amount)?;
        self.settlement
            .finished
            .entry(key)
            .and_modify(|finished| finished.executed = true);
        self.debit(account, instrument, amount, DebitCause::Withdrawal { nonce }, events);
        events.push(Event::WithdrawalExecuted { account, nonce });
        self.bust_uncovered(events);
        self.mend_balances(events);
        Ok(())
    }

    pub(super) fn finality_reached(&mut self, secs: u64, events: &mut Vec<Event>) {
        let flights = self.settlement.withdrawals.iter();
        let late: Vec<(AccountId, u64)> = flights
            .filter(|(_, flight)| flight.withdraw.deadline_secs < secs)
            .map(|(key, _)| *key)
            .collect();
        for key in late {
            let flight = self.settlement.withdrawals.remove(&key).expect("it was just seen");
            let (account, nonce) = key;
            let cause = CreditCause::WithdrawalExpired { nonce };
            self.credit(account, flight.instrument, flight.withdraw.amount, cause, events);
            let executed = false;
            self.settlement.finished.insert(key, Finished { flight, executed });
        }
    }

    pub(super) fn exit_requested(
        &mut self,
        address: &Address,
        exit_id: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let found = self.find_mentioned(address)?;
        if found.is_some_and(|account| self.accounts.get(account).exits.contains(&exit_id)) {
            return Err(Rejection::NothingToChange);
        }
        let account = self.open_mentioned(found, address, events);
        let exits = &mut self.accounts.get_mut(account).exits;
        let at = exits.partition_point(|other| *other < exit_id);
        exits.insert(at, exit_id);
        if exits.len() == 1 {
            events.push(Event::AccountStopped { account });
            self.close_all(account, CloseCause::AccountStopped, events, |_, _| true);
        }
        Ok(())
    }

    pub(super) fn exit_cancelled(
        &mut self,
        address: &Address,
        exit_id: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        self.find_exit(account, exit_id)?;
        self.end_exit(account, exit_id, events);
        Ok(())
    }

    pub(super) fn exit_executed(
        &mut self,
        address: &Address,
        exit_id: u64,
        token: &TokenRef,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        self.find_exit(account, exit_id)?;
        let instrument = self.instruments.find(token).filter(|_| amount != Amount::ZERO);
        if let Some(instrument) = instrument {
            self.check_debit(instrument, amount)?;
            self.debit(account, instrument, amount, DebitCause::Exit { exit_id }, events);
            let paid = PaidExit {
                account,
                instrument,
                amount,
            };
            self.settlement.exits.insert(exit_id, paid);
            self.bust_uncovered(events);
            self.mend_balances(events);
        }
        self.end_exit(account, exit_id, events);
        Ok(())
    }

    pub(super) fn royalty_flushed(
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
        self.check_debit(instrument, amount)?;
        self.debit(account, instrument, amount, DebitCause::RoyaltyFlush, events);
        self.mend_balances(events);
        Ok(())
    }

    pub(super) fn escaped(
        &mut self,
        address: &Address,
        token: &TokenRef,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        if amount == Amount::ZERO {
            return Err(Rejection::ZeroAmount);
        }
        let instrument = self.instruments.find(token).ok_or(Rejection::UnknownInstrument)?;
        if !self.escaped {
            return Err(Rejection::NothingToChange);
        }
        self.check_debit(instrument, amount)?;
        // No fill is unsettled any more that this could leave uncovered.
        self.debit(account, instrument, amount, DebitCause::Escape, events);
        self.mend_balances(events);
        Ok(())
    }

    fn find_exit(&self, account: AccountId, exit_id: u64) -> Result<usize, Rejection> {
        let exits = &self.accounts.get(account).exits;
        exits.binary_search(&exit_id).map_err(|_| Rejection::NothingToChange)
    }

    fn end_exit(&mut self, account: AccountId, exit_id: u64, events: &mut Vec<Event>) {
        let at = self.find_exit(account, exit_id).expect("it was just seen");
        let exits = &mut self.accounts.get_mut(account).exits;
        exits.remove(at);
        if exits.is_empty() {
            events.push(Event::AccountResumed { account });
        }
    }

    /// What the account `deficit` bears.
    pub(super) fn owed(&self, instrument: InstrumentId) -> i128 {
        let index = self.accounts.find_funds(AccountId::DEFICIT, instrument);
        index.map_or(0, |index| -self.accounts.funds(index).available)
    }

    /// Whether a debit leaves sums that can be kept; no chain ever says otherwise.
    pub(super) fn check_debit(&self, instrument: InstrumentId, amount: Amount) -> Result<(), Rejection> {
        let fits = i128::try_from(amount.0).ok().and_then(|amount| {
            self.owed(instrument).checked_add(amount)?;
            self.instruments.total(instrument).checked_sub(amount)
        });
        fits.map(|_| ()).ok_or(Rejection::Overflow)
    }

    pub(super) fn credit(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        amount: Amount,
        cause: CreditCause,
        events: &mut Vec<Event>,
    ) {
        let index = self.accounts.funds_of(account, instrument);
        self.accounts.funds_mut(index).available += amount.0 as i128;
        events.push(Event::Credited {
            account,
            instrument,
            amount,
            cause,
        });
        self.repay(index, events);
    }

    /// Takes an amount out of the group, whether the account has it available or not.
    pub(super) fn debit(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        amount: Amount,
        cause: DebitCause,
        events: &mut Vec<Event>,
    ) {
        *self.instruments.total_mut(instrument) -= amount.0 as i128;
        let index = self.accounts.funds_of(account, instrument);
        self.accounts.funds_mut(index).available -= amount.0 as i128;
        self.scratch.moved.push(index);
        events.push(Event::Debited {
            account,
            instrument,
            amount,
            cause,
        });
    }
}
