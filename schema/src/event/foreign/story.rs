//! Story: terms, licences, royalties and disputes of its IPs. An IP's key is its registry and its account's address as a number.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::amount::E8;
use crate::id::TokenRef;

/// Terms were registered with a licence template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTermsRegistered {
    /// The template, which says what the terms mean.
    pub template: Address,
    /// Their number there.
    #[serde(with = "crate::amount::decimal")]
    pub terms_id: U256,
    /// The terms, as the template encodes them.
    pub terms: Bytes,
}

/// An IP is licensed under terms from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTermsAttached {
    /// The IP.
    pub asset: TokenRef,
    /// The template.
    pub template: Address,
    /// The terms' number there.
    #[serde(with = "crate::amount::decimal")]
    pub terms_id: U256,
    /// By whom.
    pub attached_by: Address,
}

/// Licence tokens were minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignLicenseMinted {
    /// The licensed IP.
    pub asset: TokenRef,
    /// The template.
    pub template: Address,
    /// The terms' number there.
    #[serde(with = "crate::amount::decimal")]
    pub terms_id: U256,
    /// By whom.
    pub minter: Address,
    /// Who holds them.
    pub receiver: Address,
    /// How many.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
    /// The first one's number; the others follow it.
    #[serde(with = "crate::amount::decimal")]
    pub first_license: U256,
}

/// A child's revenue is shared with its parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignRoyaltiesLinked {
    /// The child.
    pub asset: TokenRef,
    /// Its parents.
    pub parents: Vec<TokenRef>,
    /// The royalty policy towards each parent.
    pub policies: Vec<Address>,
    /// The share of each parent.
    pub shares: Vec<E8>,
}

/// For what an IP was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentPurpose {
    /// Royalties, by another IP or by anybody.
    Royalty,
    /// The fee for minting a licence.
    MintingFee,
    /// An ancestor's part of a descendant's revenue, by a royalty policy.
    AncestorShare,
}

/// A payment was made to an IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPaymentMade {
    /// The IP that is paid.
    pub asset: TokenRef,
    /// For what.
    pub purpose: PaymentPurpose,
    /// The IP that pays, where one does.
    pub paid_by: Option<TokenRef>,
    /// The account that pays, where the log says so.
    pub payer: Option<Address>,
    /// In which ERC-20.
    pub token: Address,
    /// How much, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
    /// How much of it the protocol keeps; `None` where the log does not say.
    #[serde(with = "super::assets::optional_decimal")]
    pub fee: Option<U256>,
}

/// A vault gathers an IP's revenue from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignVaultOpened {
    /// The IP.
    pub asset: TokenRef,
    /// The vault, which is also the ERC-20 of its royalty tokens.
    pub vault: Address,
}

/// An account took its part of a vault's revenue, or revenue arrived there. Whose vault it is, [`ForeignVaultOpened`] said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignVaultClaimed {
    /// The vault.
    pub vault: Address,
    /// Who took it; `None` where revenue arrived.
    pub claimer: Option<Address>,
    /// In which ERC-20.
    pub token: Address,
    /// How much, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
}

/// A dispute over an IP was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDisputeRaised {
    /// Its number in the module that keeps it.
    pub dispute: TokenRef,
    /// The IP.
    pub asset: TokenRef,
    /// By whom.
    pub initiator: Address,
    /// Who judges.
    pub policy: Address,
    /// Commitment to the evidence.
    pub evidence_hash: B256,
    /// What the IP is accused of, as a short text in 32 bytes.
    pub tag: B256,
}

/// A dispute was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDisputeJudged {
    /// The dispute.
    pub dispute: TokenRef,
    /// Whether the accusation holds: the IP is tagged and receives nothing.
    pub upheld: bool,
}

/// A dispute is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDisputeClosed {
    /// The dispute.
    pub dispute: TokenRef,
    /// Whether it was taken back before it was judged.
    pub cancelled: bool,
}

/// An IP was tagged, because one that it comes from was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAssetTagged {
    /// The dispute that the tag makes.
    pub dispute: TokenRef,
    /// The tagged IP.
    pub asset: TokenRef,
    /// The IP that infringed.
    pub infringer: TokenRef,
    /// The dispute that found so.
    pub infringer_dispute: TokenRef,
    /// The tag.
    pub tag: B256,
}
