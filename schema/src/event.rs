//! Domain events: what a log means. Adapters make them of raw logs; projections fold them into state.
//!
//! Events are facts in the past tense. An event never says *where* it happened: position comes from the record that held the log.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::amount::E8;
use crate::caip::AssetId;
use crate::id::{TokenRef, TokenStandard};

/// Declares an enum that is stored as a small number and named in text.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $number:literal => $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant = $number),+ }

        impl $name {
            /// Every value, by rising number.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The number in contracts and tables.
            pub fn number(self) -> u8 { self as u8 }

            /// The name in text.
            pub fn as_str(self) -> &'static str { match self { $($name::$variant => $text),+ } }
        }

        impl TryFrom<u8> for $name {
            type Error = UnknownNumber;
            fn try_from(number: u8) -> Result<$name, UnknownNumber> {
                match number {
                    $($number => Ok($name::$variant),)+
                    _ => Err(UnknownNumber { what: stringify!($name), number }),
                }
            }
        }
    };
}

/// A number that names no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{number} is no {what}")]
pub struct UnknownNumber {
    /// The enum that was asked for.
    pub what: &'static str,
    /// The number that it does not have.
    pub number: u8,
}

numbered! {
    /// What an asset is.
    AssetKind {
        /// A collection of data.
        Dataset = 0 => "dataset",
        /// A trained model.
        Model = 1 => "model",
        /// Weights that are applied on top of a model.
        Adapter = 2 => "adapter",
        /// A program that acts with a model.
        Agent = 3 => "agent",
        /// Documents or facts that an agent looks things up in.
        KnowledgeBase = 4 => "knowledge_base",
        /// Computing capacity.
        Compute = 5 => "compute",
        /// A product built on other assets.
        Application = 6 => "application",
    }
}

numbered! {
    /// How a child came from its parent.
    Relation {
        /// The parent's data trained the child.
        TrainedOn = 0 => "TRAINED_ON",
        /// Further training of the parent gave the child.
        FinetunedFrom = 1 => "FINETUNED_FROM",
        /// The child is applied on top of the parent.
        AdapterOf = 2 => "ADAPTER_OF",
        /// The parent's weights were merged into the child.
        MergedFrom = 3 => "MERGED_FROM",
        /// The child is the parent at lower precision.
        QuantizedFrom = 4 => "QUANTIZED_FROM",
        /// The parent taught the child.
        DistilledFrom = 5 => "DISTILLED_FROM",
        /// The child labels the parent's data.
        LabelledFrom = 6 => "LABELLED_FROM",
        /// The child was made from the parent in some other way.
        DerivedFrom = 7 => "DERIVED_FROM",
        /// The child was measured with the parent.
        EvaluatedOn = 8 => "EVALUATED_ON",
        /// An agent runs on a model.
        PoweredBy = 9 => "POWERED_BY",
        /// An agent looks things up in a knowledge base.
        GroundedIn = 10 => "GROUNDED_IN",
        /// Federated learning gathered the parent into the child.
        AggregatedFrom = 11 => "AGGREGATED_FROM",
        /// The child is the parent on another chain.
        MirrorOf = 12 => "MIRROR_OF",
    }
}

numbered! {
    /// How a parent takes part in its children's revenue.
    RoyaltyPolicy {
        /// Not at all.
        None = 0 => "none",
        /// A share of the revenue of every descendant (liquid absolute percentage).
        Lap = 1 => "LAP",
        /// A share of what its direct children receive (liquid relative percentage).
        Lrp = 2 => "LRP",
    }
}

numbered! {
    /// What a contributor did.
    ContributionRole {
        /// Gathered data.
        Collect = 0 => "collect",
        /// Labelled data.
        Label = 1 => "label",
        /// Reviewed the work of others.
        Review = 2 => "review",
        /// Trained.
        Train = 3 => "train",
        /// Evaluated.
        Evaluate = 4 => "evaluate",
        /// Gave computing capacity.
        Compute = 5 => "compute",
        /// Selected and kept.
        Curate = 6 => "curate",
    }
}

numbered! {
    /// What a revenue was paid for.
    RevenueReason {
        /// A licence was minted.
        SaleOfLicence = 0 => "sale_of_licence",
        /// The asset was used.
        Usage = 1 => "usage",
        /// The asset answered a request.
        Inference = 2 => "inference",
        /// Access for a time.
        Subscription = 3 => "subscription",
        /// A gift.
        Tip = 4 => "tip",
        /// The part of a trade on the exchange that belongs to the asset.
        TradeRoyalty = 5 => "trade_royalty",
        /// Anything else.
        Other = 6 => "other",
    }
}

/// Immutable licence terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseTerms {
    /// May be used to earn money.
    pub commercial_use: bool,
    /// May be derived from.
    pub derivatives_allowed: bool,
    /// Derivatives must carry the same terms.
    pub reciprocal: bool,
    /// Units may change hands.
    pub transferable: bool,
    /// How the licensor takes part in derivatives' revenue.
    pub royalty_policy: RoyaltyPolicy,
    /// The licensor's part of derivatives' revenue.
    pub revenue_share: E8,
    /// Price of a unit in base units of `currency`.
    #[serde(with = "crate::amount::decimal")]
    pub minting_fee: U256,
    /// The ERC-20 that the fee is paid in; zero where there is no fee.
    pub currency: Address,
    /// How long a licence lasts in seconds; 0 for ever.
    pub duration_secs: u64,
    /// How many units may be minted per asset; 0 for any number.
    pub supply_cap: u64,
    /// Where the full text is.
    pub uri: String,
    /// SPDX licence id where one fits, else empty.
    pub spdx_id: String,
}

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
        }
    }

    /// The token that the event is about: what a subscriber to that token's history wants to hear of. For licences, shares,
    /// contributions and revenues it is the asset; for a transfer the token that moved.
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
            | DomainEvent::RevenueReceived { asset, .. } => Some(*asset),
            DomainEvent::LicenseRevoked { series, .. } => Some(*series),
            DomainEvent::TokenTransferred { token, .. } => Some(*token),
            DomainEvent::LicenseTermsRegistered { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
