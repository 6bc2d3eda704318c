//! A budget of cost per client: it holds so much, fills at a steady rate, and each query takes what it costs.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

/// How much a client may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The most that can be saved up, in points of cost.
    pub capacity: u64,
    /// Points per second.
    pub per_second: u64,
}

struct Bucket {
    points: f64,
    at: Instant,
}

/// The budgets of all clients. Those that were not seen for longest are forgotten, and start full.
pub struct Budgets<K: std::hash::Hash + Eq> {
    allowance: Allowance,
    buckets: LruCache<K, Bucket>,
}

/// A client has spent its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// After this there is enough again; none if there can never be.
    pub retry_after: Option<Duration>,
}

impl<K: std::hash::Hash + Eq> Budgets<K> {
    /// Full budgets for at most `clients` clients.
    pub fn new(allowance: Allowance, clients: NonZeroUsize) -> Budgets<K> {
        Budgets {
            allowance,
            buckets: LruCache::new(clients),
        }
    }

    /// Takes `cost` points from a client's budget; how many are left.
    ///
    /// # Errors
    /// [`Spent`] when there are fewer; nothing is taken then.
    pub fn spend(&mut self, client: K, cost: u64, now: Instant) -> Result<u64, Spent> {
        let Allowance { capacity, per_second } = self.allowance;
        let (full, rate) = (capacity as f64, per_second as f64);
        let bucket = self
            .buckets
            .get_or_insert_mut(client, || Bucket { points: full, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.points = (bucket.points + passed * rate).min(full);
        bucket.at = now;
        let wanted = cost as f64;
        if bucket.points < wanted {
            let possible = cost <= capacity && per_second > 0;
            return Err(Spent {
                retry_after: possible.then(|| Duration::from_secs_f64((wanted - bucket.points) / rate)),
            });
        }
        bucket.points -= wanted;
        Ok(bucket.points as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(clients: usize) -> Budgets<&'static str> {
        Budgets::new(
            Allowance {
                capacity: 10,
                per_second: 2,
            },
            NonZeroUsize::new(clients).unwrap(),
        )
    }

    #[test]
    fn a_spent_budget_refills_at_its_rate_and_never_beyond_its_capacity() {
        let (mut budgets, start) = (budgets(9), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(budgets.spend("a", 10, start), Ok(0));
        assert_eq!(
            budgets.spend("a", 4, start),
            Err(Spent {
                retry_after: Some(Duration::from_secs(2))
            })
        );
        assert_eq!(budgets.spend("b", 1, start), Ok(9), "another client is not touched");
        assert_eq!(budgets.spend("a", 4, after(2)), Ok(0));
        assert_eq!(budgets.spend("a", 1, after(1000)), Ok(9));
        assert_eq!(
            budgets.spend("a", 11, after(1000)),
            Err(Spent { retry_after: None }),
            "it can never hold that much"
        );
    }

    #[test]
    fn a_flood_of_clients_takes_bounded_memory() {
        let mut budgets: Budgets<u32> = Budgets::new(
            Allowance {
                capacity: 1,
                per_second: 1,
            },
            NonZeroUsize::new(100).unwrap(),
        );
        let now = Instant::now();
        for client in 0..10_000 {
            let _ = budgets.spend(client, 1, now);
        }
        assert_eq!(budgets.buckets.len(), 100);
    }
}
