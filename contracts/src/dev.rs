//! The accounts and delays of the exchange on a dev chain.
//!
//! The keys are those of the mnemonic that every dev chain funds (`test test … junk`): public knowledge, never used where
//! money is worth something. Account 0 deploys and is the vault's admin; account 1 is the demo's.

use alloy::primitives::{Address, B256, address, b256};

use crate::ExchangeVault::VaultConfig;

/// Account 0: deploys the contracts, lists tokens and markets.
pub const ADMIN_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// Account 2: settles, and sends heartbeats.
pub const OPERATOR_KEY: B256 = b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
/// Account 3: co-signs withdrawals, and sends nothing.
pub const COSIGNER_KEY: B256 = b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");

/// Address of [`OPERATOR_KEY`].
pub const OPERATOR: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
/// Address of [`COSIGNER_KEY`].
pub const COSIGNER: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
/// Account 4: fees accrue to it.
pub const FEE_ACCOUNT: Address = address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65");

/// What a dev chain's vault is deployed with: these roles, exits after a day, an hour's grace for settlement, and the escape
/// after three days of silence.
pub fn vault_config(operator: Address, cosigner: Address, fee_account: Address) -> VaultConfig {
    const HOUR_SECS: u64 = 3_600;
    VaultConfig {
        operator,
        cosigner,
        feeAccount: fee_account,
        exitDelaySecs: 24 * HOUR_SECS,
        settlementGraceSecs: HOUR_SECS,
        escapeDelaySecs: 72 * HOUR_SECS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::signers::local::PrivateKeySigner;

    #[test]
    fn the_addresses_are_those_of_the_keys() {
        for (key, address) in [(OPERATOR_KEY, OPERATOR), (COSIGNER_KEY, COSIGNER)] {
            assert_eq!(PrivateKeySigner::from_bytes(&key).unwrap().address(), address);
        }
    }
}
