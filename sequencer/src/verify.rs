//! Who signed an order: what a gateway finds out before it appends a command, on as many threads as it has. Pure.
//!
//! The rules are the vault's (`souk_contracts::exchange`); the curve is libsecp256k1's, which recovers a key several times as fast.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, Keccak256, U256, keccak256};
use alloy::sol_types::{Eip712Domain, SolStruct};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};
use souk_contracts::exchange::{self as typed, SIGNATURE_BYTES};
use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::{GroupId, Side, SignedOrder, Venue};

/// Recovers signers for one vault on one chain.
#[derive(Clone, Debug)]
pub struct Verifier {
    separator: B256,
}

impl Verifier {
    /// For the orders and withdrawals of a vault.
    pub fn new(venue: Venue) -> Verifier {
        let domain: Eip712Domain = typed::domain(venue.chain.0, venue.vault);
        Verifier {
            separator: domain.separator(),
        }
    }

    /// Who signed an order, whatever its `signer` says. `None` where the vault would take the signature from nobody.
    pub fn order_signer(&self, order: &SignedOrder) -> Option<Address> {
        recover(self.order_digest(order), &order.signature.0)
    }

    /// Who signed a withdrawal from a group. `None` where the vault would take the signature from nobody.
    pub fn withdrawal_signer(
        &self,
        group: GroupId,
        withdraw: &Withdraw,
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Option<Address> {
        recover(self.withdrawal_digest(group, withdraw), signature)
    }

    /// What is signed for an order.
    pub fn order_digest(&self, order: &SignedOrder) -> B256 {
        self.digest(order_hash(order))
    }

    /// What is signed for a withdrawal, by its account and by the operator.
    pub fn withdrawal_digest(&self, group: GroupId, withdraw: &Withdraw) -> B256 {
        let withdrawal = typed::Withdrawal {
            account: withdraw.account,
            token: withdraw.token.contract,
            id: withdraw.token.id,
            amount: withdraw.amount.0,
            receiver: withdraw.receiver,
            nonce: withdraw.nonce,
            deadline: withdraw.deadline_secs,
            group: group.0,
        };
        self.digest(withdrawal.eip712_hash_struct())
    }

    fn digest(&self, struct_hash: B256) -> B256 {
        let mut bytes = [0; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(self.separator.as_slice());
        bytes[34..].copy_from_slice(struct_hash.as_slice());
        keccak256(bytes)
    }
}

/// An order as the EIP-712 struct that is signed.
pub fn typed_order(order: &SignedOrder) -> typed::Order {
    let instructions = &order.instructions;
    typed::Order {
        account: order.account,
        market: order.market,
        side: side_number(order.side),
        baseAmount: order.base_amount.0,
        limitPrice: order.limit_price.0,
        feeCap: order.fee_cap.0,
        nonce: order.nonce,
        expiry: order.expiry_secs,
        instructions: typed::Instructions {
            kind: instructions.kind.number(),
            timeInForce: instructions.time_in_force.number(),
            postOnly: instructions.post_only.number(),
            selfTrade: instructions.self_trade.number(),
            displayAmount: instructions.display_amount.0,
            triggerPrice: instructions.trigger_price.0,
            goodUntil: instructions.good_until_secs,
            clientOrderId: instructions.client_order_id,
        },
    }
}

/// The struct hash of an order. The same as `typed_order(order).eip712_hash_struct()`, which composes and hashes the types' text each time.
fn order_hash(order: &SignedOrder) -> B256 {
    static TYPES: LazyLock<[B256; 2]> = LazyLock::new(|| {
        let types = (typed::Order::default(), typed::Instructions::default());
        [types.0.eip712_type_hash(), types.1.eip712_type_hash()]
    });
    let [order_type, instructions_type] = *TYPES;
    let number = |number: u128| B256::from(U256::from(number));
    let instructions = &order.instructions;
    let instructions_hash = hash_of([
        instructions_type,
        number(instructions.kind.number().into()),
        number(instructions.time_in_force.number().into()),
        number(instructions.post_only.number().into()),
        number(instructions.self_trade.number().into()),
        number(instructions.display_amount.0),
        number(instructions.trigger_price.0),
        number(instructions.good_until_secs.into()),
        instructions.client_order_id,
    ]);
    hash_of([
        order_type,
        order.account.into_word(),
        order.market,
        number(side_number(order.side).into()),
        number(order.base_amount.0),
        number(order.limit_price.0),
        number(order.fee_cap.0),
        number(order.nonce.into()),
        number(order.expiry_secs.into()),
        instructions_hash,
    ])
}

fn hash_of<const N: usize>(words: [B256; N]) -> B256 {
    let mut hasher = Keccak256::new();
    words.iter().for_each(|word| hasher.update(word));
    hasher.finalize()
}

fn side_number(side: Side) -> u8 {
    match side {
        Side::Buy => typed::BUY,
        Side::Sell => typed::SELL,
    }
}

/// Half of the curve's order: a signature with a greater `s` has a twin with a smaller one, which alone is taken.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

static CURVE: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Who signed a digest, by the vault's rules.
pub fn recover(digest: B256, signature: &[u8; SIGNATURE_BYTES]) -> Option<Address> {
    let parity = match signature[64] {
        27 => RecoveryId::Zero,
        28 => RecoveryId::One,
        _ => return None,
    };
    if signature[32..64] > HALF_ORDER[..] {
        return None;
    }
    let signature = RecoverableSignature::from_compact(&signature[..64], parity).ok()?;
    let key = CURVE.recover_ecdsa(Message::from_digest(digest.0), &signature).ok()?;
    let hash = keccak256(&key.serialize_uncompressed()[1..]);
    Some(Address::from_slice(&hash[12..]))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
