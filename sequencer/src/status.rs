//! What a group tells of itself.

use std::time::Duration;

use souk_schema::B256;
use souk_schema::exchange::{CommandNumber, UnixMillis};

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
