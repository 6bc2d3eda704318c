//! The provenance graph of all chains in memory: lineage up and down to any depth and paths between two assets, as of any block.
//!
//! [`Graph`] is pure: facts go in, answers come out, and nothing in it reads a clock, a random number or the network.
//! [`GraphHandle`] is the shell: it fills a graph from the tables `asset` and `derivation`, and from what backs derivations and speaks
//! against them, and follows these. The graph is never the truth: it can be dropped and loaded again, and two graphs of the same facts
//! answer alike, however the facts arrived.
//!
//! Start at [`Graph::lineage`] and [`Graph::paths`]; [`acyclic`] says which edges count (LIN-1).

mod acyclic;
mod change;
mod cut;
mod facts;
mod follow;
mod handle;
mod lineage;
mod links;
mod names;
mod paths;
mod rows;
mod scratch;
mod store;
#[cfg(test)]
mod tests;
mod view;

pub use cut::Cut;
pub use facts::{ChainPosition, Change, Declared, Direction, Edge, EdgeStatus, Identity, InvalidChange, Origin, Place};
pub use handle::{GraphError, GraphGuard, GraphHandle, GraphStatus};
pub use lineage::{Lineage, LineageNode};
pub use paths::{Path, Paths};
pub use store::{EdgeId, Graph, NodeId};
