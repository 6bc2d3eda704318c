//! What the account `deficit` bears for others, and what they repay.
//!
//! An account can take the same money out twice: a withdrawal that the operator co-signed is debited here and still in the vault, where an
//! exit pays it out. What the exit takes beyond what the account has becomes a debt. Were the withdrawal then credited back as if nothing
//! had happened, the account could trade with what is in no vault. So whoever owes something of an instrument has nothing of it: neither
//! available nor held. Whatever comes repays first.

use souk_schema::exchange::command::Rules;
use souk_schema::exchange::{AccountId, Amount, Event, InstrumentId};

use crate::engine::Engine;
use crate::state::accounts::FundsIndex;

impl Engine {
    /// Has `deficit` bear what an account is short of, which then has nothing.
    pub(super) fn bear(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        index: FundsIndex,
        short: u128,
        events: &mut Vec<Event>,
    ) {
        self.accounts.funds_mut(index).available = 0;
        let deficit = self.accounts.funds_of(AccountId::DEFICIT, instrument);
        self.accounts.funds_mut(deficit).available -= short as i128;
        if self.goes_by(Rules::Third) {
            *self.settlement.debts.entry((account, instrument)).or_default() += short;
        }
        let amount = Amount(short);
        events.push(Event::DeficitTaken {
            account,
            instrument,
            amount,
        });
    }

    /// Has the owner of a balance repay what it owes out of what is available.
    #[inline]
    pub(in crate::engine) fn repay(&mut self, index: FundsIndex, events: &mut Vec<Event>) {
        if !self.settlement.debts.is_empty() {
            self.repay_some(index, events);
        }
    }

    #[cold]
    fn repay_some(&mut self, index: FundsIndex, events: &mut Vec<Event>) {
        let (account, instrument) = self.accounts.owner(index);
        let available = u128::try_from(self.accounts.funds(index).available).unwrap_or(0);
        let owed = self.owed_by(account, instrument);
        let amount = owed.min(available);
        if amount == 0 {
            return;
        }
        self.accounts.funds_mut(index).available -= amount as i128;
        let deficit = self.accounts.funds_of(AccountId::DEFICIT, instrument);
        self.accounts.funds_mut(deficit).available += amount as i128;
        let debts = &mut self.settlement.debts;
        match owed - amount {
            0 => debts.remove(&(account, instrument)),
            left => debts.insert((account, instrument), left),
        };
        let amount = Amount(amount);
        events.push(Event::DeficitRepaid {
            account,
            instrument,
            amount,
        });
    }

    /// Has those who receive something of a fill repay with it, by account and instrument.
    #[cold]
    pub(in crate::engine) fn repay_with_receipts(&mut self, mut receipts: [FundsIndex; 4], events: &mut Vec<Event>) {
        receipts.sort_unstable_by_key(|index| self.accounts.owner(*index));
        for index in receipts {
            self.repay(index, events);
        }
    }

    /// What the chain would have of a balance, had it settled everything and paid out every withdrawal: where the check of coverage starts.
    pub(super) fn on_chain(&self, index: FundsIndex) -> i128 {
        let (account, instrument) = self.accounts.owner(index);
        // What was borne is in the balance, and gone from the vault.
        self.accounts.funds(index).on_chain() - self.owed_by(account, instrument) as i128
    }

    fn owed_by(&self, account: AccountId, instrument: InstrumentId) -> u128 {
        let debt = self.settlement.debts.get(&(account, instrument));
        debt.copied().unwrap_or(0)
    }
}
