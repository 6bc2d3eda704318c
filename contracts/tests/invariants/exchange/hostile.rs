//! A random walk of a hostile operator and hostile traders on the vault, beside the naive model, which says of every step whether it
//! goes through and what it does.
//!
//! Start at [`the_vault_does_what_the_model_says`].

use std::collections::HashMap;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use proptest::collection::vec;
use souk_contracts::ExchangeVault::Fill;
use souk_contracts::exchange::{self, BUY, Order, SELL, SkipReason, Withdrawal};
use souk_contracts::{ExchangeVault, TestUSD};

use super::model::{Listed, Model, Signed, Waiting};
use super::ops::{ACCOUNTS, Forgery, Match, NONCES, Op, Terms, ops};
use super::{
    DEPOSIT, Exchange, GROUP, Instrument, LOT, NEITHER, cosigned, deposit_call, outcomes, settle_call, signature_of,
    trader, withdraw_call,
};
use crate::property::{Coverage, for_all};
use crate::world::{
    DEPLOYER, ESCAPE_DELAY_SECS, EXIT_DELAY_SECS, FEE_ACCOUNT, OPERATOR, START_SECS, TOKEN_FEE_BPS, Wallet,
};

/// Somebody without any role.
const STRANGER: Address = Address::repeat_byte(0x77);

/// The vault, the model, and what only the test knows.
struct Walk {
    exchange: Exchange,
    model: Model,
    /// What came into the vault by a plain transfer, which is nobody's.
    donated: HashMap<Instrument, u128>,
    wallet_refuses: bool,
}

/// What the walk led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Step(&'static str, bool),
    Settled,
    Skipped(SkipReason, u8),
    Starved,
}

/// EX-1 and EX-2: holdings are at least the sum of balances, balances move as the rules say, no nonce is overfilled, no number is
/// consumed twice, and at the end everybody gets out what is theirs, with the operator or without.
#[test]
fn the_vault_does_what_the_model_says() {
    let coverage = Coverage::new();
    for_all(224, &vec(ops(), 1..44), |ops| {
        let mut walk = Walk::new();
        for op in &ops {
            walk.step(op, &coverage);
            walk.compare(op);
        }
        walk.leave(ops.len() % 2 == 0);
    });
    let steps = [
        "deposit",
        "settle",
        "withdraw",
        "execute exit",
        "cancel exit",
        "revoke key",
        "void nonce",
        "void below",
        "flush",
        "enter escape",
        "escape",
    ];
    coverage.require(&steps.map(|step| Seen::Step(step, true)));
    coverage.require(&steps.map(|step| Seen::Step(step, false)));
    coverage.require(&[Seen::Settled, Seen::Starved]);
    let of_neither = [
        SkipReason::Voided,
        SkipReason::SelfTrade,
        SkipReason::MarketMismatch,
        SkipReason::EmptyFill,
    ];
    coverage.require(&of_neither.map(|reason| Seen::Skipped(reason, NEITHER)));
    let of_a_side = SkipReason::ALL
        .into_iter()
        .filter(|reason| *reason >= SkipReason::WrongSide);
    for side in [BUY, SELL] {
        coverage.require(
            &of_a_side
                .clone()
                .map(|reason| Seen::Skipped(reason, side))
                .collect::<Vec<_>>(),
        );
    }
}

impl Walk {
    fn new() -> Self {
        let exchange = Exchange::new();
        let accounts = Exchange::accounts(&exchange.world);
        let (dollars, first, second) = (exchange.dollars(), exchange.shares(1), exchange.shares(2));
        let listed = |base, lot| Listed {
            base,
            quote: dollars,
            lot,
        };
        let mut model = Model {
            now: START_SECS,
            domain: exchange.domain.clone(),
            markets: HashMap::from([
                (exchange.markets[0], listed(first, LOT)),
                (exchange.markets[1], listed(second, 1)),
            ]),
            balances: HashMap::new(),
            filled: HashMap::new(),
            next_number: 1,
            keys: HashMap::new(),
            voids: HashMap::new(),
            floors: HashMap::new(),
            exits: Default::default(),
            exits_requested: 0,
            withdrawal_nonces: Default::default(),
            heartbeat: START_SECS,
            escape: false,
        };
        for account in accounts {
            for instrument in [dollars, first, second] {
                model.credit(account, instrument, DEPOSIT);
            }
        }
        let mut walk = Self {
            exchange,
            model,
            donated: HashMap::new(),
            wallet_refuses: false,
        };
        // The wallet has no key of its own; orders of it are signed with the last trader's.
        walk.step_of_consent(&Op::RegisterKey {
            by: ACCOUNTS - 1,
            key: 3,
        });
        walk
    }

    fn account(&self, n: usize) -> Address {
        Exchange::accounts(&self.exchange.world)[n]
    }

    fn instrument(&self, n: usize) -> Instrument {
        let exchange = &self.exchange;
        [
            exchange.dollars(),
            exchange.shares(1),
            exchange.shares(2),
            (exchange.world.fee_token, U256::ZERO),
        ][n]
    }

    fn market(&self, n: usize) -> B256 {
        self.exchange.markets.get(n).copied().unwrap_or(B256::repeat_byte(0x4d))
    }

    /// Sends a call of an account to the vault; whether it went through.
    fn send(&mut self, from: Address, call: &impl SolCall) -> bool {
        let vault = self.exchange.world.vault;
        self.exchange.world.act(from, vault, call).is_ok()
    }

    /// Whether a payment of the instrument arrives.
    fn takes(&self, receiver: Address, (token, _): Instrument) -> bool {
        let world = &self.exchange.world;
        receiver != world.wallet || token != world.at.asset_shares || !self.wallet_refuses
    }

    fn step(&mut self, op: &Op, coverage: &Coverage<Seen>) {
        let (name, went_through, expected) = match op {
            Op::Settle {
                number_is_off_by,
                by_stranger,
                matches,
                gas,
            } => {
                let (went_through, expected) = self.settle(*number_is_off_by, *by_stranger, matches, *gas, coverage);
                ("settle", went_through, expected)
            }
            Op::Deposit { .. } | Op::Donate { .. } | Op::Withdraw { .. } | Op::Escape { .. } | Op::Flush { .. } => {
                self.step_of_money(op)
            }
            Op::RequestExit { .. } | Op::ExecuteExit { .. } | Op::CancelExit { .. } => self.step_of_exit(op),
            _ => self.step_of_consent(op),
        };
        assert_eq!(went_through, expected, "{op:?}");
        coverage.saw(Seen::Step(name, went_through));
    }

    /// Name of the step, whether the vault let it through, and whether the model does.
    fn step_of_money(&mut self, op: &Op) -> (&'static str, bool, bool) {
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

    fn step_of_exit(&mut self, op: &Op) -> (&'static str, bool, bool) {
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

    fn step_of_consent(&mut self, op: &Op) -> (&'static str, bool, bool) {
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

    /// An order as the operator has it, however it came by the signature.
    fn order(&self, terms: &Terms, side: u8, m: &Match) -> Signed {
        let market = self.market(if terms.other_market { m.market + 1 } else { m.market });
        let price = i64::try_from(m.price).expect("a small price");
        let limit = if side == BUY {
            price + terms.slack
        } else {
            price - terms.slack
        };
        let order = Order {
            account: self.account(terms.account),
            market,
            side: if terms.wrong_side { 1 - side } else { side },
            baseAmount: terms.base_amount,
            limitPrice: u128::try_from(limit.max(0)).expect("not negative"),
            feeCap: terms.fee_cap,
            nonce: terms.nonce,
            expiry: self.model.now.saturating_add_signed(terms.expires_in),
            ..Order::default()
        };
        let vault = self.exchange.world.vault;
        let (what, domain) = match terms.forgery {
            Forgery::None => (order.clone(), self.exchange.domain.clone()),
            Forgery::OtherChain => (order.clone(), exchange::domain(super::CHAIN_ID + 1, vault)),
            Forgery::OtherVault => (order.clone(), exchange::domain(super::CHAIN_ID, STRANGER)),
            Forgery::OtherOrder => (
                Order {
                    limitPrice: order.limitPrice + 1,
                    ..order.clone()
                },
                self.exchange.domain.clone(),
            ),
        };
        let signer: PrivateKeySigner = trader(terms.signer.unwrap_or(terms.account.min(3)));
        let signature = exchange::sign(exchange::digest(&what, &domain), &signer).expect("a signature");
        Signed { order, signature }
    }

    /// Settles a batch; whether it went through, and whether it should have. A batch with little gas may be void, but never do
    /// anything else than it would do with plenty.
    fn settle(
        &mut self,
        off_by: i64,
        by_stranger: bool,
        matches: &[Match],
        gas: Option<u64>,
        coverage: &Coverage<Seen>,
    ) -> (bool, bool) {
        let lots = [LOT, 1, 1];
        let first_number = self.model.next_number.saturating_add_signed(off_by);
        let (mut orders, mut fills) = (Vec::new(), Vec::new());
        for m in matches {
            let quote = m.base_amount * m.price / lots[m.market];
            let fee = |ppm: u32| quote * u128::from(ppm) / 1_000_000;
            let place = u16::try_from(orders.len()).expect("a small batch");
            fills.push(Fill {
                buyOrder: place,
                sellOrder: place + 1,
                baseAmount: m.base_amount,
                quoteAmount: quote,
                buyerFee: fee(m.fees_ppm[0]),
                sellerFee: fee(m.fees_ppm[1]),
                royalty: fee(m.fees_ppm[2]),
                skip: m.skip,
            });
            orders.extend([self.order(&m.buy, BUY, m), self.order(&m.sell, SELL, m)]);
        }
        let signed = orders
            .iter()
            .map(|signed| exchange::signed_order(&signed.order, &signed.signature))
            .collect();
        let call = settle_call(first_number, signed, fills.clone());
        let from = if by_stranger { STRANGER } else { OPERATOR };
        let vault = self.exchange.world.vault;
        let logs = self
            .exchange
            .world
            .send_starved(from, vault, &call, gas.unwrap_or(50_000_000));
        let good = !self.model.escape && !by_stranger && off_by == 0;
        let Some(logs) = logs else {
            if good && gas.is_some() {
                coverage.saw(Seen::Starved);
                return (false, false);
            }
            return (false, good);
        };
        if good {
            self.model.heartbeat = self.model.now;
            let found = outcomes(&logs, GROUP, first_number);
            let pairs = orders.chunks(2).zip(&fills);
            let expected: Vec<_> = pairs
                .map(|(pair, fill)| self.model.settle(&pair[0], &pair[1], fill))
                .collect();
            assert_eq!(found, expected);
            for outcome in found {
                coverage.saw(outcome.map_or_else(|(reason, side)| Seen::Skipped(reason, side), |_| Seen::Settled));
            }
        }
        (true, good)
    }

    /// Everybody who can have a balance.
    fn everybody(&self) -> Vec<Address> {
        let royalties = self.exchange.markets.map(exchange::royalty_account);
        Exchange::accounts(&self.exchange.world)
            .into_iter()
            .chain([FEE_ACCOUNT])
            .chain(royalties)
            .collect()
    }

    /// Vault and model say the same of every balance, sum, nonce and number.
    fn compare(&mut self, op: &Op) {
        let instruments: Vec<_> = (0..super::ops::INSTRUMENTS).map(|n| self.instrument(n)).collect();
        for instrument in instruments {
            for account in self.everybody() {
                let balance = self.exchange.balance(account, instrument);
                assert_eq!(
                    balance,
                    self.model.balance(account, instrument),
                    "{account} after {op:?}"
                );
            }
            let total = self.exchange.total(instrument);
            assert_eq!(total, self.model.total(instrument), "the sum of balances after {op:?}");
            let donated = self.donated.get(&instrument).copied().unwrap_or(0);
            assert_eq!(
                self.exchange.holdings(instrument),
                U256::from(total + donated),
                "holdings after {op:?}"
            );
        }
        assert_eq!(self.exchange.next_number(GROUP), self.model.next_number);
        if matches!(op, Op::Settle { .. }) {
            for account in (0..ACCOUNTS).map(|n| self.account(n)).collect::<Vec<_>>() {
                for nonce in 0..NONCES {
                    let call = ExchangeVault::filledOfCall { account, nonce };
                    let filled = self.exchange.world.view(self.exchange.world.vault, &call);
                    let expected = self.model.filled.get(&(account, nonce)).copied().unwrap_or_default();
                    assert_eq!((filled.base, filled.fees), expected);
                }
            }
        }
    }

    /// Everybody takes out everything, by the escape or by exits, whatever happened before; nothing but donations is left.
    fn leave(mut self, by_escape: bool) {
        self.step_of_consent(&Op::Refuse { refuses: false });
        if by_escape && !self.model.escape {
            self.exchange.world.pass(ESCAPE_DELAY_SECS + 1);
            assert!(self.send(STRANGER, &ExchangeVault::enterEscapeCall {}));
        }
        let traders = Exchange::accounts(&self.exchange.world)
            .into_iter()
            .chain([FEE_ACCOUNT]);
        let instruments: Vec<_> = (0..super::ops::INSTRUMENTS).map(|n| self.instrument(n)).collect();
        let mut exits = Vec::new();
        for account in traders {
            for &instrument in &instruments {
                let balance = self.model.balance(account, instrument);
                let (token, id) = instrument;
                if balance == 0 {
                    continue;
                }
                if by_escape {
                    assert!(
                        self.send(account, &ExchangeVault::escapeCall { token, id }),
                        "{account} {instrument:?}"
                    );
                } else {
                    let call = ExchangeVault::requestExitCall {
                        token,
                        id,
                        amount: balance,
                        group: GROUP,
                    };
                    assert!(self.send(account, &call));
                    self.model.exits_requested += 1;
                    exits.push(self.model.exits_requested);
                }
            }
        }
        self.exchange.world.pass(EXIT_DELAY_SECS);
        for exit in exits {
            assert!(self.send(STRANGER, &ExchangeVault::executeExitCall { exitId: exit }));
        }
        for market in self.exchange.markets {
            let royalties = self
                .model
                .balance(exchange::royalty_account(market), self.exchange.dollars());
            assert_eq!(
                self.send(STRANGER, &ExchangeVault::flushRoyaltyCall { market }),
                royalties > 0
            );
        }
        for instrument in instruments {
            assert_eq!(self.exchange.total(instrument), 0, "{instrument:?} is left");
            let donated = self.donated.get(&instrument).copied().unwrap_or(0);
            assert_eq!(self.exchange.holdings(instrument), U256::from(donated));
        }
    }
}
