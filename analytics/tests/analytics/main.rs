//! Statements of random economies add up, chain, and come back out of their files as they went in.

mod amounts;
mod economy;
mod files;
mod load;
mod period;
mod sums;
