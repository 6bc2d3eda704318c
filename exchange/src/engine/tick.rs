//! Time went on: settlement lag, timers, series that end, expiries, auctions, in this order.

use souk_schema::exchange::command::{OpenGroup, Rules};
use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{AccountId, Event, MarketKind, MarketState};

use super::Engine;

/// What markets are limited to while the oldest unsettled fill has waited this long.
///
/// After the exit delay its payer may have left with the money, so it has half of that in hand when the last order is taken. After the
/// settlement grace the vault may take its signatures no more; from two thirds on nothing is matched (orders that are post-only meet
/// nothing), so that what was matched last, and is settled after it, has time left.
fn limit_for_lag(group: &OpenGroup, age_millis: u64) -> MarketState {
    let millis = |secs: u64| u128::from(secs) * 1_000;
    let (age, delay) = (u128::from(age_millis), millis(group.exit_delay_secs));
    let grace = (group.rules >= Rules::Second).then(|| millis(group.settlement_grace_secs));
    if age * 2 >= delay || grace.is_some_and(|grace| age >= grace) {
        MarketState::Halted
    } else if age * 3 >= delay || grace.is_some_and(|grace| age * 3 >= grace * 2) {
        MarketState::PostOnly
    } else {
        MarketState::Open
    }
}

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

    /// A vault that settles late must not be given much more to settle.
    fn measure_lag(&mut self, events: &mut Vec<Event>) {
        let group = self.group.as_ref().expect("the group is open");
        let limit = match self.settlement.oldest_match() {
            Some(matched_at) => limit_for_lag(group, self.time.0 - matched_at.0),
            None => MarketState::Open,
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
