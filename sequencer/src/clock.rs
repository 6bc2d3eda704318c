//! Where commands get their time from: the host's clock, and a lead over it where time is simulated.
//!
//! Engine time is the time that records carry (`written_at`), so whoever writes records makes time. A [`Clock`] is the host's unless
//! somebody moves it ahead, as a dev chain does whose own clock was moved; it never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use souk_schema::exchange::UnixMillis;

/// What a process takes for the time. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds that it is ahead of the host's.
    lead_ms: Arc<AtomicU64>,
}

impl Clock {
    /// The time.
    pub fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let host = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        UnixMillis(host.saturating_add(self.lead_ms.load(Ordering::Relaxed)))
    }

    /// Milliseconds that it is ahead of the host's clock.
    pub fn lead_ms(&self) -> u64 {
        self.lead_ms.load(Ordering::Relaxed)
    }

    /// Moves it so far ahead of the host's clock, unless it is further ahead already.
    pub fn lead_by(&self, lead_ms: u64) {
        self.lead_ms.fetch_max(lead_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_leads_the_hosts_and_never_goes_back() {
        let (clock, host) = (Clock::default(), Clock::default());
        let copy = clock.clone();
        copy.lead_by(3_600_000);
        clock.lead_by(1_000);
        assert_eq!(clock.lead_ms(), 3_600_000, "clones are one clock");
        assert!(clock.now().0 >= host.now().0 + 3_599_000);
        assert_eq!(host.lead_ms(), 0);
    }
}
