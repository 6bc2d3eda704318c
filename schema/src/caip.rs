//! Identifiers as they leave the system: CAIP-2 chains, CAIP-10 accounts, CAIP-19 assets.
//!
//! EVM forms are parsed into numbers and addresses, and written with lower-case hex (CAIP-10 and CAIP-19 compare addresses without
//! regard to case on `eip155`). Assets of other namespaces are kept as text.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{ChainId, TokenRef, TokenStandard};

/// A text that is no CAIP identifier of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: {problem}; expected a form like `{example}`")]
pub struct InvalidCaip {
    /// What was read (shortened).
    pub text: String,
    /// Which CAIP.
    pub kind: &'static str,
    /// What is wrong.
    pub problem: &'static str,
    /// A valid one.
    pub example: &'static str,
}

const LONGEST: usize = 256;

fn invalid(text: &str, kind: &'static str, problem: &'static str, example: &'static str) -> InvalidCaip {
    let text = match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    };
    InvalidCaip {
        text,
        kind,
        problem,
        example,
    }
}

/// A chain as CAIP-2: `eip155:31337`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caip2(pub ChainId);

impl fmt::Display for Caip2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}", self.0)
    }
}

impl FromStr for Caip2 {
    type Err = InvalidCaip;

    fn from_str(text: &str) -> Result<Caip2, InvalidCaip> {
        let fail = |problem| invalid(text, "CAIP-2 chain id", problem, "eip155:31337");
        let reference = text
            .strip_prefix("eip155:")
            .ok_or_else(|| fail("the namespace is not eip155"))?;
        decimal(reference)
            .and_then(|id| u64::try_from(id).ok())
            .map(|id| Caip2(ChainId(id)))
            .ok_or_else(|| fail("the reference is not a chain number"))
    }
}

/// An account as CAIP-10: `eip155:31337:0xab16…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// The chain that the account is on.
    pub chain: ChainId,
    /// Its address.
    pub address: Address,
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}:{:#x}", self.chain, self.address)
    }
}

impl FromStr for AccountId {
    type Err = InvalidCaip;

    fn from_str(text: &str) -> Result<AccountId, InvalidCaip> {
        let fail = |problem| {
            invalid(
                text,
                "CAIP-10 account id",
                problem,
                "eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
            )
        };
        let (chain, account) = text.rsplit_once(':').ok_or_else(|| fail("there is no account part"))?;
        let Caip2(chain) = chain
            .parse()
            .map_err(|_| fail("the chain part is no CAIP-2 id of eip155"))?;
        let address = address(account).ok_or_else(|| fail("the account is no address of 20 bytes in hex"))?;
        Ok(AccountId { chain, address })
    }
}

/// A token of an EVM chain as CAIP-19: `eip155:31337/erc721:0x…/42`, or `eip155:31337/erc20:0x…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvmAssetId {
    /// The chain.
    pub chain: ChainId,
    /// The standard by which the token is owned.
    pub standard: TokenStandard,
    /// The token. ERC-20 contracts have id 0.
    pub token: TokenRef,
}

impl fmt::Display for EvmAssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "eip155:{}/{}:{:#x}",
            self.chain,
            self.standard.namespace(),
            self.token.contract
        )?;
        match self.standard {
            TokenStandard::Erc20 => Ok(()),
            TokenStandard::Erc721 | TokenStandard::Erc1155 => write!(f, "/{}", self.token.id),
        }
    }
}

impl FromStr for EvmAssetId {
    type Err = InvalidCaip;

    fn from_str(text: &str) -> Result<EvmAssetId, InvalidCaip> {
        let fail = |problem| {
            invalid(
                text,
                "CAIP-19 asset id of an EVM chain",
                problem,
                "eip155:31337/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42",
            )
        };
        let (chain, asset) = text.split_once('/').ok_or_else(|| fail("there is no asset part"))?;
        let Caip2(chain) = chain
            .parse()
            .map_err(|_| fail("the chain part is no CAIP-2 id of eip155"))?;
        let (namespace, reference) = asset
            .split_once(':')
            .ok_or_else(|| fail("the asset part has no namespace"))?;
        let (contract, id) = match reference.split_once('/') {
            Some((contract, id)) => (contract, Some(id)),
            None => (reference, None),
        };
        let contract = address(contract).ok_or_else(|| fail("the contract is no address of 20 bytes in hex"))?;
        let (standard, id) = match (namespace, id) {
            ("erc20", None) => (TokenStandard::Erc20, U256::ZERO),
            ("erc721", Some(id)) => (
                TokenStandard::Erc721,
                decimal(id).ok_or_else(|| fail("the token id is not a decimal number below 2^256"))?,
            ),
            ("erc1155", Some(id)) => (
                TokenStandard::Erc1155,
                decimal(id).ok_or_else(|| fail("the token id is not a decimal number below 2^256"))?,
            ),
            ("erc20", Some(_)) => return Err(fail("an erc20 has no token id")),
            ("erc721" | "erc1155", None) => return Err(fail("the token id is missing")),
            _ => return Err(fail("the asset namespace is none of erc20, erc721, erc1155")),
        };
        Ok(EvmAssetId {
            chain,
            standard,
            token: TokenRef { contract, id },
        })
    }
}

/// Any asset as CAIP-19, on an EVM chain or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetId {
    /// A token of an EVM chain.
    Evm(EvmAssetId),
    /// An asset of another namespace, kept as text of the CAIP-19 form.
    Other(String),
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssetId::Evm(id) => id.fmt(f),
            AssetId::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for AssetId {
    type Err = InvalidCaip;

    /// Parses the general CAIP-19 form `namespace:reference/asset_namespace:asset_reference[/token_id]`.
    fn from_str(text: &str) -> Result<AssetId, InvalidCaip> {
        let fail = |problem| {
            invalid(
                text,
                "CAIP-19 asset id",
                problem,
                "eip155:1/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42",
            )
        };
        if text.len() > LONGEST {
            return Err(fail("it is longer than any CAIP-19 id"));
        }
        if let Ok(evm) = text.parse() {
            return Ok(AssetId::Evm(evm));
        }
        let (chain, asset) = text.split_once('/').ok_or_else(|| fail("there is no asset part"))?;
        let (chain_namespace, chain_reference) = chain
            .split_once(':')
            .ok_or_else(|| fail("the chain part has no namespace"))?;
        let (namespace, rest) = asset
            .split_once(':')
            .ok_or_else(|| fail("the asset part has no namespace"))?;
        let (reference, id) = match rest.split_once('/') {
            Some((reference, id)) => (reference, Some(id)),
            None => (rest, None),
        };
        let is_name = |s: &str| {
            (3..=8).contains(&s.len())
                && s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let is_reference = |s: &str, longest: usize, extra: &[u8]| {
            (1..=longest).contains(&s.len())
                && s.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || extra.contains(&b))
        };
        if !is_name(chain_namespace) || !is_reference(chain_reference, 32, b"_") {
            return Err(fail("the chain part is no CAIP-2 id"));
        }
        if !is_name(namespace)
            || !is_reference(reference, 128, b".%")
            || !id.is_none_or(|id| is_reference(id, 78, b".%"))
        {
            return Err(fail(
                "the asset part has characters or lengths that CAIP-19 does not allow",
            ));
        }
        Ok(AssetId::Other(text.to_string()))
    }
}

fn decimal(text: &str) -> Option<U256> {
    let canonical = text == "0"
        || (text
            .as_bytes()
            .first()
            .is_some_and(|first| (b'1'..=b'9').contains(first))
            && text.bytes().all(|b| b.is_ascii_digit()));
    if canonical && text.len() <= 78 {
        U256::from_str_radix(text, 10).ok()
    } else {
        None
    }
}

fn address(text: &str) -> Option<Address> {
    let hex = text.strip_prefix("0x")?;
    if hex.len() == 40 { hex.parse().ok() } else { None }
}

/// Serialises an identifier as its text.
macro_rules! as_text {
    ($($name:ty),+) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+ };
}

as_text!(Caip2, AccountId, EvmAssetId, AssetId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTRACT: &str = "0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb";

    #[test]
    fn malformed_ids_say_what_is_wrong() {
        let long = "9".repeat(79);
        for (text, problem) in [
            ("", "no asset part"),
            ("eip155:1/erc721:0x12/1", "no address"),
            (&format!("eip155:1/erc721:{CONTRACT}"), "token id is missing"),
            (&format!("eip155:1/erc20:{CONTRACT}/1"), "has no token id"),
            (&format!("eip155:01/erc721:{CONTRACT}/1"), "no CAIP-2"),
            (&format!("eip155:1/erc721:{CONTRACT}/007"), "not a decimal"),
            (&format!("eip155:1/erc721:{CONTRACT}/{long}"), "not a decimal"),
            (&format!("eip155:1/erc999:{CONTRACT}/1"), "none of erc20"),
        ] {
            let error = text.parse::<EvmAssetId>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
        }
        assert!("x".repeat(300).parse::<AssetId>().unwrap_err().text.len() < 100);
        assert!("1:1/slip44:60".parse::<AssetId>().is_err());
    }

    #[test]
    fn assets_of_other_namespaces_are_kept_as_text() {
        let text = "cosmos:cosmoshub-3/slip44:118";
        assert_eq!(text.parse::<AssetId>().unwrap(), AssetId::Other(text.into()));
    }

    proptest! {
        #[test]
        fn every_evm_id_survives_its_text(chain in any::<u64>(), contract in any::<[u8; 20]>(), id in any::<[u8; 32]>(), standard in 0usize..3) {
            let standard = [TokenStandard::Erc20, TokenStandard::Erc721, TokenStandard::Erc1155][standard];
            let id = if standard == TokenStandard::Erc20 { U256::ZERO } else { U256::from_be_bytes(id) };
            let asset = EvmAssetId { chain: ChainId(chain), standard, token: TokenRef::new(Address::from(contract), id) };
            prop_assert_eq!(asset.to_string().parse::<AssetId>(), Ok(AssetId::Evm(asset)));
            let account = AccountId { chain: ChainId(chain), address: Address::from(contract) };
            prop_assert_eq!(account.to_string().parse::<AccountId>(), Ok(account));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,300}") {
            let _ = text.parse::<AssetId>();
            let _ = text.parse::<AccountId>();
        }
    }
}
