//! Withdrawals with the operator's co-signature.

use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::event::DebitCause;
use souk_schema::exchange::{Amount, Event, Rejection, UnixMillis};

use super::Engine;
use super::admit::MAX_EXPIRY_SECS;
use crate::state::settlement::InFlight;

impl Engine {
    #[inline(never)]
    pub(super) fn withdraw(&mut self, withdraw: &Withdraw, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let account = self.find_account(&withdraw.account)?;
        if UnixMillis(withdraw.deadline_secs.saturating_mul(1_000)) <= self.time {
            return Err(Rejection::Expired);
        }
        if withdraw.deadline_secs > self.time.secs().saturating_add(MAX_EXPIRY_SECS) {
            let max_secs = MAX_EXPIRY_SECS;
            return Err(Rejection::ExpiryTooFar { max_secs });
        }
        self.accounts.get(account).nonces.check(withdraw.nonce)?;
        if withdraw.amount == Amount::ZERO {
            return Err(Rejection::ZeroAmount);
        }
        let instrument = self
            .instruments
            .find(&withdraw.token)
            .ok_or(Rejection::UnknownInstrument)?;
        let index = self.accounts.find_funds(account, instrument);
        let withdrawable = Amount(index.map_or(0, |index| self.accounts.funds(index).withdrawable()));
        let Some(index) = index.filter(|_| withdraw.amount <= withdrawable) else {
            return Err(Rejection::NotWithdrawable { withdrawable });
        };
        self.accounts.get_mut(account).nonces.mark(withdraw.nonce);
        self.accounts.funds_mut(index).available -= withdraw.amount.0 as i128;
        events.push(Event::Debited {
            account,
            instrument,
            amount: withdraw.amount,
            cause: DebitCause::Withdrawal { nonce: withdraw.nonce },
        });
        events.push(Event::WithdrawalApproved(Box::new(withdraw.clone())));
        let flight = InFlight {
            withdraw: withdraw.clone(),
            instrument,
        };
        let earlier = self.settlement.withdrawals.insert((account, withdraw.nonce), flight);
        assert!(earlier.is_none(), "a nonce is used once");
        Ok(())
    }
}
