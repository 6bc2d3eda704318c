//! Global ids and the interface `Node`, by which a client fetches again whatever it holds an id of.

use async_graphql::{ID, Interface};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::account::Account;
use super::asset::Asset;
use super::chain::Chain;
use super::license::LicenseSeries;
use super::token::Token;
use crate::error::ApiError;
use crate::scalars::{AccountId, AssetId, ChainId};

/// Anything that has a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id, opaque; pass it to `node`."))]
pub enum Node {
    /// A dataset, model, adapter, agent, knowledge base, compute or application.
    Asset(Asset),
    /// An account.
    Account(Account),
    /// A token of any contract.
    Token(Token),
    /// A licence series.
    LicenseSeries(LicenseSeries),
    /// A chain.
    Chain(Chain),
}

/// What a global id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobalId {
    /// An asset.
    Asset(AssetId),
    /// An account.
    Account(AccountId),
    /// A token.
    Token(AssetId),
    /// A licence series.
    Series(AssetId),
    /// A chain.
    Chain(ChainId),
}

impl GlobalId {
    /// As clients hold it.
    pub fn write(&self) -> ID {
        let text = match self {
            GlobalId::Asset(id) => format!("asset {id}"),
            GlobalId::Account(id) => format!("account {id}"),
            GlobalId::Token(id) => format!("token {id}"),
            GlobalId::Series(id) => format!("series {id}"),
            GlobalId::Chain(id) => format!("chain {id}"),
        };
        ID(URL_SAFE_NO_PAD.encode(text))
    }

    /// Reads what a client sent.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for anything that was not written by [`GlobalId::write`].
    pub fn read(id: &ID) -> Result<GlobalId, ApiError> {
        let unknown = || {
            ApiError::input(
                "this is no global id: use the `id` of an answer; assets are also found by their CAIP-19 id with `asset`",
            )
        };
        let text = URL_SAFE_NO_PAD
            .decode(id.as_str())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(unknown)?;
        let (kind, id) = text.split_once(' ').ok_or_else(unknown)?;
        let read = match kind {
            "asset" => AssetId::read(id).map(GlobalId::Asset),
            "account" => AccountId::read(id).map(GlobalId::Account),
            "token" => AssetId::read(id).map(GlobalId::Token),
            "series" => AssetId::read(id).map(GlobalId::Series),
            "chain" => ChainId::read(id).map(GlobalId::Chain),
            _ => return Err(unknown()),
        };
        read.map_err(|_| unknown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_ids_come_back_and_others_are_refused() {
        let asset = AssetId::read("eip155:1/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42").unwrap();
        for id in [
            GlobalId::Asset(asset.clone()),
            GlobalId::Token(asset),
            GlobalId::Chain(ChainId::read("eip155:1").unwrap()),
        ] {
            assert_eq!(GlobalId::read(&id.write()), Ok(id));
        }
        for bad in ["", "%%%", "YXNzZXQ", "YXNzZXQgeA", &"A".repeat(10_000)] {
            assert!(GlobalId::read(&ID(bad.into())).is_err(), "{bad}");
        }
    }
}
