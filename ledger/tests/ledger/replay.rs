//! What is projected is what the engine says, however the stream is cut into batches, and the same each time (LOG-1).

use std::sync::Arc;

use souk_ledger::hash::{ledger_hash, table_hashes};
use souk_ledger::project::{LedgerStatus, rebuild};
use souk_ledger::read::{FillState, Interval, markets, stats_24h};
use souk_ledger::read::{OrderFilter, OrderStatus, Page, candles, fills_of, orders_of, trades};
use souk_ledger::reconcile::{engine_equals_ledger, ledger_adds_up};
use souk_ledger::tables::{Purpose, Schema};
use souk_schema::exchange::{MarketId, UnixMillis};
use tokio::sync::watch;

use crate::support::Stand;
use crate::world::{GROUP, START, World, trader};

async fn assert_equals_engine(stand: &Stand, world: &World) {
    let report = engine_equals_ledger(&stand.pool, GROUP, world.engine.commands(), world.balances())
        .await
        .expect("compares");
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert!(report.compared > 40, "{}", report.compared);
    let report = ledger_adds_up(&stand.pool, GROUP).await.expect("compares");
    assert!(report.is_clean(), "{:#?}", report.differences);
    for number in 0..5 {
        let open = orders_of(
            &stand.pool,
            GROUP,
            trader(number),
            OrderFilter::Open,
            None,
            Page::newest(500),
        )
        .await
        .expect("reads");
        let account = world.engine.account(trader(number)).expect("it has money");
        let mut expected: Vec<_> = account.orders().collect();
        expected.reverse();
        assert_eq!(open.len(), expected.len());
        for (row, view) in open.iter().zip(&expected) {
            assert_eq!((row.order, row.market, row.price), (view.id, view.market, view.price));
            assert_eq!((row.remaining, row.lots), (view.left, view.lots), "order {}", row.order);
            assert_eq!((row.expires_at, row.signed_by), (view.expires_at, view.signed_by));
            assert_eq!((row.signed.nonce, row.signed.fee_cap), (view.nonce, view.fee_cap));
            assert_eq!(row.status == OrderStatus::Waiting, view.waits);
        }
    }
}

#[tokio::test]
async fn histories_of_the_engine_replayed_are_its_balances_and_open_orders() {
    for seed in 20..26 {
        let world = World::new(seed).live(1_200);
        let stand = Stand::with(&world.outcomes).await;
        assert_equals_engine(&stand, &world).await;
    }
}

#[tokio::test]
async fn log_1_the_hash_is_the_same_however_the_stream_is_cut_and_after_a_rebuild() {
    let world = World::new(40).live(1_500);
    let (whole, small) = (Stand::new().await, Stand::new().await);
    whole.append(&world.outcomes, 100_000).await;
    whole.project(1_000).await.expect("projects");
    small.append(&world.outcomes, 1).await;
    small.project(3).await.expect("projects");
    let live = Schema::live();
    let of = async |stand: &Stand| table_hashes(&stand.pool, &live, GROUP).await.expect("hashes");
    assert_eq!(of(&whole).await, of(&small).await);
    let hash = small.hash().await;

    // A defect changed a row; the rebuild does not believe the tables.
    sqlx::query("update exchange.balance set available = available + 1 where account = 4")
        .execute(&small.pool)
        .await
        .expect("a balance can be updated");
    assert_ne!(small.hash().await, hash);
    let (status, _receiver) = watch::channel(LedgerStatus::new(GROUP));
    let rebuilt = rebuild(small.config(50), Arc::clone(&small.log), small.pool.clone(), status)
        .await
        .expect("rebuilds");
    assert_eq!(rebuilt.records, world.outcomes.len() as u64);
    assert_eq!(small.hash().await, hash);
    assert_eq!(small.count("select epoch from exchange.projection").await, 2);
    let beside = live.beside(Purpose::Rebuild, GROUP);
    assert!(ledger_hash(&small.pool, &beside, GROUP).await.is_err(), "it is gone");
    // The triggers are back.
    let (code, _) = small.refused("delete from exchange.transaction").await;
    assert_eq!(code, "42501");
}

#[tokio::test]
async fn outcomes_written_by_two_engines_are_applied_once() {
    let world = World::new(41).live(300);
    let stand = Stand::new().await;
    let (first, second) = world.outcomes.split_at(200);
    stand.append(first, 10).await;
    stand.project(3).await.expect("projects");
    // The other engine had seen less, and cuts its records elsewhere.
    stand.append(&world.outcomes[120..250], 9).await;
    stand.append(second, 9).await;
    stand.project(3).await.expect("projects");
    assert_equals_engine(&stand, &world).await;
    let once = Stand::with(&world.outcomes).await;
    assert_eq!(stand.hash().await, once.hash().await);
}

/// What candles must be: a query over the fills that stand.
const NAIVE_CANDLES: &str = "select count(*) from (
    (select market, secs, start_secs, open, high, low, close, lots, quote, fills from exchange.candle)
    except
    (select market, secs, time / 1000 / secs * secs, (array_agg(price order by number))[1], max(price), min(price),
            (array_agg(price order by number desc))[1], sum(lots), sum(quote), count(*)
     from exchange.fill cross join unnest(array[60, 300, 3600, 86400]) secs
     where busted_by is null or reinstated_by is not null
     group by market, secs, time / 1000 / secs * secs)
) d";

#[tokio::test]
async fn candles_are_of_the_fills_that_stand() {
    for seed in [50, 51] {
        let world = World::new(seed).live(1_500);
        let stand = Stand::with(&world.outcomes).await;
        assert!(
            stand
                .count("select count(*) from exchange.fill where busted_by is not null")
                .await
                > 3
        );
        assert_eq!(stand.count(NAIVE_CANDLES).await, 0, "seed {seed}");
        let standing = stand
            .count("select count(*) from exchange.fill where busted_by is null or reinstated_by is not null")
            .await;
        let counted = stand
            .count("select sum(fills)::bigint from exchange.candle where secs = 300")
            .await;
        assert_eq!(counted, standing, "seed {seed}");
        let all = candles(
            &stand.pool,
            GROUP,
            MarketId(0),
            Interval::OneMinute,
            (0, u64::MAX),
            10_000,
        )
        .await
        .expect("reads");
        assert!(all.windows(2).all(|pair| pair[0].start_secs < pair[1].start_secs));
        let stats = stats_24h(&stand.pool, GROUP, MarketId(0), world.engine.time())
            .await
            .expect("reads");
        let stats = stats.expect("something was traded");
        assert_eq!(stats.fills, all.iter().map(|candle| candle.fills).sum::<u64>());
        assert_eq!((stats.open, stats.close), (all[0].open, all[all.len() - 1].close));
        let before = stats_24h(&stand.pool, GROUP, MarketId(0), UnixMillis(START.0 - 3_600_000))
            .await
            .expect("reads");
        assert_eq!(before, None);
    }
}

#[tokio::test]
async fn fills_have_states_and_pages_meet_without_gap() {
    let world = World::new(60).live(1_500);
    let stand = Stand::with(&world.outcomes).await;
    let pool = &stand.pool;
    let listed = markets(pool, Some(GROUP)).await.expect("reads");
    assert_eq!(listed.len(), 2);
    let view = world.engine.market(MarketId(0)).expect("listed");
    assert_eq!(listed[0].state, view.state());
    assert_eq!(listed[0].last_price, Some(view.last_price()));
    let all = trades(pool, GROUP, MarketId(0), Page::newest(100_000))
        .await
        .expect("reads");
    let mut paged = Vec::new();
    let mut page = Page::newest(7);
    loop {
        let rows = trades(pool, GROUP, MarketId(0), page).await.expect("reads");
        let Some(last) = rows.last() else { break };
        page.before = Some(last.number.0);
        paged.extend(rows);
    }
    assert_eq!(paged, all);
    let settled = world.engine.settled();
    for fill in &all {
        match fill.state {
            FillState::Settled => assert!(fill.number <= settled),
            FillState::Matched => assert!(fill.number > settled),
            FillState::Busted => assert!(fill.bust_cause.is_some()),
        }
    }
    assert!(
        [FillState::Settled, FillState::Busted]
            .iter()
            .all(|state| all.iter().any(|fill| fill.state == *state))
    );
    let mine = fills_of(pool, GROUP, trader(0), None, Page::newest(100_000))
        .await
        .expect("reads");
    assert!(!mine.is_empty() && mine.windows(2).all(|pair| pair[0].number > pair[1].number));
    assert!(
        mine.iter()
            .all(|fill| [fill.buyer.address, fill.seller.address].contains(&trader(0)))
    );
}
