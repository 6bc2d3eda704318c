//! The graph that follows a real Postgres: rows are written as the projector writes them, block by block and back, and the graph must
//! stand where a graph stands that is loaded afresh.

mod follower;
