//! Licence terms.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use super::RoyaltyPolicy;
use crate::amount::E8;

/// Immutable licence terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseTerms {
    /// May be used to earn money.
    pub commercial_use: bool,
    /// May be derived from.
    pub derivatives_allowed: bool,
    /// Derivatives must carry the same terms.
    pub reciprocal: bool,
    /// Units may change hands.
    pub transferable: bool,
    /// How the licensor takes part in derivatives' revenue.
    pub royalty_policy: RoyaltyPolicy,
    /// The licensor's part of derivatives' revenue.
    pub revenue_share: E8,
    /// Price of a unit in base units of `currency`.
    #[serde(with = "crate::amount::decimal")]
    pub minting_fee: U256,
    /// The ERC-20 that the fee is paid in; zero where there is no fee.
    pub currency: Address,
    /// How long a licence lasts in seconds; 0 for ever.
    pub duration_secs: u64,
    /// How many units may be minted per asset; 0 for any number.
    pub supply_cap: u64,
    /// Where the full text is.
    pub uri: String,
    /// SPDX licence id where one fits, else empty.
    pub spdx_id: String,
}
