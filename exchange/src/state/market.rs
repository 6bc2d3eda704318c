//! A market: its rules, its book, its stops.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use alloy_primitives::B256;
use souk_schema::exchange::{
    AccountId, Amount, FeeSchedule, InstrumentId, Lots, MarketId, MarketLimits, MarketSpec, MarketState, MarketUnits,
    OrderId, Ppm, Side, Ticks, UnixMillis,
};

use super::accounts::FundsIndex;
use crate::book::{Book, Slot};
use crate::table::{SlotTable, mix_bytes};

/// A market.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its number.
    pub id: MarketId,
    /// Lot and tick.
    pub units: MarketUnits,
    /// What the operator says it does with orders.
    pub state: MarketState,
    /// When the auction crosses, in the state auction.
    pub auction_ends_at: Option<UnixMillis>,
    /// The price of the last fill, before the first the listing's reference.
    pub last_price: Ticks,
    /// Fees now.
    pub fees: FeeSchedule,
    /// Bounds now.
    pub limits: MarketLimits,
    /// What is traded.
    pub base: InstrumentId,
    /// What pays.
    pub quote: InstrumentId,
    /// Receives the royalties.
    pub royalty_account: AccountId,
    /// Its balance of the quote instrument.
    pub royalty_funds: FundsIndex,
    /// The fee account's balance of the quote instrument.
    pub fee_funds: FundsIndex,
    /// Resting orders.
    pub book: Book,
    /// Waiting stops.
    pub stops: Stops,
    /// As it was listed.
    pub spec: Box<MarketSpec>,
}

/// Prices at which a market trades without an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Lowest.
    pub low: Ticks,
    /// Highest.
    pub high: Ticks,
}

impl Market {
    /// The band around the last price: rounded inwards, at least 1.
    #[inline]
    pub fn band(&self) -> Band {
        let Some(band) = self.limits.band_ppm else {
            return Band {
                low: Ticks(0),
                high: Ticks(u64::MAX),
            };
        };
        let (last, whole) = (u128::from(self.last_price.0), u128::from(Ppm::WHOLE));
        let width = u128::from(band.0);
        let low = (last * whole.saturating_sub(width)).div_ceil(whole).max(1);
        let high = (last * (whole + width) / whole).max(1);
        let ticks = |price| Ticks(u64::try_from(price).unwrap_or(u64::MAX));
        Band {
            low: ticks(low),
            high: ticks(high),
        }
    }

    /// What an order must be able to afford: the larger of both rates.
    #[inline]
    pub fn rate(&self) -> Ppm {
        self.fees.maker_ppm.max(self.fees.taker_ppm)
    }

    /// What an order with this much left reserves.
    #[inline]
    pub fn hold(&self, side: Side, price: Ticks, left: Lots, rate: Ppm) -> Amount {
        match side {
            Side::Buy => {
                let quote = quote(&self.units, price, left);
                Amount(quote.0 + part(quote, rate).0)
            }
            Side::Sell => base(&self.units, left),
        }
    }

    /// Whether orders are gathered instead of matched.
    #[inline]
    pub fn gathers(&self) -> bool {
        matches!(self.state, MarketState::PreOpen | MarketState::Auction)
    }
}

/// What lots cost. Within a market's bounds this stays below 2^100, which was checked when they were set.
#[inline]
pub fn quote(units: &MarketUnits, price: Ticks, lots: Lots) -> Amount {
    units
        .quote(price, lots)
        .expect("an order's cost is bounded by its market")
}

/// Lots in base units; bounded like [`quote`].
#[inline]
pub fn base(units: &MarketUnits, lots: Lots) -> Amount {
    units.base(lots).expect("an order's size is bounded by its market")
}

/// Parts of a bounded amount, rounded down; the remainder stays with who pays.
#[inline]
pub fn part(amount: Amount, ppm: Ppm) -> Amount {
    let product = amount.0 * u128::from(ppm.0);
    // A 128-bit division costs several times a 64-bit one, and most amounts are small.
    match u64::try_from(product) {
        Ok(small) => Amount(u128::from(small / u64::from(Ppm::WHOLE))),
        Err(_) => Amount(product / u128::from(Ppm::WHOLE)),
    }
}

/// Stops that wait, each side in the order in which they trigger.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    /// The lowest trigger first, then the lowest id.
    buys: BTreeSet<(Ticks, OrderId, Slot)>,
    /// The highest trigger first, then the lowest id.
    sells: BTreeSet<(Reverse<Ticks>, OrderId, Slot)>,
}

impl Stops {
    /// Adds a stop.
    pub fn insert(&mut self, side: Side, trigger: Ticks, id: OrderId, slot: Slot) {
        let is_new = match side {
            Side::Buy => self.buys.insert((trigger, id, slot)),
            Side::Sell => self.sells.insert((Reverse(trigger), id, slot)),
        };
        assert!(is_new, "a stop waits once");
    }

    /// Takes a stop out.
    pub fn remove(&mut self, side: Side, trigger: Ticks, id: OrderId, slot: Slot) {
        let was_there = match side {
            Side::Buy => self.buys.remove(&(trigger, id, slot)),
            Side::Sell => self.sells.remove(&(Reverse(trigger), id, slot)),
        };
        assert!(was_there, "a waiting stop is among the stops");
    }

    /// The next that triggers at this last price: buys before sells.
    #[inline]
    pub fn next(&self, last_price: Ticks) -> Option<Slot> {
        let buy = self.buys.first().filter(|(trigger, ..)| *trigger <= last_price);
        let sell = self
            .sells
            .first()
            .filter(|(Reverse(trigger), ..)| *trigger >= last_price);
        buy.map(|(.., slot)| *slot).or(sell.map(|(.., slot)| *slot))
    }

    /// All, buys first.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        let buys = self.buys.iter().map(|(.., slot)| *slot);
        buys.chain(self.sells.iter().map(|(.., slot)| *slot))
    }
}

/// All markets.
#[derive(Clone, Debug, Default)]
pub struct Markets {
    markets: Vec<Market>,
    by_key: SlotTable,
}

impl Markets {
    /// The market with this id in the vault.
    #[inline]
    pub fn find(&self, key: &B256) -> Option<usize> {
        let is_it = |slot: u32| self.markets[slot as usize].spec.key == *key;
        self.by_key
            .find(mix_bytes(3, key.as_slice()), is_it)
            .map(|slot| slot as usize)
    }

    /// Adds a market, whose id is its place.
    pub fn push(&mut self, market: Market) {
        assert_eq!(
            market.id.0 as usize,
            self.markets.len(),
            "market ids count the listings"
        );
        self.by_key
            .insert(mix_bytes(3, market.spec.key.as_slice()), market.id.0);
        self.markets.push(market);
    }

    /// Number of markets.
    pub fn len(&self) -> usize {
        self.markets.len()
    }

    /// All, by id.
    pub fn iter(&self) -> std::slice::Iter<'_, Market> {
        self.markets.iter()
    }

    /// A market, if there is one with this id.
    pub fn get(&self, id: MarketId) -> Option<&Market> {
        self.markets.get(id.0 as usize)
    }
}

impl std::ops::Index<usize> for Markets {
    type Output = Market;

    #[inline]
    fn index(&self, at: usize) -> &Market {
        &self.markets[at]
    }
}

impl std::ops::IndexMut<usize> for Markets {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut Market {
        &mut self.markets[at]
    }
}
