//! What a group tells of itself.

use std::time::Duration;

use souk_schema::B256;
use souk_schema::exchange::{CommandNumber, UnixMillis};
use tokio::sync::watch;

use crate::Role;

/// Where a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decides what was in the stream when it started.
    Recovering,
    /// Decides as commands come.
    Running,
    /// Came to another outcome than the events at this command, and does not serve.
    Diverged(CommandNumber),
    /// Ended, by request or by an error.
    Stopped,
}

/// What a group tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// What the engine is now.
    pub role: Role,
    /// Where it is.
    pub phase: Phase,
    /// The last command that was decided; 0 before the first.
    pub command: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// Sequence of the next record of commands to be decided.
    pub next_sequence: u64,
    /// Records of commands known to be in the stream, decided or not.
    pub known_tail: u64,
    /// The last command whose outcome is known to be in the stream of events.
    pub published: CommandNumber,
    /// The last state hash that was taken, and the command after which.
    pub state_hash: Option<(CommandNumber, B256)>,
    /// The last command of the newest snapshot that is stored.
    pub snapshot: Option<CommandNumber>,
    /// From the start to [`Phase::Running`].
    pub recovery: Option<Duration>,
}

/// The role that an engine should have, and how often it was asked to take the primary's over.
///
/// The count makes every request one that is heard: one for an engine that leads has it fence all others anew, and one that comes while it
/// learns that it was fenced is not undone by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) role: Role,
    pub(crate) promotions: u64,
}

impl Wanted {
    pub(crate) fn new(role: Role) -> Wanted {
        Wanted { role, promotions: 0 }
    }

    /// Takes the primary's role over from whoever has it.
    pub(crate) fn promote(wanted: &watch::Sender<Wanted>) {
        wanted.send_modify(|wanted| {
            *wanted = Wanted {
                role: Role::Primary,
                promotions: wanted.promotions + 1,
            }
        });
    }

    /// Stands by, unless the primary's role was asked for after what `led_by` wanted.
    pub(crate) fn stand_by(wanted: &watch::Sender<Wanted>, led_by: Wanted) {
        wanted.send_if_modified(|wanted| {
            let fenced = *wanted == led_by;
            if fenced {
                wanted.role = Role::Standby;
            }
            fenced
        });
    }
}

impl GroupStatus {
    pub(crate) fn new(role: Role) -> GroupStatus {
        GroupStatus {
            role,
            phase: Phase::Recovering,
            command: CommandNumber(0),
            time: UnixMillis(0),
            next_sequence: 0,
            known_tail: 0,
            published: CommandNumber(0),
            state_hash: None,
            snapshot: None,
            recovery: None,
        }
    }

    /// Whether answers of this engine can be relied on.
    pub fn serves(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Records of commands that are waiting to be decided, as far as is known.
    pub fn lag(&self) -> u64 {
        self.known_tail.saturating_sub(self.next_sequence)
    }
}
