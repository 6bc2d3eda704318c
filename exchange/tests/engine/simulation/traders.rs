//! What traders do: send commands to gateways, and transactions to the chain.

use alloy_primitives::Address;
use souk_schema::TokenRef;
use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::{Amount, CommandBody, SignedOrder};

use super::signatures::signature;
use super::vault::Tx;
use super::{OPERATOR, World};
use crate::generator::{TRADERS, group, key, tokens, trader};

impl World {
    /// Somebody sends a command. Its gateway may have sent one before that is still under way.
    pub(super) fn trade(&mut self) {
        let mut body = self.generator.trade(&self.oracle);
        self.bring_up_to_date(&mut body);
        let gateway = self.below(2) as u64;
        sign(&mut body);
        let command = self.command(gateway, body);
        // An impatient client sends again, by another gateway, what it has no answer to.
        if self.chance(5)
            && let CommandBody::PlaceOrder(_) = command.body
        {
            let again = self.command(1 - gateway, command.body.clone());
            self.deliveries.push(again);
        }
        self.deliveries.push(command);
    }

    /// The generator sees what the engine has come to; traders know their clocks, and the nonces that they have under way.
    fn bring_up_to_date(&mut self, body: &mut CommandBody) {
        let behind_secs = self.now.secs() - self.oracle.time.secs();
        match body {
            CommandBody::PlaceOrder(signed) => self.renew(signed, behind_secs),
            CommandBody::MassQuote(quotes) => quotes
                .quotes
                .iter_mut()
                .for_each(|quote| self.renew(quote, behind_secs)),
            CommandBody::Withdraw(withdraw) => {
                withdraw.nonce = self.next_nonce(withdraw.account, withdraw.nonce);
                withdraw.deadline_secs = withdraw.deadline_secs.saturating_add(behind_secs);
            }
            _ => {}
        }
    }

    fn renew(&mut self, signed: &mut SignedOrder, behind_secs: u64) {
        signed.nonce = self.next_nonce(signed.account, signed.nonce);
        signed.expiry_secs = signed.expiry_secs.saturating_add(behind_secs + 8);
    }

    fn next_nonce(&mut self, account: Address, suggested: u64) -> u64 {
        let last = self.nonces.entry(account).or_default();
        if *last <= suggested + 20 {
            *last = suggested.max(*last + 1);
        }
        *last
    }

    pub(super) fn deposit(&mut self, account: Address, token: TokenRef) {
        let most = self.generator.pick(&[3, 600, 2_000]);
        let amount = 1 + self.below(most) as u128;
        self.chain.pool.push_back(Tx::Deposit { account, token, amount });
    }

    pub(super) fn act_on_chain(&mut self) {
        let account = trader(self.below(usize::from(TRADERS)) as u8);
        let token = self.generator.pick(&tokens());
        match self.below(24) {
            0..5 => self.deposit(account, token),
            5..13 => {
                // Some never show what was approved, or too late.
                if !self.approved.is_empty() {
                    let place = self.below(self.approved.len());
                    let withdraw = self.approved.remove(place);
                    if self.chance(80) {
                        self.chain.pool.push_back(Tx::Withdraw(withdraw));
                    }
                }
            }
            13 if self.chance(50) => {
                let amount = self.below(500) as u128;
                self.chain.pool.push_back(Tx::RequestExit { account, token, amount });
            }
            14..18 => self.on_exit(|id, _| Tx::ExecuteExit(id)),
            18 => self.on_exit(Tx::CancelExit),
            19 => self.hoard(account, token),
            20 if !self.hoards.is_empty() => {
                let place = self.below(self.hoards.len());
                let withdraw = self.hoards.remove(place);
                self.chain.pool.push_back(Tx::Withdraw(withdraw));
            }
            _ => {
                let markets: Vec<_> = self.chain.vault().markets.keys().copied().collect();
                let market = self.generator.pick(&markets);
                self.chain.pool.push_back(Tx::FlushRoyalty(market));
            }
        }
    }

    /// Somebody has a withdrawal of everything co-signed, shows it to nobody, and asks the vault for the same money by an exit.
    fn hoard(&mut self, account: Address, token: TokenRef) {
        let known = self.oracle.account_id(account).zip(self.oracle.instrument_of(token));
        let Some((known, instrument)) = known else {
            return;
        };
        let amount = self.oracle.withdrawable(known, instrument);
        if amount == 0 {
            return;
        }
        let highest = self.oracle.accounts[known.0 as usize].nonces.highest();
        let nonce = self.next_nonce(account, highest.map_or(1, |highest| highest + 1));
        // Good until before the vault pays the exit, just then, or long after.
        let delay = group().exit_delay_secs;
        let secs = self.generator.pick(&[delay / 2, delay + 5, 2 * delay]);
        let body = CommandBody::Withdraw(Withdraw {
            account,
            token,
            amount: Amount(amount),
            receiver: account,
            nonce,
            deadline_secs: self.now.secs() + secs,
        });
        self.hoarded.insert((account, nonce));
        self.write_now(OPERATOR, body);
        self.chain.pool.push_back(Tx::RequestExit { account, token, amount });
    }

    fn on_exit(&mut self, make: impl Fn(u64, Address) -> Tx) {
        let exits = self.chain.vault().exits();
        if !exits.is_empty() {
            let (id, account) = self.generator.pick(&exits);
            self.chain.pool.push_back(make(id, account));
        }
    }

    /// Somebody registers a key, or takes back that one signs or that an order counts.
    pub(super) fn act_on_consent(&mut self) {
        let number = self.below(usize::from(TRADERS)) as u8;
        let account = trader(number);
        let tx = match self.below(10) {
            0..4 => Tx::RegisterKey(account, key(number)),
            4 => Tx::RevokeKey(account, key(number)),
            5 => Tx::InvalidateNonce(account, self.recent_nonce(account)),
            6 => Tx::InvalidateNoncesBelow(account, self.recent_nonce(account)),
            _ => {
                // Of what was matched, and is not settled.
                let orders = self.operator.unsettled_orders();
                if orders.is_empty() {
                    return;
                }
                let by_key = orders.iter().position(|order| order.signer != order.account);
                let place = by_key.unwrap_or_else(|| self.below(orders.len()));
                let order = &orders[place];
                let tx = match order.signer == order.account {
                    true => Tx::InvalidateNonce(order.account, order.nonce),
                    false => Tx::RevokeKey(order.account, order.signer),
                };
                return self.withdraw_consent(tx);
            }
        };
        self.chain.pool.push_back(tx);
    }

    /// Takes back what settlement is about to use; now and then that takes until it does not count any more.
    fn withdraw_consent(&mut self, tx: Tx) {
        self.chain.pool.push_back(tx);
        if self.chance(25) {
            self.mine();
            self.now.0 += group().exit_delay_secs * 1_000;
        }
    }

    /// The nonce of one of the account's open orders or pending fills, or one near its last.
    fn recent_nonce(&mut self, account: Address) -> u64 {
        let open = self
            .oracle
            .orders
            .iter()
            .filter(|order| order.signed.account == account);
        let open: Vec<u64> = open.map(|order| order.signed.nonce).collect();
        if !open.is_empty() && self.chance(70) {
            return self.generator.pick(&open);
        }
        let last = self.nonces.get(&account).copied().unwrap_or(1);
        last.saturating_sub(self.below(4) as u64)
    }
}

/// Signs what a command carries.
fn sign(body: &mut CommandBody) {
    let orders = match body {
        CommandBody::PlaceOrder(signed) | CommandBody::AmendOrder(signed) => std::slice::from_mut(signed.as_mut()),
        CommandBody::MassQuote(quotes) => quotes.quotes.as_mut_slice(),
        _ => &mut [],
    };
    for order in orders {
        order.signature = signature(order);
    }
}
