//! A chain that goes back past finality, with everything that it had settled and paid.

use souk_ledger::project::{LedgerConfig, LedgerStatus};
use souk_schema::exchange::{CommandBody, MarketState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::exits::{call, cosigner, withdraw};
use crate::settle::{exhaust, reconciled};
use crate::world::{DEPTH, DOLLARS, GROUP, World, available, now_secs};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reorganisation_past_finality_took_is_reversed_and_counts_again() {
    let world = World::trading().await;
    let (status, mut ledger) = watch::channel(LedgerStatus::new(GROUP));
    let projecting = CancellationToken::new();
    let (config, log, pool) = (LedgerConfig::new(GROUP), world.log.clone(), world.pool.clone());
    tokio::spawn(souk_ledger::project::run(config, log, pool, status, projecting.clone()));
    let (buyer, cosigner) = (world.buyer.address(), cosigner(&world));
    let mark = world.snapshot().await;

    // A fill is settled and two withdrawals are paid, in final blocks.
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    let mut paid = Vec::new();
    for (amount, nonce) in [(1_000, 20), (2_000, 21)] {
        let outcome = withdraw(&world, amount, nonce, now_secs() + 3_600).await;
        let cosigned = cosigner.cosign(&outcome).unwrap().unwrap();
        world
            .send(buyer, world.vault, call(&world, &world.buyer, &cosigned))
            .await;
        paid.push(cosigned);
    }
    world.mine(1 + DEPTH).await;
    world
        .until("fill and withdrawals to be over", |engine| {
            engine.settled().0 == 1 && engine.withdrawals().count() == 0
        })
        .await;
    exhaust(&mut settler).await;
    let before = world.group.read(|engine| available(engine, buyer, world.dollars()));

    // None of it has happened.
    world.go_back(mark).await;
    world.forward(60).await;
    world.mine(3 + 2 * DEPTH).await;
    world
        .until("fill and withdrawals to be under way again", |engine| {
            engine.settled().0 == 0 && engine.withdrawals().count() == 2
        })
        .await;
    world.group.read(|engine| {
        assert_eq!(world.market_state(engine), MarketState::Halted);
        assert!(
            engine.unsettled().all(|fill| !fill.busted()),
            "both sides have what they pay"
        );
        assert_eq!(available(engine, buyer, world.dollars()), before, "debited as it was");
    });

    // The fill is settled again and one withdrawal paid; the other's deadline passes.
    exhaust(&mut settler).await;
    let again = world
        .send(buyer, world.vault, call(&world, &world.buyer, &paid[0]))
        .await;
    world.mine(1 + DEPTH).await;
    assert!(world.succeeded(again).await);
    world
        .until("the fill to be settled again", |engine| {
            engine.settled().0 == 1 && engine.withdrawals().count() == 1
        })
        .await;
    exhaust(&mut settler).await;
    world.forward(4_000).await;
    world.mine(2 + DEPTH).await;
    world
        .until("the other withdrawal to be credited back", |engine| {
            engine.withdrawals().count() == 0
        })
        .await;
    let left = world.group.read(|engine| available(engine, buyer, world.dollars()));
    assert_eq!(left, before + 2_000);
    assert_eq!(world.in_vault(buyer, world.dollars()).await as i128, left);
    assert_eq!(left, DOLLARS as i128 - 1_000 - 5_000 - 100, "the taker's fee is 2%");

    // LED-2 holds, and the operator lifts the halt.
    let report = reconciled(&world, &mut ledger, 0).await;
    assert!(report.compared >= 7 && report.is_clean(), "{report:?}");
    let (market, state) = (world.spec().key, MarketState::Open);
    world.command(CommandBody::SetMarketState { market, state }).await;
    world
        .group
        .read(|engine| assert_eq!(world.market_state(engine), MarketState::Open));
    projecting.cancel();
}
