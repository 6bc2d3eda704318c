//! Lets time go on: the primary appends a `Tick` at every interval. Timers, expiries and auctions wait for one, and nothing else makes engine
//! time move in a group that nobody trades in. Other commands do not spare a tick, for they run no timers.
//!
//! A primary can be gone while other engines go on taking orders. Then one of those ticks: the engine measures at a tick how long fills have
//! waited for the vault, and stops matching before that is too long. Ticks of several engines do no harm.

use std::time::{Duration, Instant};

use souk_schema::exchange::{CommandBody, CommandNumber};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::{GroupHandle, Role, SubmitError};

/// A primary that misses so many of its beats is not waited for.
const MISSED_BEATS: u32 = 5;

/// Ticks while this engine is the primary of a group that was opened, or nobody else ticks, until the group stops. `ticked`: when a tick
/// was decided last, whoever it came from.
pub(crate) async fn run(group: GroupHandle, every: Duration, ticked: watch::Receiver<Instant>) {
    if every.is_zero() {
        return std::future::pending().await;
    }
    let mut beats = tokio::time::interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let is_due = {
            let status = group.status.borrow();
            let is_mine = status.role == Role::Primary || ticked.borrow().elapsed() > every * MISSED_BEATS;
            status.serves() && status.command > CommandNumber(0) && is_mine
        };
        if !is_due {
            continue;
        }
        // Awaited, so that a log that is away is not filled with ticks once it is back.
        match group.submit(CommandBody::Tick).await {
            Ok(_) => {}
            Err(SubmitError::Stopped | SubmitError::Unknown | SubmitError::Diverged) => return,
            Err(error @ SubmitError::TooLarge { .. }) => tracing::error!(%error, "a tick was not taken"),
        }
    }
}
