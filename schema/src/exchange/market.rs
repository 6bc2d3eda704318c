//! Markets: what is traded, in which units, for which fees, and in which state.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::id::UnixMillis;
use super::quantity::{Lots, MarketUnits, Ppm, Ticks};
use crate::id::TokenRef;

/// What the operator lists. Instruments and units never change afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketSpec {
    /// The market's id in the vault: `keccak256(abi.encode(base, baseId, quote, lotSize, tickSize))`. Orders sign it.
    pub key: B256,
    /// What is traded: one id of an ERC-1155 contract.
    pub base: TokenRef,
    /// What pays: an ERC-20.
    pub quote: Address,
    /// Shares or a licence series.
    pub kind: MarketKind,
    /// Lot and tick.
    pub units: MarketUnits,
    /// What trading costs.
    pub fees: FeeSchedule,
    /// What one order and one account may do.
    pub limits: MarketLimits,
    /// Where the first band is centred, until there is a trade.
    pub reference_price: Ticks,
}

/// What a market's base instrument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MarketKind {
    /// Shares of an asset.
    Shares,
    /// Licences of one series.
    Licence {
        /// When the series ends, exclusive; `None` for ever. The market closes the settlement grace before.
        expires_at: Option<UnixMillis>,
    },
}

/// Parts of a fill's quote amount, each rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeSchedule {
    /// Paid by the order that rested.
    pub maker_ppm: Ppm,
    /// Paid by the order that came.
    pub taker_ppm: Ppm,
    /// Paid by the seller to the asset's revenue.
    pub royalty_ppm: Ppm,
}

/// Bounds of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketLimits {
    /// Least lots of an order; at least 1.
    pub min_lots: Lots,
    /// Most lots of an order.
    pub max_lots: Lots,
    /// Highest price; `max_price × max_lots` in quote base units must stay below 2^100.
    pub max_price: Ticks,
    /// Most open orders (stops included) of one account in this market.
    pub max_open_orders: u32,
    /// How far from the last price, rounded inwards to whole ticks, trading may go without an auction; `None` for no band.
    pub band_ppm: Option<Ppm>,
    /// How long a call auction gathers orders.
    pub auction_secs: u32,
}

/// What a market does with orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketState {
    /// Takes resting orders and cancels, matches nothing. The state after listing.
    #[default]
    PreOpen,
    /// A call auction gathers orders until its end, then crosses them at one price and opens.
    Auction,
    /// Continuous trading.
    Open,
    /// Takes post-only orders, amendments that shrink, and cancels.
    PostOnly,
    /// Takes cancels and amendments that shrink.
    Halted,
    /// For good: every order is cancelled.
    Closed,
}
