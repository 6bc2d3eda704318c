//! The provenance of assets: a projector that folds a chain's stream into Postgres tables with history, and the lineage graph in memory.
//!
//! Nothing here asks a node or invents state: drop every table, project the stream again, and they are the same (law LOG-1). Start with
//! [`project`] for how a stream becomes tables, [`fold`] for the pure core that decides what changes, and [`graph`] for lineage.

pub mod bench;
pub mod fold;
pub mod graph;
pub mod hash;
pub mod project;
pub mod store;
pub mod tables;
pub mod verify;
