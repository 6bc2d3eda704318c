//! What an export is made of: everything that is known of one asset as of one block.
//!
//! A dossier holds facts that the index read from logs, each with the event behind it, and what the metadata document says. It is filled
//! by a shell that reads one snapshot; the order of the lists does not matter, and lists may name an asset that [`Lineage::nodes`] does
//! not describe.

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{
    AssetKind, ContributionRole, ExecutionKind, LicenseTerms, PrivacyMode, Relation, RevenueReason,
};
use souk_schema::{Address, B256, BlockRef, ChainId, TokenRef, U256};

/// Everything that is known of one asset as of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// As of when.
    pub snapshot: Snapshot,
    /// The asset.
    pub asset: Asset,
    /// Its shares, where any were issued.
    pub shares: Option<Shares>,
    /// The terms attached to it.
    pub licenses: Vec<License>,
    /// What was contributed to it; voided contributions are left out by who fills the dossier.
    pub contributions: Vec<Contribution>,
    /// What it came from and what came from it.
    pub lineage: Lineage,
    /// The executions of it, or that used or made it.
    pub executions: Vec<Execution>,
    /// The tasks posted for it.
    pub tasks: Vec<Task>,
    /// What was paid for it.
    pub revenues: Vec<Revenue>,
}

/// The block that the dossier was made at: it says what was true when that block was the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// The chain of the asset.
    pub chain: ChainId,
    /// The block.
    pub block: BlockRef,
    /// The block's time, in seconds since 1970.
    pub time_secs: u64,
}

/// The event that made something true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRef {
    /// The chain that it happened on.
    pub chain: ChainId,
    /// The block that holds it.
    pub block: BlockRef,
    /// The transaction that emitted it.
    pub transaction: B256,
    /// Its index within the block.
    pub log_index: u32,
    /// The block's time, in seconds since 1970.
    pub time_secs: u64,
}

/// The asset itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its CAIP-19 identity.
    pub id: EvmAssetId,
    /// What it is.
    pub kind: AssetKind,
    /// Its name on chain.
    pub name: String,
    /// What its metadata document says it is.
    pub description: Option<String>,
    /// The licence that its metadata document names: said of it where no terms are attached, since terms on chain are what holds.
    pub stated_licence: Option<String>,
    /// Its page on the web, an absolute URL, where this index has one.
    pub page: Option<String>,
    /// Its first owner.
    pub creator: Address,
    /// Its owner now; none where the token was burnt.
    pub owner: Option<Address>,
    /// Its registration.
    pub registered: EventRef,
    /// Its versions.
    pub versions: Vec<Version>,
}

/// A version of an asset's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// The commitment to its content. How it was computed is the owner's matter, so no document calls it a digest of a known algorithm.
    pub content_hash: B256,
    /// Where its metadata document is.
    pub metadata_uri: String,
    /// The files that its metadata document names.
    pub files: Vec<ContentFile>,
    /// The event that declared it.
    pub declared: EventRef,
}

/// A file that a metadata document names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentFile {
    /// Its name, which may be empty.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The SHA-256 of its bytes.
    pub sha256: Option<B256>,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
}

/// An asset's shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The shares, a token of the share contract.
    pub token: TokenRef,
    /// How many there are.
    pub supply: U256,
    /// Their issue.
    pub issued: EventRef,
    /// Who holds them.
    pub holders: Vec<Holding>,
}

/// What one account holds of an asset's shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// The holder.
    pub account: Address,
    /// How many shares.
    pub amount: U256,
}

/// Terms that an asset is licensed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// The licence registry.
    pub registry: Address,
    /// The terms' id there.
    pub terms_id: U256,
    /// The terms.
    pub terms: LicenseTerms,
    /// The event that attached them.
    pub attached: EventRef,
}

/// What an account did for the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contribution {
    /// Its id in its book.
    pub id: TokenRef,
    /// By whom.
    pub contributor: Address,
    /// In which role.
    pub role: ContributionRole,
    /// Its weight among the asset's contributions.
    pub weight: U256,
    /// The commitment to the evidence.
    pub evidence_hash: B256,
    /// The event that recorded it.
    pub recorded: EventRef,
}

/// The part of the lineage graph around the asset.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Lineage {
    /// Whether edges further away were left out.
    pub truncated: bool,
    /// The assets that are known, beside the dossier's own.
    pub nodes: Vec<Node>,
    /// The derivations.
    pub edges: Vec<Derivation>,
}

/// An asset of the lineage, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its CAIP-19 identity.
    pub id: AssetId,
    /// What it is.
    pub kind: Option<AssetKind>,
    /// Its name.
    pub name: Option<String>,
    /// Its newest version.
    pub version: Option<u32>,
    /// The commitment to that version's content.
    pub content_hash: Option<B256>,
    /// Where that version's metadata document is.
    pub metadata_uri: Option<String>,
}

/// An edge from a child to what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Derivation {
    /// The derived asset.
    pub child: AssetId,
    /// What it was made from.
    pub parent: AssetId,
    /// How.
    pub relation: Relation,
    /// How far it is to be believed.
    pub status: DerivationStatus,
    /// The execution that backs it, by its id in its log.
    pub execution: Option<TokenRef>,
    /// The event that declared it.
    pub declared: EventRef,
}

/// How far a derivation is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DerivationStatus {
    /// The child's owner says so.
    Declared,
    /// An execution record with hashes backs it.
    Evidenced,
    /// A challenge or a dispute was upheld against it, or is open.
    Disputed,
}

impl DerivationStatus {
    /// The name in text.
    pub fn as_str(self) -> &'static str {
        match self {
            DerivationStatus::Declared => "declared",
            DerivationStatus::Evidenced => "evidenced",
            DerivationStatus::Disputed => "disputed",
        }
    }
}

/// Something that was run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Execution {
    /// Its id in its log.
    pub id: TokenRef,
    /// What was run.
    pub asset: EvmAssetId,
    /// The asset that asked for it, where an agent called another.
    pub caller: Option<EvmAssetId>,
    /// The execution that it is a part of.
    pub parent: Option<TokenRef>,
    /// What it did.
    pub kind: ExecutionKind,
    /// How the data that it used was kept private.
    pub privacy: PrivacyMode,
    /// The ε that it spent of its datasets' budgets, in millionths; 0 without differential privacy.
    pub epsilon_micros: u64,
    /// Who asked for it.
    pub requester: Address,
    /// Who was to run it.
    pub provider: Address,
    /// The datasets that it used.
    pub datasets: Vec<EvmAssetId>,
    /// The commitment to its input.
    pub input_hash: B256,
    /// The event that asked for it.
    pub requested: EventRef,
    /// What became of it so far.
    pub outcome: Outcome,
    /// Who questioned it.
    pub challenges: Vec<Challenge>,
}

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing yet.
    Pending,
    /// Its provider says that it is done.
    Completed {
        /// The asset that came of it.
        output: Option<EvmAssetId>,
        /// The commitment to its output.
        output_hash: B256,
        /// What was metered, in the provider's unit.
        metered_units: u64,
        /// The event that completed it.
        completed: EventRef,
    },
    /// It was called off.
    Cancelled {
        /// The event that cancelled it.
        cancelled: EventRef,
    },
}

/// A bonded doubt about an execution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Challenge {
    /// Its id in the execution log.
    pub id: TokenRef,
    /// Who doubts.
    pub challenger: Address,
    /// The event that raised it.
    pub raised: EventRef,
    /// How it ended.
    pub resolved: Option<Resolution>,
}

/// How a challenge ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolution {
    /// Whether the doubt was right.
    pub upheld: bool,
    /// The event that said so.
    pub event: EventRef,
}

/// Escrowed work for the asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// Its id on its board.
    pub id: TokenRef,
    /// Who posted it.
    pub poster: Address,
    /// What for.
    pub role: ContributionRole,
    /// The commitment to its specification.
    pub spec_hash: B256,
    /// Where the specification is.
    pub spec_uri: String,
    /// The event that posted it.
    pub posted: EventRef,
    /// The event that closed it.
    pub closed: Option<EventRef>,
    /// What was handed in.
    pub submissions: Vec<Submission>,
}

/// Work handed in for a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Submission {
    /// Its id on the board.
    pub id: TokenRef,
    /// By whom.
    pub worker: Address,
    /// The commitment to the work.
    pub content_hash: B256,
    /// Where it is.
    pub content_uri: String,
    /// Whether the reviewers took it; none while they have not decided.
    pub accepted: Option<bool>,
    /// The event that handed it in.
    pub submitted: EventRef,
}

/// A payment that arrived for the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revenue {
    /// Its id in the router that took it.
    pub id: TokenRef,
    /// Who paid.
    pub payer: Address,
    /// The ERC-20 that it was paid in.
    pub token: Address,
    /// How much, in base units.
    pub amount: U256,
    /// For what.
    pub reason: RevenueReason,
    /// The event that received it.
    pub received: EventRef,
}
