//! What other protocols say about assets: Story, ERC-8004, EAS, Ocean, Vana and the distributors that pay by Merkle claims.
//!
//! A thing of another protocol has a key of its own, the contract that keeps it and its id there ([`ForeignKind`] says what that is).
//! Some stand for a token that is elsewhere: a Story IP for the NFT that it was registered of. Whoever folds events resolves them.

mod agents;
mod assets;
mod attestations;
mod claims;
mod data;
mod story;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::numbers::ForeignKind;
use crate::caip::{AssetId, EvmAssetId};
use crate::id::{ChainId, TokenRef, TokenStandard};

pub use agents::{FeedbackAnswered, FeedbackGiven, FeedbackRevoked, ValidationAnswered, ValidationRequested};
pub use assets::{ForeignAssetDescribed, ForeignAssetRegistered, ForeignDerived, ForeignMetadataSet, ForeignThing};
pub use attestations::{AttestationRevoked, AttestationSchemaRegistered, Attested, HashRevoked, HashTimestamped};
pub use claims::{DistributionClaimed, DistributionHalted, DistributionRootSet, LeafHash};
pub use data::{
    DatatokenListed, DatatokenOrdered, DatatokenSwapped, FilePermitted, FileProved, FileRefined, FileRewarded,
    OceanStateChanged,
};
pub use story::{
    ForeignAssetTagged, ForeignDisputeClosed, ForeignDisputeJudged, ForeignDisputeRaised, ForeignLicenseMinted,
    ForeignPaymentMade, ForeignRoyaltiesLinked, ForeignTermsAttached, ForeignTermsRegistered, ForeignVaultClaimed,
    ForeignVaultOpened, PaymentPurpose,
};

impl ForeignKind {
    /// The identity outside the system of a thing that stands for itself.
    pub fn asset_id(self, chain: ChainId, key: TokenRef) -> AssetId {
        let token = |standard| {
            AssetId::Evm(EvmAssetId {
                chain,
                standard,
                token: key,
            })
        };
        match self {
            ForeignKind::Agent | ForeignKind::OceanDataNft => token(TokenStandard::Erc721),
            ForeignKind::OceanDatatoken => token(TokenStandard::Erc20),
            ForeignKind::StoryIp => {
                let account = Address::from_word(key.id.into());
                AssetId::Other(format!("eip155:{chain}/storyip:{:#x}/{account:#x}", key.contract))
            }
            ForeignKind::VanaFile => AssetId::Other(format!("eip155:{chain}/vanafile:{:#x}/{}", key.contract, key.id)),
        }
    }
}

/// Declares the events of other protocols: their names, and that each is one of [`ForeignEvent`].
macro_rules! foreign_events {
    ($($(#[$meta:meta])* $event:ident => $name:literal),+ $(,)?) => {
        /// What a log of another protocol means.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum ForeignEvent { $($(#[$meta])* #[serde(rename = $name)] $event($event)),+ }

        impl ForeignEvent {
            /// The event's name, as in its serialised `type`.
            pub fn name(&self) -> &'static str {
                match self { $(ForeignEvent::$event(_) => $name),+ }
            }
        }

        $(impl From<$event> for ForeignEvent {
            fn from(event: $event) -> ForeignEvent {
                ForeignEvent::$event(event)
            }
        })+
    };
}

foreign_events! {
    /// A thing of another protocol came to be known.
    ForeignAssetRegistered => "foreign_asset_registered",
    /// Where the description of a thing is, changed.
    ForeignAssetDescribed => "foreign_asset_described",
    /// A value was kept on chain for a thing.
    ForeignMetadataSet => "foreign_metadata_set",
    /// Things were made from others.
    ForeignDerived => "foreign_derived",
    /// Terms were registered.
    ForeignTermsRegistered => "foreign_terms_registered",
    /// A thing is licensed under terms from now on.
    ForeignTermsAttached => "foreign_terms_attached",
    /// Licence tokens were minted.
    ForeignLicenseMinted => "foreign_license_minted",
    /// How much of its revenue a thing passes to each parent.
    ForeignRoyaltiesLinked => "foreign_royalties_linked",
    /// A payment was made to a thing.
    ForeignPaymentMade => "foreign_payment_made",
    /// A vault gathers a thing's revenue from now on.
    ForeignVaultOpened => "foreign_vault_opened",
    /// An account took revenue out of a vault.
    ForeignVaultClaimed => "foreign_vault_claimed",
    /// A dispute over a thing was raised.
    ForeignDisputeRaised => "foreign_dispute_raised",
    /// A dispute was judged.
    ForeignDisputeJudged => "foreign_dispute_judged",
    /// A dispute is over.
    ForeignDisputeClosed => "foreign_dispute_closed",
    /// A thing was tagged because one that it is related to was.
    ForeignAssetTagged => "foreign_asset_tagged",
    /// A schema of attestations was registered.
    AttestationSchemaRegistered => "attestation_schema_registered",
    /// An attestation was made.
    Attested => "attested",
    /// An attestation no longer counts.
    AttestationRevoked => "attestation_revoked",
    /// A hash was given a time.
    HashTimestamped => "hash_timestamped",
    /// An attestation that is kept off chain no longer counts.
    HashRevoked => "hash_revoked",
    /// An agent's client said how it did.
    FeedbackGiven => "feedback_given",
    /// A client took feedback back.
    FeedbackRevoked => "feedback_revoked",
    /// Somebody answered feedback.
    FeedbackAnswered => "feedback_answered",
    /// A validator is to look at an agent's work.
    ValidationRequested => "validation_requested",
    /// A validator said what it found.
    ValidationAnswered => "validation_answered",
    /// An Ocean data NFT is in another state.
    OceanStateChanged => "ocean_state_changed",
    /// Access was bought with datatokens.
    DatatokenOrdered => "datatoken_ordered",
    /// A datatoken has a price.
    DatatokenListed => "datatoken_listed",
    /// A datatoken was bought or sold at its price.
    DatatokenSwapped => "datatoken_swapped",
    /// A proof of a file was recorded.
    FileProved => "file_proved",
    /// A refinement of a file was recorded.
    FileRefined => "file_refined",
    /// An account may read a file.
    FilePermitted => "file_permitted",
    /// A reward for a file was asked for.
    FileRewarded => "file_rewarded",
    /// Claims are proved against another root.
    DistributionRootSet => "distribution_root_set",
    /// A root was taken back or disputed.
    DistributionHalted => "distribution_halted",
    /// An account was paid by a distributor.
    DistributionClaimed => "distribution_claimed",
}

impl ForeignEvent {
    /// The key of what the event is about, as its own protocol has it. A Story IP that stands for a token is still the IP here; an
    /// attestation, and what follows a dispute or a vault, name no asset in the log: whoever folds events knows it.
    pub fn subject(&self) -> Option<TokenRef> {
        match self {
            ForeignEvent::ForeignAssetRegistered(event) => Some(event.thing.key),
            ForeignEvent::ForeignAssetDescribed(event) => Some(event.thing.key),
            ForeignEvent::ForeignMetadataSet(event) => Some(event.thing.key),
            ForeignEvent::ForeignDerived(event) => Some(event.child.key),
            ForeignEvent::ForeignTermsAttached(event) => Some(event.asset),
            ForeignEvent::ForeignLicenseMinted(event) => Some(event.asset),
            ForeignEvent::ForeignRoyaltiesLinked(event) => Some(event.asset),
            ForeignEvent::ForeignPaymentMade(event) => Some(event.asset),
            ForeignEvent::ForeignVaultOpened(event) => Some(event.asset),
            ForeignEvent::ForeignDisputeRaised(event) => Some(event.asset),
            ForeignEvent::ForeignAssetTagged(event) => Some(event.asset),
            ForeignEvent::FeedbackGiven(event) => Some(event.agent),
            ForeignEvent::FeedbackRevoked(event) => Some(event.agent),
            ForeignEvent::FeedbackAnswered(event) => Some(event.agent),
            ForeignEvent::ValidationRequested(event) => Some(event.agent),
            ForeignEvent::ValidationAnswered(event) => Some(event.agent),
            ForeignEvent::OceanStateChanged(event) => Some(event.asset),
            ForeignEvent::DatatokenOrdered(event) => Some(event.datatoken),
            ForeignEvent::DatatokenListed(event) => Some(event.datatoken),
            ForeignEvent::FileProved(event) => Some(event.file),
            ForeignEvent::FileRefined(event) => Some(event.file),
            ForeignEvent::FilePermitted(event) => Some(event.file),
            ForeignEvent::FileRewarded(event) => Some(event.file),
            ForeignEvent::ForeignTermsRegistered(_)
            | ForeignEvent::ForeignVaultClaimed(_)
            | ForeignEvent::ForeignDisputeJudged(_)
            | ForeignEvent::ForeignDisputeClosed(_)
            | ForeignEvent::AttestationSchemaRegistered(_)
            | ForeignEvent::Attested(_)
            | ForeignEvent::AttestationRevoked(_)
            | ForeignEvent::HashTimestamped(_)
            | ForeignEvent::HashRevoked(_)
            | ForeignEvent::DatatokenSwapped(_)
            | ForeignEvent::DistributionRootSet(_)
            | ForeignEvent::DistributionHalted(_)
            | ForeignEvent::DistributionClaimed(_) => None,
        }
    }
}
