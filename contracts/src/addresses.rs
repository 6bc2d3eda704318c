//! Where the contracts of one deployment are.
//!
//! The names of the fields are those of the file that a deployment is remembered in, so older files go on loading. Start at
//! [`Deployment`].

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

/// Where each contract is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// ERC-721, one token per asset.
    pub asset_registry: Address,
    /// ERC-1155, one id per licence series.
    pub license_registry: Address,
    /// ERC-1155, one id per asset.
    pub asset_shares: Address,
    /// Soulbound contributions.
    pub contribution_book: Address,
    /// Payments for assets.
    pub revenue_router: Address,
    /// ERC-20 with six decimals that anyone mints.
    pub test_usd: Address,
    /// The exchange's custody; `None` in deployments older than the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_vault: Option<Address>,
    /// Roots and claims; this and the rest are `None` in deployments older than payouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_distributor: Option<Address>,
    /// Tasks with escrowed rewards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_board: Option<Address>,
    /// Executions and federated rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_log: Option<Address>,
    /// Disputes over assets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute_court: Option<Address>,
    /// Announcements to and mirrors of other chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Address>,
}

/// The contracts of the economy, which a deployment has all of or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Economy {
    pub(crate) distributor: Address,
    pub(crate) tasks: Address,
    pub(crate) executions: Address,
    pub(crate) court: Address,
    pub(crate) gateway: Address,
}

impl Addresses {
    /// Addresses of contracts that `deployer` creates with its next twelve transactions, from `nonce` on, in the order of the
    /// fields.
    pub fn predict(deployer: Address, nonce: u64) -> Self {
        let first = Self {
            asset_registry: deployer.create(nonce),
            license_registry: deployer.create(nonce + 1),
            asset_shares: deployer.create(nonce + 2),
            contribution_book: deployer.create(nonce + 3),
            revenue_router: deployer.create(nonce + 4),
            test_usd: deployer.create(nonce + 5),
            exchange_vault: Some(deployer.create(nonce + 6)),
            payout_distributor: None,
            task_board: None,
            execution_log: None,
            dispute_court: None,
            gateway: None,
        };
        first.with_economy(Economy::predict(deployer, nonce + 7))
    }

    /// Every contract with its name, in the order of deployment.
    pub fn named(&self) -> Vec<(&'static str, Address)> {
        let mut named = vec![
            ("AssetRegistry", self.asset_registry),
            ("LicenseRegistry", self.license_registry),
            ("AssetShares", self.asset_shares),
            ("ContributionBook", self.contribution_book),
            ("RevenueRouter", self.revenue_router),
            ("TestUSD", self.test_usd),
        ];
        let later = [
            ("ExchangeVault", self.exchange_vault),
            ("PayoutDistributor", self.payout_distributor),
            ("TaskBoard", self.task_board),
            ("ExecutionLog", self.execution_log),
            ("DisputeCourt", self.dispute_court),
            ("Gateway", self.gateway),
        ];
        named.extend(later.into_iter().filter_map(|(name, at)| Some((name, at?))));
        named
    }

    /// The same set with these contracts beside it.
    pub(crate) fn with_economy(self, economy: Economy) -> Self {
        Self {
            payout_distributor: Some(economy.distributor),
            task_board: Some(economy.tasks),
            execution_log: Some(economy.executions),
            dispute_court: Some(economy.court),
            gateway: Some(economy.gateway),
            ..self
        }
    }
}

impl Economy {
    /// Addresses of contracts that `deployer` creates with its next five transactions, from `nonce` on.
    pub(crate) fn predict(deployer: Address, nonce: u64) -> Self {
        Self {
            distributor: deployer.create(nonce),
            tasks: deployer.create(nonce + 1),
            executions: deployer.create(nonce + 2),
            court: deployer.create(nonce + 3),
            gateway: deployer.create(nonce + 4),
        }
    }

    /// Every contract with its name, in the order of deployment.
    pub(crate) fn named(&self) -> [(&'static str, Address); 5] {
        [
            ("PayoutDistributor", self.distributor),
            ("TaskBoard", self.tasks),
            ("ExecutionLog", self.executions),
            ("DisputeCourt", self.court),
            ("Gateway", self.gateway),
        ]
    }
}

/// One set of contracts on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// EIP-155 id of the chain.
    pub chain_id: u64,
    /// Block that created the first contract, inclusive: no event of the set is in an earlier one.
    pub block: u64,
    /// Where each contract is.
    pub addresses: Addresses,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicted_addresses_follow_the_nonce() {
        let deployer = Address::repeat_byte(7);
        let addresses = Addresses::predict(deployer, 40);
        assert_eq!(addresses.named().len(), 12);
        for (n, (_, address)) in (40..).zip(addresses.named()) {
            assert_eq!(address, deployer.create(n));
        }
        assert_eq!(addresses.named()[7..], Economy::predict(deployer, 47).named());
    }
}
