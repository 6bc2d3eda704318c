//! Money on its way out: with a co-signature, and without the operator.

use alloy::primitives::{Address, Bytes};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::exchange::{digest, domain, sign};
use souk_contracts::{ExchangeVault, dev};
use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::{Amount, CommandBody, Outcome, Side, Venue};
use souk_settlement::cosigner::{Cosigned, Cosigner};

use crate::settle::exhaust;
use crate::world::{CHAIN, DEPTH, DOLLARS, GROUP, SHARES, World, available, now_secs};

pub fn cosigner(world: &World) -> Cosigner {
    let venue = Venue {
        chain: CHAIN,
        vault: world.vault,
    };
    Cosigner::new(
        PrivateKeySigner::from_bytes(&dev::COSIGNER_KEY).unwrap().into(),
        venue,
        GROUP,
    )
}

pub async fn withdraw(world: &World, amount: u128, nonce: u64, deadline_secs: u64) -> Outcome {
    let withdraw = Withdraw {
        account: world.buyer.address(),
        token: world.dollars(),
        amount: Amount(amount),
        receiver: world.buyer.address(),
        nonce,
        deadline_secs,
    };
    world.command(CommandBody::Withdraw(withdraw)).await
}

pub fn call(world: &World, account: &PrivateKeySigner, cosigned: &Cosigned) -> ExchangeVault::withdrawCall {
    let signature = sign(digest(&cosigned.withdrawal, &domain(CHAIN.0, world.vault)), account).unwrap();
    let it = &cosigned.withdrawal;
    ExchangeVault::withdrawCall {
        withdrawal: ExchangeVault::Withdrawal {
            account: it.account,
            token: it.token,
            id: it.id,
            amount: it.amount,
            receiver: it.receiver,
            nonce: it.nonce,
            deadline: it.deadline,
            group: it.group,
        },
        accountSignature: Bytes::copy_from_slice(&signature),
        operatorSignature: Bytes::copy_from_slice(&cosigned.signature),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosigned_withdrawal_is_paid_and_one_that_is_hoarded_is_credited_back() {
    let world = World::trading().await;
    let buyer = world.buyer.address();
    let cosigner = cosigner(&world);
    let nothing = world.place(&world.buyer, Side::Buy, 1, 1, 9).await;
    assert_eq!(cosigner.cosign(&nothing).unwrap(), None);

    let outcome = withdraw(&world, 1_000, 20, now_secs() + 3_600).await;
    let used = cosigner.cosign(&outcome).unwrap().unwrap();
    let outcome = withdraw(&world, 2_000, 21, now_secs() + 3_600).await;
    let hoarded = cosigner.cosign(&outcome).unwrap().unwrap();
    let paid = world.send(buyer, world.vault, call(&world, &world.buyer, &used)).await;
    world.mine(1 + DEPTH).await;
    assert!(world.succeeded(paid).await);
    world
        .until("the first to be over", |engine| engine.withdrawals().count() == 1)
        .await;

    let before = world.group.read(|engine| available(engine, buyer, world.dollars()));
    world.forward(4_000).await;
    world.mine(2 + DEPTH).await;
    world
        .until("the second to be credited back", |engine| {
            engine.withdrawals().count() == 0
        })
        .await;
    assert_eq!(
        world.group.read(|engine| available(engine, buyer, world.dollars())),
        before + 2_000
    );
    let late = world
        .send(buyer, world.vault, call(&world, &world.buyer, &hoarded))
        .await;
    world.mine(1).await;
    assert!(!world.succeeded(late).await);
    assert_eq!(world.in_vault(buyer, world.dollars()).await, DOLLARS - 1_000);
}

/// The seller asks for its exit after it has sold. The fill settles before the exit is paid, which gets what is left.
#[tokio::test(flavor = "multi_thread")]
async fn an_exit_cannot_outrun_a_fill() {
    let world = World::trading().await;
    let seller = world.seller.address();
    world.trade(20, 1).await;
    let request = ExchangeVault::requestExitCall {
        token: world.at.asset_shares,
        id: world.asset,
        amount: SHARES,
        group: 1,
    };
    world.send(seller, world.vault, request).await;
    world.mine(1).await;
    world
        .until("the seller to be stopped", |engine| {
            engine.account(seller).is_some_and(|it| it.stopped())
        })
        .await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1).await;
    world.forward(25 * 3_600).await;
    let paid = world
        .send(seller, world.vault, ExchangeVault::executeExitCall { exitId: 1 })
        .await;
    world.mine(1 + DEPTH).await;
    assert!(world.succeeded(paid).await);
    world
        .until("the exit to be over", |engine| {
            engine.account(seller).is_some_and(|it| !it.stopped())
        })
        .await;
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 20);
    assert_eq!(world.in_vault(seller, world.shares()).await, 0);
    world.group.read(|engine| {
        assert_eq!(engine.settled().0, 1);
        assert!(engine.unsettled().next().is_none());
        assert_eq!(available(engine, seller, world.shares()), 0);
        assert_eq!(available(engine, world.buyer.address(), world.shares()), 20);
    });
}

/// Settlement is too late: the exit is paid first, the fill is skipped on chain and bust in the engine.
#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_an_exit_outran_is_bust() {
    let world = World::trading().await;
    let seller = world.seller.address();
    world.trade(20, 1).await;
    let request = ExchangeVault::requestExitCall {
        token: world.at.asset_shares,
        id: world.asset,
        amount: SHARES,
        group: 1,
    };
    world.send(seller, world.vault, request).await;
    world.mine(1).await;
    world.forward(25 * 3_600).await;
    world
        .send(seller, world.vault, ExchangeVault::executeExitCall { exitId: 1 })
        .await;
    let mut settler = world.settler().await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be over", |engine| engine.settled().0 == 1)
        .await;
    world
        .until("the exit to be over", |engine| {
            engine.account(seller).is_some_and(|it| !it.stopped())
        })
        .await;
    world.group.read(|engine| {
        assert_eq!(available(engine, seller, world.shares()), 0);
        assert_eq!(available(engine, world.buyer.address(), world.shares()), 0);
        assert_eq!(
            available(engine, world.buyer.address(), world.dollars()),
            DOLLARS as i128
        );
    });
    assert_eq!(world.in_vault(world.buyer.address(), world.dollars()).await, DOLLARS);
}

/// Shares that a receiver refuses stay where they are, and hold nobody else up.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_keeps_only_itself_from_being_paid() {
    let world = World::trading().await;
    let seller = world.seller.address();
    world.trade(10, 1).await;
    // A contract that takes no ERC-1155 tokens.
    let receiver: Address = world.at.test_usd;
    let withdraw = Withdraw {
        account: seller,
        token: world.shares(),
        amount: Amount(100),
        receiver,
        nonce: 20,
        deadline_secs: now_secs() + 3_600,
    };
    let outcome = world.command(CommandBody::Withdraw(withdraw)).await;
    let cosigned = cosigner(&world).cosign(&outcome).unwrap().unwrap();
    let refused = world
        .send(seller, world.vault, call(&world, &world.seller, &cosigned))
        .await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    assert!(!world.succeeded(refused).await);
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    world.forward(4_000).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the withdrawal to be credited back", |engine| {
            engine.withdrawals().count() == 0
        })
        .await;
    let left = SHARES as i128 - 10;
    assert_eq!(
        world.group.read(|engine| available(engine, seller, world.shares())),
        left
    );
    assert_eq!(world.in_vault(seller, world.shares()).await as i128, left);
}
