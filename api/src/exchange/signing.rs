//! What traders sign, as typed data for any wallet (EIP-712), and who signed it.
//!
//! The structs and their hashes are those of `souk_contracts::exchange`; this translates between them, the vocabulary and JSON. Pure.

use serde_json::{Value, json};
use souk_contracts::exchange as signed;
use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{GroupId, SignedOrder, Venue};
use souk_schema::{Address, B256};

/// The EIP-712 message of an order.
pub fn order_message(order: &SignedOrder) -> signed::Order {
    let instructions = &order.instructions;
    signed::Order {
        account: order.account,
        market: order.market,
        side: order.side as u8,
        baseAmount: order.base_amount.0,
        limitPrice: order.limit_price.0,
        feeCap: order.fee_cap.0,
        nonce: order.nonce,
        expiry: order.expiry_secs,
        instructions: signed::Instructions {
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

/// The EIP-712 message of a withdrawal.
pub fn withdrawal_message(withdrawal: &Withdraw, group: GroupId) -> signed::Withdrawal {
    signed::Withdrawal {
        account: withdrawal.account,
        token: withdrawal.token.contract,
        id: withdrawal.token.id,
        amount: withdrawal.amount.0,
        receiver: withdrawal.receiver,
        nonce: withdrawal.nonce,
        deadline: withdrawal.deadline_secs,
        group: group.0,
    }
}

/// The digest that is signed for an order.
pub fn order_digest(order: &SignedOrder, venue: Venue) -> B256 {
    signed::digest(&order_message(order), &signed::domain(venue.chain.0, venue.vault))
}

/// The digest that is signed for a withdrawal.
pub fn withdrawal_digest(withdrawal: &Withdraw, group: GroupId, venue: Venue) -> B256 {
    signed::digest(
        &withdrawal_message(withdrawal, group),
        &signed::domain(venue.chain.0, venue.vault),
    )
}

/// Puts into an order who signed it, by the vault's rules; false where nobody can have.
pub fn recover_signer(order: &mut SignedOrder, venue: Venue) -> bool {
    match signed::recover(order_digest(order, venue), &order.signature.0) {
        Some(signer) => {
            order.signer = signer;
            true
        }
        None => false,
    }
}

/// A signature of 65 bytes. Wallets on hardware write the parity as 0 or 1, which the vault does not take: it is made 27 or 28 here.
pub fn signature(bytes: &[u8]) -> Option<Signature> {
    let mut bytes: [u8; 65] = bytes.try_into().ok()?;
    if bytes[64] < 2 {
        bytes[64] += 27;
    }
    Some(Signature(bytes))
}

fn field(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}

fn fields(of: &[(&str, &str)]) -> Value {
    of.iter().map(|(name, kind)| field(name, kind)).collect()
}

fn domain_fields() -> Value {
    fields(&[
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ])
}

fn domain(venue: Venue) -> Value {
    json!({ "name": "Souk Exchange", "version": "1", "chainId": venue.chain.0, "verifyingContract": hex(venue.vault) })
}

fn hex(address: Address) -> String {
    format!("{address:#x}")
}

/// A whole number as JSON can hold it without losing digits.
fn decimal(number: impl std::fmt::Display) -> String {
    number.to_string()
}

/// Typed data of an order, as `eth_signTypedData_v4` takes it.
pub fn order_typed_data(order: &SignedOrder, venue: Venue) -> Value {
    let message = order_message(order);
    let instructions = &message.instructions;
    json!({
        "types": {
            "EIP712Domain": domain_fields(),
            "Order": fields(&[
                ("account", "address"), ("market", "bytes32"), ("side", "uint8"), ("baseAmount", "uint128"),
                ("limitPrice", "uint128"), ("feeCap", "uint128"), ("nonce", "uint64"), ("expiry", "uint64"),
                ("instructions", "Instructions"),
            ]),
            "Instructions": fields(&[
                ("kind", "uint8"), ("timeInForce", "uint8"), ("postOnly", "uint8"), ("selfTrade", "uint8"),
                ("displayAmount", "uint128"), ("triggerPrice", "uint128"), ("goodUntil", "uint64"), ("clientOrderId", "bytes32"),
            ]),
        },
        "primaryType": "Order",
        "domain": domain(venue),
        "message": {
            "account": hex(message.account),
            "market": message.market,
            "side": message.side,
            "baseAmount": decimal(message.baseAmount),
            "limitPrice": decimal(message.limitPrice),
            "feeCap": decimal(message.feeCap),
            "nonce": decimal(message.nonce),
            "expiry": decimal(message.expiry),
            "instructions": {
                "kind": instructions.kind,
                "timeInForce": instructions.timeInForce,
                "postOnly": instructions.postOnly,
                "selfTrade": instructions.selfTrade,
                "displayAmount": decimal(instructions.displayAmount),
                "triggerPrice": decimal(instructions.triggerPrice),
                "goodUntil": decimal(instructions.goodUntil),
                "clientOrderId": instructions.clientOrderId,
            },
        },
    })
}

/// Typed data of a withdrawal, as `eth_signTypedData_v4` takes it.
pub fn withdrawal_typed_data(withdrawal: &Withdraw, group: GroupId, venue: Venue) -> Value {
    let message = withdrawal_message(withdrawal, group);
    json!({
        "types": {
            "EIP712Domain": domain_fields(),
            "Withdrawal": fields(&[
                ("account", "address"), ("token", "address"), ("id", "uint256"), ("amount", "uint128"),
                ("receiver", "address"), ("nonce", "uint64"), ("deadline", "uint64"), ("group", "uint32"),
            ]),
        },
        "primaryType": "Withdrawal",
        "domain": domain(venue),
        "message": {
            "account": hex(message.account),
            "token": hex(message.token),
            "id": decimal(message.id),
            "amount": decimal(message.amount),
            "receiver": hex(message.receiver),
            "nonce": decimal(message.nonce),
            "deadline": decimal(message.deadline),
            "group": message.group,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::signers::local::PrivateKeySigner;
    use alloy::sol_types::SolStruct;
    use alloy_primitives::U256;
    use souk_schema::ChainId;
    use souk_schema::exchange::{Amount, Instructions, OrderKind, PostOnly, SelfTrade, Side, TimeInForce};

    const VENUE: Venue = Venue {
        chain: ChainId(31_337),
        vault: Address::repeat_byte(7),
    };

    fn order() -> SignedOrder {
        SignedOrder {
            account: Address::repeat_byte(1),
            market: B256::repeat_byte(2),
            side: Side::Sell,
            base_amount: Amount(3),
            limit_price: Amount(4),
            fee_cap: Amount(5),
            nonce: 6,
            expiry_secs: 7,
            instructions: Instructions {
                kind: OrderKind::StopLimit,
                time_in_force: TimeInForce::ImmediateOrCancel,
                post_only: PostOnly::Slide,
                self_trade: SelfTrade::Decrement,
                display_amount: Amount(8),
                trigger_price: Amount(9),
                good_until_secs: 10,
                client_order_id: B256::repeat_byte(11),
            },
            signature: Signature([0; 65]),
            signer: Address::ZERO,
        }
    }

    /// The types in the JSON, written as EIP-712 does, are those that are hashed.
    #[test]
    fn typed_data_says_what_is_hashed() {
        for (data, name, nested, expected) in [
            (
                order_typed_data(&order(), VENUE),
                "Order",
                Some("Instructions"),
                signed::Order::eip712_encode_type(),
            ),
            (
                withdrawal_typed_data(
                    &Withdraw {
                        account: Address::ZERO,
                        token: souk_schema::TokenRef::new(Address::ZERO, U256::ZERO),
                        amount: Amount(0),
                        receiver: Address::ZERO,
                        nonce: 0,
                        deadline_secs: 0,
                    },
                    GroupId(1),
                    VENUE,
                ),
                "Withdrawal",
                None,
                signed::Withdrawal::eip712_encode_type(),
            ),
        ] {
            let write = |name: &str| {
                let of: Vec<String> = data["types"][name]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|field| {
                        format!(
                            "{} {}",
                            field["type"].as_str().unwrap(),
                            field["name"].as_str().unwrap()
                        )
                    })
                    .collect();
                format!("{name}({})", of.join(","))
            };
            assert_eq!(write(name) + &nested.map(write).unwrap_or_default(), expected);
            let message = data["message"].as_object().unwrap();
            assert_eq!(message.len(), data["types"][name].as_array().unwrap().len());
        }
    }

    #[test]
    fn a_signature_is_recovered_for_its_own_chain_vault_and_order_alone() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let mut order = order();
        let good = signed::sign(order_digest(&order, VENUE), &signer).unwrap();
        order.signature = signature(&good).unwrap();
        assert!(recover_signer(&mut order, VENUE));
        assert_eq!(order.signer, signer.address());
        let mut parity = good;
        parity[64] -= 27;
        assert_eq!(signature(&parity), signature(&good), "as hardware wallets write it");
        let other_chain = Venue {
            chain: ChainId(1),
            ..VENUE
        };
        let other_vault = Venue {
            vault: Address::repeat_byte(8),
            ..VENUE
        };
        for venue in [other_chain, other_vault] {
            recover_signer(&mut order, venue);
            assert_ne!(order.signer, signer.address());
        }
        order.instructions.post_only = PostOnly::No;
        recover_signer(&mut order, VENUE);
        assert_ne!(order.signer, signer.address());
        order.signature = Signature([0; 65]);
        assert!(!recover_signer(&mut order, VENUE));
        assert_eq!(signature(&[0; 64]), None);
    }
}
