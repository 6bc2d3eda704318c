//! What goes into a graph and what comes out: places, changes, edges, positions. Data only; [`super::store`] keeps it.

#![deny(clippy::disallowed_methods)]

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{B256, BlockRef, ChainId, U256};

use super::store::{EdgeId, NodeId};

/// Where on its chain a log is, and which of its facts. Ordered as the logs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The block's number.
    pub block: u64,
    /// The log's index within the block.
    pub log_index: u32,
    /// Which of the facts that the log makes, from 0. Only other protocols' logs make several.
    pub ordinal: u32,
}

/// The event that made a node or an edge: `(chain, block, log_index)`. Ordered by chain id, then as the logs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The chain that the event is on.
    pub chain: ChainId,
    /// Where on that chain.
    pub place: Place,
}

/// How well an edge is backed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeStatus {
    /// The child's owner says so.
    Declared = 0,
    /// An execution record with hashes backs it.
    Evidenced = 1,
    /// Somebody disputes it.
    Disputed = 2,
    /// A relayer says so of an asset of another chain, and nobody has looked there.
    Unconfirmed = 3,
}

impl EdgeStatus {
    /// The status with the number that tables hold.
    pub fn from_number(number: i16) -> Option<EdgeStatus> {
        let all = [
            EdgeStatus::Declared,
            EdgeStatus::Evidenced,
            EdgeStatus::Disputed,
            EdgeStatus::Unconfirmed,
        ];
        all.into_iter().find(|status| *status as i16 == number)
    }
}

/// Which way lineage is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From children to what they were made from.
    Ancestors,
    /// From parents to what was made from them.
    Descendants,
}

/// A derivation as the graph knows it. Its event is `origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The derived asset.
    pub child: NodeId,
    /// What it was made from.
    pub parent: NodeId,
    /// How.
    pub relation: Relation,
    /// The series of the parent that allowed it; 0 where none was needed.
    pub license: U256,
    /// How well it is backed.
    pub status: EdgeStatus,
    /// Whether the child's own registry checked the parent. False for a claim: a foreign parent declared as text.
    pub native: bool,
    /// The event that declared it.
    pub origin: Origin,
    /// The block of the child's chain from which it is no longer true (exclusive end); `None` while it is.
    pub valid_to: Option<u64>,
}

/// An edge as it was declared, whether or not it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The edge.
    pub edge: EdgeId,
    /// It would close a cycle, so lineage and paths leave it out (LIN-1).
    pub closes_cycle: bool,
}

/// A fact of one chain that begins or ends with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An asset was registered.
    Registered {
        /// The asset.
        asset: EvmAssetId,
        /// By which log.
        place: Place,
    },
    /// A registration stopped being true.
    Unregistered {
        /// The asset.
        asset: EvmAssetId,
        /// From this block on.
        block: u64,
    },
    /// A child's owner declared a parent.
    Derived {
        /// The derived asset.
        child: EvmAssetId,
        /// What it was made from.
        parent: AssetId,
        /// How.
        relation: Relation,
        /// The series of the parent that allowed it; 0 where none was needed.
        license: U256,
        /// How well it is backed when it is declared.
        status: EdgeStatus,
        /// For a foreign parent, the time of the declaring block (Unix, seconds), by which claims of different chains are ordered;
        /// `None` for a parent in the child's own registry.
        claimed_at: Option<u64>,
        /// By which log.
        place: Place,
    },
    /// Another protocol's log says that one thing was made from another. It ranks as a claim, because no registry of ours checked it.
    Claimed {
        /// The derived thing, on whatever chain.
        child: AssetId,
        /// What it was made from.
        parent: AssetId,
        /// How.
        relation: Relation,
        /// The time of the block (Unix, seconds), by which claims of different chains are ordered.
        claimed_at: u64,
        /// By which log.
        place: Place,
    },
    /// A derivation is backed otherwise than before. It counts for lineage whatever its status (LIN-1).
    StatusChanged {
        /// The log that declared it.
        place: Place,
        /// From this block on; a block changes it once at most.
        block: u64,
        /// How well it is backed then.
        status: EdgeStatus,
    },
    /// A derivation stopped being true.
    Ended {
        /// The log that declared it.
        place: Place,
        /// From this block on.
        block: u64,
    },
}

impl Change {
    /// The block that the change belongs to.
    pub fn block(&self) -> u64 {
        match self {
            Change::Registered { place, .. } | Change::Derived { place, .. } | Change::Claimed { place, .. } => {
                place.block
            }
            Change::Unregistered { block, .. } | Change::StatusChanged { block, .. } | Change::Ended { block, .. } => {
                *block
            }
        }
    }
}

/// What tells two projections of one chain apart: when any of it differs, nothing of the one says anything about the other.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Identity {
    /// The stream that the projection reads.
    pub stream: String,
    /// The stream's generation.
    pub generation: u32,
    /// Hash of block 0.
    pub genesis_hash: B256,
    /// Rises when the rows were replaced as a whole.
    pub epoch: u64,
}

/// How far a graph knows a chain (API-1).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ChainPosition {
    /// Of which projection.
    pub identity: Identity,
    /// The next record of the stream; `None` while the graph stands at a block on its way to the projection's head.
    pub next_sequence: Option<u64>,
    /// The last block whose facts are in; `None` before the first.
    pub head: Option<BlockRef>,
    /// That block's time (Unix, seconds); 0 before the first.
    pub head_timestamp: u64,
    /// The newest final block that the projection knows of.
    pub finalized: Option<BlockRef>,
}

/// A change that does not fit what the graph holds. The graph is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    /// It is not within the blocks that the call adds.
    #[error(
        "chain {chain}: a change of block {block} does not lie in blocks {from} (exclusive) to {to}; revert first, or load the chain again"
    )]
    OutOfRange {
        /// The chain.
        chain: ChainId,
        /// The change's block.
        block: u64,
        /// The graph's head before the call, exclusive; -1 before the first block.
        from: i128,
        /// The head that the call asks for, inclusive; -1 for none.
        to: i128,
    },
    /// It belongs to another chain.
    #[error("an asset of chain {found} in changes of chain {chain}")]
    OtherChain {
        /// The chain whose changes they are.
        chain: ChainId,
        /// The chain that the asset is on.
        found: ChainId,
    },
    /// One log makes one fact, one asset is registered once.
    #[error("chain {chain}: the fact of block {block}, log {log_index} is there already; load the chain again")]
    Duplicate {
        /// The chain.
        chain: ChainId,
        /// The block.
        block: u64,
        /// The log.
        log_index: u32,
    },
    /// It ends or changes what is not there.
    #[error("chain {chain}: block {block} ends or changes a fact that the graph does not hold; load the chain again")]
    Unknown {
        /// The chain.
        chain: ChainId,
        /// The block.
        block: u64,
    },
}
