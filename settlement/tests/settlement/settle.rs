//! Fills settled, skipped and settled again.

use alloy::primitives::{B256, keccak256};
use souk_contracts::ExchangeVault;
use souk_ledger::project::{LedgerConfig, LedgerStatus};
use souk_ledger::reconcile::{Report, VaultBalances, vault_equals_ledger};
use souk_ledger::tables::Schema;
use souk_schema::exchange::event::BustCause;
use souk_schema::exchange::{FillNumber, Side};
use souk_settlement::settler::Step;
use souk_settlement::settler::journal::{Entry, Planned, Purpose, to_record};
use souk_settlement::{SettleError, Settler, VaultSource};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::world::{DEPTH, DOLLARS, GROUP, PATIENCE, SHARES, World, available, contracts};

/// Steps until there is nothing to do.
pub async fn exhaust(settler: &mut Settler) {
    let steps = async { while settler.step().await.unwrap() == Step::Acted {} };
    let ended = tokio::time::timeout(PATIENCE, steps).await;
    assert!(ended.is_ok(), "there is always something to do");
}

/// What the ledger and the vault have at a final block from some block on, once the ledger has come there.
pub async fn reconciled(world: &World, ledger: &mut watch::Receiver<LedgerStatus>, from: u64) -> Report {
    let source = VaultSource::new(world.log.clone(), world.node.clone(), contracts(&world.at));
    let comparing = async {
        loop {
            world.mine(1).await;
            if let Some(snapshot) = source.at_finality().await.unwrap()
                && snapshot.block.number >= from
                && let Ok(report) = vault_equals_ledger(&world.pool, &snapshot).await
            {
                return report;
            }
            ledger.changed().await.unwrap();
        }
    };
    let compared = tokio::time::timeout(PATIENCE, comparing).await;
    compared.expect("the ledger comes to a final block")
}

#[tokio::test(flavor = "multi_thread")]
async fn fills_are_settled_in_batches_and_engine_ledger_and_vault_agree() {
    let world = World::trading().await;
    souk_ledger::store::migrate(&world.pool, &Schema::live()).await.unwrap();
    let cancel = CancellationToken::new();
    let (status, mut ledger) = watch::channel(LedgerStatus::new(GROUP));
    tokio::spawn(souk_ledger::project::run(
        LedgerConfig::new(GROUP),
        world.log.clone(),
        world.pool.clone(),
        status,
        cancel.clone(),
    ));
    let (buyer, seller) = (world.buyer.address(), world.seller.address());
    world.place(&world.seller, Side::Sell, 30, 10, 1).await;
    for nonce in 1..=3 {
        world.place(&world.buyer, Side::Buy, 10, 10, nonce).await;
    }
    let mut config = world.settler_config();
    config.flush_from = Some(1);
    config.flush_every_secs = 0;
    let mut settler = world.settler_with(config).await;
    exhaust(&mut settler).await;
    assert_eq!(world.row(1).await, ("submitted".into(), None, 1));
    world.mine(1).await;
    exhaust(&mut settler).await;
    // 30 lots at 10 ticks of 100: a maker pays 1%, takers pay 2%, the royalty is 1%.
    assert_eq!(world.in_vault(buyer, world.dollars()).await, DOLLARS - 30_000 - 600);
    assert_eq!(world.in_vault(seller, world.dollars()).await, 30_000 - 300 - 300);
    assert_eq!(world.in_vault(buyer, world.shares()).await, 30);
    assert_eq!(world.row(1).await.0, "mined");
    // The royalties were flushed next.
    world.mine(1 + DEPTH).await;
    exhaust(&mut settler).await;
    assert_eq!(
        (world.row(1).await.0, world.row(2).await.0),
        ("final".into(), "final".into())
    );
    let royalties = souk_contracts::exchange::royalty_account(world.spec().key);
    world
        .until("fills and the flush to be told", |engine| {
            engine.settled().0 == 3 && available(engine, royalties, world.dollars()) == 0
        })
        .await;
    exhaust(&mut settler).await;
    assert!(settler.queue().is_empty());

    // LED-2, at the last final block but one.
    let flushed = u64::try_from(world.row(2).await.1.unwrap()).unwrap();
    let report = reconciled(&world, &mut ledger, flushed).await;
    assert!(report.compared >= 7, "{report:?}");
    assert!(report.is_clean(), "{report:?}");
    let noted: (i64, i64) = sqlx::query_as("select first_fill, last_fill from exchange.settlement")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(noted, (1, 3));
    cancel.cancel();
}

/// A seller's invalidated nonce takes effect before settlement comes: its fill is skipped, and so is the sale that lived on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_fill_is_bust_and_takes_with_it_what_it_paid_for() {
    let world = World::trading().await;
    let (buyer, seller) = (world.buyer.clone(), world.seller.clone());
    world.place(&seller, Side::Sell, 20, 10, 1).await;
    world.place(&buyer, Side::Buy, 20, 10, 1).await;
    // The buyer sells on what it has only from the first fill.
    world.place(&buyer, Side::Sell, 18, 10, 2).await;
    world.place(&seller, Side::Buy, 18, 10, 2).await;
    // And one fill that stands on its own.
    world.trade(1, 3).await;
    let invalidate = ExchangeVault::invalidateNonceCall { nonce: 1 };
    world.send(seller.address(), world.vault, invalidate).await;
    world.mine(1).await;
    world.forward(25 * 3_600).await;
    world.mine(1).await;

    let mut config = world.settler_config();
    // The first fill alone, so that the second one is bust before it is sent.
    config.limits.max_fills = 1;
    let mut settler = world.settler_with(config).await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the first fill to be bust", |engine| engine.settled().0 == 1)
        .await;
    let causes: Vec<Option<BustCause>> = world
        .group
        .read(|engine| engine.unsettled().map(|fill| fill.bust).collect());
    assert_eq!(causes, [Some(BustCause::Uncovered), None]);
    for _ in 0..2 {
        exhaust(&mut settler).await;
        world.mine(1 + DEPTH).await;
    }
    world.until("all to be over", |engine| engine.settled().0 == 3).await;
    assert_eq!(world.in_vault(buyer.address(), world.shares()).await, 1);
    assert_eq!(world.in_vault(seller.address(), world.shares()).await, SHARES - 1);
    world.group.read(|engine| {
        assert_eq!(available(engine, buyer.address(), world.shares()), 1);
        assert_eq!(available(engine, seller.address(), world.shares()), SHARES as i128 - 1);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_batch_whose_block_is_reverted_is_settled_again() {
    let world = World::trading().await;
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    let mark = world.snapshot().await;
    exhaust(&mut settler).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(settler.state().mined().len(), 1);
    world.go_back(mark).await;
    world.forward(5).await;
    world.mine(2).await;
    exhaust(&mut settler).await;
    assert_eq!(world.row(1).await, ("submitted".into(), None, 1));
    world.mine(1 + DEPTH).await;
    exhaust(&mut settler).await;
    assert_eq!(world.row(1).await.0, "final");
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 5);
}

/// Everything that was final goes, deposits stay: what the engine has long taken for settled is settled again.
#[tokio::test(flavor = "multi_thread")]
async fn fills_that_a_reorganisation_past_finality_took_are_settled_again() {
    let world = World::trading().await;
    let mark = world.snapshot().await;
    world.trade(5, 1).await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    exhaust(&mut settler).await;
    assert!(settler.queue().is_empty());
    world.go_back(mark).await;
    world.forward(5).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(world.in_vault(world.buyer.address(), world.shares()).await, 5);
}

/// An earlier operator gave its batch too little gas: the vault takes nothing of it, and half of it is tried next.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_starves_of_gas_consumes_no_number() {
    let world = World::trading().await;
    world.place(&world.seller, Side::Sell, 4, 10, 1).await;
    for nonce in 1..=4 {
        world.place(&world.buyer, Side::Buy, 1, 10, nonce).await;
    }
    let mut settler = world.settler().await;
    assert_eq!(settler.step().await.unwrap(), Step::Acted);
    let sound = settler.state().waiting()[0].clone();
    drop(settler);
    // The same call under the same nonce with a quarter of the gas, in the name of that operator.
    let call =
        souk_settlement::settler::batch::build(GROUP, &queue_of(&world).await, FillNumber(1), &Default::default());
    let call = call.unwrap().call();
    assert_eq!(keccak256(&call), sound.planned.call_hash);
    let key = alloy::signers::local::PrivateKeySigner::from_bytes(&souk_contracts::dev::OPERATOR_KEY).unwrap();
    let gas_limit = 400_000;
    let attempt = world
        .node
        .sign(&key, sound.planned.nonce, gas_limit, call, sound.latest().fees)
        .unwrap();
    let name = souk_eventlog::StreamName::new(GROUP.settlement_stream()).unwrap();
    let mut writer = world.log.open_writer(&name).await.unwrap();
    let starved = Planned {
        id: 2,
        gas_limit,
        attempt,
        ..sound.planned
    };
    let entries = [Entry::Voided { id: 1 }, Entry::Planned(starved)];
    writer
        .append(entries.iter().map(|entry| to_record(GROUP, entry)).collect())
        .await
        .unwrap();

    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert_eq!(world.row(2).await.0, "failed");
    assert_eq!(world.node.vault_state(1).await.unwrap().0, FillNumber(1));
    let half = settler.state().waiting()[0].planned.purpose;
    let expected = Purpose::Batch {
        first: FillNumber(1),
        last: FillNumber(2),
        voided: 0,
    };
    assert_eq!(half, expected);
    world.mine(1).await;
    exhaust(&mut settler).await;
    world.mine(1 + DEPTH).await;
    world.until("all to be settled", |engine| engine.settled().0 == 4).await;
}

async fn queue_of(world: &World) -> souk_settlement::settler::queue::Queue {
    let mut queue = souk_settlement::settler::queue::Queue::new();
    let mut reader = souk_streams::events(&world.log, GROUP).unwrap();
    for stored in reader.read().await.unwrap() {
        for outcome in reader.outcomes(&stored).unwrap().outcomes {
            queue.apply(&outcome).unwrap();
        }
    }
    queue
}

/// A batch that is larger than a block is sent in parts.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_gas_is_split() {
    let world = World::trading().await;
    world.place(&world.seller, Side::Sell, 9, 10, 1).await;
    for nonce in 1..=9 {
        world.place(&world.buyer, Side::Buy, 1, 10, nonce).await;
    }
    let block_gas = "0xf4240"; // a million
    world.rpc("evm_setBlockGasLimit", serde_json::json!([block_gas])).await;
    world.mine(1).await;
    let mut settler = world.settler().await;
    for _ in 0..9 {
        exhaust(&mut settler).await;
        world.mine(1).await;
    }
    world.mine(DEPTH).await;
    world.until("all to be settled", |engine| engine.settled().0 == 9).await;
    let batches: Vec<(i64, i64)> =
        sqlx::query_as("select first_fill, last_fill from settlement.transaction order by id")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert!(batches.len() > 1, "{batches:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_operator_is_heard_of() {
    let world = World::new().await;
    let mut settler = world.settler().await;
    exhaust(&mut settler).await;
    assert!(settler.state().waiting().is_empty());
    world.forward(3_700).await;
    world.mine(1).await;
    let silent_since = world.node.vault_state(1).await.unwrap().1;
    exhaust(&mut settler).await;
    world.mine(1).await;
    exhaust(&mut settler).await;
    assert!(world.node.vault_state(1).await.unwrap().1 >= silent_since + 3_600);
    assert!(settler.state().waiting().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_operator_fences_the_first() {
    let world = World::trading().await;
    let mut first = world.settler().await;
    let mut second = world.settler().await;
    world.trade(5, 1).await;
    let error = first.step().await.unwrap_err();
    assert!(
        matches!(&error, SettleError::Log(souk_eventlog::LogError::Fenced { .. })),
        "{error}"
    );
    assert!(error.is_fatal());
    drop(first);
    exhaust(&mut second).await;
    world.mine(1 + DEPTH).await;
    world
        .until("the fill to be settled", |engine| engine.settled().0 == 1)
        .await;
    let transactions: Vec<B256> = second.state().mined().iter().map(|(_, mined)| mined.hash).collect();
    assert!(transactions.len() <= 1);
}
