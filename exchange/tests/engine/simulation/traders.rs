//! What traders do: send commands to gateways, and transactions to the chain.

use alloy_primitives::Address;
use souk_schema::TokenRef;
use souk_schema::exchange::{CommandBody, SignedOrder};

use super::World;
use super::vault::Tx;
use crate::generator::{TRADERS, tokens, trader};

impl World {
    /// Somebody sends a command. Its gateway may have sent one before that is still under way.
    pub(super) fn trade(&mut self) {
        let mut body = self.generator.trade(&self.oracle);
        self.bring_up_to_date(&mut body);
        let gateway = self.below(2) as u64;
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
        let id = self.id();
        self.chain.pool.push_back(Tx::Deposit {
            id,
            account,
            token,
            amount,
        });
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn act_on_chain(&mut self) {
        let account = trader(self.below(usize::from(TRADERS)) as u8);
        let token = self.generator.pick(&tokens());
        match self.below(22) {
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
                let id = self.id();
                let amount = self.below(500) as u128;
                self.chain.pool.push_back(Tx::RequestExit {
                    id,
                    account,
                    token,
                    amount,
                });
            }
            14..18 => self.on_exit(Tx::ExecuteExit),
            18 => self.on_exit(Tx::CancelExit),
            _ => {
                let markets: Vec<_> = self.chain.vault().markets.keys().copied().collect();
                let market = self.generator.pick(&markets);
                self.chain.pool.push_back(Tx::FlushRoyalty(market));
            }
        }
    }

    fn on_exit(&mut self, make: impl Fn(u64) -> Tx) {
        let exits = self.chain.vault().exits();
        if !exits.is_empty() {
            let id = self.generator.pick(&exits);
            self.chain.pool.push_back(make(id));
        }
    }
}
