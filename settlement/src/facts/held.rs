//! Facts about tokens that no market of the group trades (yet): the engine has no balances of them and refuses the facts, so they are kept
//! here and told again once a market is listed.
//!
//! Until then nothing but exits can take from what was deposited, so what is told again is what exits have left of it.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use souk_schema::TokenRef;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::event::DebitCause;
use souk_schema::exchange::{Amount, Event, Outcome, Rejection};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HeldDeposit {
    account: Address,
    token: TokenRef,
    amount: Amount,
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    deposits: BTreeMap<u64, HeldDeposit>,
    series: Vec<TokenRef>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.deposits.is_empty() && self.series.is_empty()
    }

    /// Forgets deposits that were told again after a snapshot was taken.
    pub(super) fn forget_credited(&mut self, is_credited: impl Fn(u64) -> bool) {
        self.deposits.retain(|deposit_id, _| !is_credited(*deposit_id));
    }

    /// Takes note of a fact that was told in an earlier life.
    pub(super) fn recall(
        &mut self,
        fact: &Fact,
        is_credited: impl Fn(u64) -> bool,
        is_listed: impl Fn(TokenRef) -> bool,
    ) {
        match *fact {
            Fact::Deposited { deposit_id, .. } if !is_credited(deposit_id) => self.keep(fact),
            Fact::SeriesRevoked { token } if !is_listed(token) => self.keep(fact),
            // Where a deposit is still held, its token was not listed when the exit was told, and nothing was debited.
            Fact::ExitExecuted {
                account, token, amount, ..
            } => self.reduce(account, token, amount),
            Fact::DepositVanished { deposit_id } => {
                self.deposits.remove(&deposit_id);
            }
            _ => {}
        }
    }

    /// Takes note of what the engine said of a fact.
    pub(super) fn take_note(&mut self, fact: &Fact, outcome: &Outcome) {
        match *fact {
            Fact::Deposited { .. } | Fact::SeriesRevoked { .. }
                if outcome.result == Err(Rejection::UnknownInstrument) =>
            {
                self.keep(fact);
            }
            Fact::ExitExecuted {
                account, token, amount, ..
            } if !debited(outcome) => self.reduce(account, token, amount),
            Fact::DepositVanished { deposit_id } => {
                self.deposits.remove(&deposit_id);
            }
            _ => {}
        }
    }

    /// What can be told now that these tokens are listed.
    pub(super) fn take_ready(&mut self, is_listed: impl Fn(TokenRef) -> bool) -> Vec<Fact> {
        let deposits = self.deposits.extract_if(.., |_, deposit| is_listed(deposit.token));
        let deposits = deposits.map(|(deposit_id, deposit)| Fact::Deposited {
            deposit_id,
            account: deposit.account,
            token: deposit.token,
            amount: deposit.amount,
        });
        let mut ready: Vec<Fact> = deposits.collect();
        let series = self.series.extract_if(.., |token| is_listed(*token));
        ready.extend(series.map(|token| Fact::SeriesRevoked { token }));
        ready
    }

    /// Keeps a fact that could not be told after all.
    pub(super) fn put_back(&mut self, fact: Fact) {
        self.keep(&fact);
    }

    fn keep(&mut self, fact: &Fact) {
        match *fact {
            Fact::Deposited {
                deposit_id,
                account,
                token,
                amount,
            } => {
                let deposit = HeldDeposit { account, token, amount };
                self.deposits.insert(deposit_id, deposit);
            }
            Fact::SeriesRevoked { token } => self.series.push(token),
            _ => {}
        }
    }

    /// Takes what an exit paid out of what is held, the oldest first.
    fn reduce(&mut self, account: Address, token: TokenRef, mut amount: Amount) {
        for deposit in self.deposits.values_mut() {
            if (deposit.account, deposit.token) == (account, token) {
                let taken = deposit.amount.min(amount);
                // Both are at most the smaller of the two.
                deposit.amount = Amount(deposit.amount.0 - taken.0);
                amount = Amount(amount.0 - taken.0);
            }
        }
        self.deposits.retain(|_, deposit| deposit.amount != Amount::ZERO);
    }
}

/// Whether the engine debited an exit.
fn debited(outcome: &Outcome) -> bool {
    let events = outcome.result.as_deref().unwrap_or_default();
    let of_exit = |event: &Event| {
        matches!(
            event,
            Event::Debited {
                cause: DebitCause::Exit { .. },
                ..
            }
        )
    };
    events.iter().any(of_exit)
}
