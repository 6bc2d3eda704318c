//! One asset on several chains. An announcement is made where the asset is, a mirror where it is to be; that a mirror names an
//! announcement is a relayer's claim until the announcement was seen on its own chain.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::caip::AssetId;
use crate::id::{ChainId, TokenRef};

/// An asset of this chain is to be known on another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetAnnounced {
    /// The gateway.
    pub gateway: Address,
    /// Commitment to the asset, the gateway and both chains.
    pub announcement: B256,
    /// The asset.
    pub asset: TokenRef,
    /// The other chain.
    pub target_chain: ChainId,
    /// Commitment to the asset's content when it was announced.
    pub content_hash: B256,
}

/// A relayer says that an asset of this chain is one that was announced on another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetMirrored {
    /// The gateway.
    pub gateway: Address,
    /// The announcement.
    pub announcement: B256,
    /// The asset of this chain.
    pub mirror: TokenRef,
    /// The asset of the other chain.
    pub origin: AssetId,
    /// The other chain's gateway.
    pub origin_gateway: Address,
    /// Commitment to the content that was announced.
    pub content_hash: B256,
    /// Who says so.
    pub relayer: Address,
}
