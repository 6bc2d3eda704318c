//! Completeness proofs (IDX-2): that a header is the block's, that a block holds no watched log, or that its receipts are all there.
//!
//! Pure: bytes in, yes or no out. Start at [`hash_of`], [`WatchBloom::excludes`] and [`receipts_root`].

#![deny(clippy::disallowed_methods)]

mod bloom;
mod header;
mod receipts;

pub use bloom::WatchBloom;
pub use header::hash_of;
pub use receipts::receipts_root;
