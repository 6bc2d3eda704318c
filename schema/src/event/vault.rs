//! Whose the exchange vault's holdings are. To a token's contract they are the vault's own, so a transfer alone does not say.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::id::TokenRef;

/// An account has more of a token in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultCredited {
    /// The vault.
    pub vault: Address,
    /// The account.
    pub account: Address,
    /// The token.
    pub token: TokenRef,
    /// How much more, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
}

/// An account has less of a token in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultDebited {
    /// The vault.
    pub vault: Address,
    /// The account.
    pub account: Address,
    /// The token.
    pub token: TokenRef,
    /// How much less, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
}

/// A market is settled in the vault from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultMarketListed {
    /// The vault.
    pub vault: Address,
    /// The market.
    pub market: B256,
    /// What is bought and sold.
    pub base: TokenRef,
    /// What it is paid with.
    pub quote: TokenRef,
    /// The asset that gets the royalties of its trades.
    pub asset: Option<TokenRef>,
    /// The account in which those royalties gather.
    pub royalty_account: Address,
}

/// The fees of trades gather in another account from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultFeeAccountChanged {
    /// The vault.
    pub vault: Address,
    /// The account before; zero when the vault is made.
    pub previous: Address,
    /// The account now.
    pub current: Address,
}

/// A trade moved balances: the buyer has `base_amount` more of the base and `quote_amount + buyer_fee` less of the quote, the seller
/// `base_amount` less and `quote_amount - seller_fee - royalty` more, the fee account both fees and the royalty account the royalty.
/// What base and quote are, the market says ([`VaultMarketListed`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultFilled {
    /// The vault.
    pub vault: Address,
    /// The market.
    pub market: B256,
    /// The group of markets in which the fill has its number.
    pub group: u32,
    /// The fill's number.
    pub number: u64,
    /// Who bought.
    pub buyer: Address,
    /// Who sold.
    pub seller: Address,
    /// How much of the base, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub base_amount: U256,
    /// For how much of the quote, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub quote_amount: U256,
    /// What the buyer paid beside that.
    #[serde(with = "crate::amount::decimal")]
    pub buyer_fee: U256,
    /// What was kept of what the seller got.
    #[serde(with = "crate::amount::decimal")]
    pub seller_fee: U256,
    /// What was kept of it for the asset.
    #[serde(with = "crate::amount::decimal")]
    pub royalty: U256,
}
