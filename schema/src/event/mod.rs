//! Domain events: what a log means. Adapters make them of raw logs; projections fold them into state.
//!
//! Events are facts in the past tense. An event never says *where* it happened: position comes from the record that held the log.
//!
//! [`DomainEvent`] is all of them. Those of assets, licences, shares, contributions and revenues stand in it; the others are structs,
//! one file per contract; what other protocols say is [`foreign`]. [`numbers`] has the enums that contracts hold as small numbers.

mod dispute;
mod execution;
pub mod foreign;
mod gateway;
pub mod numbers;
mod payout;
mod terms;
mod vault;
mod work;

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::amount::E8;
use crate::caip::AssetId;
use crate::id::{TokenRef, TokenStandard};

pub use dispute::{DisputeJudged, DisputeRaised, DisputeResolved};
pub use execution::{
    ChallengeResolved, ExecutionCancelled, ExecutionChallenged, ExecutionCompleted, ExecutionRequested,
    RoundAggregated, RoundOpened, UpdateSubmitted,
};
pub use foreign::ForeignEvent;
pub use gateway::{AssetAnnounced, AssetMirrored};
pub use numbers::{
    AssetKind, ContributionRole, DisputeOutcome, DisputeTag, ExecutionKind, ForeignKind, PrivacyMode, Relation,
    RevenueReason, RoyaltyPolicy, TaskMode, UnknownNumber,
};
pub use payout::{
    DistributorChanged, PayoutClaimed, ProtocolFeeChanged, RootDisputeResolved, RootDisputed, RootFinalised,
    RootProposed, RootWithdrawn,
};
pub use terms::LicenseTerms;
pub use vault::{VaultCredited, VaultDebited, VaultFeeAccountChanged, VaultFilled, VaultMarketListed};
pub use work::{RewardPaid, SubmissionMade, SubmissionRejected, SubmissionReviewed, TaskClosed, TaskPosted};

/// What a log means.
///
/// Asset ids are tokens of the registry that emitted the event; ids of other contracts (series, terms, contributions, revenues) are
/// tokens or numbers of the contract that emitted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DomainEvent {
    /// An asset came to be, in version 1.
    AssetRegistered {
        /// The asset.
        asset: TokenRef,
        /// Its first owner.
        owner: Address,
        /// What it is.
        kind: AssetKind,
        /// Its name.
        name: String,
        /// Commitment to the content of version 1.
        content_hash: B256,
        /// Where the metadata document of version 1 is.
        metadata_uri: String,
        /// The contributors' part of what the asset keeps.
        contributor_share: E8,
    },
    /// An asset got a new version, from 2 on.
    AssetVersioned {
        /// The asset.
        asset: TokenRef,
        /// The version's number.
        version: u32,
        /// Commitment to its content.
        content_hash: B256,
        /// Where its metadata document is.
        metadata_uri: String,
    },
    /// A child's owner declared a parent in the same registry.
    DerivationDeclared {
        /// The derived asset.
        child: TokenRef,
        /// What it was made from.
        parent: TokenRef,
        /// How.
        relation: Relation,
        /// The series of the parent that allowed it; 0 where both have one owner and none was needed.
        #[serde(with = "crate::amount::decimal")]
        license_id: U256,
    },
    /// A child's owner declared a parent elsewhere.
    ForeignParentDeclared {
        /// The derived asset.
        child: TokenRef,
        /// What it was made from, on this or any other chain.
        parent: AssetId,
        /// How.
        relation: Relation,
    },
    /// Terms were registered.
    LicenseTermsRegistered {
        /// The registry that keeps them.
        registry: Address,
        /// Their id in that registry.
        #[serde(with = "crate::amount::decimal")]
        terms_id: U256,
        /// The terms.
        terms: LicenseTerms,
    },
    /// An asset is licensed under terms from now on.
    LicenseTermsAttached {
        /// The licence registry.
        registry: Address,
        /// The asset.
        asset: TokenRef,
        /// The terms.
        #[serde(with = "crate::amount::decimal")]
        terms_id: U256,
    },
    /// Units of a series were minted.
    LicenseMinted {
        /// The series, a token of the licence registry.
        series: TokenRef,
        /// The licensed asset.
        asset: TokenRef,
        /// The terms.
        #[serde(with = "crate::amount::decimal")]
        terms_id: U256,
        /// Who paid.
        minter: Address,
        /// Who holds the units.
        receiver: Address,
        /// How many.
        #[serde(with = "crate::amount::decimal")]
        amount: U256,
        /// Unix time in seconds at which the series ends; 0 never.
        expires_at: u64,
        /// What was paid, in base units of the terms' currency.
        #[serde(with = "crate::amount::decimal")]
        fee_paid: U256,
    },
    /// A whole series was revoked.
    LicenseRevoked {
        /// The series.
        series: TokenRef,
        /// By whom.
        revoked_by: Address,
        /// Why.
        reason: String,
    },
    /// An asset's fixed share supply was issued.
    SharesIssued {
        /// The shares, a token of the share contract.
        shares: TokenRef,
        /// The asset that they are shares of.
        asset: TokenRef,
        /// By whom.
        issuer: Address,
        /// How many, for ever.
        #[serde(with = "crate::amount::decimal")]
        supply: U256,
    },
    /// A contribution was recorded.
    ContributionRecorded {
        /// Its id in its book.
        contribution: TokenRef,
        /// What it was made to.
        asset: TokenRef,
        /// By whom.
        contributor: Address,
        /// In which role.
        role: ContributionRole,
        /// Its weight among the asset's contributions.
        #[serde(with = "crate::amount::decimal")]
        weight: U256,
        /// Commitment to the evidence.
        evidence_hash: B256,
        /// Who recorded it.
        recorded_by: Address,
    },
    /// A contribution no longer counts.
    ContributionVoided {
        /// Its id in its book.
        contribution: TokenRef,
        /// What it was made to.
        asset: TokenRef,
        /// By whom.
        voided_by: Address,
        /// Why.
        reason: String,
    },
    /// A payment arrived for an asset.
    RevenueReceived {
        /// Its id in the router that took it.
        revenue: TokenRef,
        /// The asset that earned it.
        asset: TokenRef,
        /// Who paid.
        payer: Address,
        /// The ERC-20 that it was paid in.
        token: Address,
        /// How much, in base units.
        #[serde(with = "crate::amount::decimal")]
        amount: U256,
        /// For what.
        reason: RevenueReason,
        /// The payer's own reference.
        reference: B256,
    },
    /// An amount of a token moved; mints come from, burns go to, the zero address.
    TokenTransferred {
        /// The token.
        token: TokenRef,
        /// By which standard.
        standard: TokenStandard,
        /// The sender.
        from: Address,
        /// The receiver.
        to: Address,
        /// Base units; 1 for ERC-721.
        #[serde(with = "crate::amount::decimal")]
        amount: U256,
    },
    /// Work was offered.
    TaskPosted(TaskPosted),
    /// Work was submitted.
    SubmissionMade(SubmissionMade),
    /// Work was reviewed.
    SubmissionReviewed(SubmissionReviewed),
    /// Work can be accepted no more.
    SubmissionRejected(SubmissionRejected),
    /// Accepted work was paid.
    RewardPaid(RewardPaid),
    /// A task is over.
    TaskClosed(TaskClosed),
    /// An execution was asked for.
    ExecutionRequested(ExecutionRequested),
    /// An execution was done.
    ExecutionCompleted(ExecutionCompleted),
    /// An execution will not be done.
    ExecutionCancelled(ExecutionCancelled),
    /// A round of federated learning began.
    RoundOpened(RoundOpened),
    /// A participant of a round submitted an update.
    UpdateSubmitted(UpdateSubmitted),
    /// The updates of a round became an asset.
    RoundAggregated(RoundAggregated),
    /// An execution was challenged.
    ExecutionChallenged(ExecutionChallenged),
    /// A challenge was decided.
    ChallengeResolved(ChallengeResolved),
    /// A dispute was raised.
    DisputeRaised(DisputeRaised),
    /// A dispute was judged.
    DisputeJudged(DisputeJudged),
    /// A dispute is over.
    DisputeResolved(DisputeResolved),
    /// A root of payouts was proposed.
    RootProposed(RootProposed),
    /// A pending root was disputed.
    RootDisputed(RootDisputed),
    /// A dispute over a root was decided.
    RootDisputeResolved(RootDisputeResolved),
    /// A pending root was taken back.
    RootWithdrawn(RootWithdrawn),
    /// A root is what is claimed against.
    RootFinalised(RootFinalised),
    /// An account was paid what it was owed.
    PayoutClaimed(PayoutClaimed),
    /// The protocol's part of revenues changed.
    ProtocolFeeChanged(ProtocolFeeChanged),
    /// A router sends revenues elsewhere.
    DistributorChanged(DistributorChanged),
    /// An account has more in a vault.
    VaultCredited(VaultCredited),
    /// An account has less in a vault.
    VaultDebited(VaultDebited),
    /// A vault settles a market.
    VaultMarketListed(VaultMarketListed),
    /// The fees of trades gather elsewhere.
    VaultFeeAccountChanged(VaultFeeAccountChanged),
    /// A trade moved balances in a vault.
    VaultFilled(VaultFilled),
    /// An asset is to be known on another chain.
    AssetAnnounced(AssetAnnounced),
    /// An asset is one of another chain.
    AssetMirrored(AssetMirrored),
    /// What another protocol says.
    #[serde(untagged)]
    Foreign(ForeignEvent),
}

impl DomainEvent {
    /// The event's name, as in its serialised `type`.
    pub fn name(&self) -> &'static str {
        match self {
            DomainEvent::AssetRegistered { .. } => "asset_registered",
            DomainEvent::AssetVersioned { .. } => "asset_versioned",
            DomainEvent::DerivationDeclared { .. } => "derivation_declared",
            DomainEvent::ForeignParentDeclared { .. } => "foreign_parent_declared",
            DomainEvent::LicenseTermsRegistered { .. } => "license_terms_registered",
            DomainEvent::LicenseTermsAttached { .. } => "license_terms_attached",
            DomainEvent::LicenseMinted { .. } => "license_minted",
            DomainEvent::LicenseRevoked { .. } => "license_revoked",
            DomainEvent::SharesIssued { .. } => "shares_issued",
            DomainEvent::ContributionRecorded { .. } => "contribution_recorded",
            DomainEvent::ContributionVoided { .. } => "contribution_voided",
            DomainEvent::RevenueReceived { .. } => "revenue_received",
            DomainEvent::TokenTransferred { .. } => "token_transferred",
            DomainEvent::TaskPosted(_) => "task_posted",
            DomainEvent::SubmissionMade(_) => "submission_made",
            DomainEvent::SubmissionReviewed(_) => "submission_reviewed",
            DomainEvent::SubmissionRejected(_) => "submission_rejected",
            DomainEvent::RewardPaid(_) => "reward_paid",
            DomainEvent::TaskClosed(_) => "task_closed",
            DomainEvent::ExecutionRequested(_) => "execution_requested",
            DomainEvent::ExecutionCompleted(_) => "execution_completed",
            DomainEvent::ExecutionCancelled(_) => "execution_cancelled",
            DomainEvent::RoundOpened(_) => "round_opened",
            DomainEvent::UpdateSubmitted(_) => "update_submitted",
            DomainEvent::RoundAggregated(_) => "round_aggregated",
            DomainEvent::ExecutionChallenged(_) => "execution_challenged",
            DomainEvent::ChallengeResolved(_) => "challenge_resolved",
            DomainEvent::DisputeRaised(_) => "dispute_raised",
            DomainEvent::DisputeJudged(_) => "dispute_judged",
            DomainEvent::DisputeResolved(_) => "dispute_resolved",
            DomainEvent::RootProposed(_) => "root_proposed",
            DomainEvent::RootDisputed(_) => "root_disputed",
            DomainEvent::RootDisputeResolved(_) => "root_dispute_resolved",
            DomainEvent::RootWithdrawn(_) => "root_withdrawn",
            DomainEvent::RootFinalised(_) => "root_finalised",
            DomainEvent::PayoutClaimed(_) => "payout_claimed",
            DomainEvent::ProtocolFeeChanged(_) => "protocol_fee_changed",
            DomainEvent::DistributorChanged(_) => "distributor_changed",
            DomainEvent::VaultCredited(_) => "vault_credited",
            DomainEvent::VaultDebited(_) => "vault_debited",
            DomainEvent::VaultMarketListed(_) => "vault_market_listed",
            DomainEvent::VaultFeeAccountChanged(_) => "vault_fee_account_changed",
            DomainEvent::VaultFilled(_) => "vault_filled",
            DomainEvent::AssetAnnounced(_) => "asset_announced",
            DomainEvent::AssetMirrored(_) => "asset_mirrored",
            DomainEvent::Foreign(event) => event.name(),
        }
    }

    /// The token that the event is about: what a subscriber to that token's history wants to hear of. For licences, shares,
    /// contributions, revenues, work, executions and disputes it is the asset; for a transfer, also within a vault, the token that
    /// moved.
    ///
    /// Where the log does not name the asset it is what does: the task, the execution or the round. Of which asset that is, and what
    /// a vault's market trades, whoever folds events knows.
    pub fn subject(&self) -> Option<TokenRef> {
        match self {
            DomainEvent::AssetRegistered { asset, .. }
            | DomainEvent::AssetVersioned { asset, .. }
            | DomainEvent::DerivationDeclared { child: asset, .. }
            | DomainEvent::ForeignParentDeclared { child: asset, .. }
            | DomainEvent::LicenseTermsAttached { asset, .. }
            | DomainEvent::LicenseMinted { asset, .. }
            | DomainEvent::SharesIssued { asset, .. }
            | DomainEvent::ContributionRecorded { asset, .. }
            | DomainEvent::ContributionVoided { asset, .. }
            | DomainEvent::RevenueReceived { asset, .. }
            | DomainEvent::TaskPosted(TaskPosted { asset, .. })
            | DomainEvent::ExecutionRequested(ExecutionRequested { asset, .. })
            | DomainEvent::ExecutionCompleted(ExecutionCompleted { asset, .. })
            | DomainEvent::RoundOpened(RoundOpened { asset, .. })
            | DomainEvent::DisputeRaised(DisputeRaised { asset, .. })
            | DomainEvent::DisputeJudged(DisputeJudged { asset, .. })
            | DomainEvent::DisputeResolved(DisputeResolved { asset, .. })
            | DomainEvent::AssetAnnounced(AssetAnnounced { asset, .. })
            | DomainEvent::AssetMirrored(AssetMirrored { mirror: asset, .. }) => Some(*asset),
            DomainEvent::LicenseRevoked { series, .. } => Some(*series),
            DomainEvent::TokenTransferred { token, .. }
            | DomainEvent::VaultCredited(VaultCredited { token, .. })
            | DomainEvent::VaultDebited(VaultDebited { token, .. })
            | DomainEvent::VaultMarketListed(VaultMarketListed { base: token, .. }) => Some(*token),
            DomainEvent::SubmissionMade(SubmissionMade { task: thing, .. })
            | DomainEvent::SubmissionReviewed(SubmissionReviewed { task: thing, .. })
            | DomainEvent::SubmissionRejected(SubmissionRejected { task: thing, .. })
            | DomainEvent::RewardPaid(RewardPaid { task: thing, .. })
            | DomainEvent::TaskClosed(TaskClosed { task: thing, .. })
            | DomainEvent::ExecutionCancelled(ExecutionCancelled { execution: thing, .. })
            | DomainEvent::ExecutionChallenged(ExecutionChallenged { execution: thing, .. })
            | DomainEvent::ChallengeResolved(ChallengeResolved { execution: thing, .. })
            | DomainEvent::UpdateSubmitted(UpdateSubmitted { round: thing, .. })
            | DomainEvent::RoundAggregated(RoundAggregated { round: thing, .. }) => Some(*thing),
            DomainEvent::LicenseTermsRegistered { .. }
            | DomainEvent::RootProposed(_)
            | DomainEvent::RootDisputed(_)
            | DomainEvent::RootDisputeResolved(_)
            | DomainEvent::RootWithdrawn(_)
            | DomainEvent::RootFinalised(_)
            | DomainEvent::PayoutClaimed(_)
            | DomainEvent::ProtocolFeeChanged(_)
            | DomainEvent::DistributorChanged(_)
            | DomainEvent::VaultFeeAccountChanged(_)
            | DomainEvent::VaultFilled(_) => None,
            DomainEvent::Foreign(event) => event.subject(),
        }
    }
}

#[cfg(test)]
mod tests;
