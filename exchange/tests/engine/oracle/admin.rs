//! What the operator does: groups, markets, their states and rules.

use alloy_primitives::{B256, U256, keccak256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::rejection::MarketProblem;
use souk_schema::exchange::{
    AccountId, Event, FeeSchedule, InstrumentId, MarketId, MarketLimits, MarketSpec, MarketState, Rejection, Side,
    UnixMillis,
};

use super::{Market, Oracle};

const LARGEST: u128 = 1 << 100;
const MOST_LOTS: u64 = 1 << 40;
const HIGHEST_FEE_PPM: u64 = 50_000;

impl Oracle {
    pub(super) fn open_group(&mut self, open: &OpenGroup) -> Result<(), Rejection> {
        if self.group.is_some() {
            return Err(Rejection::GroupAlreadyOpen);
        }
        self.group = Some(open.clone());
        self.emit(Event::GroupOpened(Box::new(open.clone())));
        self.new_account(alloy_primitives::Address::ZERO);
        self.new_account(open.fee_account);
        Ok(())
    }

    pub(super) fn list_market(&mut self, spec: &MarketSpec) -> Result<(), Rejection> {
        if self.markets.iter().any(|market| market.spec.key == spec.key) {
            return Err(Rejection::MarketAlreadyListed);
        }
        if let Some(problem) = problem_of(spec) {
            return Err(Rejection::InvalidMarket { problem });
        }
        let base = self.instrument(spec.base);
        let quote = self.instrument(TokenRef::new(spec.quote, U256::ZERO));
        let royalty_account = self.open_account(royalty_address(spec.key))?;
        self.emit(Event::MarketListed {
            market: MarketId(self.markets.len() as u32),
            base,
            quote,
            royalty_account,
            spec: Box::new(spec.clone()),
        });
        self.markets.push(Market {
            spec: spec.clone(),
            base,
            quote,
            royalty_account,
            state: MarketState::PreOpen,
            auction_ends_at: None,
            last: spec.reference_price.0,
            band_last: spec.reference_price.0,
        });
        Ok(())
    }

    fn instrument(&mut self, token: TokenRef) -> InstrumentId {
        if let Some(instrument) = self.instrument_of(token) {
            return instrument;
        }
        let instrument = InstrumentId(self.instruments.len() as u32);
        self.instruments.push(token);
        self.emit(Event::InstrumentListed { instrument, token });
        instrument
    }

    pub fn instrument_of(&self, token: TokenRef) -> Option<InstrumentId> {
        let place = self.instruments.iter().position(|known| *known == token)?;
        Some(InstrumentId(place as u32))
    }

    pub fn market_of(&self, key: B256) -> Option<u32> {
        let place = self.markets.iter().position(|market| market.spec.key == key)?;
        Some(place as u32)
    }

    pub(super) fn known_market(&self, key: B256) -> Result<u32, Rejection> {
        self.market_of(key).ok_or(Rejection::UnknownMarket)
    }

    pub(super) fn set_market_rules(
        &mut self,
        key: B256,
        fees: FeeSchedule,
        limits: MarketLimits,
    ) -> Result<(), Rejection> {
        let market = self.known_market(key)?;
        let mut spec = self.markets[market as usize].spec.clone();
        spec.fees = fees;
        spec.limits = limits;
        if let Some(problem) = problem_of(&spec) {
            return Err(Rejection::InvalidMarket { problem });
        }
        self.markets[market as usize].spec = spec;
        self.emit(Event::MarketRulesChanged {
            market: MarketId(market),
            fees,
            limits: Box::new(limits),
        });
        Ok(())
    }

    pub(super) fn set_market_state(&mut self, key: B256, to: MarketState) -> Result<(), Rejection> {
        use MarketState::{Auction, Closed, Halted, Open, PostOnly, PreOpen};
        let market = self.known_market(key)?;
        let from = self.markets[market as usize].state;
        let reachable = match to {
            PreOpen => false,
            Auction => matches!(from, PreOpen | PostOnly | Halted | Open),
            Open => matches!(from, PostOnly | Halted) && !self.is_crossed(market),
            PostOnly => from == Open || from == Halted && !self.is_crossed(market),
            Halted => !matches!(from, Halted | Closed),
            Closed => from != Closed,
        };
        if !reachable {
            return Err(Rejection::StateNotReachable { from, to });
        }
        self.enter(market, to, StateCause::Operator);
        Ok(())
    }

    fn is_crossed(&self, market: u32) -> bool {
        match (self.best(market, Side::Buy), self.best(market, Side::Sell)) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Changes a market's own state; a market that closes closes its orders.
    pub(super) fn enter(&mut self, market: u32, state: MarketState, cause: StateCause) {
        let time = self.time.0;
        let entered = &mut self.markets[market as usize];
        entered.state = state;
        let auction_ms = u64::from(entered.spec.limits.auction_secs) * 1_000;
        entered.auction_ends_at = (state == MarketState::Auction).then_some(UnixMillis(time + auction_ms));
        let auction_ends_at = entered.auction_ends_at;
        self.emit(Event::MarketStateChanged {
            market: MarketId(market),
            state,
            cause,
            auction_ends_at,
        });
        if state == MarketState::Closed {
            self.close_all(CloseCause::MarketClosed, |order| order.market == market);
        }
    }

    /// Halts what is not halted or closed.
    pub(super) fn halt(&mut self, market: u32, cause: StateCause) {
        if !matches!(
            self.markets[market as usize].state,
            MarketState::Halted | MarketState::Closed
        ) {
            self.enter(market, MarketState::Halted, cause);
        }
    }

    /// A market's own state, with the settlement limit on top.
    pub fn effective_state(&self, market: u32) -> MarketState {
        use MarketState::{Auction, Closed, Halted, Open, PostOnly, PreOpen};
        match (self.markets[market as usize].state, self.limit.0) {
            (Closed, _) => Closed,
            (Halted, _) | (_, Halted) => Halted,
            (PostOnly, _) | (_, PostOnly) => PostOnly,
            (own @ (PreOpen | Auction | Open), _) => own,
        }
    }

    pub fn is_stopped(&self, account: AccountId) -> bool {
        !self.accounts[account.0 as usize].exits.is_empty()
    }
}

fn problem_of(spec: &MarketSpec) -> Option<MarketProblem> {
    let limits = &spec.limits;
    let fees = spec.fees.maker_ppm.0.max(spec.fees.taker_ppm.0);
    if spec.units.lot_size.0 == 0 || spec.units.tick_size.0 == 0 {
        return Some(MarketProblem::ZeroUnit);
    }
    if limits.min_lots.0 == 0 || limits.min_lots > limits.max_lots {
        return Some(MarketProblem::LotBounds);
    }
    if spec.reference_price.0 == 0 || spec.reference_price > limits.max_price {
        return Some(MarketProblem::PriceBounds);
    }
    let too_large = |amount: Option<souk_schema::exchange::Amount>| amount.is_none_or(|amount| amount.0 >= LARGEST);
    if limits.max_lots.0 >= MOST_LOTS
        || too_large(spec.units.quote(limits.max_price, limits.max_lots))
        || too_large(spec.units.base(limits.max_lots))
    {
        return Some(MarketProblem::TooLarge);
    }
    if u64::from(fees) + u64::from(spec.fees.royalty_ppm.0) > HIGHEST_FEE_PPM {
        return Some(MarketProblem::FeesTooHigh);
    }
    (spec.base.contract == spec.quote).then_some(MarketProblem::SameInstrument)
}

/// `address(bytes20(keccak256(abi.encode("souk.royalty", market))))`.
pub fn royalty_address(market: B256) -> alloy_primitives::Address {
    let text = b"souk.royalty";
    let mut encoded = Vec::new();
    encoded.extend_from_slice(&U256::from(64).to_be_bytes::<32>());
    encoded.extend_from_slice(market.as_slice());
    encoded.extend_from_slice(&U256::from(text.len()).to_be_bytes::<32>());
    encoded.extend_from_slice(text);
    encoded.resize(32 * 4, 0);
    alloy_primitives::Address::from_slice(&keccak256(encoded)[..20])
}
