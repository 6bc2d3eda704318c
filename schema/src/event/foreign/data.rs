//! Ocean and Vana: data that is sold, proved and refined.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::id::TokenRef;

/// An Ocean data NFT is in another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OceanStateChanged {
    /// The data NFT.
    pub asset: TokenRef,
    /// 0 active, 1 end of life, 2 deprecated, 3 revoked, 4 ordering disabled, 5 unlisted.
    pub state: u8,
    /// By whom.
    pub changed_by: Address,
}

/// Access was bought with datatokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatatokenOrdered {
    /// The datatoken, an ERC-20.
    pub datatoken: TokenRef,
    /// Who may use the data.
    pub consumer: Address,
    /// Who pays.
    pub payer: Address,
    /// How much, in base units of the datatoken.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
    /// Which of the data's services.
    #[serde(with = "crate::amount::decimal")]
    pub service: U256,
    /// The market that sold it.
    pub market: Address,
}

/// A datatoken has a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatatokenListed {
    /// Which exchange of the contract that keeps them.
    pub exchange: B256,
    /// The datatoken.
    pub datatoken: TokenRef,
    /// The ERC-20 that it is paid in.
    pub base_token: Address,
    /// Who sells.
    pub owner: Address,
    /// Base units of the base token for ten to the power of 18 base units of the datatoken.
    #[serde(with = "crate::amount::decimal")]
    pub rate: U256,
}

/// A datatoken was bought or sold at its price. Which one it is, [`DatatokenListed`] said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatatokenSwapped {
    /// The exchange.
    pub exchange: B256,
    /// By whom.
    pub account: Address,
    /// How much of the base token moved.
    #[serde(with = "crate::amount::decimal")]
    pub base_amount: U256,
    /// How much of the datatoken moved.
    #[serde(with = "crate::amount::decimal")]
    pub datatoken_amount: U256,
    /// The token that the account got.
    pub got: Address,
}

/// A proof of a file was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProved {
    /// The file.
    pub file: TokenRef,
    /// Who owns it, where the log says so.
    pub owner: Option<Address>,
    /// The proof's number among the file's.
    #[serde(with = "crate::amount::decimal")]
    pub proof: U256,
    /// The pool of data that the proof is for, where the log says so.
    #[serde(with = "super::assets::optional_decimal")]
    pub pool: Option<U256>,
    /// How good the file is, where the log says so.
    #[serde(with = "super::assets::optional_decimal")]
    pub score: Option<U256>,
    /// Where the proof is.
    pub uri: String,
}

/// A refinement of a file was recorded, or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRefined {
    /// The file.
    pub file: TokenRef,
    /// By which refiner.
    #[serde(with = "crate::amount::decimal")]
    pub refiner: U256,
    /// Where it is.
    pub uri: String,
    /// Whether it replaces an earlier one of this refiner.
    pub replaces: bool,
}

/// An account may read a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePermitted {
    /// The file.
    pub file: TokenRef,
    /// Who may.
    pub account: Address,
}

/// A reward for a file was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRewarded {
    /// The file.
    pub file: TokenRef,
    /// The pool of data that pays.
    pub pool: Address,
    /// Who contributed the file.
    pub contributor: Address,
    /// By which proof.
    #[serde(with = "crate::amount::decimal")]
    pub proof: U256,
    /// How much, in base units of the pool's token.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
}
