//! What the oracle remembers: markets, accounts, orders, fills.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, InstrumentId, Lots, MarketSpec, MarketState, OrderId, OrderKind, Side,
    SignedOrder, Ticks, UnixMillis,
};

/// A market. Its book is whatever open orders rest in it.
#[derive(Clone, Debug)]
pub struct Market {
    pub spec: MarketSpec,
    pub base: InstrumentId,
    pub quote: InstrumentId,
    pub royalty_account: AccountId,
    /// Its own state, whatever limit applies on top.
    pub state: MarketState,
    /// When an auction is over; only in the state `Auction`.
    pub auction_ends_at: Option<UnixMillis>,
    /// Price of the last fill, or the listing's reference.
    pub last: u64,
    /// The same as it was before the present command: the band is around it.
    pub band_last: u64,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub address: Address,
    /// Exits that are pending; the account is stopped while there is one.
    pub exits: BTreeSet<u64>,
    pub keys: BTreeSet<Address>,
    pub nonces: Nonces,
    pub dead_man: Option<UnixMillis>,
    /// Negative for a moment within a command, for `DEFICIT` at rest.
    pub available: BTreeMap<u32, i128>,
}

/// Which nonces were used.
#[derive(Clone, Debug, Default)]
pub struct Nonces {
    used: BTreeSet<u64>,
    /// All below count as used.
    below: u64,
    highest: Option<u64>,
}

/// What a nonce is good for.
pub enum NonceState {
    Fresh,
    Used,
    TooOld { floor: u64 },
}

/// How many nonces back the engine remembers.
const NONCE_WINDOW: u64 = 256;

impl Nonces {
    pub fn state(&self, nonce: u64) -> NonceState {
        let Some(highest) = self.highest else {
            return NonceState::Fresh;
        };
        if highest.saturating_sub(nonce) >= NONCE_WINDOW {
            return NonceState::TooOld {
                floor: highest - NONCE_WINDOW,
            };
        }
        if nonce < self.below || self.used.contains(&nonce) {
            NonceState::Used
        } else {
            NonceState::Fresh
        }
    }

    pub fn spend(&mut self, nonce: u64) {
        self.used.insert(nonce);
        self.highest = self.highest.max(Some(nonce));
    }

    pub fn invalidate_below(&mut self, below: u64) {
        self.below = self.below.max(below);
        if let Some(last) = below.checked_sub(1) {
            self.highest = self.highest.max(Some(last));
        }
    }

    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// An open order.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: OrderId,
    pub account: AccountId,
    pub market: u32,
    pub side: Side,
    /// As signed, by placing or by the last amendment.
    pub signed: SignedOrder,
    pub signed_by: CommandNumber,
    /// What it works at: the signed limit, or what post-only moved it to.
    pub price: u64,
    pub left: u64,
    pub filled: u64,
    /// Most lots shown at a time.
    pub display: Option<u64>,
    /// Lots shown in the book.
    pub shown: u64,
    pub trigger: Option<u64>,
    pub expires_at: UnixMillis,
    /// Parts per million that its hold affords.
    pub rate: u32,
    /// Fees and royalty that it paid so far.
    pub paid: u128,
    /// Came by a mass quote.
    pub is_quote: bool,
    pub place: Place,
}

/// Where an open order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A stop that has not triggered.
    Waiting,
    /// On its way into the book.
    Taking,
    /// In the book; lower turns come first.
    Resting { turn: u64 },
}

impl Order {
    pub fn is_stop(&self) -> bool {
        matches!(self.signed.instructions.kind, OrderKind::Stop | OrderKind::StopLimit)
    }

    pub fn show_anew(&mut self) {
        self.shown = self.display.map_or(self.left, |display| display.min(self.left));
    }
}

impl Market {
    pub fn quote(&self, price: u64, lots: u64) -> u128 {
        let amount = self.spec.units.quote(Ticks(price), Lots(lots));
        amount.expect("bounded at listing").0
    }

    pub fn base(&self, lots: u64) -> u128 {
        self.spec.units.base(Lots(lots)).expect("bounded at listing").0
    }

    /// What fees an order must afford, in parts per million.
    pub fn rate(&self) -> u32 {
        self.spec.fees.maker_ppm.0.max(self.spec.fees.taker_ppm.0)
    }

    /// What an order reserves, of the quote instrument for a buyer, of the base instrument for a seller.
    pub fn hold(&self, side: Side, price: u64, lots: u64, rate: u32) -> u128 {
        match side {
            Side::Buy => {
                let quote = self.quote(price, lots);
                quote + part(quote, rate)
            }
            Side::Sell => self.base(lots),
        }
    }

    pub fn held_instrument(&self, side: Side) -> InstrumentId {
        match side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }

    /// Lowest and highest price of a trade; `None` where the market has no band.
    pub fn band(&self) -> Option<(u64, u64)> {
        let band = u128::from(self.spec.limits.band_ppm?.0);
        let last = u128::from(self.band_last);
        let low = (last * 1_000_000u128.saturating_sub(band)).div_ceil(1_000_000);
        let high = last * (1_000_000 + band) / 1_000_000;
        let fit = |price: u128| u64::try_from(price).unwrap_or(u64::MAX).max(1);
        Some((fit(low), fit(high)))
    }
}

/// `ppm` parts per million of an amount, rounded down.
pub fn part(amount: u128, ppm: u32) -> u128 {
    amount * u128::from(ppm) / 1_000_000
}

/// A fill, and what became of it.
#[derive(Clone, Debug)]
pub struct FillRecord {
    pub fill: Fill,
    pub at: UnixMillis,
    pub status: FillStatus,
}

/// What became of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillStatus {
    Pending,
    Settled,
    /// For good: the vault is in escape.
    Void,
    /// The vault skipped it, in a final block.
    Skipped,
    /// The engine takes it that the vault will skip it.
    Uncovered,
}

/// A deposit that was credited once.
#[derive(Clone, Copy, Debug)]
pub struct Deposit {
    pub account: AccountId,
    pub instrument: InstrumentId,
    pub amount: Amount,
    pub vanished: bool,
}
