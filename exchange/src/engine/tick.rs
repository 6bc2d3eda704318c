//! Time went on: settlement lag, timers, series that end, expiries, auctions, in this order.

use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{AccountId, Event, MarketKind, MarketState};

use super::Engine;

impl Engine {
    #[inline(never)]
    pub(super) fn tick(&mut self, events: &mut Vec<Event>) {
        self.sources.forget(self.time);
        let was_limited = self.limit != MarketState::Open;
        self.measure_lag(events);
        self.fire_dead_men(events);
        for market in 0..self.markets.len() {
            if self.has_ended(market) {
                self.close_market(market, StateCause::SeriesEnds, events);
            }
        }
        self.close_expired(events);
        for market in 0..self.markets.len() {
            let ends_at = self.markets[market].auction_ends_at;
            if self.limit == MarketState::Open && ends_at.is_some_and(|ends_at| ends_at <= self.time) {
                self.cross(market, events);
            }
        }
        if was_limited {
            for market in 0..self.markets.len() {
                let band = self.markets[market].band();
                self.run_stops(market, band, events);
            }
        }
    }

    /// A vault that settles late must not be given much more to settle: the exit delay is what traders have trusted in.
    fn measure_lag(&mut self, events: &mut Vec<Event>) {
        let delay_millis = u128::from(self.group.as_ref().expect("the group is open").exit_delay_secs) * 1_000;
        let age = |matched_at: u64| u128::from(self.time.0 - matched_at);
        let limit = match self.settlement.oldest_match().map(|matched_at| age(matched_at.0)) {
            Some(age) if age * 2 >= delay_millis => MarketState::Halted,
            Some(age) if age * 3 >= delay_millis => MarketState::PostOnly,
            _ => MarketState::Open,
        };
        if limit != self.limit {
            self.limit = limit;
            events.push(Event::SettlementLagged { limit });
        }
    }

    fn fire_dead_men(&mut self, events: &mut Vec<Event>) {
        let due = self.dead_men.range(..=(self.time, AccountId(u32::MAX)));
        let mut due: Vec<AccountId> = due.map(|(_, account)| *account).collect();
        due.sort_unstable();
        for account in due {
            self.close_all(account, CloseCause::DeadMan, events, |_, _| true);
            self.arm_dead_man(account, None, events);
        }
    }

    fn has_ended(&self, market: usize) -> bool {
        let market = &self.markets[market];
        let grace_millis = self
            .group
            .as_ref()
            .expect("the group is open")
            .settlement_grace_secs
            .saturating_mul(1_000);
        let MarketKind::Licence {
            expires_at: Some(expires_at),
        } = market.spec.kind
        else {
            return false;
        };
        market.state != MarketState::Closed && self.time.0 >= expires_at.0.saturating_sub(grace_millis)
    }

    fn close_expired(&mut self, events: &mut Vec<Event>) {
        let mut due = std::mem::take(&mut self.scratch.due);
        self.timers.advance(&mut self.orders, self.time, &mut due);
        due.sort_unstable_by_key(|slot| (self.orders.node(*slot).expires_at, self.orders.node(*slot).id));
        for slot in due.drain(..) {
            self.close(slot, CloseCause::Expired, events);
        }
        self.scratch.due = due;
    }
}
