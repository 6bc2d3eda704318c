//! When orders expire: buckets by the second, each a list through the orders' own links, so that setting a timer is O(1) and allocates
//! nothing.
//!
//! The near wheel has a bucket for each of 4096 seconds, the far wheel one for each 4096 of those; what is beyond waits in one more list. Time
//! moves on [`Timers::advance`] only.

use souk_schema::exchange::UnixMillis;

use super::orders::Orders;
use crate::book::{NONE, Slot};

const BITS: u32 = 12;
const WHEEL: u64 = 1 << BITS;
const BEYOND: u32 = 2 * WHEEL as u32;
const DUE: u32 = BEYOND + 1;

/// The timers of all open orders.
#[derive(Clone, Debug)]
pub struct Timers {
    /// Seconds up to which all timers have fired, inclusive.
    fired: u64,
    /// First order of each bucket: the near wheel, the far wheel, what is beyond, what was handed out and not stopped yet.
    buckets: Vec<Slot>,
    len: usize,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            fired: 0,
            buckets: vec![NONE; DUE as usize + 1],
            len: 0,
        }
    }
}

impl Timers {
    /// Starts an order's timer, which must not run.
    #[inline]
    pub fn start(&mut self, orders: &mut Orders, slot: Slot, now: UnixMillis) {
        if self.len == 0 {
            self.fired = self.fired.max(now.secs());
        }
        self.len += 1;
        self.put(orders, slot, self.bucket(orders.node(slot).expires_at.secs()));
    }

    /// Stops an order's timer.
    #[inline]
    pub fn stop(&mut self, orders: &mut Orders, slot: Slot) {
        self.len -= 1;
        let (prev, next, bucket) = {
            let links = orders.links_mut(slot);
            let places = (links.timer_prev, links.timer_next, links.timer_bucket);
            links.timer_bucket = NONE;
            places
        };
        match prev {
            NONE => self.buckets[bucket as usize] = next,
            prev => orders.links_mut(prev).timer_next = next,
        }
        if next != NONE {
            orders.links_mut(next).timer_prev = prev;
        }
    }

    /// Has a running timer run to the order's expiry, which is another than it was.
    pub fn restart(&mut self, orders: &mut Orders, slot: Slot, now: UnixMillis) {
        let bucket = self.bucket(orders.node(slot).expires_at.secs());
        if orders.links(slot).timer_bucket != bucket {
            self.stop(orders, slot);
            self.start(orders, slot, now);
        }
    }

    /// Moves time on, and hands out the orders whose expiry is now or before, in no particular order; their timers run on until stopped.
    pub fn advance(&mut self, orders: &mut Orders, now: UnixMillis, due: &mut Vec<Slot>) {
        let until = now.secs();
        if self.len == 0 {
            self.fired = self.fired.max(until);
            return;
        }
        if until <= self.fired {
            return;
        }
        let before = self.fired;
        self.fired = until;
        let last_near = until.min(before + WHEEL);
        for second in before + 1..=last_near {
            self.hand_out(orders, (second % WHEEL) as u32, until, due);
        }
        // Buckets of the far wheel whose seconds have come within reach of the near wheel are dealt out anew.
        let (first_far, last_far) = ((before >> BITS) + 1, until >> BITS);
        for far in (first_far..=last_far).take(WHEEL as usize) {
            self.hand_out(orders, (WHEEL + far % WHEEL) as u32, until, due);
        }
        if first_far <= last_far {
            self.hand_out(orders, BEYOND, until, due);
        }
    }

    fn hand_out(&mut self, orders: &mut Orders, bucket: u32, until: u64, due: &mut Vec<Slot>) {
        let mut next = std::mem::replace(&mut self.buckets[bucket as usize], NONE);
        while next != NONE {
            let slot = next;
            next = orders.links(slot).timer_next;
            if orders.node(slot).expires_at.secs() <= until {
                due.push(slot);
                self.put(orders, slot, DUE);
            } else {
                self.put(orders, slot, self.bucket(orders.node(slot).expires_at.secs()));
            }
        }
    }

    #[inline]
    fn put(&mut self, orders: &mut Orders, slot: Slot, bucket: u32) {
        let first = std::mem::replace(&mut self.buckets[bucket as usize], slot);
        if first != NONE {
            orders.links_mut(first).timer_prev = slot;
        }
        let links = orders.links_mut(slot);
        (links.timer_prev, links.timer_next, links.timer_bucket) = (NONE, first, bucket);
    }

    /// Near: less than a turn of the near wheel ahead. An order leaves its far bucket when time enters that bucket's 4096 seconds.
    #[inline]
    fn bucket(&self, secs: u64) -> u32 {
        let ahead = secs.saturating_sub(self.fired);
        if ahead < WHEEL {
            (secs.max(self.fired + 1) % WHEEL) as u32
        } else if (secs >> BITS) - (self.fired >> BITS) < WHEEL {
            (WHEEL + (secs >> BITS) % WHEEL) as u32
        } else {
            BEYOND
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Node;
    use crate::state::orders::{Links, Record};
    use proptest::prelude::*;
    use souk_schema::exchange::{Lots, OrderId, OrderKind, PostOnly, SelfTrade, Side, Ticks, TimeInForce};
    use std::collections::BTreeSet;

    fn take(orders: &mut Orders, secs: u64) -> Slot {
        let node = Node {
            id: OrderId(0),
            price: Ticks(1),
            left: Lots(1),
            shown: Lots(1),
            expires_at: UnixMillis(secs * 1_000),
            next: NONE,
            prev: NONE,
            level: NONE,
            seat: 0,
            side: Side::Buy,
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: PostOnly::No,
            self_trade: SelfTrade::CancelTaker,
            waits: false,
            is_quote: false,
            is_listed: false,
        };
        orders.take(node, Record::new(0), Links::new(Lots(1), 0))
    }

    proptest! {
        /// Expiries and jumps of every size: seconds, turns of the wheels, years.
        #[test]
        fn hands_out_exactly_what_is_due(steps in proptest::collection::vec((0u8..4, 0u64..5_000, 0u32..16), 1..120), start in 0u64..2_000_000_000) {
            let (mut orders, mut timers) = (Orders::default(), Timers::default());
            let mut model: BTreeSet<(u64, Slot)> = BTreeSet::new();
            let mut now = start;
            for (step, distance, scale) in steps {
                match step {
                    0 | 1 => {
                        let secs = now + 1 + (distance << scale);
                        let slot = take(&mut orders, secs);
                        timers.start(&mut orders, slot, UnixMillis(now * 1_000));
                        model.insert((secs, slot));
                    }
                    2 => {
                        let Some(&picked) = model.iter().nth(distance as usize % model.len().max(1)) else { continue };
                        timers.stop(&mut orders, picked.1);
                        model.remove(&picked);
                    }
                    _ => {
                        now += distance << scale;
                        let mut due = Vec::new();
                        timers.advance(&mut orders, UnixMillis(now * 1_000 + 999), &mut due);
                        due.sort_unstable();
                        let mut expected: Vec<Slot> = model.iter().filter(|(secs, _)| *secs <= now).map(|(_, slot)| *slot).collect();
                        expected.sort_unstable();
                        prop_assert_eq!(&due, &expected);
                        due.into_iter().for_each(|slot| timers.stop(&mut orders, slot));
                        model.retain(|(secs, _)| *secs > now);
                    }
                }
            }
        }
    }
}
