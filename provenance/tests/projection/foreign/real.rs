//! Contracts as their protocols publish them, on a real node.
