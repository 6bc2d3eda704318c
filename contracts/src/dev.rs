//! The accounts, delays and windows of the exchange and the economy on a dev chain.
//!
//! The keys are those of the mnemonic that every dev chain funds (`test test … junk`): public knowledge, never used where
//! money is worth something. Account 0 deploys and is every contract's admin; account 1 is the demo's.

use alloy::primitives::{Address, B256, U256, address, b256};

use crate::EconomyConfig;
use crate::ExchangeVault::VaultConfig;

/// Account 0: deploys the contracts, lists tokens and markets.
pub const ADMIN_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// Account 2: settles, and sends heartbeats.
pub const OPERATOR_KEY: B256 = b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
/// Account 3: co-signs withdrawals, and sends nothing.
pub const COSIGNER_KEY: B256 = b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");
/// Account 5: proposes the roots of payouts.
pub const PROPOSER_KEY: B256 = b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba");
/// Account 6: mirrors assets of other chains.
pub const RELAYER_KEY: B256 = b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e");
/// Account 7: judges disputes over assets.
pub const JUDGE_KEY: B256 = b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356");

/// Address of [`OPERATOR_KEY`].
pub const OPERATOR: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
/// Address of [`COSIGNER_KEY`].
pub const COSIGNER: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
/// Address of [`PROPOSER_KEY`].
pub const PROPOSER: Address = address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc");
/// Address of [`RELAYER_KEY`].
pub const RELAYER: Address = address!("976EA74026E726554dB657fA54763abd0C3a0aa9");
/// Address of [`JUDGE_KEY`].
pub const JUDGE: Address = address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955");
/// Account 4: fees and lost bonds accrue to it.
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

/// What a dev chain's economy is deployed with: these roles, a protocol fee of 2.5%, bonds of ten test dollars, and windows in
/// which a demonstration can wait for their end: 2 seconds for roots and appeals, 10 for reviews, a minute for challenges.
pub fn economy_config(proposer: Address, judge: Address, relayer: Address, treasury: Address) -> EconomyConfig {
    EconomyConfig {
        proposer,
        judge,
        relayer,
        treasury,
        protocol_fee_e8: 2_500_000,
        bond_token: None,
        bond: U256::from(10_000_000),
        dispute_window_secs: 2,
        review_period_secs: 10,
        challenge_window_secs: 60,
        appeal_window_secs: 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::signers::local::PrivateKeySigner;

    #[test]
    fn the_addresses_are_those_of_the_keys() {
        let pairs = [
            (OPERATOR_KEY, OPERATOR),
            (COSIGNER_KEY, COSIGNER),
            (PROPOSER_KEY, PROPOSER),
            (RELAYER_KEY, RELAYER),
            (JUDGE_KEY, JUDGE),
        ];
        for (key, address) in pairs {
            assert_eq!(PrivateKeySigner::from_bytes(&key).unwrap().address(), address);
        }
    }
}
