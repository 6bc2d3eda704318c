//! A small model of `ExchangeVault`: what it keeps, what it refuses, what it logs, with calls and logs as the contract has them.

use std::collections::{BTreeMap, BTreeSet};

use alloy::sol_types::{SolEvent, SolInterface};
use alloy_primitives::{Address, B256, Bytes, U256};
use souk_contracts::ExchangeVault::{self as contract, ExchangeVaultCalls as Call};
use souk_contracts::exchange::SkipReason;
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::{MarketSpec, Side};
use souk_schema::record::RawLog;

use super::consent::Consent;
use super::signatures::{as_signed, digest, number_of};
use crate::generator::group;
use crate::oracle::royalty_address;

/// How long the operator may be silent.
pub const ESCAPE_DELAY_SECS: u64 = 900;

const MAX_FEE_PPM: u128 = 50_000;
/// As in the contract, where it asks how much gas is left.
const MIN_STEP_GAS: u64 = 300_000;

/// What somebody asks of the vault.
#[derive(Clone, Debug)]
pub enum Tx {
    Deposit {
        account: Address,
        token: TokenRef,
        amount: u128,
    },
    Withdraw(Withdraw),
    RequestExit {
        account: Address,
        token: TokenRef,
        amount: u128,
    },
    ExecuteExit(u64),
    CancelExit(u64, Address),
    RegisterKey(Address, Address),
    RevokeKey(Address, Address),
    InvalidateNonce(Address, u64),
    InvalidateNoncesBelow(Address, u64),
    Operator(OperatorTx),
    FlushRoyalty(B256),
    EnterEscape,
    /// The account takes what it has of an instrument, once the escape is open.
    Escape(Address, TokenRef),
}

/// A signed transaction of the operator, decoded. Of all with one nonce only one is ever in a chain.
#[derive(Clone, Debug)]
pub struct OperatorTx {
    pub hash: B256,
    pub nonce: u64,
    /// In wei per gas.
    pub max_fee: u128,
    pub gas_limit: u64,
    pub call: Bytes,
}

/// Why a transaction does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A batch begins with another number than the next one.
    WrongNumber,
    /// A batch runs short of gas on its way.
    OutOfGas,
    Other,
}

type Done = Result<Vec<RawLog>, Refusal>;

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
    pub last_beat: u64,
    pub escaped: bool,
    /// What left the vault, to whom.
    pub paid: Balances,
    /// Signatures by others than the account or a key that signs for it, as the vault was shown them: whose order, and who signed.
    pub strange_signers: BTreeSet<(Address, Address)>,
    /// Orders that a registered key signed, and that were shown with all in order.
    pub orders_by_key: u64,
    /// Whether a batch brought a signature of something else.
    pub was_shown_forgery: bool,
    filled: BTreeMap<(Address, u64), (u128, u128)>,
    withdrawn: BTreeSet<(Address, u64)>,
    exits: BTreeMap<u64, Exit>,
    consent: Consent,
    last_deposit: u64,
    last_exit: u64,
    last_revenue: u64,
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

    /// Carries a transaction out, of which nothing must be kept where it is refused. `now` is the block's time in seconds; gas costs
    /// `dearness` percent of what it usually does.
    pub fn execute(&mut self, tx: &Tx, now: u64, dearness: u64) -> Done {
        match tx {
            Tx::Deposit { account, token, amount } => self.deposit(*account, *token, *amount),
            Tx::Withdraw(withdraw) => self.withdraw(withdraw, now),
            Tx::RequestExit { account, token, amount } => self.request_exit(*account, *token, *amount, now),
            Tx::ExecuteExit(id) => self.execute_exit(*id, now),
            Tx::CancelExit(id, account) => {
                let exit = self.exits.get(id).filter(|exit| exit.account == *account);
                exit.ok_or(Refusal::Other)?;
                self.exits.remove(id);
                said(contract::ExitCancelled {
                    exitId: *id,
                    account: *account,
                })
            }
            Tx::RegisterKey(account, key) => {
                self.consent.register(*account, *key);
                said(contract::KeyRegistered {
                    account: *account,
                    key: *key,
                })
            }
            Tx::RevokeKey(account, key) => {
                let effective_at = self.consent.revoke(*account, *key, now).ok_or(Refusal::Other)?;
                said(contract::KeyRevocationRequested {
                    account: *account,
                    key: *key,
                    effectiveAt: effective_at,
                })
            }
            Tx::InvalidateNonce(account, nonce) => {
                let effective_at = self.consent.invalidate(*account, *nonce, now).ok_or(Refusal::Other)?;
                said(contract::NonceInvalidated {
                    account: *account,
                    nonce: *nonce,
                    effectiveAt: effective_at,
                })
            }
            Tx::InvalidateNoncesBelow(account, nonce) => {
                let effective_at = self
                    .consent
                    .invalidate_below(*account, *nonce, now)
                    .ok_or(Refusal::Other)?;
                said(contract::NoncesBelowInvalidated {
                    account: *account,
                    nonce: *nonce,
                    effectiveAt: effective_at,
                })
            }
            Tx::Operator(tx) => self.call(&tx.call, tx.gas_limit, now, dearness),
            Tx::FlushRoyalty(market) => self.flush(*market),
            Tx::EnterEscape => {
                let silent = now > self.last_beat + ESCAPE_DELAY_SECS;
                allow(silent && !self.escaped)?;
                self.escaped = true;
                said(contract::EscapeEntered { by: Address::ZERO })
            }
            Tx::Escape(account, token) => {
                allow(self.escaped)?;
                let amount = self.balance(*account, *token);
                self.pay(*account, *token, amount)?;
                said(contract::Escaped {
                    account: *account,
                    token: token.contract,
                    id: token.id,
                    amount,
                })
            }
        }
    }

    /// What the operator calls.
    pub fn call(&mut self, call: &Bytes, gas_limit: u64, now: u64, dearness: u64) -> Done {
        match Call::abi_decode(call).expect("settlement encodes calls of the vault") {
            Call::settle(call) => {
                let steps = [call.orders.len(), call.fills.len()].map(|steps| steps as u64);
                if settle_gas(steps, dearness) > gas_limit {
                    return Err(Refusal::OutOfGas);
                }
                self.settle(&call, now)
            }
            Call::heartbeat(_) => {
                self.last_beat = now;
                said(contract::Heartbeat {
                    operator: Address::ZERO,
                })
            }
            Call::flushRoyalty(call) => self.flush(call.market),
            other => panic!("settlement calls {other:?}"),
        }
    }

    fn deposit(&mut self, account: Address, token: TokenRef, amount: u128) -> Done {
        allow(!self.escaped)?;
        self.credit(account, token, amount);
        self.last_deposit += 1;
        said(contract::Deposited {
            depositId: self.last_deposit,
            account,
            token: token.contract,
            id: token.id,
            amount,
            group: group().group.0,
        })
    }

    fn request_exit(&mut self, account: Address, token: TokenRef, amount: u128, now: u64) -> Done {
        allow(amount != 0)?;
        self.last_exit += 1;
        let executable_at = now + group().exit_delay_secs;
        let exit = Exit {
            account,
            token,
            amount,
            executable_at,
        };
        self.exits.insert(self.last_exit, exit);
        said(contract::ExitRequested {
            exitId: self.last_exit,
            account,
            token: token.contract,
            id: token.id,
            amount,
            group: group().group.0,
            executableAt: executable_at,
        })
    }

    fn execute_exit(&mut self, id: u64, now: u64) -> Done {
        let exit = self.exits.get(&id).filter(|exit| now >= exit.executable_at);
        let exit = exit.ok_or(Refusal::Other)?.clone();
        self.exits.remove(&id);
        let paid = exit.amount.min(self.balance(exit.account, exit.token));
        if paid != 0 {
            self.pay(exit.account, exit.token, paid)?;
        }
        said(contract::ExitExecuted {
            exitId: id,
            account: exit.account,
            token: exit.token.contract,
            id: exit.token.id,
            paid,
            group: group().group.0,
        })
    }

    fn flush(&mut self, market: B256) -> Done {
        let quote = self.markets.get(&market).ok_or(Refusal::Other)?.quote;
        let token = TokenRef::new(quote, U256::ZERO);
        let account = royalty_address(market);
        let amount = self.balance(account, token);
        self.pay(account, token, amount)?;
        self.last_revenue += 1;
        said(contract::RoyaltyFlushed {
            market,
            assetId: U256::ONE,
            quote,
            amount,
            revenueId: U256::from(self.last_revenue),
        })
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
    fn pay(&mut self, account: Address, token: TokenRef, amount: u128) -> Result<(), Refusal> {
        allow(amount != 0)?;
        self.debit(account, token, amount).ok_or(Refusal::Other)?;
        *self.paid.entry((account, token)).or_default() += amount;
        Ok(())
    }

    fn withdraw(&mut self, withdraw: &Withdraw, now: u64) -> Done {
        allow(!self.escaped)?;
        let (account, nonce, token) = (withdraw.account, withdraw.nonce, withdraw.token);
        allow(now <= withdraw.deadline_secs && !self.withdrawn.contains(&(account, nonce)))?;
        self.pay(account, token, withdraw.amount.0)?;
        self.withdrawn.insert((account, nonce));
        said(contract::Withdrawn {
            account,
            nonce,
            token: token.contract,
            id: token.id,
            amount: withdraw.amount.0,
            receiver: withdraw.receiver,
            group: group().group.0,
        })
    }

    fn settle(&mut self, call: &contract::settleCall, now: u64) -> Done {
        allow(!self.escaped)?;
        if call.firstNumber != self.next_number {
            return Err(Refusal::WrongNumber);
        }
        self.last_beat = now;
        let faults: Vec<_> = call.orders.iter().map(|order| self.order_fault(order, now)).collect();
        let mut logs = Vec::new();
        for fill in &call.fills {
            let number = self.next_number;
            self.next_number += 1;
            let group = call.group;
            logs.push(match self.settle_fill(call, &faults, fill) {
                Ok(market) => raw(contract::FillSettled {
                    group,
                    number,
                    market,
                    fill: Default::default(),
                }),
                Err(reason) => raw(contract::FillSkipped {
                    group,
                    number,
                    reason: reason as u8,
                    side: 0,
                }),
            });
        }
        Ok(logs)
    }

    /// What keeps every fill of an order from settling.
    fn order_fault(&mut self, signed: &contract::SignedOrder, now: u64) -> Option<SkipReason> {
        let order = &signed.order;
        let signer = Address::from_word(signed.r);
        self.was_shown_forgery |= signed.s != digest(&as_signed(order), signer);
        if !self.consent.is_signer(order.account, signer, now) {
            self.strange_signers.insert((order.account, signer));
            Some(SkipReason::BadSignature)
        } else if now > order.expiry + group().settlement_grace_secs {
            Some(SkipReason::Expired)
        } else if self.consent.is_nonce_invalid(order.account, order.nonce, now) {
            Some(SkipReason::NonceInvalidated)
        } else {
            self.orders_by_key += u64::from(signer != order.account);
            None
        }
    }

    /// Moves one fill's amounts, in which market, or says why not.
    fn settle_fill(
        &mut self,
        call: &contract::settleCall,
        faults: &[Option<SkipReason>],
        fill: &contract::Fill,
    ) -> Result<B256, SkipReason> {
        if fill.skip {
            return Err(SkipReason::Voided);
        }
        let [buy_place, sell_place] = [fill.buyOrder, fill.sellOrder].map(usize::from);
        let [buy, sell] = [buy_place, sell_place].map(|place| &call.orders[place].order);
        if buy.account == sell.account {
            return Err(SkipReason::SelfTrade);
        }
        let market = self.markets.get(&buy.market).filter(|_| buy.market == sell.market);
        let market = market.ok_or(SkipReason::MarketMismatch)?.clone();
        if fill.baseAmount == 0 || fill.quoteAmount == 0 {
            return Err(SkipReason::EmptyFill);
        }
        self.check_side(buy, Side::Buy, faults[buy_place], fill, &market)?;
        self.check_side(sell, Side::Sell, faults[sell_place], fill, &market)?;
        for (order, fees) in [(buy, fill.buyerFee), (sell, fill.sellerFee + fill.royalty)] {
            let filled = self.filled.entry((order.account, order.nonce)).or_default();
            *filled = (filled.0 + fill.baseAmount, filled.1 + fees);
        }
        let (base, quote) = (market.base, TokenRef::new(market.quote, U256::ZERO));
        let funded = "checked for both sides";
        self.debit(sell.account, base, fill.baseAmount).expect(funded);
        self.credit(buy.account, base, fill.baseAmount);
        self.debit(buy.account, quote, fill.quoteAmount + fill.buyerFee)
            .expect(funded);
        self.credit(sell.account, quote, fill.quoteAmount - fill.sellerFee - fill.royalty);
        self.credit(group().fee_account, quote, fill.buyerFee + fill.sellerFee);
        self.credit(royalty_address(market.key), quote, fill.royalty);
        Ok(market.key)
    }

    fn check_side(
        &self,
        order: &contract::Order,
        side: Side,
        fault: Option<SkipReason>,
        fill: &contract::Fill,
        market: &MarketSpec,
    ) -> Result<(), SkipReason> {
        if order.side != number_of(side) {
            return Err(SkipReason::WrongSide);
        }
        fault.map_or(Ok(()), Err)?;
        let price = fill.quoteAmount * market.units.lot_size.0;
        let limit = order.limitPrice * fill.baseAmount;
        let (fees, has, needs) = match side {
            Side::Buy => {
                let has = self.balance(order.account, TokenRef::new(market.quote, U256::ZERO));
                (fill.buyerFee, has, fill.quoteAmount + fill.buyerFee)
            }
            Side::Sell => {
                let has = self.balance(order.account, market.base);
                (fill.sellerFee + fill.royalty, has, fill.baseAmount)
            }
        };
        let filled = self.filled.get(&(order.account, order.nonce));
        let filled = filled.copied().unwrap_or_default();
        if side == Side::Buy && price > limit || side == Side::Sell && price < limit {
            Err(SkipReason::PriceOutsideLimit)
        } else if fees * 1_000_000 > fill.quoteAmount * MAX_FEE_PPM {
            Err(SkipReason::FeeTooHigh)
        } else if filled.1 + fees > order.feeCap {
            Err(SkipReason::FeeCapExceeded)
        } else if filled.0 + fill.baseAmount > order.baseAmount {
            Err(SkipReason::Overfilled)
        } else if has < needs {
            Err(SkipReason::InsufficientBalance)
        } else {
            Ok(())
        }
    }

    /// Exits that wait, and whose they are.
    pub fn exits(&self) -> Vec<(u64, Address)> {
        self.exits.iter().map(|(id, exit)| (*id, exit.account)).collect()
    }
}

fn allow(it: bool) -> Result<(), Refusal> {
    it.then_some(()).ok_or(Refusal::Other)
}

fn said(event: impl SolEvent) -> Done {
    Ok(vec![raw(event)])
}

fn raw(event: impl SolEvent) -> RawLog {
    let (topics, data) = event.encode_log_data().split();
    RawLog {
        address: group().vault,
        topics,
        data,
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

/// Gas of a call, where it costs `dearness` percent of what it usually does: what is left before the last step counts.
pub fn gas_of(call: &Bytes, dearness: u64) -> u64 {
    match Call::abi_decode(call).expect("settlement encodes calls of the vault") {
        Call::settle(call) => settle_gas(
            [call.orders.len(), call.fills.len()].map(|steps| steps as u64),
            dearness,
        ),
        _ => 80_000,
    }
}

fn settle_gas([orders, fills]: [u64; 2], dearness: u64) -> u64 {
    MIN_STEP_GAS + (60_000 + 15_000 * orders + 120_000 * fills) * dearness / 100
}

/// The reasons that a vault must never have to give for a fill that the engine stands by and settlement sent as it was matched. Expiry, a
/// nonce that is void and a key that was revoked depend on when it is settled. By the third rules a lack of funds is none either, where the
/// engine `hears_in_order`: an exit, a reorganisation or another fill that took them in between busts the fill first; else they were never
/// there.
pub fn is_our_fault(reason: SkipReason, rules: Rules, hears_in_order: bool) -> bool {
    use SkipReason as Reason;
    match reason {
        Reason::Voided | Reason::BadSignature | Reason::Expired | Reason::NonceInvalidated => false,
        Reason::InsufficientBalance => rules >= Rules::Third && hears_in_order,
        _ => true,
    }
}
