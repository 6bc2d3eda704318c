//! Orders of the flow as their accounts sign them (EIP-712).

#![deny(clippy::disallowed_methods)]

use alloy::primitives::B256;
use alloy::sol_types::Eip712Domain;
use souk_contracts::exchange::{self, BUY, Instructions, Order, SELL};

use super::flow::{Intent, Style, TradeSide};
use crate::cast::Account;

/// Parts per million of an order's worth that its account is ready to pay in fees: the most that the vault takes, on one and a half times the
/// price, since a seller may get more than it asked for.
const FEE_CAP_PPM: u128 = exchange::MAX_FEE_PPM as u128 * 3 / 2;

/// A market's id in the vault, its lot and its tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketUnits {
    /// The market's id.
    pub market: B256,
    /// Base units in a lot.
    pub lot_size: u128,
    /// Quote base units for a lot at a price of one tick.
    pub tick_size: u128,
}

/// A signed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub order: Order,
    /// r, s, v.
    pub signature: [u8; exchange::SIGNATURE_BYTES],
}

/// An order that is not signed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What its trader wants: [`Intent::Place`].
    pub intent: Intent,
    /// Used once per account.
    pub nonce: u64,
    /// Unix seconds; it matches strictly before.
    pub expiry_secs: u64,
}

/// Why an order is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A cancel is a request of its own.
    #[error("a cancel is not an order, and is not signed as one")]
    NoOrder,
    /// The signer's, which a key in memory does not give.
    #[error(transparent)]
    Signer(#[from] alloy::signers::Error),
}

/// Signs an order for an account in a market with these units.
///
/// # Errors
/// [`SignError`].
pub fn sign(account: &Account, domain: &Eip712Domain, units: MarketUnits, draft: Draft) -> Result<Signed, SignError> {
    let Intent::Place {
        side,
        price_ticks,
        lots,
        style,
        ..
    } = draft.intent
    else {
        return Err(SignError::NoOrder);
    };
    const GOOD_TIL_CANCELLED: u8 = 0;
    const IMMEDIATE_OR_CANCEL: u8 = 1;
    const POST_ONLY_REJECT: u8 = 1;
    const CANCEL_MAKER: u8 = 1;
    let price = u128::from(price_ticks) * units.tick_size;
    let order = Order {
        account: account.address(),
        market: units.market,
        side: match side {
            TradeSide::Buy => BUY,
            TradeSide::Sell => SELL,
        },
        baseAmount: u128::from(lots) * units.lot_size,
        limitPrice: price,
        feeCap: (price * u128::from(lots) * FEE_CAP_PPM).div_ceil(1_000_000),
        nonce: draft.nonce,
        expiry: draft.expiry_secs,
        instructions: Instructions {
            timeInForce: if style == Style::Take {
                IMMEDIATE_OR_CANCEL
            } else {
                GOOD_TIL_CANCELLED
            },
            postOnly: if style == Style::Quote { POST_ONLY_REJECT } else { 0 },
            selfTrade: CANCEL_MAKER,
            displayAmount: match style {
                Style::Iceberg(shown) => u128::from(shown) * units.lot_size,
                _ => 0,
            },
            ..Instructions::default()
        },
    };
    let signature = exchange::sign(exchange::digest(&order, domain), account.signer())?;
    Ok(Signed { order, signature })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::Address;

    #[test]
    fn an_order_recovers_to_its_account_and_is_in_base_units() {
        let account = Account::derive("test", 1, "Kestrel");
        let domain = exchange::domain(31_337, Address::repeat_byte(7));
        let units = MarketUnits {
            market: B256::repeat_byte(3),
            lot_size: 10,
            tick_size: 10_000,
        };
        let draft = Draft {
            intent: Intent::Place {
                trader: 1,
                market: 0,
                side: TradeSide::Sell,
                price_ticks: 250,
                lots: 8,
                style: Style::Iceberg(2),
            },
            nonce: 5,
            expiry_secs: 99,
        };
        let signed = sign(&account, &domain, units, draft).unwrap();
        let digest = exchange::digest(&signed.order, &domain);
        assert_eq!(exchange::recover(digest, &signed.signature), Some(account.address()));
        let order = &signed.order;
        assert_eq!(
            (order.baseAmount, order.limitPrice, order.instructions.displayAmount),
            (80, 2_500_000, 20)
        );
        assert_eq!(order.feeCap, 1_500_000, "7.5% of 20 dollars");
        assert_eq!((order.side, order.nonce, order.expiry), (SELL, 5, 99));
    }
}
