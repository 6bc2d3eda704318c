//! What time alone does, in the order of the rules.

use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::{CloseCause, StateCause};
use souk_schema::exchange::{AccountId, Event, MarketKind, MarketState};

use super::{Limit, MAX_EXPIRY_SECS, Oracle, SourceKey};

impl Oracle {
    pub(super) fn tick(&mut self) {
        self.forget_gateways();
        self.limit_lag();
        self.fire_dead_men();
        self.end_series();
        self.expire();
        for market in 0..self.markets.len() as u32 {
            let ends_at = self.markets[market as usize].auction_ends_at;
            let is_over = ends_at.is_some_and(|ends_at| ends_at <= self.time);
            if is_over && self.limit.0 == MarketState::Open {
                self.cross(market);
            }
        }
    }

    /// Gateways that are long gone would be remembered for ever.
    fn forget_gateways(&mut self) {
        let now = self.time.0;
        self.sources.retain(|source, (_, heard)| match source {
            SourceKey::Gateway(_) => now - heard.0 < MAX_EXPIRY_SECS * 1_000,
            SourceKey::Chain(_) => true,
        });
    }

    /// The older the oldest unsettled fill, the less is taken.
    fn limit_lag(&mut self) {
        let group = self.group.as_ref().expect("the group is open");
        // In sixths of a millisecond every bound is a whole number.
        let sixths = |secs: u64, parts: u64| secs.saturating_mul(1_000).saturating_mul(parts);
        let mut halted_from = vec![sixths(group.exit_delay_secs, 3)];
        let mut post_only_from = vec![sixths(group.exit_delay_secs, 2)];
        if group.rules != Rules::First {
            halted_from.push(sixths(group.settlement_grace_secs, 6));
            post_only_from.push(sixths(group.settlement_grace_secs, 4));
        }
        let age = self
            .pending()
            .next()
            .map(|record| (self.time.0 - record.at.0).saturating_mul(6));
        let is_reached = |bounds: &[u64]| age.is_some_and(|age| bounds.iter().any(|from| age >= *from));
        let limit = if is_reached(&halted_from) {
            MarketState::Halted
        } else if is_reached(&post_only_from) {
            MarketState::PostOnly
        } else {
            MarketState::Open
        };
        if self.limit.0 != limit {
            self.limit = Limit(limit);
            self.emit(Event::SettlementLagged { limit });
        }
    }

    fn fire_dead_men(&mut self) {
        for place in 0..self.accounts.len() {
            let account = AccountId(place as u32);
            if self.accounts[place]
                .dead_man
                .is_some_and(|fires_at| fires_at <= self.time)
            {
                self.close_all(CloseCause::DeadMan, |order| order.account == account);
                self.dead_man(account, None);
            }
        }
    }

    fn end_series(&mut self) {
        let grace_ms = self
            .group
            .as_ref()
            .expect("the group is open")
            .settlement_grace_secs
            .saturating_mul(1_000);
        for market in 0..self.markets.len() as u32 {
            let ending = &self.markets[market as usize];
            let MarketKind::Licence {
                expires_at: Some(expires_at),
            } = ending.spec.kind
            else {
                continue;
            };
            let is_over = expires_at.0.saturating_sub(grace_ms) <= self.time.0;
            if is_over && ending.state != MarketState::Closed {
                self.enter(market, MarketState::Closed, StateCause::SeriesEnds);
            }
        }
    }

    fn expire(&mut self) {
        let expired = self.orders.iter().filter(|order| order.expires_at <= self.time);
        let mut expired: Vec<_> = expired.map(|order| (order.expires_at, order.id)).collect();
        expired.sort_unstable();
        for (_, id) in expired {
            self.close(id, CloseCause::Expired);
        }
    }
}
