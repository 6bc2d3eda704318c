//! A naive model of the vault: maps, lists and the rules as the interface words them. Slow, and obviously right.
//!
//! Start at [`Model::judge`].

use std::collections::{BTreeMap, HashMap, HashSet};

use alloy::primitives::{Address, B256};
use alloy::sol_types::Eip712Domain;
use souk_contracts::ExchangeVault::{Fill, SettledFill};
use souk_contracts::exchange::{self, BUY, MAX_FEE_PPM, Order, SELL, SIGNATURE_BYTES, SkipReason};

use super::{Instrument, NEITHER};
use crate::world::{ESCAPE_DELAY_SECS, EXIT_DELAY_SECS, FEE_ACCOUNT, GRACE_SECS};

/// A market as listed.
#[derive(Clone, Copy)]
pub struct Listed {
    pub base: Instrument,
    pub quote: Instrument,
    pub lot: u128,
}

/// An exit that waits.
#[derive(Clone, Copy)]
pub struct Waiting {
    pub account: Address,
    pub instrument: Instrument,
    pub amount: u128,
    pub executable_at: u64,
}

/// An order with its signature.
pub struct Signed {
    pub order: Order,
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What became of a fill.
pub type Outcome = Result<SettledFill, (SkipReason, u8)>;

/// What the vault must know. Times are unix seconds.
pub struct Model {
    pub now: u64,
    pub domain: Eip712Domain,
    pub markets: HashMap<B256, Listed>,
    pub balances: HashMap<(Address, Instrument), u128>,
    /// Base and fees by account and nonce.
    pub filled: HashMap<(Address, u64), (u128, u128)>,
    pub next_number: u64,
    /// Until when a key signs for an account, exclusive; `None` for ever.
    pub keys: HashMap<(Address, Address), Option<u64>>,
    /// From when a nonce of an account is void.
    pub voids: HashMap<(Address, u64), u64>,
    /// From when the nonces of an account below another are void, in the order of the requests.
    pub floors: HashMap<Address, Vec<(u64, u64)>>,
    pub exits: BTreeMap<u64, Waiting>,
    pub exits_requested: u64,
    pub withdrawal_nonces: HashSet<(Address, u64)>,
    pub heartbeat: u64,
    pub escape: bool,
}

impl Model {
    pub fn balance(&self, account: Address, instrument: Instrument) -> u128 {
        self.balances.get(&(account, instrument)).copied().unwrap_or(0)
    }

    pub fn credit(&mut self, account: Address, instrument: Instrument, amount: u128) {
        let balance = self.balances.entry((account, instrument)).or_default();
        *balance = balance.checked_add(amount).expect("no balance overflows");
    }

    pub fn debit(&mut self, account: Address, instrument: Instrument, amount: u128) {
        let balance = self.balances.entry((account, instrument)).or_default();
        *balance = balance.checked_sub(amount).expect("nobody gives what they do not have");
    }

    pub fn total(&self, instrument: Instrument) -> u128 {
        let of_instrument = self.balances.iter().filter(|((_, of), _)| *of == instrument);
        of_instrument.map(|(_, balance)| balance).sum()
    }

    pub fn signs(&self, key: Address, account: Address) -> bool {
        let registered = || {
            self.keys
                .get(&(account, key))
                .is_some_and(|until| until.is_none_or(|until| self.now < until))
        };
        key == account || registered()
    }

    pub fn is_void(&self, account: Address, nonce: u64) -> bool {
        let itself = self.voids.get(&(account, nonce)).is_some_and(|from| self.now >= *from);
        let floors = self.floors.get(&account).into_iter().flatten();
        itself || floors.clone().any(|(below, from)| nonce < *below && self.now >= *from)
    }

    /// Whether a floor of the account waits for its time.
    pub fn has_pending_floor(&self, account: Address) -> bool {
        let floors = self.floors.get(&account).into_iter().flatten();
        floors.clone().any(|(_, from)| self.now < *from)
    }

    pub fn highest_floor(&self, account: Address) -> u64 {
        let floors = self.floors.get(&account).into_iter().flatten();
        floors.map(|(below, _)| *below).max().unwrap_or(0)
    }

    pub fn after_delay(&self) -> u64 {
        self.now + EXIT_DELAY_SECS
    }

    pub fn may_enter_escape(&self) -> bool {
        !self.escape && self.now > self.heartbeat + ESCAPE_DELAY_SECS
    }

    /// Settles or skips the next fill.
    pub fn settle(&mut self, buy: &Signed, sell: &Signed, fill: &Fill) -> Outcome {
        self.next_number += 1;
        let market = self.judge(buy, sell, fill)?;
        let (buyer, seller) = (buy.order.account, sell.order.account);
        self.debit(buyer, market.quote, fill.quoteAmount + fill.buyerFee);
        self.credit(seller, market.quote, fill.quoteAmount - fill.sellerFee - fill.royalty);
        self.credit(FEE_ACCOUNT, market.quote, fill.buyerFee + fill.sellerFee);
        self.credit(exchange::royalty_account(buy.order.market), market.quote, fill.royalty);
        self.debit(seller, market.base, fill.baseAmount);
        self.credit(buyer, market.base, fill.baseAmount);
        for (order, fees) in [
            (&buy.order, fill.buyerFee),
            (&sell.order, fill.sellerFee + fill.royalty),
        ] {
            let filled = self.filled.entry((order.account, order.nonce)).or_default();
            *filled = (filled.0 + fill.baseAmount, filled.1 + fees);
            assert!(
                filled.0 <= order.baseAmount && filled.1 <= order.feeCap,
                "no nonce is overfilled"
            );
        }
        Ok(SettledFill {
            buyer,
            seller,
            buyNonce: buy.order.nonce,
            sellNonce: sell.order.nonce,
            baseAmount: fill.baseAmount,
            quoteAmount: fill.quoteAmount,
            buyerFee: fill.buyerFee,
            sellerFee: fill.sellerFee,
            royalty: fill.royalty,
        })
    }

    /// The market of a fill that settles, or the first thing that speaks against it.
    fn judge(&self, buy: &Signed, sell: &Signed, fill: &Fill) -> Result<Listed, (SkipReason, u8)> {
        let neither = |reason| Err((reason, NEITHER));
        if fill.skip {
            return neither(SkipReason::Voided);
        }
        if buy.order.account == sell.order.account {
            return neither(SkipReason::SelfTrade);
        }
        let listed = self
            .markets
            .get(&buy.order.market)
            .filter(|_| buy.order.market == sell.order.market);
        let Some(market) = listed else {
            return neither(SkipReason::MarketMismatch);
        };
        if fill.baseAmount == 0 || fill.quoteAmount == 0 {
            return neither(SkipReason::EmptyFill);
        }
        self.judge_side(buy, BUY, fill, market)
            .map_err(|reason| (reason, BUY))?;
        self.judge_side(sell, SELL, fill, market)
            .map_err(|reason| (reason, SELL))?;
        Ok(*market)
    }

    fn judge_side(&self, signed: &Signed, side: u8, fill: &Fill, market: &Listed) -> Result<(), SkipReason> {
        let order = &signed.order;
        let digest = exchange::digest(order, &self.domain);
        let signer = exchange::recover(digest, &signed.signature);
        let (fees, needed, of) = if side == BUY {
            (fill.buyerFee, fill.quoteAmount + fill.buyerFee, market.quote)
        } else {
            (fill.sellerFee + fill.royalty, fill.baseAmount, market.base)
        };
        // Amounts of the walk are small, so that nothing here overflows.
        let (price, limit) = (fill.quoteAmount * market.lot, order.limitPrice * fill.baseAmount);
        let (filled, paid) = self
            .filled
            .get(&(order.account, order.nonce))
            .copied()
            .unwrap_or_default();
        let rules = [
            (SkipReason::WrongSide, order.side == side),
            (
                SkipReason::BadSignature,
                signer.is_some_and(|signer| self.signs(signer, order.account)),
            ),
            (SkipReason::Expired, self.now <= order.expiry + GRACE_SECS),
            (SkipReason::NonceInvalidated, !self.is_void(order.account, order.nonce)),
            (
                SkipReason::PriceOutsideLimit,
                if side == BUY { price <= limit } else { price >= limit },
            ),
            (
                SkipReason::FeeTooHigh,
                fees * 1_000_000 <= fill.quoteAmount * u128::from(MAX_FEE_PPM),
            ),
            (SkipReason::FeeCapExceeded, paid + fees <= order.feeCap),
            (SkipReason::Overfilled, filled + fill.baseAmount <= order.baseAmount),
            (
                SkipReason::InsufficientBalance,
                self.balance(order.account, of) >= needed,
            ),
        ];
        match rules.into_iter().find(|(_, kept)| !kept) {
            Some((reason, _)) => Err(reason),
            None => Ok(()),
        }
    }
}
