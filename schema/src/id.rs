//! Identifiers: chains, blocks, logs and tokens. Their textual forms outside the system are CAIP ([`crate::caip`]).

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

/// An EIP-155 chain id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

impl std::fmt::Display for ChainId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ChainId {
    /// The event-log stream that holds this chain in the given generation: `chain.<chain id>` for the first, `chain.<chain id>.g<n>`
    /// for later ones.
    pub fn stream(self, generation: u32) -> String {
        match generation {
            0 | 1 => format!("chain.{self}"),
            later => format!("chain.{self}.g{later}"),
        }
    }
}

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height; the first block of a chain is 0.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
}

/// The identity of a log, independent of how its block was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogRef {
    /// The chain that it is on.
    pub chain: ChainId,
    /// Hash of the block that holds it.
    pub block_hash: B256,
    /// Its index within that block.
    pub log_index: u32,
}

/// The standard by which a token is owned; the second part of a CAIP-19 asset namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStandard {
    /// A whole fungible contract.
    Erc20,
    /// One token with one owner.
    Erc721,
    /// One id of a contract, with balances.
    Erc1155,
}

impl TokenStandard {
    /// The CAIP-19 asset namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            TokenStandard::Erc20 => "erc20",
            TokenStandard::Erc721 => "erc721",
            TokenStandard::Erc1155 => "erc1155",
        }
    }
}

/// A token within its chain: the contract, and the id within the contract (0 for ERC-20, which has no ids).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenRef {
    /// The contract that keeps the token.
    pub contract: Address,
    /// The id within the contract.
    #[serde(with = "crate::amount::decimal")]
    pub id: U256,
}

impl TokenRef {
    /// A token of a contract.
    pub fn new(contract: Address, id: impl Into<U256>) -> TokenRef {
        TokenRef {
            contract,
            id: id.into(),
        }
    }

    /// The compact key under which tables and indexes keep this token.
    pub fn key(&self) -> TokenKey {
        TokenKey::from(*self)
    }
}

/// A token's key in tables: the 20 bytes of the contract followed by the id as big-endian bytes without leading zeros.
///
/// It is exact for every id, short for the small ids that most contracts use, and unique: the contract's length is fixed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey(Vec<u8>);

/// Bytes that are not a [`TokenKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} bytes are not a token key: expected a 20-byte contract address and an id of at most 32 bytes without leading zeros", .0)]
pub struct InvalidTokenKey(pub usize);

impl TokenKey {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<TokenRef> for TokenKey {
    fn from(token: TokenRef) -> TokenKey {
        let id = token.id.to_be_bytes::<32>();
        let zeros = token.id.leading_zeros() / 8;
        let mut key = Vec::with_capacity(52 - zeros);
        key.extend_from_slice(token.contract.as_slice());
        key.extend_from_slice(&id[zeros..]);
        TokenKey(key)
    }
}

impl TryFrom<&[u8]> for TokenRef {
    type Error = InvalidTokenKey;

    fn try_from(key: &[u8]) -> Result<TokenRef, InvalidTokenKey> {
        let (contract, id) = key.split_at_checked(20).ok_or(InvalidTokenKey(key.len()))?;
        if id.len() > 32 || id.first() == Some(&0) {
            return Err(InvalidTokenKey(key.len()));
        }
        Ok(TokenRef {
            contract: Address::from_slice(contract),
            id: U256::from_be_slice(id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_that_no_token_has_are_refused() {
        assert!(TokenRef::try_from(&[0u8; 19][..]).is_err());
        assert!(
            TokenRef::try_from(&[0u8; 21][..]).is_err(),
            "a leading zero would give one token two keys"
        );
        assert!(TokenRef::try_from(&[1u8; 53][..]).is_err());
        assert_eq!(TokenRef::new(Address::ZERO, U256::ZERO).key().as_bytes(), [0u8; 20]);
    }

    #[test]
    fn later_generations_have_streams_of_their_own() {
        assert_eq!(ChainId(1).stream(1), "chain.1");
        assert_eq!(ChainId(1).stream(2), "chain.1.g2");
    }

    proptest! {
        #[test]
        fn a_key_gives_its_token_back(contract in any::<[u8; 20]>(), id in any::<[u8; 32]>(), shift in 0usize..256) {
            let token = TokenRef::new(Address::from(contract), U256::from_be_bytes(id) >> shift);
            prop_assert_eq!(TokenRef::try_from(token.key().as_bytes()), Ok(token));
        }
    }
}
