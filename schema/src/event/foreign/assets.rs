//! Things of other protocols, where their descriptions are, and what they were made from.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::caip::EvmAssetId;
use crate::event::numbers::{ForeignKind, Relation};
use crate::id::TokenRef;

/// A thing of another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ForeignThing {
    /// What it is.
    pub kind: ForeignKind,
    /// The contract that keeps it, and its id there. A Story IP's id is the address of its account as a number.
    pub key: TokenRef,
}

/// A thing came to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAssetRegistered {
    /// The thing.
    pub thing: ForeignThing,
    /// The address that others know it by, where it has one of its own: a Story IP's account, an Ocean contract.
    pub account: Option<Address>,
    /// Its first owner, where the log says so.
    pub owner: Option<Address>,
    /// Its name; empty where the log has none.
    pub name: String,
    /// Where its description is; empty where the log has none.
    pub uri: String,
    /// The token that it stands for, on this or another chain.
    #[serde(with = "optional_id")]
    pub token: Option<EvmAssetId>,
}

/// A thing's description is elsewhere, or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAssetDescribed {
    /// The thing.
    pub thing: ForeignThing,
    /// Where the description is; empty where the log holds it.
    pub uri: String,
    /// Commitment to the description, where there is one.
    pub hash: Option<B256>,
    /// Who changed it, where the log says so.
    pub changed_by: Option<Address>,
}

/// A value was kept on chain for a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMetadataSet {
    /// The thing.
    pub thing: ForeignThing,
    /// Under which key.
    pub metadata_key: String,
    /// The value; an empty one takes the key's former value away.
    pub value: Bytes,
}

/// A thing was made from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDerived {
    /// The derived thing.
    pub child: ForeignThing,
    /// What it was made from, each named once.
    pub parents: Vec<ForeignThing>,
    /// How.
    pub relation: Relation,
    /// The parents' terms that allowed it, by their numbers, as far as the log names them.
    #[serde(with = "decimals")]
    pub terms_ids: Vec<U256>,
}

/// An optional CAIP-19 id as text.
pub(super) mod optional_id {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::caip::EvmAssetId;

    pub fn serialize<S: Serializer>(id: &Option<EvmAssetId>, serializer: S) -> Result<S::Ok, S::Error> {
        id.map(|id| id.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EvmAssetId>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// An optional number as decimal digits.
pub(super) mod optional_decimal {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &Option<U256>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(|number| number.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<U256>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let number = |text: String| U256::from_str_radix(&text, 10).map_err(serde::de::Error::custom);
        text.map(number).transpose()
    }
}

/// Numbers as decimal digits.
pub(super) mod decimals {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(numbers: &[U256], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(numbers.iter().map(U256::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<U256>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let number = |text: String| U256::from_str_radix(&text, 10).map_err(serde::de::Error::custom);
        texts.into_iter().map(number).collect()
    }
}
