//! A market: its rules, its book, its stops.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use alloy_primitives::B256;
use souk_schema::exchange::{
    AccountId, Amount, FeeSchedule, InstrumentId, Lots, MarketId, MarketLimits, MarketSpec, MarketState, MarketUnits,
    OrderId, Ppm, Side, Ticks, UnixMillis,
};

use super::accounts::FundsIndex;
use crate::ahead::fetch;
use crate::book::{Book, Slot};
use crate::table::SlotTable;

/// A market.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its id in the vault.
    pub key: B256,
    /// Its number.
    pub id: MarketId,
    /// Lot and tick.
    pub units: MarketUnits,
    /// What the operator says it does with orders.
    pub state: MarketState,
    /// When the auction crosses, in the state auction.
    pub auction_ends_at: Option<UnixMillis>,
    /// The price of the last fill, before the first the listing's reference.
    last_price: Ticks,
    /// Fees now.
    fees: FeeSchedule,
    /// Bounds now.
    limits: MarketLimits,
    /// What follows from the three above, and every order asks for.
    band: Band,
    rate: Ppm,
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

/// What a market is for good.
pub struct Listing {
    /// Its number.
    pub id: MarketId,
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
    /// As it was listed.
    pub spec: Box<MarketSpec>,
}

/// What of a market changes.
pub struct Terms {
    /// What the operator says it does with orders.
    pub state: MarketState,
    /// When the auction crosses, in the state auction.
    pub auction_ends_at: Option<UnixMillis>,
    /// The price of the last fill, or the reference.
    pub last_price: Ticks,
    /// Fees.
    pub fees: FeeSchedule,
    /// Bounds.
    pub limits: MarketLimits,
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
    /// A market with nothing in its book.
    pub fn new(listing: Listing, terms: Terms) -> Market {
        Market {
            key: listing.spec.key,
            id: listing.id,
            units: listing.spec.units,
            state: terms.state,
            auction_ends_at: terms.auction_ends_at,
            last_price: terms.last_price,
            fees: terms.fees,
            limits: terms.limits,
            band: band(&terms.limits, terms.last_price),
            rate: rate(&terms.fees),
            base: listing.base,
            quote: listing.quote,
            royalty_account: listing.royalty_account,
            royalty_funds: listing.royalty_funds,
            fee_funds: listing.fee_funds,
            book: Book::default(),
            stops: Stops::default(),
            spec: listing.spec,
        }
    }

    /// Fetches what an order reads of a market before it comes to its book.
    #[inline]
    pub fn fetch(&self) {
        fetch(&self.key);
        fetch(&self.units);
        fetch(&self.limits);
        fetch(&self.last_price);
        fetch(&self.stops);
        self.book.fetch();
    }

    /// The price of the last fill, before the first the listing's reference.
    #[inline]
    pub fn last_price(&self) -> Ticks {
        self.last_price
    }

    /// Takes note of the price of a fill.
    #[inline]
    pub fn set_last_price(&mut self, price: Ticks) {
        if price != self.last_price {
            self.last_price = price;
            self.band = band(&self.limits, price);
        }
    }

    /// Fees now.
    #[inline]
    pub fn fees(&self) -> &FeeSchedule {
        &self.fees
    }

    /// Bounds now.
    #[inline]
    pub fn limits(&self) -> &MarketLimits {
        &self.limits
    }

    /// Other fees and bounds from now on.
    pub fn set_rules(&mut self, fees: FeeSchedule, limits: MarketLimits) {
        (self.fees, self.limits) = (fees, limits);
        (self.band, self.rate) = (band(&limits, self.last_price), rate(&fees));
    }

    /// The band around the last price.
    #[inline]
    pub fn band(&self) -> Band {
        self.band
    }

    /// Whether an order of this price is not beyond the band.
    #[inline]
    pub fn is_within_band(&self, side: Side, price: Ticks) -> bool {
        match side {
            Side::Buy => price <= self.band.high,
            Side::Sell => price >= self.band.low,
        }
    }

    /// Whether an order of this price meets another in the book.
    #[inline(always)]
    pub fn meets(&self, side: Side, price: Ticks) -> bool {
        let best = self.book.best(side.opposite()).map(|level| level.price);
        match side {
            Side::Buy => best.is_some_and(|best| price >= best),
            Side::Sell => best.is_some_and(|best| price <= best),
        }
    }

    /// What an order must be able to afford: the larger of both rates.
    #[inline]
    pub fn rate(&self) -> Ppm {
        self.rate
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

/// The band around a price: rounded inwards, at least 1.
fn band(limits: &MarketLimits, around: Ticks) -> Band {
    let Some(band) = limits.band_ppm else {
        return Band {
            low: Ticks(0),
            high: Ticks(u64::MAX),
        };
    };
    let (last, whole, width) = (around.0, u64::from(Ppm::WHOLE), u64::from(band.0));
    let (down, up) = (whole.saturating_sub(width), whole + width);
    // A 128-bit division costs several times a 64-bit one, and most prices are small.
    let (low, high) = match (last.checked_mul(down), last.checked_mul(up)) {
        (Some(low), Some(high)) => (low.div_ceil(whole), high / whole),
        _ => {
            let times = |part: u64| u128::from(last) * u128::from(part);
            let ticks = |price: u128| u64::try_from(price).unwrap_or(u64::MAX);
            let whole = u128::from(whole);
            (ticks(times(down).div_ceil(whole)), ticks(times(up) / whole))
        }
    };
    Band {
        low: Ticks(low.max(1)),
        high: Ticks(high.max(1)),
    }
}

fn rate(fees: &FeeSchedule) -> Ppm {
    fees.maker_ppm.max(fees.taker_ppm)
}

/// What lots cost. Within a market's bounds this stays below 2^100, which was checked when they were set.
#[inline(always)]
pub fn quote(units: &MarketUnits, price: Ticks, lots: Lots) -> Amount {
    // Two 64-bit multiplications are enough for most, and for all that is in the bounds of most markets.
    let product = u128::from(price.0) * u128::from(lots.0);
    match (u64::try_from(product), u64::try_from(units.tick_size.0)) {
        (Ok(product), Ok(tick)) => Amount(u128::from(product) * u128::from(tick)),
        _ => units
            .quote(price, lots)
            .expect("an order's cost is bounded by its market"),
    }
}

/// Lots in base units; bounded like [`quote`].
#[inline(always)]
pub fn base(units: &MarketUnits, lots: Lots) -> Amount {
    match u64::try_from(units.lot_size.0) {
        Ok(lot_size) => Amount(u128::from(lot_size) * u128::from(lots.0)),
        Err(_) => units.base(lots).expect("an order's size is bounded by its market"),
    }
}

/// Parts of a bounded amount, rounded down; the remainder stays with who pays.
#[inline(always)]
pub fn part(amount: Amount, ppm: Ppm) -> Amount {
    // A 128-bit division costs many times a 64-bit one, and most amounts are small. Whole millions have whole parts, so only the rest of
    // them is rounded.
    let (whole, times) = (u64::from(Ppm::WHOLE), u64::from(ppm.0));
    match u64::try_from(amount.0) {
        Ok(small) if ppm.0 <= Ppm::WHOLE => Amount((small / whole * times + small % whole * times / whole).into()),
        _ => Amount(amount.0 * u128::from(ppm.0) / u128::from(Ppm::WHOLE)),
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
    #[inline(always)]
    pub fn next(&self, last_price: Ticks) -> Option<Slot> {
        match self.buys.is_empty() && self.sells.is_empty() {
            true => None,
            false => self.next_of_some(last_price),
        }
    }

    #[inline(never)]
    fn next_of_some(&self, last_price: Ticks) -> Option<Slot> {
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

/// A market's id in the vault is a hash already.
#[inline]
fn hash(key: &B256) -> u64 {
    u64::from_le_bytes(key.0[..8].try_into().expect("eight bytes"))
}

impl Markets {
    /// The market with this id in the vault.
    #[inline]
    pub fn find(&self, key: &B256) -> Option<usize> {
        let is_it = |slot: u32| self.markets[slot as usize].key == *key;
        self.by_key.find(hash(key), is_it).map(|slot| slot as usize)
    }

    /// What [`Markets::find`] will almost certainly give, without a look at the market, which is fetched.
    #[inline]
    pub fn guess(&self, key: &B256) -> Option<&Market> {
        let market = &self.markets[self.by_key.guess(hash(key))? as usize];
        market.fetch();
        Some(market)
    }

    /// Adds a market, whose id is its place.
    pub fn push(&mut self, market: Market) {
        assert_eq!(
            market.id.0 as usize,
            self.markets.len(),
            "market ids count the listings"
        );
        self.by_key.insert(hash(&market.key), market.id.0);
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
