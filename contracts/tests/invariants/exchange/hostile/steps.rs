//! The steps of the walk that are no batch: each is sent to the vault and done in the model.
//!
//! Each says its name, whether the vault let it through, and whether the model does.

use alloy::primitives::{Bytes, U256};
use souk_contracts::exchange::{self, Withdrawal};
use souk_contracts::{ExchangeVault, TestUSD};

use super::{STRANGER, Walk};
use crate::exchange::model::Waiting;
use crate::exchange::ops::Op;
use crate::exchange::{GROUP, cosigned, deposit_call, signature_of, trader, withdraw_call};
use crate::world::{DEPLOYER, OPERATOR, TOKEN_FEE_BPS, Wallet};

impl Walk {
    /// Deposits, withdrawals, and what else moves tokens.
    pub(super) fn step_of_money(&mut self, op: &Op) -> (&'static str, bool, bool) {
        match *op {
            Op::Deposit {
                by,
                instrument,
                amount,
                to,
            } => {
                let (by, to, instrument) = (self.account(by), self.account(to), self.instrument(instrument));
                let fee = if instrument.0 == self.exchange.world.fee_token {
                    amount * u128::from(TOKEN_FEE_BPS) / 10_000
                } else {
                    0
                };
                let outside = self.exchange.holdings_of(by, instrument);
                let good = !self.model.escape && amount > 0 && amount <= outside && fee == 0;
                let done = self.send(by, &deposit_call(instrument.0, instrument.1, amount, to));
                if good {
                    self.model.credit(to, instrument, amount);
                }
                ("deposit", done, good)
            }
            Op::Donate { by, amount } => {
                let (by, to, dollars) = (self.account(by), self.exchange.world.vault, self.exchange.dollars());
                let good = u128::from(amount) <= self.exchange.holdings_of(by, dollars);
                let call = TestUSD::transferCall {
                    to,
                    value: U256::from(amount),
                };
                let done = self.exchange.world.act(by, dollars.0, &call).is_ok();
                if good {
                    *self.donated.entry(dollars).or_default() += u128::from(amount);
                }
                ("donate", done, good)
            }
            Op::Escape { by, instrument } => {
                let (by, instrument) = (self.account(by), self.instrument(instrument));
                let balance = self.model.balance(by, instrument);
                let good = self.model.escape && balance > 0 && self.takes(by, instrument);
                let done = self.send(
                    by,
                    &ExchangeVault::escapeCall {
                        token: instrument.0,
                        id: instrument.1,
                    },
                );
                if good {
                    self.model.debit(by, instrument, balance);
                }
                ("escape", done, good)
            }
            Op::Flush { market } => {
                let (market, dollars) = (self.market(market), self.exchange.dollars());
                let account = exchange::royalty_account(market);
                let royalties = self.model.balance(account, dollars);
                let done = self.send(STRANGER, &ExchangeVault::flushRoyaltyCall { market });
                self.model.debit(account, dollars, royalties);
                ("flush", done, royalties > 0)
            }
            _ => self.withdraw(op),
        }
    }

    fn withdraw(&mut self, op: &Op) -> (&'static str, bool, bool) {
        let Op::Withdraw {
            account,
            signer,
            is_cosigned,
            to_itself,
            instrument,
            amount,
            nonce,
            ends_in,
        } = *op
        else {
            panic!("{op:?} is no step of money")
        };
        let (account, instrument) = (self.account(account), self.instrument(instrument));
        let w = Withdrawal {
            account,
            token: instrument.0,
            id: instrument.1,
            amount,
            receiver: if to_itself { account } else { STRANGER },
            nonce,
            deadline: self.model.now.saturating_add_signed(ends_in),
            group: GROUP,
        };
        let domain = self.exchange.domain.clone();
        let key = signer.map(trader);
        let signature = key
            .as_ref()
            .map_or_else(Bytes::new, |key| signature_of(&w, key, &domain));
        let co = if is_cosigned {
            cosigned(&w, &domain)
        } else {
            signature_of(&w, &trader(3), &domain)
        };
        let sender = if key.is_some() { STRANGER } else { account };
        let is_authorised =
            key.is_none_or(|key| key.address() == account || (to_itself && self.model.signs(key.address(), account)));
        let good = !self.model.escape
            && ends_in >= 0
            && amount > 0
            && is_authorised
            && is_cosigned
            && !self.model.withdrawal_nonces.contains(&(account, nonce))
            && self.model.balance(account, instrument) >= amount
            && self.takes(w.receiver, instrument);
        let done = self.send(sender, &withdraw_call(&w, signature, co));
        if good {
            self.model.withdrawal_nonces.insert((account, nonce));
            self.model.debit(account, instrument, amount);
        }
        ("withdraw", done, good)
    }

    /// Id of an exit that was requested, or the next one, which was not.
    fn some_exit(&self, n: u64) -> u64 {
        1 + n % (self.model.exits_requested + 1)
    }

    /// Exits, from the request to the payment.
    pub(super) fn step_of_exit(&mut self, op: &Op) -> (&'static str, bool, bool) {
        match *op {
            Op::RequestExit { by, instrument, amount } => {
                let (account, instrument) = (self.account(by), self.instrument(instrument));
                let (token, id) = instrument;
                let done = self.send(
                    account,
                    &ExchangeVault::requestExitCall {
                        token,
                        id,
                        amount,
                        group: GROUP,
                    },
                );
                if amount > 0 {
                    self.model.exits_requested += 1;
                    let executable_at = self.model.after_delay();
                    let waiting = Waiting {
                        account,
                        instrument,
                        amount,
                        executable_at,
                    };
                    self.model.exits.insert(self.model.exits_requested, waiting);
                }
                ("request exit", done, amount > 0)
            }
            Op::ExecuteExit { exit } => {
                let exit = self.some_exit(exit);
                let waiting = self
                    .model
                    .exits
                    .get(&exit)
                    .copied()
                    .filter(|exit| exit.executable_at <= self.model.now);
                let paid = waiting.map(|exit| exit.amount.min(self.model.balance(exit.account, exit.instrument)));
                let good = waiting
                    .zip(paid)
                    .is_some_and(|(exit, paid)| paid == 0 || self.takes(exit.account, exit.instrument));
                let done = self.send(STRANGER, &ExchangeVault::executeExitCall { exitId: exit });
                if let Some((waiting, paid)) = waiting.zip(paid).filter(|_| good) {
                    self.model.debit(waiting.account, waiting.instrument, paid);
                    self.model.exits.remove(&exit);
                }
                ("execute exit", done, good)
            }
            Op::CancelExit { by, exit } => {
                let exit = self.some_exit(exit);
                let account = self.account(by);
                let good = self.model.exits.get(&exit).is_some_and(|exit| exit.account == account);
                let done = self.send(account, &ExchangeVault::cancelExitCall { exitId: exit });
                if good {
                    self.model.exits.remove(&exit);
                }
                ("cancel exit", done, good)
            }
            _ => panic!("{op:?} is no step of an exit"),
        }
    }

    /// Keys, nonces, time, and the operator's silence.
    pub(super) fn step_of_consent(&mut self, op: &Op) -> (&'static str, bool, bool) {
        let effective_at = self.model.after_delay();
        match *op {
            Op::RegisterKey { by, key } => {
                let (account, key) = (self.account(by), trader(key).address());
                self.model.keys.insert((account, key), None);
                (
                    "register key",
                    self.send(account, &ExchangeVault::registerKeyCall { key }),
                    true,
                )
            }
            Op::RevokeKey { by, key } => {
                let (account, key) = (self.account(by), trader(key).address());
                let good = self.model.keys.get(&(account, key)) == Some(&None);
                if good {
                    self.model.keys.insert((account, key), Some(effective_at));
                }
                (
                    "revoke key",
                    self.send(account, &ExchangeVault::revokeKeyCall { key }),
                    good,
                )
            }
            Op::VoidNonce { by, nonce } => {
                let account = self.account(by);
                let good = !self.model.voids.contains_key(&(account, nonce));
                self.model.voids.entry((account, nonce)).or_insert(effective_at);
                (
                    "void nonce",
                    self.send(account, &ExchangeVault::invalidateNonceCall { nonce }),
                    good,
                )
            }
            Op::VoidBelow { by, nonce } => {
                let account = self.account(by);
                let good = !self.model.has_pending_floor(account) && nonce > self.model.highest_floor(account);
                if good {
                    self.model
                        .floors
                        .entry(account)
                        .or_default()
                        .push((nonce, effective_at));
                }
                (
                    "void below",
                    self.send(account, &ExchangeVault::invalidateNoncesBelowCall { nonce }),
                    good,
                )
            }
            Op::Pass { secs } => {
                self.exchange.world.pass(secs);
                self.model.now += secs;
                ("pass", true, true)
            }
            Op::Heartbeat { by_stranger } => {
                let from = if by_stranger { STRANGER } else { OPERATOR };
                if !by_stranger {
                    self.model.heartbeat = self.model.now;
                }
                (
                    "heartbeat",
                    self.send(from, &ExchangeVault::heartbeatCall {}),
                    !by_stranger,
                )
            }
            Op::EnterEscape { after } => {
                self.exchange.world.pass(after);
                self.model.now += after;
                let good = self.model.may_enter_escape();
                self.model.escape |= good;
                (
                    "enter escape",
                    self.send(STRANGER, &ExchangeVault::enterEscapeCall {}),
                    good,
                )
            }
            Op::Refuse { refuses } => {
                self.wallet_refuses = refuses;
                let wallet = self.exchange.world.wallet;
                (
                    "refuse",
                    self.exchange
                        .world
                        .send(DEPLOYER, wallet, &Wallet::refuseCall { refuses })
                        .is_ok(),
                    true,
                )
            }
            _ => panic!("{op:?} is no step of consent"),
        }
    }
}
