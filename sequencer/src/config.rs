//! How a group is run.

use std::time::Duration;

use souk_schema::exchange::GroupId;

use crate::Clock;

/// Whether an engine's outcomes are those that the world reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Writes `exchange.events.<group>` and lets time go on. Taking the role fences whoever had it.
    Primary,
    /// Decides the same commands and compares what comes of them with the events; ready to take over.
    Standby,
}

/// How a group is run. All engines of a group have the same `hash_every`; hashes that only one of them took are not compared.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// The group.
    pub group: GroupId,
    /// What the engine begins as.
    pub role: Role,
    /// A standby takes over when outcomes of its own have waited for so long to be seen in the events, and none came. `None` leaves it to
    /// [`GroupHandle::promote`](crate::GroupHandle::promote).
    pub takeover_after: Option<Duration>,
    /// Commands from one snapshot to the next; 0 for none. The engine stands still while its state is copied.
    pub snapshot_every: u64,
    /// Commands from one state hash to the next; 0 for none.
    pub hash_every: u64,
    /// How often the primary lets time go on with a `Tick`; zero for never. Timers, expiries and auctions wait for one. A standby ticks
    /// where five of them are missing.
    pub tick_every: Duration,
    /// Commands that may wait to be appended; who submits more waits.
    pub queue_commands: usize,
    /// Where the time of the records that this process writes is from.
    pub clock: Clock,
}

impl GroupConfig {
    /// The usual settings, as primary.
    pub fn new(group: GroupId) -> GroupConfig {
        GroupConfig {
            group,
            role: Role::Primary,
            takeover_after: None,
            snapshot_every: 500_000,
            hash_every: 50_000,
            tick_every: Duration::from_secs(1),
            queue_commands: 16_384,
            clock: Clock::default(),
        }
    }
}
