//! The accounts of an economy, derived from its seed.
//!
//! Their keys are public knowledge, like those of a dev chain's own accounts. Never used where money is worth something. Start at
//! [`Account::derive`].

#![deny(clippy::disallowed_methods)]

use alloy::primitives::{Address, B256, b256, keccak256};
use alloy::signers::local::PrivateKeySigner;

/// Key of the second account of the mnemonic that dev chains fund (`test test … junk`), which pays for the economy's gas. The first one is
/// left to whoever deploys contracts.
pub const DEV_FUNDER_KEY: B256 = b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");

/// One actor of an economy.
#[derive(Clone, Debug)]
pub struct Account {
    /// What people call it.
    pub name: String,
    signer: PrivateKeySigner,
}

impl Account {
    /// The account with this number in the economy called `edition`.
    pub fn derive(edition: &str, number: usize, name: impl Into<String>) -> Self {
        Self::with_key(keccak256(format!("souk demo account {number} of {edition}")), name)
    }

    /// The account of a key that is known anyway.
    pub fn with_key(key: B256, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            signer: signer(key),
        }
    }

    /// Where it is on chain.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// What signs for it.
    pub fn signer(&self) -> &PrivateKeySigner {
        &self.signer
    }
}

/// All but one in 2^128 hashes are keys; that one's hash is taken instead.
fn signer(mut key: B256) -> PrivateKeySigner {
    loop {
        match PrivateKeySigner::from_bytes(&key) {
            Ok(signer) => return signer,
            Err(_) => key = keccak256(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_follow_from_their_economy_and_number() {
        let address = |edition, number| Account::derive(edition, number, "x").address();
        assert_eq!(address("family-1", 0), address("family-1", 0));
        assert_ne!(address("family-1", 0), address("family-1", 1));
        assert_ne!(address("family-1", 0), address("family-2", 0));
    }

    #[test]
    fn the_funder_is_the_dev_chains_second_account() {
        let funder = PrivateKeySigner::from_bytes(&DEV_FUNDER_KEY).unwrap();
        assert_eq!(
            funder.address(),
            alloy::primitives::address!("70997970C51812dc3A010C7d01b50e0d17dc79C8")
        );
    }
}
