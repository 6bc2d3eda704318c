//! Deploys the contracts and wires them to one another.
//!
//! They name each other in immutable constructor arguments, so the addresses are computed from the deployer's nonce
//! before anything is sent, and checked against the receipts. Never funds the deployer, never retries. Start at
//! [`deploy`].

use alloy::contract::RawCallBuilder;
use alloy::network::Ethereum;
use alloy::primitives::{Address, U256};
use alloy::providers::{PendingTransactionError, Provider};
use alloy::transports::TransportError;

use crate::DisputeCourt::CourtConfig;
use crate::ExchangeVault::VaultConfig;
use crate::ExecutionLog::ExecutionLogConfig;
use crate::PayoutDistributor::DistributorConfig;
use crate::addresses::{Addresses, Deployment, Economy};
use crate::{
    AssetRegistry, AssetShares, ContributionBook, DisputeCourt, ExchangeVault, ExecutionLog, Gateway, LicenseRegistry,
    PayoutDistributor, RevenueRouter, TaskBoard, TestUSD, dev,
};

/// What the contracts of the economy are deployed with: who does what, and how long things wait. The deployer is the admin of
/// each: decides disputes of roots and challenges of executions, overrules the judge, changes roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EconomyConfig {
    /// Proposes the roots of payouts.
    pub proposer: Address,
    /// Judges disputes over assets.
    pub judge: Address,
    /// Mirrors assets of other chains.
    pub relayer: Address,
    /// Receives the protocol fee, by the roots, and lost bonds.
    pub treasury: Address,
    /// Protocol fee in parts per 100,000,000 of a revenue.
    pub protocol_fee_e8: u32,
    /// ERC-20 token of bonds; `None` for the deployment's test token.
    pub bond_token: Option<Address>,
    /// The bond of a dispute or challenge, in base units.
    pub bond: U256,
    /// How long a root can be disputed, in seconds; each window is 1 second to 30 days.
    pub dispute_window_secs: u64,
    /// How long after a task's deadline its reviewers may review, in seconds.
    pub review_period_secs: u64,
    /// How long a completed execution can be challenged, in seconds.
    pub challenge_window_secs: u64,
    /// How long a judgement can be overruled, in seconds.
    pub appeal_window_secs: u64,
}

/// What a whole set is deployed with.
#[derive(Clone, Debug)]
pub struct DeployConfig {
    /// Of the exchange's vault.
    pub vault: VaultConfig,
    /// Of the contracts of the economy.
    pub economy: EconomyConfig,
}

impl From<VaultConfig> for DeployConfig {
    /// With the dev chain's economy beside the vault.
    fn from(vault: VaultConfig) -> Self {
        let economy = dev::economy_config(dev::PROPOSER, dev::JUDGE, dev::RELAYER, dev::FEE_ACCOUNT);
        Self { vault, economy }
    }
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
        "the creation of {contract} failed on chain; give the deployment more gas, a distributor that is not zero, a vault's \
         roles and delays that `VaultRoles.sol` takes, and windows, a bond and a fee that the economy's contracts take"
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
    /// The revenue router keeps its distributor.
    #[error("the revenue router did not take the new distributor; let its admin deploy")]
    NotRouted,
    /// The vault does not take the token.
    #[error("the vault did not list {token}; everything is deployed, so list it by hand or deploy again")]
    NotListed {
        /// The token.
        token: Address,
    },
}

/// Deploys all contracts with `deployer` in every role, and the delays and windows of [`dev`]. See [`deploy_with`].
///
/// # Errors
/// See [`DeployError`]; contracts created before the failure stay on chain, unused.
pub async fn deploy<P: Provider>(
    provider: &P,
    deployer: Address,
    distributor: impl Into<Option<Address>>,
) -> Result<Deployment, DeployError> {
    let config = DeployConfig {
        vault: dev::vault_config(deployer, deployer, deployer),
        economy: dev::economy_config(deployer, deployer, deployer, deployer),
    };
    deploy_with(provider, deployer, distributor, config).await
}

/// Deploys all twelve contracts in as many transactions of `deployer`, for whom `provider` must be able to sign (a wallet in the
/// provider, or an account that the node unlocks) and who must send nothing else meanwhile; three more list shares,
/// licences and the test token in the vault. `deployer` becomes the admin of every contract that has one.
/// All revenue goes to the payout distributor of the set, or to `distributor` where one is given, which must be neither zero
/// nor a payer, and which then pays nobody by the set's roots.
///
/// # Errors
/// See [`DeployError`]; contracts created before the failure stay on chain, unused.
pub async fn deploy_with<P: Provider>(
    provider: &P,
    deployer: Address,
    distributor: impl Into<Option<Address>>,
    config: impl Into<DeployConfig>,
) -> Result<Deployment, DeployError> {
    let chain_id = provider.get_chain_id().await?;
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let addresses = Addresses::predict(deployer, nonce);
    let economy = Economy::predict(deployer, nonce + 7);
    let distributor = distributor.into().unwrap_or(economy.distributor);
    let DeployConfig {
        vault,
        economy: economy_config,
    } = config.into();
    let creations = creations(provider, &addresses, deployer, distributor, vault)
        .into_iter()
        .chain(economy_creations(provider, &addresses, deployer, economy_config));
    let block = create_all(deployer, addresses.named().into_iter().zip(creations)).await?;
    list_tokens(provider, deployer, &addresses).await?;
    Ok(Deployment {
        chain_id,
        block,
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
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let at = deployer.create(nonce);
    let to = Addresses {
        exchange_vault: Some(at),
        ..deployment.addresses
    };
    let creation = ExchangeVault::deploy_builder(provider, to.asset_registry, to.revenue_router, deployer, vault);
    create_all(deployer, [(("ExchangeVault", at), creation)]).await?;
    list_tokens(provider, deployer, &to).await?;
    deployment.addresses = to;
    Ok(())
}

/// Deploys the contracts of the economy for a deployment that has none, in six transactions of `deployer`, who is the revenue
/// router's admin, and names them in the deployment. Revenue goes to the new distributor from then on; what the one before
/// received stays with it, and no root of the new one can pay it out.
/// See [`deploy_with`] for who may send the transactions.
///
/// # Errors
/// See [`DeployError`]; the deployment is then as it was, and the router may have the new distributor already only where the
/// receipt of its last transaction was lost.
pub async fn add_economy<P: Provider>(
    provider: &P,
    deployer: Address,
    deployment: &mut Deployment,
    config: EconomyConfig,
) -> Result<(), DeployError> {
    let contract = "RevenueRouter";
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let economy = Economy::predict(deployer, nonce);
    let to = deployment.addresses.with_economy(economy);
    let creations = economy_creations(provider, &to, deployer, config);
    create_all(deployer, economy.named().into_iter().zip(creations)).await?;

    let router = RevenueRouter::new(to.revenue_router, provider);
    let sent = router.setDistributor(economy.distributor).from(deployer).send().await;
    let sent = sent.map_err(|source| {
        let source = Box::new(source);
        DeployError::Refused { contract, source }
    })?;
    let receipt = sent.get_receipt().await;
    let receipt = receipt.map_err(|source| DeployError::NoReceipt { contract, source })?;
    if !receipt.status() {
        return Err(DeployError::NotRouted);
    }
    deployment.addresses = to;
    Ok(())
}

/// Sends the creations in order, each with the contract's name and where the others expect it; the block of the first.
async fn create_all<P: Provider>(
    deployer: Address,
    creations: impl IntoIterator<Item = ((&'static str, Address), RawCallBuilder<P, Ethereum>)>,
) -> Result<u64, DeployError> {
    let mut pending = Vec::new();
    for ((contract, expected), creation) in creations {
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
    Ok(first_block.unwrap_or_default())
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

/// The first seven creation transactions, in the order of [`Addresses::named`].
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

/// The creation transactions of the economy, in the order of [`Economy::named`].
fn economy_creations<'a, P: Provider>(
    provider: &'a P,
    to: &Addresses,
    admin: Address,
    config: EconomyConfig,
) -> [RawCallBuilder<&'a P, Ethereum>; 5] {
    let (bond_token, bond) = (config.bond_token.unwrap_or(to.test_usd), config.bond);
    let distributor = DistributorConfig {
        proposer: config.proposer,
        feeAccount: config.treasury,
        protocolFeeE8: config.protocol_fee_e8,
        bondToken: bond_token,
        bond,
        disputeWindowSecs: config.dispute_window_secs,
    };
    let executions = ExecutionLogConfig {
        treasury: config.treasury,
        bondToken: bond_token,
        bond,
        challengeWindowSecs: config.challenge_window_secs,
    };
    let court = CourtConfig {
        judge: config.judge,
        treasury: config.treasury,
        bondToken: bond_token,
        bond,
        appealWindowSecs: config.appeal_window_secs,
    };
    let (assets, licenses, book) = (to.asset_registry, to.license_registry, to.contribution_book);
    [
        PayoutDistributor::deploy_builder(provider, admin, distributor),
        TaskBoard::deploy_builder(provider, assets, book, to.asset_shares, config.review_period_secs),
        ExecutionLog::deploy_builder(provider, assets, licenses, book, to.revenue_router, admin, executions),
        DisputeCourt::deploy_builder(provider, assets, admin, court),
        Gateway::deploy_builder(provider, assets, admin, config.relayer),
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
}
