//! Deploys the contracts and wires them to one another.
//!
//! They name each other in immutable constructor arguments, so the addresses are computed from the deployer's nonce
//! before anything is sent, and checked against the receipts. Never funds the deployer, never retries. Start at
//! [`deploy`].

use alloy::contract::RawCallBuilder;
use alloy::network::Ethereum;
use alloy::primitives::Address;
use alloy::providers::{PendingTransactionError, Provider};
use alloy::transports::TransportError;
use serde::{Deserialize, Serialize};

use crate::ExchangeVault::VaultConfig;
use crate::{
    AssetRegistry, AssetShares, ContributionBook, ExchangeVault, LicenseRegistry, RevenueRouter, TestUSD, dev,
};

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
}

impl Addresses {
    /// Addresses of contracts that `deployer` creates with its next seven transactions, from `nonce` on, in the order of
    /// the fields.
    pub fn predict(deployer: Address, nonce: u64) -> Self {
        Self {
            asset_registry: deployer.create(nonce),
            license_registry: deployer.create(nonce + 1),
            asset_shares: deployer.create(nonce + 2),
            contribution_book: deployer.create(nonce + 3),
            revenue_router: deployer.create(nonce + 4),
            test_usd: deployer.create(nonce + 5),
            exchange_vault: Some(deployer.create(nonce + 6)),
        }
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
        named.extend(self.exchange_vault.map(|vault| ("ExchangeVault", vault)));
        named
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

/// Why a deployment did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node could not be asked, or answered with an error.
    #[error("the node did not answer: {0}; check the RPC URL and that the node is up")]
    Node(#[from] TransportError),
    /// The node took no transaction for the contract.
    #[error("the node refused to create {contract}: {source}; check the deployer's key and balance")]
    Refused {
        /// Name of the contract.
        contract: &'static str,
        /// What the node said.
        source: Box<alloy::contract::Error>,
    },
    /// No receipt came for the transaction.
    #[error("no receipt for the creation of {contract}: {source}; check that the chain makes blocks")]
    NoReceipt {
        /// Name of the contract.
        contract: &'static str,
        /// What went wrong while waiting.
        source: PendingTransactionError,
    },
    /// The transaction ran and failed.
    #[error(
        "the creation of {contract} failed on chain; give the deployment more gas, a distributor that is not zero, and a vault's \
         roles and delays that `VaultRoles.sol` takes"
    )]
    Reverted {
        /// Name of the contract.
        contract: &'static str,
    },
    /// The contract is not where the others expect it.
    #[error(
        "{contract} is at {found:?} instead of {expected}: the deployer sent something else in between; deploy again \
         from an account that nobody else uses"
    )]
    WrongAddress {
        /// Name of the contract.
        contract: &'static str,
        /// What the other contracts were told.
        expected: Address,
        /// What the receipt says.
        found: Option<Address>,
    },
    /// The vault does not take the token.
    #[error("the vault did not list {token}; everything is deployed, so list it by hand or deploy again")]
    NotListed {
        /// The token.
        token: Address,
    },
}

/// Deploys all contracts with `deployer` in every role of the vault, and the delays of [`dev::vault_config`]. See [`deploy_with`].
///
/// # Errors
/// See [`DeployError`]; contracts created before the failure stay on chain, unused.
pub async fn deploy<P: Provider>(
    provider: &P,
    deployer: Address,
    distributor: Address,
) -> Result<Deployment, DeployError> {
    let config = dev::vault_config(deployer, deployer, deployer);
    deploy_with(provider, deployer, distributor, config).await
}

/// Deploys all seven contracts in as many transactions of `deployer`, for whom `provider` must be able to sign (a wallet in the
/// provider, or an account that the node unlocks) and who must send nothing else meanwhile; three more list shares,
/// licences and the test token in the vault. `deployer` becomes the admin of the revenue router and of the vault;
/// `distributor` receives all revenue and must be neither zero nor a payer.
///
/// # Errors
/// See [`DeployError`]; contracts created before the failure stay on chain, unused.
pub async fn deploy_with<P: Provider>(
    provider: &P,
    deployer: Address,
    distributor: Address,
    vault: VaultConfig,
) -> Result<Deployment, DeployError> {
    let chain_id = provider.get_chain_id().await?;
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let addresses = Addresses::predict(deployer, nonce);

    let mut pending = Vec::new();
    for ((contract, expected), creation) in
        addresses
            .named()
            .into_iter()
            .zip(creations(provider, &addresses, deployer, distributor, vault))
    {
        let sent = creation.from(deployer).send().await.map_err(|source| {
            let source = Box::new(source);
            DeployError::Refused { contract, source }
        })?;
        pending.push((contract, expected, sent));
    }

    let mut first_block = None;
    for (contract, expected, sent) in pending {
        let receipt = sent
            .get_receipt()
            .await
            .map_err(|source| DeployError::NoReceipt { contract, source })?;
        check_place(contract, expected, receipt.status(), receipt.contract_address)?;
        first_block = first_block.or(receipt.block_number);
    }
    list_tokens(provider, deployer, &addresses).await?;
    Ok(Deployment {
        chain_id,
        block: first_block.unwrap_or_default(),
        addresses,
    })
}

/// Deploys a vault for a deployment that has none, in four transactions of `deployer`, and names it in the deployment. See
/// [`deploy_with`] for who may send them.
///
/// # Errors
/// See [`DeployError`]; the deployment is then as it was.
pub async fn add_vault<P: Provider>(
    provider: &P,
    deployer: Address,
    deployment: &mut Deployment,
    vault: VaultConfig,
) -> Result<(), DeployError> {
    let contract = "ExchangeVault";
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let to = Addresses {
        exchange_vault: Some(deployer.create(nonce)),
        ..deployment.addresses
    };
    let creation = ExchangeVault::deploy_builder(provider, to.asset_registry, to.revenue_router, deployer, vault);
    let sent = creation.from(deployer).send().await.map_err(|source| {
        let source = Box::new(source);
        DeployError::Refused { contract, source }
    })?;
    let receipt = sent
        .get_receipt()
        .await
        .map_err(|source| DeployError::NoReceipt { contract, source })?;
    check_place(
        contract,
        deployer.create(nonce),
        receipt.status(),
        receipt.contract_address,
    )?;
    list_tokens(provider, deployer, &to).await?;
    deployment.addresses = to;
    Ok(())
}

/// Has the vault take what trades on the exchange.
async fn list_tokens<P: Provider>(provider: &P, deployer: Address, to: &Addresses) -> Result<(), DeployError> {
    const ERC20: u8 = 1;
    const ERC1155: u8 = 2;
    let contract = "ExchangeVault";
    let Some(vault) = to.exchange_vault else { return Ok(()) };
    let vault = ExchangeVault::new(vault, provider);
    let mut pending = Vec::new();
    for (token, kind) in [
        (to.asset_shares, ERC1155),
        (to.license_registry, ERC1155),
        (to.test_usd, ERC20),
    ] {
        let sent = vault.listToken(token, kind).from(deployer).send().await;
        let sent = sent.map_err(|source| {
            let source = Box::new(source);
            DeployError::Refused { contract, source }
        })?;
        pending.push((token, sent));
    }
    for (token, sent) in pending {
        let receipt = sent.get_receipt().await;
        let receipt = receipt.map_err(|source| DeployError::NoReceipt { contract, source })?;
        if !receipt.status() {
            return Err(DeployError::NotListed { token });
        }
    }
    Ok(())
}

/// Whether a creation came about where the other contracts were told that it would.
fn check_place(
    contract: &'static str,
    expected: Address,
    succeeded: bool,
    found: Option<Address>,
) -> Result<(), DeployError> {
    if !succeeded {
        return Err(DeployError::Reverted { contract });
    }
    if found != Some(expected) {
        return Err(DeployError::WrongAddress {
            contract,
            expected,
            found,
        });
    }
    Ok(())
}

/// The creation transactions, in the order of [`Addresses::named`].
fn creations<'a, P: Provider>(
    provider: &'a P,
    to: &Addresses,
    admin: Address,
    distributor: Address,
    vault: VaultConfig,
) -> [RawCallBuilder<&'a P, Ethereum>; 7] {
    [
        AssetRegistry::deploy_builder(provider, to.license_registry),
        LicenseRegistry::deploy_builder(provider, to.asset_registry, to.revenue_router),
        AssetShares::deploy_builder(provider, to.asset_registry),
        ContributionBook::deploy_builder(provider, to.asset_registry),
        RevenueRouter::deploy_builder(provider, to.asset_registry, to.license_registry, admin, distributor),
        TestUSD::deploy_builder(provider),
        ExchangeVault::deploy_builder(provider, to.asset_registry, to.revenue_router, admin, vault),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_elsewhere_than_the_others_expect_it_is_an_error() {
        let (expected, elsewhere) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let check = |succeeded, found| check_place("TestUSD", expected, succeeded, found);
        assert!(check(true, Some(expected)).is_ok());
        assert!(matches!(
            check(true, Some(elsewhere)),
            Err(DeployError::WrongAddress { .. })
        ));
        assert!(matches!(check(true, None), Err(DeployError::WrongAddress { .. })));
        assert!(matches!(
            check(false, Some(expected)),
            Err(DeployError::Reverted { .. })
        ));
    }

    #[test]
    fn predicted_addresses_follow_the_nonce() {
        let deployer = Address::repeat_byte(7);
        let addresses = Addresses::predict(deployer, 40);
        for (n, (_, address)) in (40..).zip(addresses.named()) {
            assert_eq!(address, deployer.create(n));
        }
    }
}
