//! What the chain did, and what follows from it.

mod bust;
mod custody;
mod debts;
mod settle;
mod vanish;

use alloy_primitives::Address;
use souk_schema::TokenRef;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{AccountId, Event, MarketState, Rejection};

use super::Engine;

/// Keys of one account are counted in 16 bits by its orders.
const MAX_KEYS: usize = 60_000;

impl Engine {
    #[inline(never)]
    pub(super) fn fact(&mut self, fact: &Fact, events: &mut Vec<Event>) -> Result<(), Rejection> {
        match fact {
            Fact::Deposited {
                deposit_id,
                account,
                token,
                amount,
            } => self.deposited(*deposit_id, account, token, *amount, events),
            Fact::DepositVanished { deposit_id } => self.deposit_vanished(*deposit_id, events),
            Fact::Withdrawn { account, nonce } => self.withdrawn(account, *nonce, events),
            Fact::FinalityReached { secs, .. } => {
                self.finality_reached(*secs, events);
                Ok(())
            }
            Fact::ExitRequested { account, exit_id } => self.exit_requested(account, *exit_id, events),
            Fact::ExitCancelled { account, exit_id } => self.exit_cancelled(account, *exit_id, events),
            Fact::ExitExecuted {
                account,
                exit_id,
                token,
                amount,
            } => self.exit_executed(account, *exit_id, token, *amount, events),
            Fact::FillsSettled { through } => self.fills_settled(*through, events),
            Fact::FillSkipped { fill, reason } => self.fill_skipped(*fill, *reason, events),
            Fact::KeyRegistered { account, key } => self.key_registered(account, *key, events),
            Fact::KeyRevoked { account, key } => self.key_revoked(account, *key, events),
            Fact::NoncesInvalidated { account, below, single } => {
                self.nonces_invalidated(account, *below, *single, events)
            }
            Fact::RoyaltyFlushed { market, amount } => self.royalty_flushed(market, *amount, events),
            Fact::SeriesRevoked { token } => self.series_revoked(token, events),
            Fact::EscapeEntered => self.escape_entered(events),
            Fact::FillsVanished { from } => self.fills_vanished(*from, events),
            Fact::WithdrawalVanished { account, nonce } => self.withdrawal_vanished(account, *nonce, events),
            Fact::ExitVanished { exit_id } => self.exit_vanished(*exit_id, events),
            Fact::FlushVanished { market, amount } => self.flush_vanished(market, *amount, events),
            Fact::Escaped { account, token, amount } => self.escaped(account, token, *amount, events),
        }
    }

    /// The account that a fact speaks of, if it is there already. The zero address is nobody's.
    fn find_mentioned(&self, address: &Address) -> Result<Option<AccountId>, Rejection> {
        match address.is_zero() {
            true => Err(Rejection::UnknownAccount),
            false => Ok(self.accounts.find(address)),
        }
    }

    /// The account that a fact speaks of, opened if need be.
    fn open_mentioned(&mut self, found: Option<AccountId>, address: &Address, events: &mut Vec<Event>) -> AccountId {
        found.unwrap_or_else(|| self.open_account(*address, events))
    }

    fn key_registered(&mut self, address: &Address, key: Address, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let found = self.find_mentioned(address)?;
        if let Some(account) = found {
            let account = self.accounts.get(account);
            if key.is_zero() || account.key_place(key).is_some() {
                return Err(Rejection::NothingToChange);
            }
            if account.keys.len() >= MAX_KEYS && !account.keys.contains(&Address::ZERO) {
                return Err(Rejection::Overflow);
            }
        } else if key.is_zero() {
            return Err(Rejection::NothingToChange);
        }
        let account = self.open_mentioned(found, address, events);
        let keys = &mut self.accounts.get_mut(account).keys;
        // The place of a revoked key is free: its orders are closed.
        match keys.iter().position(|key| key.is_zero()) {
            Some(free) => keys[free] = key,
            None => keys.push(key),
        }
        events.push(Event::KeyRegistered { account, key });
        Ok(())
    }

    fn key_revoked(&mut self, address: &Address, key: Address, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let account = self.find_account(address)?;
        let place = self
            .accounts
            .get(account)
            .key_place(key)
            .ok_or(Rejection::NothingToChange)?;
        events.push(Event::KeyRevoked { account, key });
        self.close_all(account, CloseCause::Revoked, events, |engine, slot| {
            engine.accounts.get(account).signer(engine.orders.links(slot).signer) == key
        });
        self.accounts.get_mut(account).keys[place] = Address::ZERO;
        Ok(())
    }

    fn nonces_invalidated(
        &mut self,
        address: &Address,
        below: u64,
        single: Option<u64>,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let found = self.find_mentioned(address)?;
        let account = self.open_mentioned(found, address, events);
        let nonces = &mut self.accounts.get_mut(account).nonces;
        nonces.mark_below(below);
        if let Some(single) = single {
            nonces.mark(single);
        }
        self.close_all(account, CloseCause::Revoked, events, |engine, slot| {
            let nonce = engine.orders.record(slot).nonce;
            nonce < below || Some(nonce) == single
        });
        Ok(())
    }

    fn series_revoked(&mut self, token: &TokenRef, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let instrument = self.instruments.find(token);
        let is_of_it = |market: usize| Some(self.markets[market].base) == instrument;
        let markets: Vec<usize> = (0..self.markets.len()).filter(|market| is_of_it(*market)).collect();
        if markets.is_empty() {
            return Err(Rejection::UnknownInstrument);
        }
        for market in markets {
            self.halt(market, StateCause::SeriesRevoked, events);
        }
        Ok(())
    }

    fn escape_entered(&mut self, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.escaped {
            return Err(Rejection::NothingToChange);
        }
        self.escaped = true;
        self.bust_all(events);
        self.mend_balances(events);
        for market in 0..self.markets.len() {
            if self.markets[market].state != MarketState::Closed {
                self.close_market(market, StateCause::Escape, events);
            }
        }
        Ok(())
    }
}
