//! What stands for a signature: who signed, and what. Whether it is one that the curve allows is not asked.

use alloy_primitives::{Address, B256, keccak256};
use souk_contracts::ExchangeVault as contract;
use souk_contracts::exchange::{BUY, SELL};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{Side, SignedOrder};

/// The parts of an order that the vault reads.
pub struct Signed {
    account: Address,
    market: B256,
    side: u8,
    amounts: [u128; 3],
    numbers: [u64; 2],
}

/// As the vault is shown it.
pub fn as_signed(order: &contract::Order) -> Signed {
    Signed {
        account: order.account,
        market: order.market,
        side: order.side,
        amounts: [order.baseAmount, order.limitPrice, order.feeCap],
        numbers: [order.nonce, order.expiry],
    }
}

/// As the contract numbers it.
pub fn number_of(side: Side) -> u8 {
    match side {
        Side::Buy => BUY,
        Side::Sell => SELL,
    }
}

/// What stands for a signature of an order: who signed it, and what.
pub fn signature(order: &SignedOrder) -> Signature {
    let signed = Signed {
        account: order.account,
        market: order.market,
        side: number_of(order.side),
        amounts: [order.base_amount.0, order.limit_price.0, order.fee_cap.0],
        numbers: [order.nonce, order.expiry_secs],
    };
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&order.signer.into_word()[..]);
    bytes[32..64].copy_from_slice(&digest(&signed, order.signer)[..]);
    Signature(bytes)
}

/// What a signature of it holds beside the signer.
pub fn digest(signed: &Signed, signer: Address) -> B256 {
    let mut bytes = Vec::with_capacity(160);
    bytes.extend_from_slice(&signed.account[..]);
    bytes.extend_from_slice(&signed.market[..]);
    bytes.push(signed.side);
    signed
        .amounts
        .iter()
        .for_each(|amount| bytes.extend(amount.to_be_bytes()));
    signed
        .numbers
        .iter()
        .for_each(|number| bytes.extend(number.to_be_bytes()));
    bytes.extend_from_slice(&signer[..]);
    keccak256(bytes)
}
