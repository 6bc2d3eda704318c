//! What is signed off chain is what the vault asks for, on the chain and at the contract that it was signed for.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolStruct;
use proptest::prelude::{Strategy, any};
use souk_contracts::ExchangeVault;
use souk_contracts::exchange::{self, BUY, Instructions, Order, SELL, SkipReason, Withdrawal};

use super::{CHAIN_ID, Exchange, fill, signed, trader, withdraw_call};
use crate::property::for_all;
use crate::world::OPERATOR;

fn orders() -> impl Strategy<Value = Order> {
    let instructions = (any::<[u8; 4]>(), any::<[u128; 2]>(), any::<u64>(), any::<[u8; 32]>()).prop_map(
        |([kind, time_in_force, post_only, self_trade], [display, trigger], good_until, id)| Instructions {
            kind,
            timeInForce: time_in_force,
            postOnly: post_only,
            selfTrade: self_trade,
            displayAmount: display,
            triggerPrice: trigger,
            goodUntil: good_until,
            clientOrderId: B256::from(id),
        },
    );
    let numbers = (any::<[u128; 3]>(), any::<[u64; 2]>());
    (any::<[u8; 20]>(), any::<[u8; 32]>(), any::<u8>(), numbers, instructions).prop_map(
        |(account, market, side, ([base, limit, fees], [nonce, expiry]), instructions)| Order {
            account: Address::from(account),
            market: B256::from(market),
            side,
            baseAmount: base,
            limitPrice: limit,
            feeCap: fees,
            nonce,
            expiry,
            instructions,
        },
    )
}

#[test]
fn digests_are_those_of_the_contract() {
    for_all(
        32,
        &(orders(), any::<[u128; 2]>(), any::<[u64; 2]>(), any::<u32>()),
        |(order, amounts, times, group)| {
            let mut exchange = Exchange::new();
            let vault = exchange.world.vault;
            let call = ExchangeVault::orderDigestCall {
                order: exchange::hashed_order(&order),
            };
            assert_eq!(
                exchange.world.view(vault, &call),
                exchange::digest(&order, &exchange.domain)
            );

            let withdrawal = Withdrawal {
                account: order.account,
                token: Address::from_slice(&order.market[..20]),
                id: U256::from(amounts[0]),
                amount: amounts[1],
                receiver: Address::from_slice(&order.market[12..]),
                nonce: times[0],
                deadline: times[1],
                group,
            };
            let empty = alloy::primitives::Bytes::new();
            let call = withdraw_call(&withdrawal, empty.clone(), empty);
            let call = ExchangeVault::withdrawalDigestCall {
                withdrawal: call.withdrawal,
            };
            assert_eq!(
                exchange.world.view(vault, &call),
                exchange::digest(&withdrawal, &exchange.domain)
            );
        },
    );
}

#[test]
fn ids_and_accounts_are_those_of_the_contract() {
    let mut exchange = Exchange::new();
    let vault = exchange.world.vault;
    for market in exchange.markets {
        let listed = exchange.world.view(vault, &ExchangeVault::marketOfCall { market });
        let id = exchange::market_id(
            listed.base,
            listed.baseId,
            listed.quote,
            listed.lotSize,
            listed.tickSize,
        );
        assert_eq!(id, market);
        let account = exchange
            .world
            .view(vault, &ExchangeVault::royaltyAccountCall { market });
        assert_eq!(account, exchange::royalty_account(market));
    }
    let domain = exchange.world.view(vault, &ExchangeVault::eip712DomainCall {});
    assert_eq!((domain.name.as_str(), domain.version.as_str()), ("Souk Exchange", "1"));
    assert_eq!(
        (domain.chainId, domain.verifyingContract),
        (U256::from(CHAIN_ID), vault)
    );
}

/// A signature for another chain or another vault is none here, and after a fork the chain id is read again.
#[test]
fn a_signature_is_bound_to_chain_and_contract() {
    let mut exchange = Exchange::new();
    let vault = exchange.world.vault;
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let elsewhere = [
        exchange::domain(CHAIN_ID + 1, vault),
        exchange::domain(CHAIN_ID, OPERATOR),
    ];
    for domain in &elsewhere {
        let orders = vec![signed(&buy, &trader(0), domain), signed(&sell, &trader(1), domain)];
        assert_eq!(
            exchange.settle(orders, vec![fill()]),
            [Some((SkipReason::BadSignature, BUY))]
        );
    }
    exchange.world.fork(CHAIN_ID + 1);
    let here = [(&buy, 0), (&sell, 1)].map(|(order, n)| signed(order, &trader(n), &exchange.domain));
    assert_eq!(
        exchange.settle(here.to_vec(), vec![fill()]),
        [Some((SkipReason::BadSignature, BUY))]
    );
    let there = [(&buy, 0), (&sell, 1)].map(|(order, n)| signed(order, &trader(n), &elsewhere[0]));
    assert_eq!(exchange.settle(there.to_vec(), vec![fill()]), [None]);
}

/// Every field is signed, also those that only the engine reads.
#[test]
fn a_changed_field_is_another_order() {
    let exchange = Exchange::new();
    let order = exchange.order(0, BUY);
    let of = |change: fn(&mut Instructions)| {
        let mut changed = order.clone();
        change(&mut changed.instructions);
        exchange::digest(&changed, &exchange.domain)
    };
    let changed = [
        of(|i| i.kind += 1),
        of(|i| i.timeInForce += 1),
        of(|i| i.postOnly += 1),
        of(|i| i.selfTrade += 1),
        of(|i| i.displayAmount += 1),
        of(|i| i.triggerPrice += 1),
        of(|i| i.goodUntil += 1),
        of(|i| i.clientOrderId = B256::repeat_byte(1)),
    ];
    let all: std::collections::HashSet<B256> = changed
        .into_iter()
        .chain([order.eip712_signing_hash(&exchange.domain)])
        .collect();
    assert_eq!(all.len(), changed.len() + 1);
}
