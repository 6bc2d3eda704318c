//! The enums of payouts and licences as GraphQL knows them.

use async_graphql::Enum;
use souk_payouts::license;
use souk_payouts::state;

use crate::error::ApiError;

/// Declares a GraphQL enum over one of the rule's, with its number in tables.
macro_rules! kind {
    ($(#[doc = $doc:literal])+ $name:ident = $remote:ty { $($(#[doc = $variant_doc:literal])+ $variant:ident),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant),+ }

        impl From<$remote> for $name {
            fn from(value: $remote) -> $name { match value { $(<$remote>::$variant => $name::$variant),+ } }
        }

        impl $name {
            /// The rule's value with a number that a table holds.
            ///
            /// # Errors
            /// `INTERNAL` for a number that no projector writes.
            pub fn from_table(number: i16) -> Result<$remote, ApiError> {
                let known = [$(<$remote>::$variant),+].into_iter().find(|known| *known as i16 == number);
                known.ok_or_else(|| ApiError::internal(format!("a row holds {number} as {}", stringify!($name))))
            }
        }
    };
}

kind! {
    /// How a part of a revenue reached an asset.
    PayoutRoute = souk_payouts::Route {
        /// The protocol's fee; the asset is the one that earned the revenue.
        ProtocolFee,
        /// What the asset that earned the revenue keeps.
        Own,
        /// Royalties that are a share of the revenue itself.
        RoyaltyLap,
        /// Royalties that are a share of what a child received.
        RoyaltyLrp,
        /// What a judged asset lost, back with the asset that earned it.
        Returned,
        /// What the asset that earned the revenue lost by a judgement against itself.
        Forfeited,
    }
}

kind! {
    /// As what a recipient is paid.
    PayoutRole = souk_payouts::Role {
        /// As the account that protocol fees, and what nobody else may keep, go to.
        Protocol,
        /// For contributions to the asset.
        Contributor,
        /// For shares of the asset.
        Shareholder,
        /// As the owner of an asset without shares.
        Owner,
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PayoutLineState {
    /// It will be in the next root.
    NextRoot,
    /// Disputes or challenges hold it; it is in no root until they are over.
    Held,
    /// A judgement recomputed it: another line stands for it.
    Recomputed,
    /// It is in a finalised root, and can be claimed or was.
    Vested,
}

/// What holds a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PayoutHoldKind {
    /// A dispute over an asset on its way.
    Dispute,
    /// A challenge of the execution that earned the revenue.
    Challenge,
}

/// What became of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PayoutRootStatus {
    /// It can be disputed, withdrawn or finalised.
    Pending,
    /// It was withdrawn, or a dispute over it was upheld.
    Dropped,
    /// Claims are proved against it, or against a later one.
    Finalised,
}

impl From<state::RootStatus> for PayoutRootStatus {
    fn from(status: state::RootStatus) -> PayoutRootStatus {
        match status {
            state::RootStatus::Pending => PayoutRootStatus::Pending,
            state::RootStatus::Dropped => PayoutRootStatus::Dropped,
            state::RootStatus::Finalised => PayoutRootStatus::Finalised,
        }
    }
}

/// What somebody would do with an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicensePurpose {
    /// Use it for anything that earns no money.
    Use,
    /// Earn money with it.
    Commercial,
    /// Derive another asset from it.
    Derive,
}

impl From<LicensePurpose> for license::Purpose {
    fn from(purpose: LicensePurpose) -> license::Purpose {
        match purpose {
            LicensePurpose::Use => license::Purpose::Use,
            LicensePurpose::Commercial => license::Purpose::Commercial,
            LicensePurpose::Derive => license::Purpose::Derive,
        }
    }
}

/// Why something stands in the way of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicenseBlockerReason {
    /// The terms of the derivation do not allow it.
    TermsForbid,
    /// The licence series of the derivation was revoked.
    Revoked,
    /// The licence series, or its terms, are not known.
    Unknown,
    /// The asset itself is offered under no terms that allow it.
    NotOffered,
}

impl From<license::Why> for LicenseBlockerReason {
    fn from(why: license::Why) -> LicenseBlockerReason {
        match why {
            license::Why::TermsForbid => LicenseBlockerReason::TermsForbid,
            license::Why::Revoked => LicenseBlockerReason::Revoked,
            license::Why::Unknown => LicenseBlockerReason::Unknown,
            license::Why::NotOffered => LicenseBlockerReason::NotOffered,
        }
    }
}

/// What would mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicenseMendAction {
    /// The asset's owner offers it under terms that allow the purpose.
    OfferTerms,
    /// The asset's owner registers it anew and declares what it was made from by other licences; the old one stays as it is.
    RegisterAnew,
}

/// What lets an owner declare what an asset was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicenseAdmission {
    /// Both assets have one owner, and no licence is needed.
    SameOwner,
    /// A licence that the owner holds.
    HeldLicense,
    /// A licence that the owner takes first.
    NewLicense,
}

/// Whether an account may, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AccessVerdict {
    /// It may, as the owner of the asset.
    Owner,
    /// It may, by a licence that it holds.
    Licensed,
    /// It may not: it holds no licence that would do.
    NoLicense,
    /// Nobody may: something above the asset stands in the way.
    Blocked,
}

/// Why a licence that an account holds is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicenseUnusable {
    /// Its time is over.
    Expired,
    /// The series was revoked.
    Revoked,
    /// Its terms do not allow the purpose, or are not known.
    TermsForbid,
}
