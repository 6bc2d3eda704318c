//! The messages that traders sign for the exchange (EIP-712), hashed, signed and recovered as the vault does.
//!
//! Never talks to a chain and never decides whether an order is any good. Start at [`Order`], [`domain`] and [`recover`].

use alloy::primitives::{Address, B256, Signature, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, SolStruct, SolValue};

use crate::ExchangeVault;

pub use typed::{Instructions, Order, Withdrawal};

/// `side` of an order that buys the base token.
pub const BUY: u8 = 0;
/// `side` of an order that sells the base token.
pub const SELL: u8 = 1;

/// Most that the fees of one side of a fill come to, in parts per million of its quote amount, as in the vault.
pub const MAX_FEE_PPM: u32 = 50_000;

/// Bytes of a signature: r, s and v.
pub const SIGNATURE_BYTES: usize = 65;

/// The structs as they are signed. Names, types and order of the fields are the protocol.
mod typed {
    #![allow(missing_docs)]

    use alloy::sol;

    sol! {
        /// What only the engine reads of an order; the vault knows its hash.
        #[derive(Debug, Default, PartialEq, Eq, Hash)]
        struct Instructions {
            uint8 kind;
            uint8 timeInForce;
            uint8 postOnly;
            uint8 selfTrade;
            uint128 displayAmount;
            uint128 triggerPrice;
            uint64 goodUntil;
            bytes32 clientOrderId;
        }

        /// An order as its account signs it; what the fields mean is said in `IExchangeVault.sol`.
        #[derive(Debug, Default, PartialEq, Eq, Hash)]
        struct Order {
            address account;
            bytes32 market;
            uint8 side;
            uint128 baseAmount;
            uint128 limitPrice;
            uint128 feeCap;
            uint64 nonce;
            uint64 expiry;
            Instructions instructions;
        }

        /// A withdrawal as its account and the operator sign it.
        #[derive(Debug, Default, PartialEq, Eq, Hash)]
        struct Withdrawal {
            address account;
            address token;
            uint256 id;
            uint128 amount;
            address receiver;
            uint64 nonce;
            uint64 deadline;
            uint32 group;
        }
    }
}

/// Why the vault skipped a fill, in the order in which it asks; what each means is said in `IExchangeVault.sol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The operator voided the match.
    Voided = 1,
    /// Both orders are of one account.
    SelfTrade,
    /// The orders are of different markets, or of one that is not listed.
    MarketMismatch,
    /// An amount is 0.
    EmptyFill,
    /// A buyer's order that sells, or the other way round.
    WrongSide,
    /// Neither the account nor a key of it signed the order.
    BadSignature,
    /// The order and its grace are over.
    Expired,
    /// The account invalidated the order's nonce.
    NonceInvalidated,
    /// The price is not one that the order allows.
    PriceOutsideLimit,
    /// The side's fees are above [`MAX_FEE_PPM`] of the quote amount.
    FeeTooHigh,
    /// The fees of all fills of the nonce would be above the order's cap.
    FeeCapExceeded,
    /// The base of all fills of the nonce would be above the order's amount.
    Overfilled,
    /// The account has too little in the vault.
    InsufficientBalance,
}

impl SkipReason {
    /// All reasons, in the order of their numbers in the vault's events, from 1.
    pub const ALL: [SkipReason; 13] = [
        SkipReason::Voided,
        SkipReason::SelfTrade,
        SkipReason::MarketMismatch,
        SkipReason::EmptyFill,
        SkipReason::WrongSide,
        SkipReason::BadSignature,
        SkipReason::Expired,
        SkipReason::NonceInvalidated,
        SkipReason::PriceOutsideLimit,
        SkipReason::FeeTooHigh,
        SkipReason::FeeCapExceeded,
        SkipReason::Overfilled,
        SkipReason::InsufficientBalance,
    ];

    /// The reason with this number in a `FillSkipped`; `None` where the vault has no such reason.
    pub fn from_number(number: u8) -> Option<SkipReason> {
        SkipReason::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// The EIP-712 domain of a vault on a chain with this EIP-155 id.
pub fn domain(chain_id: u64, vault: Address) -> Eip712Domain {
    Eip712Domain::new(
        Some("Souk Exchange".into()),
        Some("1".into()),
        Some(U256::from(chain_id)),
        Some(vault),
        None,
    )
}

/// Id of the market that trades `base_id` of `base` for `quote` in lots of `lot_size` base units, at prices that are
/// multiples of `tick_size` quote base units per lot.
pub fn market_id(base: Address, base_id: U256, quote: Address, lot_size: u128, tick_size: u128) -> B256 {
    keccak256((base, base_id, quote, U256::from(lot_size), U256::from(tick_size)).abi_encode())
}

/// The vault account that a market's royalties accrue to until they are flushed. Nobody has a key of it.
pub fn royalty_account(market: B256) -> Address {
    let hash = keccak256(("souk.royalty".to_owned(), market).abi_encode_params());
    Address::from_slice(&hash[..20])
}

/// What is signed for an order or a withdrawal: the EIP-712 digest.
pub fn digest<T: SolStruct>(message: &T, domain: &Eip712Domain) -> B256 {
    message.eip712_signing_hash(domain)
}

/// Signs a digest: r, s and v, with v being 27 or 28.
///
/// # Errors
/// The signer's, which a key in memory does not give.
pub fn sign(digest: B256, signer: &PrivateKeySigner) -> Result<[u8; SIGNATURE_BYTES], alloy::signers::Error> {
    Ok(signer.sign_hash_sync(&digest)?.as_bytes())
}

/// Who signed a digest, by the vault's rules: 65 bytes, v 27 or 28, s in the lower half, so that a signature has one form only.
/// `None` where the vault would say `BadSignature` whoever the account is.
pub fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    let bytes: &[u8; SIGNATURE_BYTES] = signature.try_into().ok()?;
    if !matches!(bytes[64], 27 | 28) {
        return None;
    }
    let signature = Signature::from_raw_array(bytes).ok()?;
    if signature.normalize_s().is_some() {
        return None;
    }
    let signer = signature.recover_address_from_prehash(&digest).ok()?;
    (!signer.is_zero()).then_some(signer)
}

/// An order as the vault takes it in a batch: with the hash of the instructions in their place, and the signature in parts.
pub fn signed_order(order: &Order, signature: &[u8; SIGNATURE_BYTES]) -> ExchangeVault::SignedOrder {
    ExchangeVault::SignedOrder {
        order: hashed_order(order),
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
        v: signature[64],
    }
}

/// An order with the hash of the instructions in their place.
pub fn hashed_order(order: &Order) -> ExchangeVault::Order {
    ExchangeVault::Order {
        account: order.account,
        market: order.market,
        side: order.side,
        baseAmount: order.baseAmount,
        limitPrice: order.limitPrice,
        feeCap: order.feeCap,
        nonce: order.nonce,
        expiry: order.expiry,
        instructions: order.instructions.eip712_hash_struct(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The types to the letter: wallets show them, and the vault has their hashes.
    #[test]
    fn the_signed_types_are_those_of_the_protocol() {
        assert_eq!(
            Order::eip712_encode_type(),
            "Order(address account,bytes32 market,uint8 side,uint128 baseAmount,uint128 limitPrice,uint128 feeCap,\
             uint64 nonce,uint64 expiry,Instructions instructions)Instructions(uint8 kind,uint8 timeInForce,\
             uint8 postOnly,uint8 selfTrade,uint128 displayAmount,uint128 triggerPrice,uint64 goodUntil,\
             bytes32 clientOrderId)"
        );
        assert_eq!(
            Withdrawal::eip712_encode_type(),
            "Withdrawal(address account,address token,uint256 id,uint128 amount,address receiver,uint64 nonce,\
             uint64 deadline,uint32 group)"
        );
    }

    #[test]
    fn reasons_have_the_numbers_of_their_places() {
        for (place, reason) in SkipReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place + 1);
            assert_eq!(SkipReason::from_number(reason as u8), Some(reason));
        }
        assert_eq!((SkipReason::from_number(0), SkipReason::from_number(14)), (None, None));
    }

    #[test]
    fn only_one_form_of_a_signature_is_taken() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let digest = digest(&Order::default(), &domain(1, Address::repeat_byte(1)));
        let good = sign(digest, &signer).unwrap();
        assert_eq!(recover(digest, &good), Some(signer.address()));

        let order_of_curve =
            U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
        let mut high = good;
        let s = order_of_curve - U256::from_be_slice(&good[32..64]);
        high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        high[64] = 27 + 28 - good[64];
        let mut parity = good;
        parity[64] -= 27;
        let mut empty = good;
        empty[..64].fill(0);
        for bad in [&high[..], &parity, &empty, &good[..64], &[]] {
            assert_eq!(recover(digest, bad), None);
        }
        assert_ne!(recover(B256::ZERO, &good), Some(signer.address()));
    }
}
