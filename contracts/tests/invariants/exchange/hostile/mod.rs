//! A random walk of a hostile operator and hostile traders on the vault, beside the naive model, which says of every step whether it
//! goes through and what it does.
//!
//! Start at [`the_vault_does_what_the_model_says`].

mod batch;
mod steps;

use std::collections::HashMap;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use proptest::collection::vec;
use souk_contracts::ExchangeVault;
use souk_contracts::exchange::{self, BUY, SELL, SkipReason};

use super::model::{Listed, Model};
use super::ops::{ACCOUNTS, INSTRUMENTS, NONCES, Op, ops};
use super::{DEPOSIT, Exchange, GROUP, Instrument, LOT, NEITHER};
use crate::property::{Coverage, for_all};
use crate::world::{ESCAPE_DELAY_SECS, EXIT_DELAY_SECS, FEE_ACCOUNT, START_SECS};

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
        let instruments: Vec<_> = (0..INSTRUMENTS).map(|n| self.instrument(n)).collect();
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
        let instruments: Vec<_> = (0..INSTRUMENTS).map(|n| self.instrument(n)).collect();
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
