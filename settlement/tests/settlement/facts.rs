//! What the chain says, told to the engine.

use souk_contracts::ExchangeVault;
use souk_schema::exchange::{Event, MarketState, Side};
use souk_settlement::balances::VaultFold;
use souk_streams::{Reader, generations};

use crate::world::{CHAIN, DEPTH, DOLLARS, SHARES, World, available, contracts};

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_credited_when_it_is_final_and_once_its_token_trades() {
    let world = World::new().await;
    let (buyer, seller) = (world.buyer.address(), world.seller.address());
    // No market trades shares yet: the engine refuses the deposit, which is not forgotten. An exit takes a part of it meanwhile.
    world.deposit(seller, world.shares(), SHARES).await;
    world.mine(1).await;
    let request = ExchangeVault::requestExitCall {
        token: world.at.asset_shares,
        id: world.asset,
        amount: 100,
        group: 1,
    };
    world.send(seller, world.vault, request).await;
    world.mine(1).await;
    world
        .until("the exit to be seen at head", |engine| {
            engine.account(seller).is_some_and(|it| it.stopped())
        })
        .await;
    world.forward(25 * 3_600).await;
    world
        .send(seller, world.vault, ExchangeVault::executeExitCall { exitId: 1 })
        .await;
    world.mine(1 + DEPTH).await;
    world
        .until("the exit to be over", |engine| {
            engine.account(seller).is_some_and(|it| !it.stopped())
        })
        .await;
    assert_eq!(world.group.read(|engine| available(engine, seller, world.shares())), 0);

    world.list().await;
    let mark = world.snapshot().await;
    world.deposit(buyer, world.dollars(), DOLLARS).await;
    world.mine(1).await;
    // Reverted before it is final: another deposit takes its number.
    world.go_back(mark).await;
    world.deposit(buyer, world.dollars(), 77).await;
    world.mine(2 + DEPTH).await;
    world
        .until("what was deposited to be credited", |engine| {
            available(engine, buyer, world.dollars()) == 77
                && available(engine, seller, world.shares()) == SHARES as i128 - 100
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_deposit_that_vanishes_is_taken_back_and_halts_the_markets() {
    let world = World::new().await;
    world.list().await;
    let (buyer, seller) = (world.buyer.address(), world.seller.address());
    world.deposit(seller, world.shares(), SHARES).await;
    world.mine(1).await;
    let mark = world.snapshot().await;
    world.deposit(buyer, world.dollars(), DOLLARS).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the deposits", |engine| {
            available(engine, buyer, world.dollars()) == DOLLARS as i128
        })
        .await;
    world.trade(5, 1).await;

    // The chain goes back behind what was final, to where only the seller's deposit was.
    world.go_back(mark).await;
    world.forward(60).await;
    world.mine(4 + DEPTH).await;
    world
        .until("the deposit to be taken back", |engine| {
            world.market_state(engine) == MarketState::Halted
        })
        .await;
    world.group.read(|engine| {
        let bust = engine.unsettled().all(|fill| fill.busted());
        assert!(bust, "what the buyer could not pay is bust");
        assert_eq!(
            available(engine, seller, world.shares()),
            SHARES as i128,
            "the same deposit as before, once"
        );
        assert_eq!(available(engine, buyer, world.dollars()), 0);
    });
    assert_eq!(generations(world.log.as_ref(), CHAIN).await.unwrap(), [1, 2]);

    // The next block has it again.
    world.deposit(buyer, world.dollars(), DOLLARS).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the deposit again", |engine| {
            available(engine, buyer, world.dollars()) == DOLLARS as i128
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fold_of_the_vaults_events_is_the_vault() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    for _ in 0..2 {
        settler.step().await.unwrap();
    }
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;

    let mut reader = Reader::new(&world.log, CHAIN.stream(1)).unwrap();
    let mut fold = VaultFold::new(contracts(&world.at));
    let mut was_listing = false;
    loop {
        let records = reader.read().await.unwrap();
        if records.is_empty() {
            break;
        }
        for stored in &records {
            fold.fold(&reader.chain_record(CHAIN, stored).unwrap()).unwrap();
            let (listing, traded) = (fold.listing(), fold.traded());
            was_listing |= listing.contains(&world.shares());
            assert!(listing.is_disjoint(&traded), "{listing:?} and {traded:?}");
        }
    }
    assert!(was_listing && fold.listing().is_empty() && fold.traded().contains(&world.shares()));
    let last = fold.last_final().unwrap().number;
    let all: Vec<_> = fold.all_at(last).collect();
    assert_eq!(
        all.len(),
        6,
        "two instruments of each trader, fees and royalties: {all:?}"
    );
    for (account, token, amount) in all {
        let vault = world.node.contract();
        let said = vault
            .balanceOf(account, token.contract, token.id)
            .block(last.into())
            .call()
            .await
            .unwrap();
        assert_eq!(said.to::<u128>(), amount.0, "{account} {token:?}");
    }
    let before = fold.all_at(last - 1);
    let shares: Vec<u128> = before
        .filter(|(_, token, _)| *token == world.shares())
        .map(|(_, _, amount)| amount.0)
        .collect();
    assert_eq!(shares, [SHARES], "as of an earlier block");
}

/// A key that is revoked stops signing at once, and signs again where the revocation is reverted.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_known_at_head() {
    let world = World::trading().await;
    let (seller, key) = (world.seller.address(), world.buyer.address());
    let signs = |engine: &souk_exchange::Engine| {
        engine
            .account(seller)
            .is_some_and(|it| it.keys().any(|known| known == key))
    };
    world
        .send(seller, world.vault, ExchangeVault::registerKeyCall { key })
        .await;
    world.mine(1).await;
    world.until("the key", signs).await;
    let mark = world.snapshot().await;
    world
        .send(seller, world.vault, ExchangeVault::revokeKeyCall { key })
        .await;
    world.mine(1).await;
    world.until("the key to be revoked", |engine| !signs(engine)).await;
    world.go_back(mark).await;
    world.forward(5).await;
    world.mine(1).await;
    world.until("the key again", signs).await;
    let placed = world.place(&world.seller, Side::Sell, 1, 20, 1).await;
    assert!(
        placed
            .result
            .unwrap()
            .iter()
            .any(|event| matches!(event, Event::OrderRested { .. }))
    );
}
