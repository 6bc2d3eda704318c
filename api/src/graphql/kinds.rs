//! The vocabulary's enums as GraphQL knows them.

use async_graphql::Enum;
use souk_schema::event;

use crate::error::ApiError;

/// Declares a GraphQL enum over one of the vocabulary's, with its number in tables.
macro_rules! kind {
    ($(#[doc = $doc:literal])+ $name:ident = $remote:ty { $($(#[doc = $variant_doc:literal])+ $variant:ident),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant),+ }

        impl From<$remote> for $name {
            fn from(value: $remote) -> $name { match value { $(<$remote>::$variant => $name::$variant),+ } }
        }

        impl From<$name> for $remote {
            fn from(value: $name) -> $remote { match value { $($name::$variant => <$remote>::$variant),+ } }
        }

        impl $name {
            /// The value with a number that a table holds.
            ///
            /// # Errors
            /// `INTERNAL` for a number that no projector writes.
            pub fn from_table(number: i16) -> Result<$name, ApiError> {
                let known = u8::try_from(number).ok().and_then(|number| <$remote>::try_from(number).ok());
                known.map(Into::into).ok_or_else(|| ApiError::internal(format!("a row holds {number} as {}", stringify!($name))))
            }

            /// The number in tables.
            pub fn number(self) -> i16 { <$remote>::from(self).number().into() }
        }
    };
}

kind! {
    /// What an asset is.
    AssetKind = event::AssetKind {
        /// A collection of data.
        Dataset,
        /// A trained model.
        Model,
        /// Weights that are applied on top of a model.
        Adapter,
        /// A program that acts with a model.
        Agent,
        /// Documents or facts that an agent looks things up in.
        KnowledgeBase,
        /// Computing capacity.
        Compute,
        /// A product built on other assets.
        Application,
    }
}

kind! {
    /// How a child came from its parent.
    Relation = event::Relation {
        /// The parent's data trained the child.
        TrainedOn,
        /// Further training of the parent gave the child.
        FinetunedFrom,
        /// The child is applied on top of the parent.
        AdapterOf,
        /// The parent's weights were merged into the child.
        MergedFrom,
        /// The child is the parent at lower precision.
        QuantizedFrom,
        /// The parent taught the child.
        DistilledFrom,
        /// The child labels the parent's data.
        LabelledFrom,
        /// The child was made from the parent in some other way.
        DerivedFrom,
        /// The child was measured with the parent.
        EvaluatedOn,
        /// An agent runs on a model.
        PoweredBy,
        /// An agent looks things up in a knowledge base.
        GroundedIn,
        /// Federated learning gathered the parent into the child.
        AggregatedFrom,
        /// The child is the parent on another chain.
        MirrorOf,
    }
}

kind! {
    /// How a parent takes part in its children's revenue.
    RoyaltyPolicy = event::RoyaltyPolicy {
        /// Not at all.
        None,
        /// A share of the revenue of every descendant (liquid absolute percentage).
        Lap,
        /// A share of what its direct children receive (liquid relative percentage).
        Lrp,
    }
}

kind! {
    /// What a contributor did.
    ContributionRole = event::ContributionRole {
        /// Gathered data.
        Collect,
        /// Labelled data.
        Label,
        /// Reviewed the work of others.
        Review,
        /// Trained.
        Train,
        /// Evaluated.
        Evaluate,
        /// Gave computing capacity.
        Compute,
        /// Selected and kept.
        Curate,
    }
}

kind! {
    /// What a revenue was paid for.
    RevenueReason = event::RevenueReason {
        /// A licence was minted.
        SaleOfLicence,
        /// The asset was used.
        Usage,
        /// The asset answered a request.
        Inference,
        /// Access for a time.
        Subscription,
        /// A gift.
        Tip,
        /// The part of a trade on the exchange that belongs to the asset.
        TradeRoyalty,
        /// Anything else.
        Other,
    }
}

kind! {
    /// How a task pays for accepted work.
    TaskMode = event::TaskMode {
        /// In one ERC-20.
        Paid,
        /// In two ERC-20s.
        DualReward,
        /// In shares of the asset that the work is for.
        Community,
    }
}

kind! {
    /// What an execution does with an asset.
    ExecutionKind = event::ExecutionKind {
        /// Trains a model on it.
        Training,
        /// Trains it further.
        FineTuning,
        /// Asks it.
        Inference,
        /// Measures it.
        Evaluation,
        /// Trains it where the data is, and gathers what was learnt.
        Federated,
    }
}

kind! {
    /// How the data that is used is kept private.
    PrivacyMode = event::PrivacyMode {
        /// Not at all.
        None,
        /// Noise hides each record; what it costs is an epsilon.
        DifferentialPrivacy,
        /// No party holds the data whole.
        SecretSharing,
        /// It is computed on while encrypted.
        Homomorphic,
        /// Hardware keeps it from whoever runs the computation.
        Enclave,
    }
}

kind! {
    /// What a dispute says is wrong with an asset.
    DisputeTag = event::DisputeTag {
        /// It should not have been registered as it was.
        ImproperRegistration,
        /// It is used against its licence.
        ImproperUsage,
        /// Its revenue does not go where it should.
        ImproperPayment,
        /// Its content is not what it may be.
        Content,
    }
}

/// The standard by which a token is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum TokenStandard {
    /// A whole fungible contract.
    #[graphql(name = "ERC20")]
    Erc20,
    /// One token with one owner.
    #[graphql(name = "ERC721")]
    Erc721,
    /// One id of a contract, with balances.
    #[graphql(name = "ERC1155")]
    Erc1155,
}

impl From<souk_schema::TokenStandard> for TokenStandard {
    fn from(standard: souk_schema::TokenStandard) -> TokenStandard {
        match standard {
            souk_schema::TokenStandard::Erc20 => TokenStandard::Erc20,
            souk_schema::TokenStandard::Erc721 => TokenStandard::Erc721,
            souk_schema::TokenStandard::Erc1155 => TokenStandard::Erc1155,
        }
    }
}

/// How well a derivation is backed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DerivationStatus {
    /// The child's owner says so.
    Declared,
    /// An execution record with hashes backs it.
    Evidenced,
    /// Somebody disputes it.
    Disputed,
    /// A relayer says that the child is an asset of another chain; nobody has looked there.
    Unconfirmed,
}

/// Whether a licence series can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LicenseState {
    /// Neither expired nor revoked.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// Which way lineage is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum LineageDirection {
    /// To what the asset was made from.
    Ancestors,
    /// To what was made from the asset.
    Descendants,
}
