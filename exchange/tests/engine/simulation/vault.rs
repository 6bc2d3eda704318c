//! A small model of `ExchangeVault`: what it keeps, what it refuses, what it logs. Signatures count as checked; ids of deposits and exits
//! are those of their transactions, so that they are the same after a reorganisation.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{MarketSpec, Side, SignedOrder};

use crate::generator::group;
use crate::oracle::royalty_address;

/// How long the operator may be silent.
pub const ESCAPE_DELAY_SECS: u64 = 900;

const MAX_FEE_PPM: u128 = 50_000;

/// What somebody asks of the vault.
#[derive(Clone, Debug)]
pub enum Tx {
    Deposit {
        id: u64,
        account: Address,
        token: TokenRef,
        amount: u128,
    },
    Withdraw(Withdraw),
    RequestExit {
        id: u64,
        account: Address,
        token: TokenRef,
        amount: u128,
    },
    ExecuteExit(u64),
    CancelExit(u64),
    Settle(Batch),
    FlushRoyalty(B256),
    EnterEscape,
    /// The account takes what it has of an instrument, once the escape is open.
    Escape(Address, TokenRef),
}

/// Fills from a number on, as one transaction of the operator.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The operator's own: of all transactions with one nonce only one is ever in a chain.
    pub nonce: u64,
    pub first: u64,
    pub fills: Vec<BatchFill>,
}

/// A fill with the orders that allow it; nothing else is read where it is to be skipped.
#[derive(Clone, Debug)]
pub struct BatchFill {
    pub fill: Fill,
    pub buy: SignedOrder,
    pub sell: SignedOrder,
    pub skip: bool,
}

/// What the vault says.
#[derive(Clone, Debug, PartialEq)]
pub enum Log {
    Deposited {
        id: u64,
        account: Address,
        token: TokenRef,
        amount: u128,
    },
    Withdrawn {
        account: Address,
        nonce: u64,
    },
    ExitRequested {
        id: u64,
        account: Address,
    },
    ExitExecuted {
        id: u64,
        account: Address,
        token: TokenRef,
        paid: u128,
    },
    ExitCancelled {
        id: u64,
        account: Address,
    },
    FillSettled(u64),
    FillSkipped(u64, u8),
    RoyaltyFlushed(B256, u128),
    EscapeEntered,
    Escaped(Address, TokenRef, u128),
}

#[derive(Clone, Debug)]
struct Exit {
    account: Address,
    token: TokenRef,
    amount: u128,
    executable_at: u64,
}

/// Balances by account and instrument; none is 0.
pub type Balances = BTreeMap<(Address, TokenRef), u128>;

/// The vault's state.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    pub balances: Balances,
    pub markets: BTreeMap<B256, MarketSpec>,
    pub next_number: u64,
    /// Nonces of the operator that are used.
    pub operator_nonce: u64,
    filled: BTreeMap<(Address, u64), (u128, u128)>,
    withdrawn: BTreeSet<(Address, u64)>,
    exits: BTreeMap<u64, Exit>,
    last_beat: u64,
    pub escaped: bool,
    /// What left the vault, to whom.
    pub paid: Balances,
}

impl Vault {
    pub fn new(markets: &[MarketSpec], now: u64) -> Vault {
        Vault {
            markets: markets.iter().map(|spec| (spec.key, spec.clone())).collect(),
            next_number: 1,
            last_beat: now,
            ..Vault::default()
        }
    }

    pub fn balance(&self, account: Address, token: TokenRef) -> u128 {
        self.balances.get(&(account, token)).copied().unwrap_or(0)
    }

    /// Carries a transaction out; `None` where it reverts, and nothing has changed. `now` is the block's time in seconds.
    pub fn execute(&mut self, tx: &Tx, now: u64) -> Option<Vec<Log>> {
        match tx {
            Tx::Deposit {
                id,
                account,
                token,
                amount,
            } => {
                self.before_escape()?;
                self.credit(*account, *token, *amount);
                let (id, account, token, amount) = (*id, *account, *token, *amount);
                Some(vec![Log::Deposited {
                    id,
                    account,
                    token,
                    amount,
                }])
            }
            Tx::Withdraw(withdraw) => self.withdraw(withdraw, now),
            Tx::RequestExit {
                id,
                account,
                token,
                amount,
            } => {
                let exit = Exit {
                    account: *account,
                    token: *token,
                    amount: *amount,
                    executable_at: now + group().exit_delay_secs,
                };
                self.exits.insert(*id, exit);
                Some(vec![Log::ExitRequested {
                    id: *id,
                    account: *account,
                }])
            }
            Tx::ExecuteExit(id) => self.execute_exit(*id, now),
            Tx::CancelExit(id) => {
                let account = self.exits.remove(id)?.account;
                Some(vec![Log::ExitCancelled { id: *id, account }])
            }
            Tx::Settle(batch) => self.settle(batch, now),
            Tx::FlushRoyalty(market) => {
                let token = TokenRef::new(self.markets.get(market)?.quote, alloy_primitives::U256::ZERO);
                let account = royalty_address(*market);
                let amount = self.balance(account, token);
                self.pay(account, token, amount)?;
                Some(vec![Log::RoyaltyFlushed(*market, amount)])
            }
            Tx::EnterEscape => {
                let silent = now > self.last_beat + ESCAPE_DELAY_SECS;
                (silent && !self.escaped).then_some(())?;
                self.escaped = true;
                Some(vec![Log::EscapeEntered])
            }
            Tx::Escape(account, token) => {
                self.escaped.then_some(())?;
                let amount = self.balance(*account, *token);
                self.pay(*account, *token, amount)?;
                Some(vec![Log::Escaped(*account, *token, amount)])
            }
        }
    }

    fn before_escape(&self) -> Option<()> {
        (!self.escaped).then_some(())
    }

    fn credit(&mut self, account: Address, token: TokenRef, amount: u128) {
        if amount != 0 {
            *self.balances.entry((account, token)).or_default() += amount;
        }
    }

    fn debit(&mut self, account: Address, token: TokenRef, amount: u128) -> Option<()> {
        let left = self.balance(account, token).checked_sub(amount)?;
        match left {
            0 => self.balances.remove(&(account, token)),
            left => self.balances.insert((account, token), left),
        };
        Some(())
    }

    /// Pays out; nothing and more than there is are refused.
    fn pay(&mut self, account: Address, token: TokenRef, amount: u128) -> Option<()> {
        (amount != 0).then_some(())?;
        self.debit(account, token, amount)?;
        *self.paid.entry((account, token)).or_default() += amount;
        Some(())
    }

    fn withdraw(&mut self, withdraw: &Withdraw, now: u64) -> Option<Vec<Log>> {
        self.before_escape()?;
        let (account, nonce) = (withdraw.account, withdraw.nonce);
        let fresh = now <= withdraw.deadline_secs && !self.withdrawn.contains(&(account, nonce));
        fresh.then_some(())?;
        self.pay(account, withdraw.token, withdraw.amount.0)?;
        self.withdrawn.insert((account, nonce));
        Some(vec![Log::Withdrawn { account, nonce }])
    }

    fn execute_exit(&mut self, id: u64, now: u64) -> Option<Vec<Log>> {
        let exit = self.exits.get(&id).filter(|exit| now >= exit.executable_at)?.clone();
        self.exits.remove(&id);
        let paid = exit.amount.min(self.balance(exit.account, exit.token));
        let _ = self.pay(exit.account, exit.token, paid);
        Some(vec![Log::ExitExecuted {
            id,
            account: exit.account,
            token: exit.token,
            paid,
        }])
    }

    fn settle(&mut self, batch: &Batch, now: u64) -> Option<Vec<Log>> {
        self.before_escape()?;
        (batch.first == self.next_number).then_some(())?;
        self.last_beat = now;
        let mut logs = Vec::new();
        for settled in &batch.fills {
            let number = self.next_number;
            self.next_number += 1;
            match self.settle_fill(settled, now) {
                Ok(()) => logs.push(Log::FillSettled(number)),
                Err(reason) => logs.push(Log::FillSkipped(number, reason)),
            }
        }
        Some(logs)
    }

    /// Moves one fill's amounts, or says why not, by the contract's number of the reason.
    fn settle_fill(&mut self, settled: &BatchFill, now: u64) -> Result<(), u8> {
        if settled.skip {
            return Err(1);
        }
        let (fill, buy, sell) = (&settled.fill, &settled.buy, &settled.sell);
        if buy.account == sell.account {
            return Err(2);
        }
        let market = self
            .markets
            .get(&buy.market)
            .filter(|_| buy.market == sell.market)
            .ok_or(3u8)?
            .clone();
        let (base, quote) = (market.base, TokenRef::new(market.quote, alloy_primitives::U256::ZERO));
        self.check_side(buy, Side::Buy, fill, &market, now)?;
        self.check_side(sell, Side::Sell, fill, &market, now)?;
        for (order, fees) in [(buy, fill.buyer.fee.0), (sell, fill.seller.fee.0 + fill.royalty.0)] {
            let filled = self.filled.entry((order.account, order.nonce)).or_default();
            *filled = (filled.0 + fill.base.0, filled.1 + fees);
        }
        let funded = "checked for both sides";
        self.debit(sell.account, base, fill.base.0).expect(funded);
        self.credit(buy.account, base, fill.base.0);
        self.debit(buy.account, quote, fill.quote.0 + fill.buyer.fee.0)
            .expect(funded);
        self.credit(sell.account, quote, fill.quote.0 - fill.seller.fee.0 - fill.royalty.0);
        self.credit(group().fee_account, quote, fill.buyer.fee.0 + fill.seller.fee.0);
        self.credit(royalty_address(market.key), quote, fill.royalty.0);
        Ok(())
    }

    fn check_side(
        &self,
        order: &SignedOrder,
        side: Side,
        fill: &Fill,
        market: &MarketSpec,
        now: u64,
    ) -> Result<(), u8> {
        if order.side != side {
            return Err(5);
        }
        if now > order.expiry_secs + group().settlement_grace_secs {
            return Err(7);
        }
        let price = fill.quote.0 * market.units.lot_size.0;
        let limit = order.limit_price.0 * fill.base.0;
        let (fees, has, needs) = match side {
            Side::Buy => {
                let has = self.balance(order.account, TokenRef::new(market.quote, alloy_primitives::U256::ZERO));
                (fill.buyer.fee.0, has, fill.quote.0 + fill.buyer.fee.0)
            }
            Side::Sell => {
                let fees = fill.seller.fee.0 + fill.royalty.0;
                (fees, self.balance(order.account, market.base), fill.base.0)
            }
        };
        let filled = self
            .filled
            .get(&(order.account, order.nonce))
            .copied()
            .unwrap_or_default();
        if side == Side::Buy && price > limit || side == Side::Sell && price < limit {
            Err(9)
        } else if fees * 1_000_000 > fill.quote.0 * MAX_FEE_PPM {
            Err(10)
        } else if filled.1 + fees > order.fee_cap.0 {
            Err(11)
        } else if filled.0 + fill.base.0 > order.base_amount.0 {
            Err(12)
        } else if has < needs {
            Err(13)
        } else {
            Ok(())
        }
    }

    /// Whose the exits are that wait, by id.
    pub fn waiting_exits(&self) -> BTreeMap<u64, Address> {
        self.exits.iter().map(|(id, exit)| (*id, exit.account)).collect()
    }

    /// Exits that wait, by id.
    pub fn exits(&self) -> Vec<u64> {
        self.exits.keys().copied().collect()
    }
}

/// The reasons that a vault must never have to give for a fill that the engine stands by and settlement sent as it was matched: 2 to 6 and 9
/// to 12. (Expiry depends on when it is settled.) By the third rules not even for 13, a lack of funds: where an exit, a reorganisation or
/// another fill took them in between, the engine hears of that first, and busts the fill; else they were never there.
pub fn is_our_fault(reason: u8, rules: Rules) -> bool {
    matches!(reason, 2..=6 | 9..=12) || (reason == 13 && rules >= Rules::Third)
}
