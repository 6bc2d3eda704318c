//! What the chain takes back when it goes back past finality.

use alloy_primitives::{Address, B256};
use souk_schema::exchange::event::{CreditCause, StateCause};
use souk_schema::exchange::{Amount, Event, FillNumber, Rejection};

use super::{FillStatus, Oracle};

impl Oracle {
    pub(super) fn fills_vanished(&mut self, from: FillNumber) -> Result<(), Rejection> {
        if from.0 == 0 || from.0 > self.consumed {
            return Err(Rejection::NothingToChange);
        }
        let from = from.0.max(self.settled_for_ever + 1);
        for number in from..=self.consumed {
            let record = &mut self.fills[number as usize - 1];
            if record.status == FillStatus::Settled {
                record.status = FillStatus::Pending;
                let fill = Box::new(record.fill.clone());
                self.emit(Event::FillUnsettled { fill });
            }
        }
        self.consumed = self.consumed.min(from - 1);
        let through = FillNumber(self.consumed);
        self.emit(Event::SettlementVanished { through });
        self.bust_uncovered();
        self.bear_negatives();
        self.halt_all();
        Ok(())
    }

    pub(super) fn withdrawal_vanished(&mut self, address: Address, nonce: u64) -> Result<(), Rejection> {
        let account = self.known_account(address)?;
        let key = (account.0, nonce);
        let Some(&(withdrawal, true)) = self.over.get(&key) else {
            return Err(Rejection::NothingToChange);
        };
        self.room_for(withdrawal.0, withdrawal.1)?;
        self.over.remove(&key);
        self.withdrawals.insert(key, withdrawal);
        self.emit(Event::WithdrawalVanished { account, nonce });
        self.halt_all();
        Ok(())
    }

    pub(super) fn exit_vanished(&mut self, exit_id: u64) -> Result<(), Rejection> {
        let exit = self.paid_exits.get(&exit_id).copied();
        let (account, instrument, amount) = exit.ok_or(Rejection::NothingToChange)?;
        self.room_for(instrument, amount)?;
        self.paid_exits.remove(&exit_id);
        self.credit(account, instrument, amount, CreditCause::ExitVanished { exit_id });
        self.halt_all();
        Ok(())
    }

    pub(super) fn flush_vanished(&mut self, market: B256, amount: Amount) -> Result<(), Rejection> {
        let market = self.known_market(market)?;
        if amount.0 == 0 {
            return Err(Rejection::ZeroAmount);
        }
        let market = &self.markets[market as usize];
        let (account, instrument) = (market.royalty_account, market.quote);
        self.room_for(instrument, amount.0)?;
        self.credit(account, instrument, amount.0, CreditCause::FlushVanished);
        self.halt_all();
        Ok(())
    }

    pub(super) fn halt_all(&mut self) {
        for market in 0..self.markets.len() as u32 {
            self.halt(market, StateCause::FinalityBroken);
        }
    }
}
