//! The queue with its batches, and the decisions, each by itself; and both in another life.

mod decisions;
mod queue;
mod snapshot;
