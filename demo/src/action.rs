//! What accounts of an economy do, one action a transaction, before it is encoded for a deployment.
//!
//! Assets, terms and accounts are numbers within the economy; ids on chain come later, from where its assets begin. Never does I/O. Start
//! at [`Action`].

#![deny(clippy::disallowed_methods)]

use std::fmt;
use std::ops::Range;

use alloy::primitives::B256;
use souk_schema::event::{AssetKind, ContributionRole, Relation, RevenueReason};

use crate::cast::Account;
use crate::events::{EventCounts, EventKind};
use crate::licences::Terms;
use crate::work::Work;

/// Number of an account in [`Economy::accounts`].
pub type AccountNo = usize;
/// Number of terms in [`Economy::terms`].
pub type TermsNo = usize;
/// Number of an asset, from 0 in the order of registration; its id on chain is that of the economy's first asset plus this.
pub type AssetNo = u64;

/// Who gets how many shares of an issue; together they are the supply.
pub type Allotments = Vec<(AccountNo, u64)>;

/// What every stage of an economy refers to.
#[derive(Clone, Debug)]
pub struct Economy {
    /// Name and seed, unique on a chain; accounts and terms differ between editions.
    pub edition: String,
    /// Everybody who acts.
    pub accounts: Vec<Account>,
    /// Those of [`Self::accounts`] whose keys are the dev chain's, not the economy's: they hold the contracts' offices, and others may
    /// use them too.
    pub officers: Range<AccountNo>,
    /// Who creates the points that dual rewards are paid in, with the transaction of this nonce.
    pub points: Option<(AccountNo, u64)>,
    /// All terms that are used.
    pub terms: Vec<Terms>,
    /// Owner and content hash of the first asset, by which the economy is found on a chain.
    pub first_asset: (AccountNo, B256),
    /// Assets that are worth looking at, with their names.
    pub examples: Vec<(String, AssetNo)>,
}

/// Steps that may be mined in any order that keeps each account's own; all of the stage before are mined by then.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What happens, for the progress display.
    pub name: String,
    /// Whether each account's steps wait for those of the account before, because ids on chain follow from the order.
    pub ordered: bool,
    /// The transactions.
    pub steps: Vec<Step>,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who signs it.
    pub from: AccountNo,
    /// What it does.
    pub action: Action,
    /// Reciprocal terms that the registry attaches to children on its own account: so many more events.
    pub inherited_terms: usize,
}

/// A new asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAsset {
    /// Who owns it.
    pub owner: AccountNo,
    /// What it is.
    pub kind: AssetKind,
    /// Display name.
    pub name: String,
    /// Commitment to the metadata document.
    pub content_hash: B256,
    /// The metadata document, as a `data:` URI.
    pub metadata_uri: String,
    /// Contributors' share in parts per 100,000,000.
    pub contributor_share_e8: u32,
}

/// Licences to mint; the sender pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    /// The licensed asset.
    pub asset: AssetNo,
    /// Under which of its terms.
    pub terms: TermsNo,
    /// How many.
    pub amount: u64,
    /// Who gets them.
    pub receiver: AccountNo,
}

/// One edge of lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The parent.
    pub parent: AssetNo,
    /// How the child came from it.
    pub relation: Relation,
    /// Terms of the licence that the child's owner holds; `None` where one account owns both.
    pub licence: Option<TermsNo>,
}

/// All parents of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The child.
    pub child: AssetNo,
    /// Its edges.
    pub edges: Vec<Edge>,
}

/// A contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The asset.
    pub asset: AssetNo,
    /// Who did it.
    pub contributor: AccountNo,
    /// What.
    pub role: ContributionRole,
    /// Part in the contributors' share, relative to the others of the asset.
    pub weight: u64,
    /// Commitment to the evidence; unique in the economy.
    pub evidence: B256,
}

/// A payment for an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The asset.
    pub asset: AssetNo,
    /// Millionths of a test dollar.
    pub amount_micros: u64,
    /// What for; never the sale of a licence, which is paid by minting it.
    pub reason: RevenueReason,
    /// The payer's own reference.
    pub reference: B256,
}

/// What one transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes so many millionths of a test dollar for the sender.
    MakeDollars(u64),
    /// Lets the revenue router take the sender's dollars.
    ApproveRouter,
    /// Registers assets, for any owner.
    Register(Vec<NewAsset>),
    /// Registers terms.
    RegisterTerms(Vec<TermsNo>),
    /// Offers assets of the sender under terms.
    Attach(Vec<(AssetNo, TermsNo)>),
    /// Mints licences.
    MintLicences(Vec<Mint>),
    /// Declares parents of assets of the sender.
    Derive(Vec<Derivation>),
    /// Declares parents elsewhere, by CAIP-19 id, of an asset of the sender.
    DeriveForeign(AssetNo, Vec<(String, Relation)>),
    /// Adds a version (content hash, metadata URI) to assets of the sender.
    AddVersions(Vec<(AssetNo, B256, String)>),
    /// Issues shares of assets of the sender: receivers and their shares.
    IssueShares(Vec<(AssetNo, Allotments)>),
    /// Passes on shares of the sender: asset, receiver, number.
    PassShares(Vec<(AssetNo, AccountNo, u64)>),
    /// Records contributions to assets of the sender.
    Record(Vec<Contribution>),
    /// Voids the contribution with this evidence that the sender recorded for the asset.
    VoidContribution(AssetNo, B256, String),
    /// Ends the series of an asset of the sender under terms.
    Revoke(AssetNo, TermsNo, String),
    /// Pays for assets.
    Pay(Vec<Payment>),
    /// Passes on licences of the sender: asset, terms, receiver, number.
    PassLicences(AssetNo, TermsNo, AccountNo, u64),
    /// Passes on the owner token of an asset of the sender.
    PassAsset(AssetNo, AccountNo),
    /// Lets the exchange's vault take the sender's dollars.
    ApproveVaultDollars,
    /// Lets the exchange's vault take the sender's shares.
    ApproveVaultShares,
    /// Lets the exchange's vault take the sender's licences.
    ApproveVaultLicences,
    /// Deposits so many millionths of a test dollar of the sender into the vault.
    DepositDollars(u64),
    /// Deposits so many shares of an asset of the sender into the vault.
    DepositShares(AssetNo, u64),
    /// Deposits so many licences of the newest series of an asset under terms into the vault.
    DepositLicences(AssetNo, TermsNo, u64),
    /// Something with the contracts of the economy.
    Work(Work),
}

impl Step {
    /// A step that attaches nothing on its own account.
    pub fn new(from: AccountNo, action: Action) -> Self {
        Self {
            from,
            action,
            inherited_terms: 0,
        }
    }

    /// The events that its transaction makes, under the economy's terms.
    pub fn events(&self, terms: &[Terms]) -> EventCounts {
        let of = EventCounts::of;
        match &self.action {
            Action::MakeDollars(_) => of(EventKind::DollarsTransferred, 1),
            Action::ApproveRouter => of(EventKind::DollarsApproved, 1),
            Action::Register(assets) => {
                of(EventKind::AssetRegistered, assets.len()).and(EventKind::AssetTransferred, assets.len())
            }
            Action::RegisterTerms(numbers) => of(EventKind::TermsRegistered, numbers.len()),
            Action::Attach(offers) => of(EventKind::TermsAttached, offers.len()),
            Action::MintLicences(mints) => {
                let sold = mints
                    .iter()
                    .filter(|mint| terms[mint.terms].minting_fee_micros > 0)
                    .count();
                of(EventKind::LicenceMinted, mints.len())
                    .and(EventKind::LicenceTransferred, mints.len())
                    .and(EventKind::RevenueReceived, sold)
                    .and(EventKind::DollarsTransferred, sold)
            }
            Action::Derive(derivations) => {
                let edges = derivations.iter().map(|derivation| derivation.edges.len()).sum();
                of(EventKind::DerivationDeclared, edges).and(EventKind::TermsAttached, self.inherited_terms)
            }
            Action::DeriveForeign(_, parents) => of(EventKind::ForeignParentDeclared, parents.len()),
            Action::AddVersions(versions) => of(EventKind::AssetVersioned, versions.len()),
            Action::IssueShares(issues) => {
                let receivers = issues.iter().map(|(_, allotments)| allotments.len()).sum();
                of(EventKind::SharesIssued, issues.len()).and(EventKind::SharesTransferred, receivers)
            }
            Action::PassShares(transfers) => of(EventKind::SharesTransferred, transfers.len()),
            Action::Record(contributions) => of(EventKind::ContributionRecorded, contributions.len()),
            Action::VoidContribution(..) => of(EventKind::ContributionVoided, 1),
            Action::Revoke(..) => of(EventKind::LicenceRevoked, 1),
            Action::Pay(payments) => {
                of(EventKind::RevenueReceived, payments.len()).and(EventKind::DollarsTransferred, payments.len())
            }
            Action::PassLicences(..) => of(EventKind::LicenceTransferred, 1),
            Action::PassAsset(..) => of(EventKind::AssetTransferred, 1),
            Action::ApproveVaultDollars => of(EventKind::DollarsApproved, 1),
            Action::ApproveVaultShares => of(EventKind::SharesApproved, 1),
            Action::ApproveVaultLicences => of(EventKind::LicencesApproved, 1),
            Action::DepositDollars(_) => of(EventKind::DollarsTransferred, 1).and(EventKind::Deposited, 1),
            Action::DepositShares(..) => of(EventKind::SharesTransferred, 1).and(EventKind::Deposited, 1),
            Action::DepositLicences(..) => of(EventKind::LicenceTransferred, 1).and(EventKind::Deposited, 1),
            Action::Work(work) => work.events(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeDollars(micros) => write!(f, "make {} test dollars", micros / 1_000_000),
            Self::ApproveRouter => write!(f, "let the revenue router take test dollars"),
            Self::Register(assets) => match assets.as_slice() {
                [one] => write!(f, "register {}", one.name),
                many => write!(f, "register {} assets", many.len()),
            },
            Self::RegisterTerms(numbers) => write!(f, "register {} terms", numbers.len()),
            Self::Attach(offers) => write!(f, "attach {} terms", offers.len()),
            Self::MintLicences(mints) => write!(f, "mint licences of {} assets", mints.len()),
            Self::Derive(derivations) => match derivations.as_slice() {
                [one] => write!(f, "declare {} parents of asset {}", one.edges.len(), one.child),
                many => write!(f, "declare the parents of {} assets", many.len()),
            },
            Self::DeriveForeign(child, _) => write!(f, "declare foreign parents of asset {child}"),
            Self::AddVersions(versions) => write!(f, "add {} versions", versions.len()),
            Self::IssueShares(issues) => write!(f, "issue shares of {} assets", issues.len()),
            Self::PassShares(transfers) => write!(f, "pass on shares of {} assets", transfers.len()),
            Self::Record(contributions) => write!(f, "record {} contributions", contributions.len()),
            Self::VoidContribution(asset, ..) => write!(f, "void a contribution to asset {asset}"),
            Self::Revoke(asset, ..) => write!(f, "revoke a licence series of asset {asset}"),
            Self::Pay(payments) => write!(f, "pay for {} assets", payments.len()),
            Self::PassLicences(asset, ..) => write!(f, "pass on licences of asset {asset}"),
            Self::PassAsset(asset, _) => write!(f, "pass on asset {asset}"),
            Self::ApproveVaultDollars => write!(f, "let the exchange's vault take test dollars"),
            Self::ApproveVaultShares => write!(f, "let the exchange's vault take shares"),
            Self::ApproveVaultLicences => write!(f, "let the exchange's vault take licences"),
            Self::DepositDollars(micros) => write!(f, "deposit {} test dollars", micros / 1_000_000),
            Self::DepositShares(asset, shares) => write!(f, "deposit {shares} shares of asset {asset}"),
            Self::DepositLicences(asset, _, licences) => write!(f, "deposit {licences} licences of asset {asset}"),
            Self::Work(work) => work.fmt(f),
        }
    }
}
