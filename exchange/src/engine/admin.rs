//! The operator's commands: the group, its markets, their rules and states.

use alloy_primitives::{Address, B256, U256, keccak256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::rejection::MarketProblem;
use souk_schema::exchange::{
    AccountId, Event, FeeSchedule, InstrumentId, Lots, MarketId, MarketLimits, MarketSpec, MarketState, OrderId,
    Rejection, Ticks, UnixMillis,
};

use super::Engine;
use crate::book::Slot;
use crate::state::market::{Listing, Market, Terms};

/// Most that one side of a fill pays in fees and royalty, in parts per million.
const MAX_FEES_PPM: u64 = 50_000;

/// The largest order of a market stays below this many base units, on either side.
const LARGEST: u128 = 1 << 100;

/// The largest order of a market stays below this many lots, so that sums of lots fit.
const MOST_LOTS: u64 = 1 << 40;

impl Engine {
    #[inline(never)]
    pub(super) fn open_group(&mut self, open: &OpenGroup, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.group.is_some() {
            return Err(Rejection::GroupAlreadyOpen);
        }
        self.group = Some(Box::new(open.clone()));
        events.push(Event::GroupOpened(Box::new(open.clone())));
        self.open_account(Address::ZERO, events);
        self.open_account(open.fee_account, events);
        Ok(())
    }

    pub(super) fn open_account(&mut self, address: Address, events: &mut Vec<Event>) -> AccountId {
        let account = self.accounts.open(address);
        events.push(Event::AccountOpened { account, address });
        account
    }

    #[inline(never)]
    pub(super) fn list_market(&mut self, spec: &MarketSpec, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.markets.find(&spec.key).is_some() {
            return Err(Rejection::MarketAlreadyListed);
        }
        check_market(spec, &spec.fees, &spec.limits)?;
        let base = self.list_instrument(spec.base, events);
        let quote = self.list_instrument(TokenRef::new(spec.quote, U256::ZERO), events);
        let address = royalty_address(&spec.key);
        let royalty_account = match self.accounts.find(&address) {
            Some(account) => account,
            None => self.open_account(address, events),
        };
        let id = MarketId(u32::try_from(self.markets.len()).expect("fewer than 2^32 markets"));
        let listing = Listing {
            id,
            base,
            quote,
            royalty_account,
            royalty_funds: self.accounts.funds_of(royalty_account, quote),
            fee_funds: self.accounts.funds_of(AccountId::FEES, quote),
            spec: Box::new(spec.clone()),
        };
        let terms = Terms {
            state: MarketState::PreOpen,
            auction_ends_at: None,
            last_price: spec.reference_price,
            fees: spec.fees,
            limits: spec.limits,
        };
        self.markets.push(Market::new(listing, terms));
        events.push(Event::MarketListed {
            market: id,
            base,
            quote,
            royalty_account,
            spec: Box::new(spec.clone()),
        });
        Ok(())
    }

    fn list_instrument(&mut self, token: TokenRef, events: &mut Vec<Event>) -> InstrumentId {
        if let Some(instrument) = self.instruments.find(&token) {
            return instrument;
        }
        let instrument = self.instruments.add(token);
        events.push(Event::InstrumentListed { instrument, token });
        instrument
    }

    #[inline(never)]
    pub(super) fn set_market_rules(
        &mut self,
        key: &B256,
        fees: FeeSchedule,
        limits: MarketLimits,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let market = self.find_market(key)?;
        check_market(&self.markets[market].spec, &fees, &limits)?;
        let market = &mut self.markets[market];
        market.set_rules(fees, limits);
        events.push(Event::MarketRulesChanged {
            market: market.id,
            fees,
            limits: Box::new(limits),
        });
        Ok(())
    }

    #[inline(never)]
    pub(super) fn set_market_state(
        &mut self,
        key: &B256,
        to: MarketState,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let market = self.find_market(key)?;
        let from = self.markets[market].state;
        let is_crossed = || self.markets[market].book.is_crossed();
        use MarketState::{Auction, Closed, Halted, Open, PostOnly, PreOpen};
        let is_reachable = match to {
            PreOpen => false,
            Auction => matches!(from, PreOpen | PostOnly | Halted | Open),
            Open => matches!(from, PostOnly | Halted) && !is_crossed(),
            PostOnly => from == Open || from == Halted && !is_crossed(),
            Halted => !matches!(from, Halted | Closed),
            Closed => from != Closed,
        };
        if !is_reachable {
            return Err(Rejection::StateNotReachable { from, to });
        }
        match to {
            Auction => self.start_auction(market, StateCause::Operator, events),
            Closed => self.close_market(market, StateCause::Operator, events),
            _ => self.change_state(market, to, StateCause::Operator, events),
        }
        let band = self.markets[market].band();
        self.run_stops(market, band, events);
        Ok(())
    }

    /// Makes a market something else; nothing but its state changes.
    pub(super) fn change_state(
        &mut self,
        market: usize,
        state: MarketState,
        cause: StateCause,
        events: &mut Vec<Event>,
    ) {
        let market = &mut self.markets[market];
        market.state = state;
        market.auction_ends_at = None;
        events.push(Event::MarketStateChanged {
            market: market.id,
            state,
            cause,
            auction_ends_at: None,
        });
    }

    pub(super) fn start_auction(&mut self, market: usize, cause: StateCause, events: &mut Vec<Event>) {
        let market = &mut self.markets[market];
        let ends_at = UnixMillis(
            self.time
                .0
                .saturating_add(u64::from(market.limits().auction_secs) * 1_000),
        );
        market.state = MarketState::Auction;
        market.auction_ends_at = Some(ends_at);
        events.push(Event::MarketStateChanged {
            market: market.id,
            state: MarketState::Auction,
            cause,
            auction_ends_at: Some(ends_at),
        });
    }

    /// Halts a market that still does something.
    pub(super) fn halt(&mut self, market: usize, cause: StateCause, events: &mut Vec<Event>) {
        if !matches!(self.markets[market].state, MarketState::Halted | MarketState::Closed) {
            self.change_state(market, MarketState::Halted, cause, events);
        }
    }

    /// Closes a market for good, and every order in it.
    pub(super) fn close_market(&mut self, market: usize, cause: StateCause, events: &mut Vec<Event>) {
        self.change_state(market, MarketState::Closed, cause, events);
        for (_, slot) in self.orders_in(market) {
            self.close(slot, CloseCause::MarketClosed, events);
        }
    }

    /// All open orders of a market, by id.
    fn orders_in(&self, market: usize) -> Vec<(OrderId, Slot)> {
        let market = &self.markets[market];
        let mut orders: Vec<(OrderId, Slot)> = market
            .stops
            .iter()
            .map(|slot| (self.orders.node(slot).id, slot))
            .collect();
        for side in [souk_schema::exchange::Side::Buy, souk_schema::exchange::Side::Sell] {
            for level in market.book.side(side).iter() {
                let queue = crate::book::Ladder::queue(self.orders.nodes(), level);
                orders.extend(queue.map(|slot| (self.orders.node(slot).id, slot)));
            }
        }
        orders.sort_unstable();
        orders
    }
}

/// Where a market's royalties go: an address that nobody has a key of.
fn royalty_address(key: &B256) -> Address {
    let mut encoded = [0; 128];
    encoded[31] = 64;
    encoded[32..64].copy_from_slice(key.as_slice());
    encoded[95] = 12;
    encoded[96..108].copy_from_slice(b"souk.royalty");
    Address::from_slice(&keccak256(encoded)[..20])
}

/// Whether a market's numbers work together, by the order of [`MarketProblem`].
fn check_market(spec: &MarketSpec, fees: &FeeSchedule, limits: &MarketLimits) -> Result<(), Rejection> {
    let (lot, tick) = (spec.units.lot_size.0, spec.units.tick_size.0);
    let (max_price, max_lots) = (u128::from(limits.max_price.0), u128::from(limits.max_lots.0));
    let is_too_large = |product: Option<u128>| product.is_none_or(|product| product >= LARGEST);
    let dearest = u64::from(fees.maker_ppm.max(fees.taker_ppm).0) + u64::from(fees.royalty_ppm.0);
    let is_numerous = limits.max_lots.0 >= MOST_LOTS;
    let problem = if lot == 0 || tick == 0 {
        MarketProblem::ZeroUnit
    } else if limits.min_lots < Lots(1) || limits.min_lots > limits.max_lots {
        MarketProblem::LotBounds
    } else if spec.reference_price < Ticks(1) || spec.reference_price > limits.max_price {
        MarketProblem::PriceBounds
    } else if is_numerous
        || is_too_large((max_price * max_lots).checked_mul(tick))
        || is_too_large(max_lots.checked_mul(lot))
    {
        MarketProblem::TooLarge
    } else if dearest > MAX_FEES_PPM {
        MarketProblem::FeesTooHigh
    } else if spec.base.contract == spec.quote {
        MarketProblem::SameInstrument
    } else {
        return Ok(());
    };
    Err(Rejection::InvalidMarket { problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn royalties_go_where_the_vault_keeps_them() {
        // `abi.encode("souk.royalty", bytes32(uint256(1)))`, word by word.
        let encoded = hex!(
            "0000000000000000000000000000000000000000000000000000000000000040"
            "0000000000000000000000000000000000000000000000000000000000000001"
            "000000000000000000000000000000000000000000000000000000000000000c"
            "736f756b2e726f79616c74790000000000000000000000000000000000000000"
        );
        assert_eq!(
            royalty_address(&B256::with_last_byte(1)),
            Address::from_slice(&keccak256(encoded)[..20])
        );
    }
}
