//! The indexes that only readers need: made when the projector has caught up, whatever stood in its way before.

use souk_provenance::project::{ProjectionStatus, rebuild};
use souk_provenance::store;
use souk_provenance::tables::Schema;
use tokio::sync::watch;

use super::oracle::assert_equals_oracle;
use super::replay::{Running, busy};
use super::support::{CHAIN, Stand};

async fn are_there(stand: &Stand) -> bool {
    let mut connection = store::connect(&stand.pool, &Schema::live()).await.expect("connects");
    store::has_read_indexes(&mut connection).await.expect("looks")
}

#[tokio::test]
async fn a_first_backfill_gets_them_once_nothing_more_comes_and_goes_on_as_before() {
    let stand = Stand::new().await;
    let chain = busy(1, 60);
    let (first, rest) = chain.records.split_at(chain.records.len() / 2);
    store::migrate(&stand.pool, &Schema::live()).await.expect("migrates");
    assert!(!are_there(&stand).await, "fresh tables have none");

    stand.append(first).await;
    let mut running = Running::start(&stand, 5);
    running.until("the tail", |status| status.has_read_indexes).await;
    assert!(are_there(&stand).await);
    stand.append(rest).await;
    let end = chain.records.len() as u64;
    running.until("the end", |status| status.next_sequence == end).await;
    assert_equals_oracle(&stand, &chain.blocks, "with them").await;
    running.stop().await;
}

#[tokio::test]
async fn those_that_an_interruption_left_out_are_made_later_and_two_projectors_do_not_hinder_one_another() {
    let stand = Stand::new().await;
    let chain = busy(1, 30);
    stand.append(&chain.records).await;
    stand.project(7).await.expect("projects");
    assert!(are_there(&stand).await, "the goal is reached");
    sqlx::raw_sql("drop index souk.event_by_subject; drop index souk.block_by_time")
        .execute(&stand.pool)
        .await
        .expect("drops");
    let mut running = [Running::start(&stand, 7), Running::start(&stand, 7)];
    for running in &mut running {
        running.until("the tail", |status| status.has_read_indexes).await;
    }
    assert!(are_there(&stand).await);
    assert_equals_oracle(&stand, &chain.blocks, "with two projectors").await;
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn a_rebuild_beside_the_live_tables_leaves_them_in_place() {
    let stand = Stand::new().await;
    let chain = busy(1, 30);
    stand.append(&chain.records).await;
    stand.project(7).await.expect("projects");
    let (status, _) = watch::channel(ProjectionStatus::new(CHAIN));
    rebuild(stand.config(7), stand.log.clone(), stand.pool.clone(), status)
        .await
        .expect("rebuilds");
    assert!(are_there(&stand).await);
    assert_equals_oracle(&stand, &chain.blocks, "rebuilt").await;
}
