//! What a factory creates: a token, or a contract of another protocol.

use std::fmt;
use std::str::FromStr;

use souk_schema::TokenStandard;

use crate::foreign::{Foreign, Ocean, Story};

/// What a contract is that another created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// A plain token.
    Token(TokenStandard),
    /// A data NFT of Ocean.
    OceanDataNft,
    /// A datatoken of Ocean.
    OceanDatatoken,
    /// A vault that gathers the revenue of one of Story's IPs.
    StoryVault,
}

/// A word that names no kind of contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of contract that a factory creates")]
pub struct UnknownChildKind(pub String);

impl ChildKind {
    const ALL: [ChildKind; 6] = [
        ChildKind::Token(TokenStandard::Erc20),
        ChildKind::Token(TokenStandard::Erc721),
        ChildKind::Token(TokenStandard::Erc1155),
        ChildKind::OceanDataNft,
        ChildKind::OceanDatatoken,
        ChildKind::StoryVault,
    ];

    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            ChildKind::Token(standard) => standard.namespace(),
            ChildKind::OceanDataNft => "ocean_data_nft",
            ChildKind::OceanDatatoken => "ocean_datatoken",
            ChildKind::StoryVault => "story_vault",
        }
    }

    /// The adapter of a contract that is more than a plain token.
    pub(crate) fn foreign(self) -> Result<Foreign, TokenStandard> {
        match self {
            ChildKind::Token(standard) => Err(standard),
            ChildKind::OceanDataNft => Ok(Foreign::Ocean(Ocean::DataNft)),
            ChildKind::OceanDatatoken => Ok(Foreign::Ocean(Ocean::Datatoken)),
            ChildKind::StoryVault => Ok(Foreign::Story(Story::Vault)),
        }
    }
}

impl From<TokenStandard> for ChildKind {
    fn from(standard: TokenStandard) -> ChildKind {
        ChildKind::Token(standard)
    }
}

impl fmt::Display for ChildKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChildKind {
    type Err = UnknownChildKind;

    fn from_str(text: &str) -> Result<ChildKind, UnknownChildKind> {
        let known = ChildKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| UnknownChildKind(text.into()))
    }
}
