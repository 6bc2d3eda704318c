//! The reference contracts for Rust: bindings made from the committed artifacts, and their deployment.
//!
//! Never compiles Solidity (that is `contracts/build.mjs`), never holds a key, and decodes nothing into domain events
//! (that is `adapters`). Start at [`deploy`], at [`bindings`] for the calls and events of each contract, and at [`exchange`] for
//! what traders sign.

mod addresses;
pub mod bindings;
mod deploy;
pub mod dev;
pub mod exchange;

pub use addresses::{Addresses, Deployment};
pub use bindings::{
    AssetRegistry, AssetShares, ContributionBook, DisputeCourt, ExchangeVault, ExecutionLog, Gateway, LicenseRegistry,
    PayoutDistributor, RevenueRouter, TaskBoard, TestUSD,
};
pub use deploy::{DeployConfig, DeployError, EconomyConfig, add_economy, add_vault, deploy, deploy_with};

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::SolValue;

/// 100% in parts per 100,000,000, the unit of every share in the contracts.
pub const ONE_E8: u32 = 100_000_000;

/// Id of terms: the hash of their ABI encoding, as `LicenseRegistry.registerTerms` computes it.
pub fn terms_id(terms: &LicenseRegistry::LicenseTerms) -> U256 {
    U256::from_be_bytes(keccak256(terms.abi_encode()).0)
}

/// Id of the licence series of an asset under terms that ends at `expires_at` (unix seconds, exclusive, 0 for ever), as
/// `LicenseRegistry.licenseIdOf` computes it.
pub fn license_id(asset_id: U256, terms_id: U256, expires_at: u64) -> U256 {
    let words: B256 = keccak256((asset_id, terms_id, U256::from(expires_at)).abi_encode());
    U256::from_be_bytes(words.0)
}

/// End of a licence minted at `minted_at` (unix seconds) under terms that run for `duration_secs`: rounded up to a whole
/// day of unix time, 0 for ever where the duration is 0, as `LicenseRegistry.expiryAt` computes it. `None` where that
/// does not fit 64 bits, which no registered terms reach.
pub fn license_expiry(minted_at: u64, duration_secs: u64) -> Option<u64> {
    const DAY_SECS: u64 = 86_400;
    if duration_secs == 0 {
        return Some(0);
    }
    minted_at.checked_add(duration_secs)?.checked_next_multiple_of(DAY_SECS)
}

/// Leaf of the payouts' tree: what `account` earned of `token` in all, in base units, as `PayoutDistributor.claim` computes it.
pub fn payout_leaf(account: Address, token: Address, cumulative: U256) -> B256 {
    keccak256(keccak256((account, token, cumulative).abi_encode()))
}

/// Id of an announcement, the same on both chains, as `Gateway.announcementIdOf` computes it.
pub fn announcement_id(
    origin_chain: u64,
    origin_gateway: Address,
    origin_registry: Address,
    origin_asset_id: U256,
    target_chain: u64,
) -> B256 {
    let (origin_chain, target_chain) = (U256::from(origin_chain), U256::from(target_chain));
    keccak256(
        (
            origin_chain,
            origin_gateway,
            origin_registry,
            origin_asset_id,
            target_chain,
        )
            .abi_encode(),
    )
}
