//! How a group is settled, and by whom.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use souk_schema::exchange::GroupId;
use souk_sequencer::Clock;
use tokio::sync::Mutex;

use super::batch::BatchLimits;
use super::decide::Policy;
use crate::node::Finality;
use crate::signer::OperatorSigner;

/// The operator's account, shared by the settlers of all groups of a vault: one of them has a transaction on its way at a time.
#[derive(Clone, Debug)]
pub struct Operator {
    pub(super) signer: OperatorSigner,
    pub(super) turn: Arc<Mutex<()>>,
}

impl Operator {
    /// An account that nobody else sends from.
    pub fn new(signer: OperatorSigner) -> Operator {
        Operator {
            signer,
            turn: Arc::default(),
        }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }
}

/// How a group is settled.
#[derive(Clone, Debug)]
pub struct SettlerConfig {
    /// The group.
    pub group: GroupId,
    /// When to send, and for how much.
    pub policy: Policy,
    /// Bounds of a batch.
    pub limits: BatchLimits,
    /// Which blocks are final.
    pub finality: Finality,
    /// Royalties of a market are flushed from this many quote base units on; `None` leaves them.
    pub flush_from: Option<u128>,
    /// Seconds between two looks at the royalties.
    pub flush_every_secs: u64,
    /// How often the node is asked while nothing else happens.
    pub poll: Duration,
    /// A snapshot is taken after so many records of events and journal, at least.
    pub snapshot_every: u64,
    /// What engine time is made of here: how long a fill waits is told by it.
    pub clock: Clock,
}

impl SettlerConfig {
    /// A group with every default.
    pub fn new(group: GroupId) -> SettlerConfig {
        let limits = BatchLimits::default();
        SettlerConfig {
            group,
            policy: Policy {
                fees: Default::default(),
                fills_per_batch: limits.max_fills as u64,
                longest_wait_ms: 1_000,
                heartbeat_after_secs: 3_600,
            },
            limits,
            finality: Finality::default(),
            flush_from: None,
            flush_every_secs: 600,
            poll: Duration::from_millis(500),
            snapshot_every: 10_000,
            clock: Clock::default(),
        }
    }
}
