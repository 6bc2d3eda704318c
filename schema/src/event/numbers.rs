//! Enums that contracts and tables hold as small numbers, and that text names.

use serde::{Deserialize, Serialize};

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
    /// What a thing of another protocol is.
    ForeignKind {
        /// An IP of Story.
        StoryIp = 0 => "story_ip",
        /// An agent of ERC-8004.
        Agent = 1 => "agent",
        /// A data NFT of Ocean.
        OceanDataNft = 2 => "ocean_data_nft",
        /// A datatoken of Ocean.
        OceanDatatoken = 3 => "ocean_datatoken",
        /// A file of Vana.
        VanaFile = 4 => "vana_file",
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

numbered! {
    /// How a task pays for accepted work.
    TaskMode {
        /// In one ERC-20.
        Paid = 0 => "paid",
        /// In two ERC-20s.
        DualReward = 1 => "dual_reward",
        /// In shares of the dataset that comes of it.
        Community = 2 => "community",
    }
}

numbered! {
    /// What an execution does with an asset.
    ExecutionKind {
        /// Trains a model on it.
        Training = 0 => "training",
        /// Trains it further.
        FineTuning = 1 => "fine_tuning",
        /// Asks it.
        Inference = 2 => "inference",
        /// Measures it.
        Evaluation = 3 => "evaluation",
        /// Trains it where the data is, and gathers what was learnt.
        Federated = 4 => "federated",
    }
}

numbered! {
    /// How an execution keeps the data that it uses private.
    PrivacyMode {
        /// Not at all.
        None = 0 => "none",
        /// Noise hides each record; what it costs is an epsilon.
        DifferentialPrivacy = 1 => "differential_privacy",
        /// No party holds the data whole.
        SecretSharing = 2 => "secret_sharing",
        /// It is computed on while encrypted.
        Homomorphic = 3 => "homomorphic",
        /// Hardware keeps it from whoever runs the computation.
        Enclave = 4 => "enclave",
    }
}

numbered! {
    /// What a dispute says is wrong with an asset.
    DisputeTag {
        /// It should not have been registered as it was.
        ImproperRegistration = 0 => "improper_registration",
        /// It is used against its licence.
        ImproperUsage = 1 => "improper_usage",
        /// Its revenue does not go where it should.
        ImproperPayment = 2 => "improper_payment",
        /// Its content is not what it may be.
        Content = 3 => "content",
    }
}

numbered! {
    /// How a dispute ended.
    DisputeOutcome {
        /// The challenger was wrong.
        Dismissed = 0 => "dismissed",
        /// The challenger was right.
        Upheld = 1 => "upheld",
        /// The challenger gave it up.
        Withdrawn = 2 => "withdrawn",
        /// Nobody judged it in time.
        Lapsed = 3 => "lapsed",
    }
}
