//! What an indexer tells about itself: phase, heads, rates, endpoints, proofs. Plain data for `souk status`, health checks and GraphQL.

use serde::Serialize;
use souk_schema::record::CompletenessProof;
use souk_schema::{BlockRef, ChainId};

/// The state of one chain's indexer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IndexerStatus {
    /// The chain.
    pub chain: ChainId,
    /// What it is doing.
    pub phase: Phase,
    /// Generation of the stream that it writes, from 1; 0 until the stream is open.
    pub generation: u32,
    /// The newest block that a node announced.
    pub head: Option<BlockRef>,
    /// The newest block in the stream.
    pub tail: Option<BlockRef>,
    /// The newest final block in the stream.
    pub finalized: Option<BlockRef>,
    /// Blocks appended a second, over the last seconds.
    pub blocks_per_sec: f64,
    /// Watched logs appended a second, over the last seconds.
    pub logs_per_sec: f64,
    /// Seconds until the tail reaches the head at this rate, during a backfill.
    pub eta_secs: Option<u64>,
    /// Since this run began.
    pub totals: Totals,
    /// One for each endpoint, in the order of the configuration.
    pub endpoints: Vec<EndpointStatus>,
    /// What went wrong last, even if it was overcome since.
    pub last_error: Option<String>,
}

/// What an indexer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opens the stream and asks the endpoints who they are.
    Starting,
    /// The tail is far behind the head.
    Backfilling,
    /// The tail follows the head.
    Live,
    /// A reorganisation is being absorbed.
    Reverting,
    /// The node is older than the stream, as after a restart from a backup; waits for it to catch up.
    NodeBehind,
    /// Nobody answers, or the log takes nothing; retries.
    Retrying,
    /// Ended.
    Stopped,
}

/// Sums since the indexer was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Blocks appended.
    pub blocks: u64,
    /// Watched logs appended.
    pub logs: u64,
    /// Blocks reverted.
    pub reverted: u64,
    /// Blocks whose bloom excluded every watched contract.
    pub proved_by_bloom: u64,
    /// Blocks whose receipts root was recomputed.
    pub proved_by_receipts: u64,
    /// Blocks that have only the weaker proof.
    pub proved_weaker: u64,
}

impl Totals {
    pub(crate) fn count_proof(&mut self, proof: CompletenessProof) {
        match proof {
            CompletenessProof::BloomExcludes => self.proved_by_bloom += 1,
            CompletenessProof::ReceiptsRoot => self.proved_by_receipts += 1,
            CompletenessProof::Weaker => self.proved_weaker += 1,
        }
    }
}

/// The state of one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointStatus {
    /// Scheme, host and port; never the path, where providers keep keys.
    pub url: String,
    /// Whether requests go there now.
    pub state: EndpointState,
    /// Share of recent requests that were answered well, from 0 to 1.
    pub score: f64,
    /// Recent milliseconds a request.
    pub latency_ms: f64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Height that it last announced.
    pub head: Option<u64>,
    /// What it got wrong last.
    pub last_error: Option<String>,
}

/// Whether an endpoint is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// Used.
    Healthy,
    /// Left alone for a while after failures or because it asked for it.
    CoolingDown,
    /// Serves another chain or refuses our key; not used again.
    Refused,
}

impl IndexerStatus {
    /// The status before anything happened.
    pub fn starting(chain: ChainId) -> IndexerStatus {
        IndexerStatus {
            chain,
            phase: Phase::Starting,
            generation: 0,
            head: None,
            tail: None,
            finalized: None,
            blocks_per_sec: 0.0,
            logs_per_sec: 0.0,
            eta_secs: None,
            totals: Totals::default(),
            endpoints: Vec::new(),
            last_error: None,
        }
    }

    /// Blocks between the newest known head and the tail; the gauge head − log tail.
    pub fn lag_blocks(&self) -> Option<u64> {
        let tail = self.tail.map_or(0, |tail| tail.number);
        self.head.map(|head| head.number.saturating_sub(tail))
    }
}
