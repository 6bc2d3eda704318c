//! Lets time go on: the primary appends a `Tick` at every interval. Timers, expiries and auctions wait for one, and nothing else makes engine
//! time move in a group that nobody trades in. Other commands do not spare a tick, for they run no timers.

use std::time::Duration;

use souk_schema::exchange::{CommandBody, CommandNumber};
use tokio::time::MissedTickBehavior;

use crate::{GroupHandle, Role, SubmitError};

/// Ticks while this engine is the primary of a group that was opened, until the group stops.
pub(crate) async fn run(group: GroupHandle, every: Duration) {
    if every.is_zero() {
        return std::future::pending().await;
    }
    let mut beats = tokio::time::interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let is_due = {
            let status = group.status.borrow();
            status.serves() && status.role == Role::Primary && status.command > CommandNumber(0)
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
