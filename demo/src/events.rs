//! How many events of which kind something makes, to check a chain against a plan. Never decodes a log.

#![deny(clippy::disallowed_methods)]

use std::fmt;
use std::ops::{Add, AddAssign};

use alloy::primitives::B256;
use alloy::sol_types::SolEvent;
use souk_contracts::{
    AssetRegistry, AssetShares, ContributionBook, DisputeCourt, ExchangeVault, ExecutionLog, Gateway, LicenseRegistry,
    RevenueRouter, TaskBoard, TestUSD,
};

macro_rules! kinds {
    ($($name:ident: $event:ty, $meaning:literal;)+) => {
        /// A kind of event that the demo makes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $(#[doc = $meaning] $name),+ }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name),+];

            /// First topic of its logs. ERC-20 and ERC-721 share the one of their `Transfer`, and both tokens all of theirs.
            pub fn topic(self) -> B256 {
                match self { $(EventKind::$name => <$event>::SIGNATURE_HASH),+ }
            }
        }
    };
}

kinds! {
    AssetRegistered: AssetRegistry::AssetRegistered, "An asset exists.";
    AssetTransferred: AssetRegistry::Transfer, "An owner token came to an owner.";
    AssetVersioned: AssetRegistry::AssetVersioned, "An asset has a further version.";
    DerivationDeclared: AssetRegistry::DerivationDeclared, "A child names a parent.";
    ForeignParentDeclared: AssetRegistry::ForeignParentDeclared, "A child names a parent elsewhere.";
    TermsRegistered: LicenseRegistry::LicenseTermsRegistered, "Terms exist.";
    TermsAttached: LicenseRegistry::LicenseTermsAttached, "An asset is offered under terms.";
    LicenceMinted: LicenseRegistry::LicenseMinted, "Licences joined a series.";
    LicenceTransferred: LicenseRegistry::TransferSingle, "Licences came to an account.";
    LicencesApproved: LicenseRegistry::ApprovalForAll, "An account lets another move its licences.";
    LicenceRevoked: LicenseRegistry::LicenseRevoked, "A series ended before its time.";
    SharesIssued: AssetShares::SharesIssued, "An asset has shares.";
    SharesTransferred: AssetShares::TransferSingle, "Shares came to an account.";
    SharesApproved: AssetShares::ApprovalForAll, "An account lets another move its shares.";
    ContributionRecorded: ContributionBook::ContributionRecorded, "Somebody did something for an asset.";
    ContributionVoided: ContributionBook::ContributionVoided, "A contribution counts no more.";
    RevenueReceived: RevenueRouter::RevenueReceived, "Money arrived for an asset.";
    DollarsTransferred: TestUSD::Transfer, "Test dollars came to an account.";
    DollarsApproved: TestUSD::Approval, "An account lets another spend its test dollars.";
    Deposited: ExchangeVault::Deposited, "Something came into the exchange's vault.";
    RecorderAuthorised: ContributionBook::RecorderAuthorised, "A contract may record what was done for an asset.";
    PointsTransferred: TestUSD::Transfer, "Points came to an account.";
    PointsApproved: TestUSD::Approval, "An account lets another spend its points.";
    TaskPosted: TaskBoard::TaskPosted, "Work is wanted.";
    SubmissionMade: TaskBoard::SubmissionMade, "Work was handed in.";
    SubmissionReviewed: TaskBoard::SubmissionReviewed, "A reviewer said something about it.";
    SubmissionRejected: TaskBoard::SubmissionRejected, "It is not accepted.";
    RewardPaid: TaskBoard::RewardPaid, "It is accepted and paid.";
    TaskClosed: TaskBoard::TaskClosed, "No more work is wanted.";
    ExecutionRequested: ExecutionLog::ExecutionRequested, "Something is to be executed.";
    ExecutionCompleted: ExecutionLog::ExecutionCompleted, "It was executed.";
    ExecutionCancelled: ExecutionLog::ExecutionCancelled, "It will not be executed.";
    RoundOpened: ExecutionLog::RoundOpened, "A federated round takes updates.";
    UpdateSubmitted: ExecutionLog::UpdateSubmitted, "A participant handed in an update.";
    RoundAggregated: ExecutionLog::RoundAggregated, "The updates of a round were gathered.";
    ExecutionChallenged: ExecutionLog::ExecutionChallenged, "An execution is said to be false.";
    ChallengeResolved: ExecutionLog::ChallengeResolved, "Whether it was is decided.";
    DisputeRaised: DisputeCourt::DisputeRaised, "Something is said to be wrong with an asset.";
    DisputeJudged: DisputeCourt::DisputeJudged, "Somebody ruled on that.";
    DisputeResolved: DisputeCourt::DisputeResolved, "The ruling stands, or the dispute was withdrawn.";
    AssetAnnounced: Gateway::AssetAnnounced, "An asset is to be mirrored elsewhere.";
    AssetMirrored: Gateway::AssetMirrored, "An asset is said to be one of another chain.";
}

/// A number of events of each kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventCounts([u64; EventKind::ALL.len()]);

impl Default for EventCounts {
    fn default() -> Self {
        Self([0; EventKind::ALL.len()])
    }
}

impl EventCounts {
    /// `count` events of one kind.
    pub fn of(kind: EventKind, count: usize) -> Self {
        let mut counts = Self::default();
        counts.0[kind as usize] = count as u64;
        counts
    }

    /// Events of the kind.
    pub fn get(&self, kind: EventKind) -> u64 {
        self.0[kind as usize]
    }

    /// Events of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// These and `count` more of the kind.
    #[must_use]
    pub fn and(self, kind: EventKind, count: usize) -> Self {
        self + Self::of(kind, count)
    }
}

impl Add for EventCounts {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for EventCounts {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl fmt::Debug for EventCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = EventKind::ALL.iter().filter(|kind| self.get(**kind) > 0);
        f.debug_map()
            .entries(present.map(|kind| (kind, self.get(*kind))))
            .finish()
    }
}
