//! How a run ends: trading stops, everything under way arrives, and the vault is emptied, by the operator's leave or through the escape.

use alloy_primitives::{Address, U256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::{Amount, CommandBody};

use super::chain::Weather;
use super::checks::difference;
use super::vault::{Balances, ESCAPE_DELAY_SECS, Tx};
use super::{CLOCK, OPERATOR, World};
use crate::generator::group;

/// Rounds after which everything that could happen has happened, at the latest.
const ROUNDS: usize = 60;
/// Steps after which whatever can come to rest has done so.
const MOST_STEPS: usize = 10_000;

impl World {
    pub(super) fn end(&mut self) -> Result<(), String> {
        while !self.deliveries.is_empty() {
            self.deliver();
        }
        self.list_late_market();
        self.work_off()?;
        self.hoarded.clear();
        let escapes = self.chance(15);
        for account in self.accounts() {
            let body = CommandBody::CancelAll { account, market: None };
            self.write_now(OPERATOR, body);
        }
        match escapes {
            true => self.escape(),
            false => self.drain(),
        }
    }

    fn accounts(&self) -> Vec<Address> {
        let accounts = self.engine.accounts().map(|account| account.address());
        accounts.filter(|address| *address != Address::ZERO).collect()
    }

    /// The engine takes what is in the log.
    fn work_off(&mut self) -> Result<(), String> {
        while self.take()? {}
        self.publish();
        Ok(())
    }

    /// Blocks in which everything is taken that can be, each final at once; the engine hears of all of it.
    fn settle_down(&mut self, settles: bool) -> Result<(), String> {
        self.chain.base_fee = 30;
        self.chain.dearness = 100;
        for _ in 0..ROUNDS {
            self.now.0 += 12_000;
            if settles {
                self.settle_up()?;
            }
            let weather = Weather {
                secs: self.now.secs(),
                dearness: 100,
            };
            self.chain.mine(weather, |_| true);
            while self.chain.young() > 0 {
                self.chain.finalise();
            }
            self.catch_up()?;
            self.write_now(CLOCK, CommandBody::Tick);
            self.work_off()?;
            if self.is_settled(settles) {
                break;
            }
        }
        self.chain.forgery().map_or(Ok(()), Err)
    }

    /// Whether more blocks would bring nothing new.
    fn is_settled(&self, settles: bool) -> bool {
        let is_over = !settles || self.engine.unsettled().next().is_none() && self.operator.has_nothing_in_hand();
        is_over && self.chain.pool.is_empty() && self.chain.is_whole()
    }

    /// The operator does all that it can before the next block.
    fn settle_up(&mut self) -> Result<(), String> {
        for _ in 0..MOST_STEPS {
            if !self.operate(usize::MAX, true)? {
                return Ok(());
            }
        }
        Err("settlement does not come to rest".to_owned())
    }

    /// The follower tells all that the chain says.
    fn catch_up(&mut self) -> Result<(), String> {
        for _ in 0..MOST_STEPS {
            self.deliver_facts(usize::MAX);
            self.work_off()?;
            if !self.follow(usize::MAX)? {
                return Ok(());
            }
        }
        Err("the follower does not come to rest".to_owned())
    }

    /// Everyone takes out everything, with the operator's leave.
    fn drain(&mut self) -> Result<(), String> {
        if self.chance(50) {
            self.approved.append(&mut self.hoards);
        }
        for withdraw in std::mem::take(&mut self.approved) {
            self.chain.pool.push_back(Tx::Withdraw(withdraw));
        }
        // Who waited for an exit gets it before the fills that are left are settled, or thinks better of it.
        let exits = self.chance(50);
        if exits {
            self.now.0 += group().exit_delay_secs * 1_000;
        }
        for (exit, account) in self.chain.vault().exits() {
            self.chain.pool.push_front(if exits {
                Tx::ExecuteExit(exit)
            } else {
                Tx::CancelExit(exit, account)
            });
        }
        self.settle_down(true)?;
        if self.chance(30) {
            // All of that is gone, and comes again or does not.
            self.break_finality(ROUNDS);
            self.settle_down(true)?;
        }
        if self.engine.unsettled().next().is_some() {
            return Err("fills are left unsettled though everything was sent".to_owned());
        }
        if let Some(last) = self.oracle.withdrawals.values().map(|(.., deadline)| *deadline).max() {
            self.now.0 = self.now.0.max(last * 1_000);
            self.settle_down(true)?;
        }
        if !self.oracle.withdrawals.is_empty() {
            return Err("withdrawals are left open though their deadlines are long past".to_owned());
        }
        let owed: i128 = self.laws.borne().values().sum();
        if self.rules() >= Rules::Third && owed != 0 {
            return Err(format!("EX-5: {owed} is owed though nothing is under way"));
        }
        let before = self.chain.vault().paid.clone();
        let ledger = self.owed_by_vault()?;
        if ledger != self.chain.final_vault().balances {
            let differs = difference(&ledger, &self.chain.final_vault().balances);
            return Err(format!("LED-2: at the end ledger and vault differ: {differs}"));
        }
        for market in self.chain.vault().markets.keys().copied().collect::<Vec<_>>() {
            self.chain.pool.push_back(Tx::FlushRoyalty(market));
        }
        let royalties: Vec<Address> = self
            .chain
            .vault()
            .markets
            .keys()
            .map(|key| crate::oracle::royalty_address(*key))
            .collect();
        for ((account, token), amount) in &ledger {
            if !royalties.contains(account) {
                self.withdraw_all(*account, *token, *amount);
            }
        }
        self.work_off()?;
        for withdraw in std::mem::take(&mut self.approved) {
            self.chain.pool.push_back(Tx::Withdraw(withdraw));
        }
        self.settle_down(true)?;
        self.check_paid(&before, &ledger)
    }

    fn withdraw_all(&mut self, account: Address, token: TokenRef, amount: u128) {
        let known = self.oracle.account_id(account).expect("it has a balance");
        let highest = self.oracle.accounts[known.0 as usize].nonces.highest().unwrap_or(0);
        let instrument = self.oracle.instrument_of(token).map_or(0, |instrument| instrument.0);
        let body = CommandBody::Withdraw(Withdraw {
            account,
            token,
            amount: Amount(amount),
            receiver: account,
            nonce: highest + 1 + u64::from(instrument),
            deadline_secs: self.now.secs() + 600,
        });
        self.write_now(OPERATOR, body);
    }

    /// The vault paid to each what the ledger said, and has nothing left.
    fn check_paid(&self, before: &Balances, ledger: &Balances) -> Result<(), String> {
        let mut paid = self.chain.vault().paid.clone();
        for (whose, amount) in before {
            *paid.get_mut(whose).expect("it was paid before") -= amount;
        }
        paid.retain(|_, amount| *amount != 0);
        if paid != *ledger {
            let differs = difference(ledger, &paid);
            return Err(format!(
                "LED-2: the vault pays something else than the ledger says: {differs}"
            ));
        }
        match self.chain.vault().balances.is_empty() {
            true => Ok(()),
            false => Err(format!("LED-2: {:?} is left in the vault", self.chain.vault().balances)),
        }
    }

    /// The operator is gone: no settlement, no co-signature. The vault pays what was settled, which is what the ledger says once unsettled
    /// fills are void.
    fn escape(&mut self) -> Result<(), String> {
        let is_operators = |tx: &Tx| matches!(tx, Tx::Operator(_));
        self.chain.pool.retain(|tx| !is_operators(tx));
        self.now.0 += (ESCAPE_DELAY_SECS + group().exit_delay_secs) * 1_000;
        self.chain.pool.push_back(Tx::EnterEscape);
        self.settle_down(false)?;
        if !self.chain.final_vault().escaped {
            return Err("the escape did not open".to_owned());
        }
        let before = self.chain.vault().paid.clone();
        let ledger = self.owed_by_vault()?;
        for market in &self.oracle.markets {
            let quote = TokenRef::new(market.spec.quote, U256::ZERO);
            let royalty = self.engine.address(market.royalty_account).expect("listed");
            self.chain.pool.push_back(Tx::Escape(royalty, quote));
        }
        for (account, token) in ledger.keys() {
            self.chain.pool.push_back(Tx::Escape(*account, *token));
        }
        self.settle_down(false)?;
        let left = self.owed_by_vault()?;
        if !left.is_empty() {
            return Err(format!(
                "LED-2: the escape has paid everyone, but the ledger still says {left:?}"
            ));
        }
        self.check_paid(&before, &ledger)
    }
}
