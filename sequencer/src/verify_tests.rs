//! The same signers as the vault finds, and the same refusals.

use alloy::primitives::U256;
use alloy::signers::local::PrivateKeySigner;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{Amount, Instructions, OrderKind, PostOnly, SelfTrade, TimeInForce};
use souk_schema::{ChainId, TokenRef};

use super::*;

fn venue() -> Venue {
    Venue {
        chain: ChainId(31337),
        vault: Address::repeat_byte(0xee),
    }
}

fn order(account: Address, nonce: u64) -> SignedOrder {
    SignedOrder {
        account,
        market: B256::repeat_byte(3),
        side: Side::Sell,
        base_amount: Amount(1_000),
        limit_price: Amount(u128::MAX),
        fee_cap: Amount(7),
        nonce,
        expiry_secs: 1_800_000_000,
        instructions: Instructions {
            kind: OrderKind::StopLimit,
            time_in_force: TimeInForce::ImmediateOrCancel,
            post_only: PostOnly::Slide,
            self_trade: SelfTrade::Decrement,
            display_amount: Amount(5),
            trigger_price: Amount(6),
            good_until_secs: 9,
            client_order_id: B256::repeat_byte(4),
        },
        signature: Signature([0; 65]),
        signer: account,
    }
}

fn signer(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(seed)).unwrap()
}

#[test]
fn digests_and_signers_are_those_of_the_vault() {
    let verifier = Verifier::new(venue());
    let domain = typed::domain(31337, venue().vault);
    for nonce in 0..32 {
        let key = signer(7);
        let mut order = order(key.address(), nonce);
        if nonce % 2 == 0 {
            order.side = Side::Buy;
            order.instructions.client_order_id = B256::ZERO;
        }
        let digest = typed::digest(&typed_order(&order), &domain);
        assert_eq!(verifier.order_digest(&order), digest);
        order.signature = Signature(typed::sign(digest, &key).unwrap());
        assert_eq!(verifier.order_signer(&order), Some(key.address()));
        assert_eq!(typed::recover(digest, &order.signature.0), Some(key.address()));
        order.fee_cap = Amount(8);
        assert_ne!(
            verifier.order_signer(&order),
            Some(key.address()),
            "another order was signed"
        );
    }
    let withdraw = Withdraw {
        account: signer(8).address(),
        token: TokenRef::new(Address::repeat_byte(1), U256::from(2)),
        amount: Amount(3),
        receiver: Address::repeat_byte(4),
        nonce: 5,
        deadline_secs: 6,
    };
    let digest = verifier.withdrawal_digest(GroupId(1), &withdraw);
    let signature = typed::sign(digest, &signer(8)).unwrap();
    let found = verifier.withdrawal_signer(GroupId(1), &withdraw, &signature);
    assert_eq!(found, Some(withdraw.account));
    let found = verifier.withdrawal_signer(GroupId(2), &withdraw, &signature);
    assert_ne!(found, Some(withdraw.account), "another group's");
}

#[test]
fn what_the_vault_refuses_is_refused() {
    let digest = B256::repeat_byte(9);
    let good = typed::sign(digest, &signer(1)).unwrap();
    assert_eq!(recover(digest, &good), Some(signer(1).address()));
    let order_of_curve = U256::from_be_bytes(HALF_ORDER) * U256::from(2) + U256::from(1);
    let mut high = good;
    let s = order_of_curve - U256::from_be_slice(&good[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] = 27 + 28 - good[64];
    let mut parity = good;
    parity[64] -= 27;
    let mut empty = good;
    empty[..64].fill(0);
    let mut beyond = good;
    beyond[..32].fill(0xff);
    for bad in [high, parity, empty, beyond] {
        assert_eq!(recover(digest, &bad), None);
        assert_eq!(typed::recover(digest, &bad), None);
    }
}
