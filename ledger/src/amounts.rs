//! Amounts with a sign.

use alloy_primitives::U256;
use souk_schema::amount::{Balance, balance_of};
use souk_schema::exchange::Amount;

/// An amount as something that can be taken away. Sums of 2^300 of them fit.
pub(crate) fn signed(amount: Amount) -> Balance {
    balance_of(U256::from(amount.0))
}
