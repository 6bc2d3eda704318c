//! What a chain did: deposits, withdrawals, exits, settlement, and all that can go back.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Fact, Rules};
use souk_schema::exchange::event::{BustCause, CloseCause, CreditCause, DebitCause, StateCause};
use souk_schema::exchange::{AccountId, Amount, Event, FillNumber, InstrumentId, MarketState, Rejection};

use super::{Deposit, FillStatus, Oracle};

impl Oracle {
    pub(super) fn fact(&mut self, fact: &Fact) -> Result<(), Rejection> {
        match *fact {
            Fact::Deposited {
                deposit_id,
                account,
                token,
                amount,
            } => self.deposited(deposit_id, account, token, amount),
            Fact::DepositVanished { deposit_id } => self.deposit_vanished(deposit_id),
            Fact::Withdrawn { account, nonce } => self.withdrawn(account, nonce),
            Fact::FinalityReached { secs, .. } => {
                self.return_withdrawals(secs);
                Ok(())
            }
            Fact::ExitRequested { account, exit_id } => self.exit_requested(account, exit_id),
            Fact::ExitCancelled { account, exit_id } => {
                let account = self.exit_over(account, exit_id)?;
                self.resume(account);
                Ok(())
            }
            Fact::ExitExecuted {
                account,
                exit_id,
                token,
                amount,
            } => self.exit_executed(account, exit_id, token, amount),
            Fact::FillsSettled { through } => self.fills_settled(through),
            Fact::FillSkipped { fill, reason } => self.fill_skipped(fill, reason),
            Fact::KeyRegistered { account, key } => self.key_registered(account, key),
            Fact::KeyRevoked { account, key } => self.key_revoked(account, key),
            Fact::NoncesInvalidated { account, below, single } => self.nonces_invalidated(account, below, single),
            Fact::RoyaltyFlushed { market, amount } => {
                let market = self.known_market(market)?;
                if amount.0 == 0 {
                    return Err(Rejection::ZeroAmount);
                }
                let market = &self.markets[market as usize];
                let (account, instrument) = (market.royalty_account, market.quote);
                self.debit(account, instrument, amount.0, DebitCause::RoyaltyFlush);
                self.bear_negatives();
                Ok(())
            }
            Fact::SeriesRevoked { token } => self.series_revoked(token),
            Fact::EscapeEntered => self.escape_entered(),
            Fact::FillsVanished { from } => self.fills_vanished(from),
            Fact::WithdrawalVanished { account, nonce } => self.withdrawal_vanished(account, nonce),
            Fact::ExitVanished { exit_id } => self.exit_vanished(exit_id),
            Fact::FlushVanished { market, amount } => self.flush_vanished(market, amount),
            Fact::Escaped { account, token, amount } => {
                let account = self.known_account(account)?;
                if amount.0 == 0 {
                    return Err(Rejection::ZeroAmount);
                }
                let instrument = self.instrument_of(token).ok_or(Rejection::UnknownInstrument)?;
                if !self.escaped {
                    return Err(Rejection::NothingToChange);
                }
                self.debit(account, instrument, amount.0, DebitCause::Escape);
                self.bear_negatives();
                Ok(())
            }
        }
    }

    fn deposited(&mut self, id: u64, address: Address, token: TokenRef, amount: Amount) -> Result<(), Rejection> {
        if address == Address::ZERO {
            return Err(Rejection::UnknownAccount);
        }
        if amount.0 == 0 {
            return Err(Rejection::ZeroAmount);
        }
        let instrument = self.instrument_of(token).ok_or(Rejection::UnknownInstrument)?;
        if self.deposits.get(&id).is_some_and(|deposit| !deposit.vanished) {
            return Err(Rejection::NothingToChange);
        }
        self.room_for(instrument, amount.0)?;
        let account = self.open_account(address)?;
        let deposit = Deposit {
            account,
            instrument,
            amount,
            vanished: false,
        };
        self.deposits.insert(id, deposit);
        self.credit(account, instrument, amount.0, CreditCause::Deposit { deposit_id: id });
        Ok(())
    }

    pub(super) fn room_for(&self, instrument: InstrumentId, amount: u128) -> Result<(), Rejection> {
        // What does not fit 127 bits does not fit here.
        let amount_fits = i128::try_from(amount).ok();
        let total = amount_fits.and_then(|amount| self.in_vault(instrument).checked_add(amount));
        total.map(|_| ()).ok_or(Rejection::Overflow)
    }

    /// Everything that came in and did not leave the vault, as far as the engine knows, and what `DEFICIT` owes.
    fn in_vault(&self, instrument: InstrumentId) -> i128 {
        let balances = (1..self.accounts.len()).map(|account| self.balance(AccountId(account as u32), instrument));
        let owned: i128 = balances.map(|balance| balance.available + balance.held as i128).sum();
        let leaving = self.withdrawals.values().filter(|(what, ..)| *what == instrument);
        owned + leaving.map(|(_, amount, _)| *amount as i128).sum::<i128>()
    }

    fn deposit_vanished(&mut self, id: u64) -> Result<(), Rejection> {
        let deposit = self.deposits.get_mut(&id).filter(|deposit| !deposit.vanished);
        let deposit = deposit.ok_or(Rejection::NothingToChange)?;
        deposit.vanished = true;
        let Deposit {
            account,
            instrument,
            amount,
            ..
        } = *deposit;
        self.debit(
            account,
            instrument,
            amount.0,
            DebitCause::DepositVanished { deposit_id: id },
        );
        self.bust_uncovered();
        self.bear_negatives();
        self.halt_all();
        Ok(())
    }

    fn withdrawn(&mut self, address: Address, nonce: u64) -> Result<(), Rejection> {
        let account = self.known_account(address)?;
        let key = (account.0, nonce);
        if let Some(withdrawal) = self.withdrawals.remove(&key) {
            self.over.insert(key, (withdrawal, true));
            self.emit(Event::WithdrawalExecuted { account, nonce });
            return Ok(());
        }
        let is_taken = self.group.as_ref().is_some_and(|group| group.rules != Rules::First);
        let over = self.over.get_mut(&key).filter(|(_, paid)| !paid && is_taken);
        let (withdrawal, paid) = over.ok_or(Rejection::NothingToChange)?;
        *paid = true;
        let (instrument, amount, _) = *withdrawal;
        self.debit(account, instrument, amount, DebitCause::Withdrawal { nonce });
        self.emit(Event::WithdrawalExecuted { account, nonce });
        self.bust_uncovered();
        self.bear_negatives();
        Ok(())
    }

    fn return_withdrawals(&mut self, secs: u64) {
        let (over, open): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .withdrawals
            .clone()
            .into_iter()
            .partition(|(_, (.., deadline))| *deadline < secs);
        self.withdrawals = open;
        for ((account, nonce), (instrument, amount, deadline)) in over {
            let returned = ((instrument, amount, deadline), false);
            self.over.insert((account, nonce), returned);
            self.credit(
                AccountId(account),
                instrument,
                amount,
                CreditCause::WithdrawalExpired { nonce },
            );
        }
    }

    fn exit_requested(&mut self, address: Address, exit_id: u64) -> Result<(), Rejection> {
        let account = self.open_account(address)?;
        let was_stopped = self.is_stopped(account);
        if !self.accounts[account.0 as usize].exits.insert(exit_id) {
            return Err(Rejection::NothingToChange);
        }
        if !was_stopped {
            self.emit(Event::AccountStopped { account });
            self.close_all(CloseCause::AccountStopped, |order| order.account == account);
        }
        Ok(())
    }

    fn exit_over(&mut self, address: Address, exit_id: u64) -> Result<AccountId, Rejection> {
        let account = self.known_account(address)?;
        match self.accounts[account.0 as usize].exits.remove(&exit_id) {
            true => Ok(account),
            false => Err(Rejection::NothingToChange),
        }
    }

    fn resume(&mut self, account: AccountId) {
        if !self.is_stopped(account) {
            self.emit(Event::AccountResumed { account });
        }
    }

    fn exit_executed(
        &mut self,
        address: Address,
        exit_id: u64,
        token: TokenRef,
        amount: Amount,
    ) -> Result<(), Rejection> {
        let account = self.exit_over(address, exit_id)?;
        if let Some(instrument) = self.instrument_of(token).filter(|_| amount.0 != 0) {
            self.paid_exits.insert(exit_id, (account, instrument, amount.0));
            self.debit(account, instrument, amount.0, DebitCause::Exit { exit_id });
            self.bust_uncovered();
            self.bear_negatives();
        }
        self.resume(account);
        Ok(())
    }

    fn fills_settled(&mut self, through: FillNumber) -> Result<(), Rejection> {
        if through.0 <= self.consumed || through.0 > self.fills.len() as u64 {
            return Err(self.not_next());
        }
        let mut came_back = false;
        for number in self.consumed + 1..=through.0 {
            let place = number as usize - 1;
            let status = self.fills[place].status;
            if matches!(status, FillStatus::Uncovered | FillStatus::Skipped) {
                let fill = self.fills[place].fill.clone();
                for (account, instrument, amount) in self.moves(&fill) {
                    self.add(account, instrument, amount);
                }
                self.emit(Event::FillReinstated { fill: Box::new(fill) });
                came_back = true;
            }
            if status != FillStatus::Void {
                self.fills[place].status = FillStatus::Settled;
            }
        }
        self.consume_until(through);
        self.emit(Event::FillsSettled { through });
        if came_back && self.remembers_debts() {
            self.bust_uncovered();
        }
        self.bear_negatives();
        Ok(())
    }

    fn consume_until(&mut self, through: FillNumber) {
        self.consumed = through.0;
        self.settled_for_ever = self.settled_for_ever.max(through.0.saturating_sub(16_384));
    }

    fn not_next(&self) -> Rejection {
        Rejection::NotNextFill {
            expected: FillNumber(self.consumed + 1),
        }
    }

    fn fill_skipped(&mut self, fill: FillNumber, reason: u8) -> Result<(), Rejection> {
        if fill.0 != self.consumed + 1 || fill.0 > self.fills.len() as u64 {
            return Err(self.not_next());
        }
        self.consume_until(fill);
        let place = fill.0 as usize - 1;
        if self.fills[place].status != FillStatus::Pending {
            self.emit(Event::FillsSettled { through: fill });
            return Ok(());
        }
        self.bust(place, FillStatus::Skipped, BustCause::Skipped { reason });
        self.bust_uncovered();
        self.bear_negatives();
        Ok(())
    }

    fn bust(&mut self, place: usize, status: FillStatus, cause: BustCause) {
        self.fills[place].status = status;
        let fill = self.fills[place].fill.clone();
        for (account, instrument, amount) in self.moves(&fill) {
            self.add(account, instrument, -amount);
        }
        self.emit(Event::FillBusted {
            fill: Box::new(fill),
            cause,
        });
    }

    /// Runs the unsettled fills against what the vault has, as the vault will, and busts what it will skip.
    pub(super) fn bust_uncovered(&mut self) {
        let mut there: BTreeMap<(AccountId, InstrumentId), i128> = BTreeMap::new();
        let mut uncovered = Vec::new();
        for (place, record) in self.fills.iter().enumerate() {
            if record.status != FillStatus::Pending {
                continue;
            }
            let moves = self.moves(&record.fill);
            for (account, instrument, _) in moves {
                there.entry((account, instrument)).or_insert_with(|| {
                    let balance = self.balance(account, instrument);
                    let here = balance.available + balance.held as i128 - self.debt(account, instrument);
                    here - balance.pending_in as i128 + balance.pending_out as i128
                });
            }
            // The first two moves are the payments.
            if moves[..2]
                .iter()
                .any(|(account, instrument, amount)| there[&(*account, *instrument)] + amount < 0)
            {
                uncovered.push(place);
                continue;
            }
            for (account, instrument, amount) in moves {
                *there.get_mut(&(account, instrument)).expect("entered above") += amount;
            }
        }
        for place in uncovered {
            self.bust(place, FillStatus::Uncovered, BustCause::Uncovered);
        }
    }

    /// Closes orders of accounts that lack what they hold, and has `DEFICIT` bear what is still lacking; who has something and owes some repays.
    pub(super) fn bear_negatives(&mut self) {
        for account in (1..self.accounts.len() as u32).map(AccountId) {
            for instrument in (0..self.instruments.len() as u32).map(InstrumentId) {
                while self.balance(account, instrument).available < 0 {
                    let holds = |order: &&super::Order| {
                        let market = &self.markets[order.market as usize];
                        order.account == account && market.held_instrument(order.side) == instrument
                    };
                    let youngest = self.orders.iter().filter(holds).map(|order| order.id).max();
                    match youngest {
                        Some(id) => self.close(id, CloseCause::Unfunded),
                        None => self.take_deficit(account, instrument),
                    }
                }
                self.repay(account, instrument);
            }
        }
    }

    fn take_deficit(&mut self, account: AccountId, instrument: InstrumentId) {
        let lacking = -self.balance(account, instrument).available;
        self.add(account, instrument, lacking);
        self.add(AccountId::DEFICIT, instrument, -lacking);
        if self.remembers_debts() {
            *self.debts.entry((account, instrument)).or_default() += lacking;
        }
        self.emit(Event::DeficitTaken {
            account,
            instrument,
            amount: Amount(lacking as u128),
        });
    }

    fn key_registered(&mut self, address: Address, key: Address) -> Result<(), Rejection> {
        let account = self.open_account(address)?;
        if !self.accounts[account.0 as usize].keys.insert(key) {
            return Err(Rejection::NothingToChange);
        }
        self.emit(Event::KeyRegistered { account, key });
        Ok(())
    }

    fn key_revoked(&mut self, address: Address, key: Address) -> Result<(), Rejection> {
        let account = self.known_account(address)?;
        if !self.accounts[account.0 as usize].keys.remove(&key) {
            return Err(Rejection::NothingToChange);
        }
        self.emit(Event::KeyRevoked { account, key });
        self.close_all(CloseCause::Revoked, |order| {
            order.account == account && order.signed.signer == key
        });
        Ok(())
    }

    fn nonces_invalidated(&mut self, address: Address, below: u64, single: Option<u64>) -> Result<(), Rejection> {
        let account = self.open_account(address)?;
        let nonces = &mut self.accounts[account.0 as usize].nonces;
        nonces.invalidate_below(below);
        if let Some(single) = single {
            nonces.spend(single);
        }
        self.close_all(CloseCause::Revoked, |order| {
            order.account == account && (order.signed.nonce < below || single == Some(order.signed.nonce))
        });
        Ok(())
    }

    fn series_revoked(&mut self, token: TokenRef) -> Result<(), Rejection> {
        let of_token = |market: &u32| self.markets[*market as usize].spec.base == token;
        let meant: BTreeSet<u32> = (0..self.markets.len() as u32).filter(of_token).collect();
        if meant.is_empty() {
            return Err(Rejection::UnknownInstrument);
        }
        for market in meant {
            self.halt(market, StateCause::SeriesRevoked);
        }
        Ok(())
    }

    fn escape_entered(&mut self) -> Result<(), Rejection> {
        if self.escaped {
            return Err(Rejection::NothingToChange);
        }
        self.escaped = true;
        for place in (0..self.fills.len()).rev() {
            if self.fills[place].status == FillStatus::Pending {
                self.bust(place, FillStatus::Void, BustCause::Escape);
            }
        }
        self.bear_negatives();
        for market in 0..self.markets.len() as u32 {
            if self.markets[market as usize].state != MarketState::Closed {
                self.enter(market, MarketState::Closed, StateCause::Escape);
            }
        }
        Ok(())
    }
}
