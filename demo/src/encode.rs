//! Actions as calls of the contracts of a deployment: receiver, calldata and a gas limit.
//!
//! Many small calls of one contract become one transaction through its `multicall` or batch functions. Never asks a node: what only the
//! chain knows (ids of series that end, of contributions, of tasks and the like, and the time) is handed in as [`Known`]. Start at [`Encoder::call`].

#![deny(clippy::disallowed_methods)]

mod gas;
mod work;

use std::collections::HashMap;

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::sol_types::SolCall;
use souk_contracts::{
    AssetRegistry, AssetShares, ContributionBook, Deployment, ExchangeVault, LicenseRegistry, RevenueRouter, TestUSD,
    license_id, terms_id,
};
use souk_schema::event::Relation;

use crate::action::{
    AccountNo, Action, Allotments, AssetNo, Contribution, Derivation, Economy, Mint, NewAsset, Payment, Step, TermsNo,
};
use crate::work::Named;

/// The market group that the demo trades in.
pub const EXCHANGE_GROUP: u32 = 1;

/// A transaction without its sender, nonce and fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract, or that one is created.
    pub to: TxKind,
    /// What to call.
    pub data: Bytes,
    /// Enough for the call, within about twice of what it uses.
    pub gas: u64,
}

/// Ids that follow from the chain alone.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Newest series of an asset under terms that end.
    pub series: HashMap<(AssetNo, TermsNo), U256>,
    /// Contributions by their evidence.
    pub contributions: HashMap<B256, U256>,
    /// Tasks, executions and the like, by the hashes that name them.
    pub named: HashMap<(Named, B256), U256>,
    /// Time of the chain in unix seconds, from which deadlines are counted.
    pub now: u64,
}

/// What an action needs and nobody told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The series of an asset under terms that end.
    Series(AssetNo, TermsNo),
    /// The contribution to an asset with this evidence.
    Contribution(AssetNo, B256),
    /// What has this name.
    Named(Named, B256),
    /// The exchange's vault, which this deployment does not have.
    Vault,
    /// The contracts of the economy, which this deployment does not have.
    Economy,
}

/// Encodes the actions of one economy for one deployment.
#[derive(Clone, Debug)]
pub struct Encoder<'a> {
    economy: &'a Economy,
    deployment: &'a Deployment,
    first_asset_id: U256,
    terms: Vec<(LicenseRegistry::LicenseTerms, U256)>,
    addresses: Vec<Address>,
}

impl<'a> Encoder<'a> {
    /// `first_asset_id` is the id on chain of the economy's asset 0.
    pub fn new(economy: &'a Economy, deployment: &'a Deployment, first_asset_id: U256) -> Self {
        let dollars = deployment.addresses.test_usd;
        let with_id = |terms: LicenseRegistry::LicenseTerms| {
            let id = terms_id(&terms);
            (terms, id)
        };
        Self {
            economy,
            deployment,
            first_asset_id,
            terms: economy
                .terms
                .iter()
                .map(|terms| with_id(terms.to_contract(dollars, &economy.edition)))
                .collect(),
            addresses: economy.accounts.iter().map(|account| account.address()).collect(),
        }
    }

    /// Id on chain of an asset.
    pub fn asset_id(&self, asset: AssetNo) -> U256 {
        self.first_asset_id + U256::from(asset)
    }

    /// Id on chain of terms.
    pub fn terms_id(&self, terms: TermsNo) -> U256 {
        self.terms[terms].1
    }

    /// The step's transaction.
    ///
    /// # Errors
    /// [`Unknown`], the first id that is missing in `known`.
    pub fn call(&self, step: &Step, known: &Known) -> Result<Call, Unknown> {
        let to = &self.deployment.addresses;
        let (to, data) = match &step.action {
            Action::Work(work) => return self.work(step, work, known),
            Action::MakeDollars(micros) => (to.test_usd, self.make_dollars(step.from, *micros)),
            Action::ApproveRouter => (to.test_usd, approve(to.revenue_router)),
            Action::Register(assets) => (to.asset_registry, self.register(assets)),
            Action::RegisterTerms(numbers) => (to.license_registry, self.register_terms(numbers)),
            Action::Attach(offers) => (to.license_registry, self.attach(offers)),
            Action::MintLicences(mints) => (to.license_registry, self.mint(mints)),
            Action::Derive(derivations) => (to.asset_registry, self.derive(derivations, known)?),
            Action::DeriveForeign(child, parents) => (to.asset_registry, self.derive_foreign(*child, parents)),
            Action::AddVersions(versions) => (to.asset_registry, self.add_versions(versions)),
            Action::IssueShares(issues) => (to.asset_shares, self.issue(issues)),
            Action::PassShares(transfers) => (to.asset_shares, self.pass_shares(step.from, transfers)),
            Action::Record(contributions) => (to.contribution_book, self.record(contributions)),
            Action::VoidContribution(asset, evidence, reason) => {
                (to.contribution_book, void(*asset, *evidence, reason, known)?)
            }
            Action::Revoke(asset, terms, reason) => (to.license_registry, self.revoke(*asset, *terms, reason, known)?),
            Action::Pay(payments) => (to.revenue_router, self.pay(payments)),
            Action::PassLicences(asset, terms, receiver, amount) => {
                let series = self.series(*asset, *terms, known)?;
                (
                    to.license_registry,
                    self.pass_licences(step.from, series, *receiver, *amount),
                )
            }
            Action::PassAsset(asset, receiver) => (to.asset_registry, self.pass_asset(step.from, *asset, *receiver)),
            Action::ApproveVaultDollars => (to.test_usd, approve(self.vault()?)),
            Action::ApproveVaultShares => (to.asset_shares, approve_units(self.vault()?)),
            Action::ApproveVaultLicences => (to.license_registry, approve_units(self.vault()?)),
            Action::DepositDollars(micros) => {
                (self.vault()?, self.deposit(step.from, to.test_usd, U256::ZERO, *micros))
            }
            Action::DepositShares(asset, shares) => {
                let id = self.asset_id(*asset);
                (self.vault()?, self.deposit(step.from, to.asset_shares, id, *shares))
            }
            Action::DepositLicences(asset, terms, licences) => {
                let series = self.series(*asset, *terms, known)?;
                (
                    self.vault()?,
                    self.deposit(step.from, to.license_registry, series, *licences),
                )
            }
        };
        Ok(Call {
            to: TxKind::Call(to),
            gas: gas::limit(step, data.len()),
            data: data.into(),
        })
    }

    /// Id of a licence series: computed where it never ends, else as the chain told.
    fn series(&self, asset: AssetNo, terms: TermsNo, known: &Known) -> Result<U256, Unknown> {
        if self.economy.terms[terms].ends() {
            return known
                .series
                .get(&(asset, terms))
                .copied()
                .ok_or(Unknown::Series(asset, terms));
        }
        Ok(license_id(self.asset_id(asset), self.terms_id(terms), 0))
    }

    fn make_dollars(&self, to: AccountNo, micros: u64) -> Vec<u8> {
        TestUSD::mintCall {
            to: self.addresses[to],
            amount: U256::from(micros),
        }
        .abi_encode()
    }

    fn vault(&self) -> Result<Address, Unknown> {
        self.deployment.addresses.exchange_vault.ok_or(Unknown::Vault)
    }

    fn deposit(&self, from: AccountNo, token: Address, id: U256, amount: u64) -> Vec<u8> {
        ExchangeVault::depositCall {
            token,
            id,
            amount: u128::from(amount),
            account: self.addresses[from],
            group: EXCHANGE_GROUP,
        }
        .abi_encode()
    }

    fn revoke(&self, asset: AssetNo, terms: TermsNo, reason: &str, known: &Known) -> Result<Vec<u8>, Unknown> {
        let license_id = self.series(asset, terms, known)?;
        Ok(LicenseRegistry::revokeCall {
            licenseId: license_id,
            reason: reason.into(),
        }
        .abi_encode())
    }

    fn pass_licences(&self, from: AccountNo, series: U256, receiver: AccountNo, amount: u64) -> Vec<u8> {
        LicenseRegistry::safeTransferFromCall {
            from: self.addresses[from],
            to: self.addresses[receiver],
            id: series,
            value: U256::from(amount),
            data: Bytes::new(),
        }
        .abi_encode()
    }

    fn pass_asset(&self, from: AccountNo, asset: AssetNo, receiver: AccountNo) -> Vec<u8> {
        AssetRegistry::transferFromCall {
            from: self.addresses[from],
            to: self.addresses[receiver],
            tokenId: self.asset_id(asset),
        }
        .abi_encode()
    }

    fn register(&self, assets: &[NewAsset]) -> Vec<u8> {
        let inputs = assets
            .iter()
            .map(|asset| AssetRegistry::AssetInput {
                owner: self.addresses[asset.owner],
                kind: asset.kind.number(),
                name: asset.name.clone(),
                contentHash: asset.content_hash,
                metadataUri: asset.metadata_uri.clone(),
                contributorShareE8: asset.contributor_share_e8,
            })
            .collect();
        AssetRegistry::registerBatchCall { inputs }.abi_encode()
    }

    fn register_terms(&self, numbers: &[TermsNo]) -> Vec<u8> {
        let one = |number: &TermsNo| {
            LicenseRegistry::registerTermsCall {
                terms: self.terms[*number].0.clone(),
            }
            .abi_encode()
        };
        license_calls(numbers.iter().map(one))
    }

    fn attach(&self, offers: &[(AssetNo, TermsNo)]) -> Vec<u8> {
        license_calls(offers.iter().map(|&(asset, terms)| {
            LicenseRegistry::attachTermsCall {
                assetId: self.asset_id(asset),
                termsId: self.terms_id(terms),
            }
            .abi_encode()
        }))
    }

    fn mint(&self, mints: &[Mint]) -> Vec<u8> {
        license_calls(mints.iter().map(|mint| {
            let fee_micros = self.economy.terms[mint.terms].minting_fee_micros;
            LicenseRegistry::mintCall {
                assetId: self.asset_id(mint.asset),
                termsId: self.terms_id(mint.terms),
                amount: U256::from(mint.amount),
                receiver: self.addresses[mint.receiver],
                maxFee: U256::from(fee_micros) * U256::from(mint.amount),
            }
            .abi_encode()
        }))
    }

    fn derive(&self, derivations: &[Derivation], known: &Known) -> Result<Vec<u8>, Unknown> {
        let mut calls = Vec::with_capacity(derivations.len());
        for Derivation { child, edges } in derivations {
            let mut parents = Vec::with_capacity(edges.len());
            for edge in edges {
                parents.push(AssetRegistry::ParentInput {
                    parentId: self.asset_id(edge.parent),
                    relation: edge.relation.number(),
                    licenseId: match edge.licence {
                        Some(terms) => self.series(edge.parent, terms, known)?,
                        None => U256::ZERO,
                    },
                });
            }
            calls.push(
                AssetRegistry::declareParentsCall {
                    childId: self.asset_id(*child),
                    parents,
                }
                .abi_encode(),
            );
        }
        Ok(asset_calls(calls))
    }

    fn derive_foreign(&self, child: AssetNo, parents: &[(String, Relation)]) -> Vec<u8> {
        asset_calls(parents.iter().map(|(caip19, relation)| {
            AssetRegistry::declareForeignParentCall {
                childId: self.asset_id(child),
                caip19: caip19.clone(),
                relation: relation.number(),
            }
            .abi_encode()
        }))
    }

    fn add_versions(&self, versions: &[(AssetNo, B256, String)]) -> Vec<u8> {
        asset_calls(versions.iter().map(|(asset, content_hash, uri)| {
            AssetRegistry::addVersionCall {
                assetId: self.asset_id(*asset),
                contentHash: *content_hash,
                metadataUri: uri.clone(),
            }
            .abi_encode()
        }))
    }

    fn issue(&self, issues: &[(AssetNo, Allotments)]) -> Vec<u8> {
        share_calls(issues.iter().map(|(asset, allotments)| {
            AssetShares::issueCall {
                assetId: self.asset_id(*asset),
                supply: allotments.iter().map(|&(_, shares)| U256::from(shares)).sum(),
                receivers: allotments
                    .iter()
                    .map(|&(receiver, _)| self.addresses[receiver])
                    .collect(),
                amounts: allotments.iter().map(|&(_, shares)| U256::from(shares)).collect(),
            }
            .abi_encode()
        }))
    }

    fn pass_shares(&self, from: AccountNo, transfers: &[(AssetNo, AccountNo, u64)]) -> Vec<u8> {
        share_calls(transfers.iter().map(|&(asset, receiver, shares)| {
            AssetShares::safeTransferFromCall {
                from: self.addresses[from],
                to: self.addresses[receiver],
                id: self.asset_id(asset),
                value: U256::from(shares),
                data: Bytes::new(),
            }
            .abi_encode()
        }))
    }

    fn record(&self, contributions: &[Contribution]) -> Vec<u8> {
        let inputs = contributions
            .iter()
            .map(|contribution| ContributionBook::ContributionInput {
                assetId: self.asset_id(contribution.asset),
                contributor: self.addresses[contribution.contributor],
                role: contribution.role.number(),
                weight: U256::from(contribution.weight),
                evidenceHash: contribution.evidence,
            })
            .collect();
        ContributionBook::recordBatchCall { inputs }.abi_encode()
    }

    fn pay(&self, payments: &[Payment]) -> Vec<u8> {
        let payments = payments
            .iter()
            .map(|payment| RevenueRouter::Payment {
                assetId: self.asset_id(payment.asset),
                token: self.deployment.addresses.test_usd,
                amount: U256::from(payment.amount_micros),
                reason: payment.reason.number(),
                r#ref: payment.reference,
            })
            .collect();
        RevenueRouter::payBatchCall { payments }.abi_encode()
    }
}

/// Lets `spender` take all dollars of the sender.
fn approve(spender: Address) -> Vec<u8> {
    let value = U256::MAX;
    TestUSD::approveCall { spender, value }.abi_encode()
}

/// Lets `operator` move everything that the sender has of an ERC-1155 contract.
fn approve_units(operator: Address) -> Vec<u8> {
    let approved = true;
    AssetShares::setApprovalForAllCall { operator, approved }.abi_encode()
}

fn void(asset: AssetNo, evidence: B256, reason: &str, known: &Known) -> Result<Vec<u8>, Unknown> {
    let id = *known
        .contributions
        .get(&evidence)
        .ok_or(Unknown::Contribution(asset, evidence))?;
    Ok(ContributionBook::voidCall {
        contributionId: id,
        reason: reason.into(),
    }
    .abi_encode())
}

fn asset_calls(calls: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    AssetRegistry::multicallCall {
        data: calls.into_iter().map(Bytes::from).collect(),
    }
    .abi_encode()
}

fn license_calls(calls: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    LicenseRegistry::multicallCall {
        data: calls.into_iter().map(Bytes::from).collect(),
    }
    .abi_encode()
}

fn share_calls(calls: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    AssetShares::multicallCall {
        data: calls.into_iter().map(Bytes::from).collect(),
    }
    .abi_encode()
}
