//! Replaying, rebuilding beside the live tables, and verifying them.

use std::sync::Arc;
use std::time::Duration;

use souk_provenance::project::{Phase, ProjectionStatus, rebuild, run};
use souk_provenance::verify;
use souk_schema::record::ChainRecordBody;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::chain::Chain;
use super::oracle::assert_equals_oracle;
use super::support::{CHAIN, Stand, append};
use super::world::{Deed, KINDS};

/// So many blocks in which everything happens, with a reorganisation now and then.
pub fn busy(generation: u32, blocks: u32) -> Chain {
    let mut chain = Chain::new(generation);
    let mut seed = 1u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u8
    };
    for number in 0..blocks {
        let deeds: Vec<Deed> = (0..next() % 8)
            .map(|_| Deed {
                kind: next() % KINDS,
                a: next() % 4,
                b: next() % 4,
                c: next() % 8,
            })
            .collect();
        chain.append(&deeds);
        if number % 10 == 9 {
            chain.revert(usize::from(next() % 5));
            chain.finalize();
        }
    }
    chain
}

#[tokio::test]
async fn log_1_dropping_every_table_and_replaying_gives_the_same_state_hash() {
    let stand = Stand::new().await;
    let chain = busy(1, 120);
    stand.append(&chain.records).await;
    stand.project(7).await.expect("projects");
    assert_equals_oracle(&stand, &chain.blocks, "first").await;
    let before = stand.hash().await;
    stand.drop_live().await;
    stand.project(50).await.expect("projects again");
    assert_eq!(stand.hash().await, before);
    let (status, _) = watch::channel(ProjectionStatus::new(CHAIN));
    let rebuilt = rebuild(stand.config(20), Arc::clone(&stand.log), stand.pool.clone(), status).await;
    let rebuilt = rebuilt.expect("rebuilds").expect("there is a stream");
    assert_eq!(rebuilt.records, chain.records.len() as u64);
    assert_eq!(stand.hash().await, before);
    assert_eq!(stand.count("select epoch from souk.projection").await, 2);
    assert_eq!(
        stand
            .count("select count(*) from pg_namespace where nspname like 'souk_%'")
            .await,
        0,
        "nothing is left beside"
    );
}

#[tokio::test]
async fn log_1_a_row_that_the_log_does_not_make_is_named() {
    let stand = Stand::new().await;
    let chain = busy(1, 40);
    stand.append(&chain.records).await;
    stand.project(9).await.expect("projects");
    let verify = || verify::state(stand.config(11), Arc::clone(&stand.log), stand.pool.clone());
    let report = verify().await.expect("verifies").expect("there are tables");
    assert!(report.is_same(), "{report}");
    assert_eq!(report.live, report.replayed);

    sqlx::raw_sql(
        "update souk.balance set amount = amount + 1 where ctid = (select min(ctid) from souk.balance);
         delete from souk.revenue where ctid = (select min(ctid) from souk.revenue);
         update souk.projection set head_number = head_number - 1;",
    )
    .execute(&stand.pool)
    .await
    .expect("tampers");
    let report = verify().await.expect("verifies").expect("there are tables");
    assert!(!report.is_same());
    let found: Vec<(&str, u64, u64)> = report
        .differences
        .iter()
        .map(|difference| (difference.table, difference.only_live, difference.only_replayed))
        .collect();
    assert_eq!(found, [("projection", 1, 1), ("balance", 1, 1), ("revenue", 0, 1)]);
    let said = report.to_string();
    assert!(
        said.contains("balance: 1 rows only in the table, 1 only in the log"),
        "{said}"
    );
    assert!(said.contains("\"revenue_key\""), "{said}");
}

/// A projector that goes on until it is stopped.
pub struct Running {
    status: watch::Receiver<ProjectionStatus>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub fn start(stand: &Stand, max_records: usize) -> Running {
        let (sender, status) = watch::channel(ProjectionStatus::new(CHAIN));
        let cancel = CancellationToken::new();
        let projecting = run(
            stand.config(max_records),
            Arc::clone(&stand.log),
            stand.pool.clone(),
            sender,
            cancel.clone(),
        );
        let task = tokio::spawn(async move { projecting.await.expect("only cancelling ends it") });
        Running { status, cancel, task }
    }

    pub async fn until(&mut self, what: &str, reached: impl FnMut(&ProjectionStatus) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(30), self.status.wait_for(reached)).await;
        if let Err(_elapsed) = waited.map(|status| status.map(|_| ())) {
            panic!("{what} was not reached: {:?}", self.status.borrow());
        }
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("ends");
    }
}

#[tokio::test]
async fn a_new_generation_replaces_the_old_one_once_it_reaches_as_far() {
    let stand = Stand::new().await;
    let old = busy(1, 30);
    stand.append(&old.records).await;
    let mut running = Running::start(&stand, 10);
    let end = old.records.len() as u64;
    running
        .until("the first generation", |status| status.next_sequence == end)
        .await;
    let before = stand.hash().await;

    // The same chain, more of it, watched anew.
    let mut new = busy(1, 60);
    if let ChainRecordBody::StreamOpened(opened) = &mut new.records[0].body {
        opened.generation = 2;
    }
    let mut writer = stand.writer(2).await;
    append(&mut *writer, &new.records[..8]).await;
    running
        .until("the rebuild", |status| status.phase == Phase::Rebuilding)
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        stand.hash().await,
        before,
        "the old generation stays until the new one reaches as far"
    );
    append(&mut *writer, &new.records[8..]).await;
    let end = new.records.len() as u64;
    running
        .until("the second generation", |status| {
            status.phase == Phase::Following && status.stream == "chain.31337.g2" && status.next_sequence == end
        })
        .await;
    assert_equals_oracle(&stand, &new.blocks, "the new generation").await;
    assert_eq!(stand.count("select generation::bigint from souk.projection").await, 2);
    running.stop().await;
}

/// Its watch set says that there is a vault, of whose logs that decoder made nothing.
#[tokio::test]
async fn a_better_decoder_makes_the_tables_anew_where_an_older_one_made_nothing_of_what_it_read() {
    let stand = Stand::new().await;
    let chain = busy(1, 30);
    stand.append(&chain.records).await;
    stand.project(10).await.expect("projects");
    sqlx::raw_sql(
        "update souk.projection set decoder_version = 1;
         delete from souk.quarantine;
         delete from souk.event where name like 'vault%';
         delete from souk.vault_balance; delete from souk.vault_market; delete from souk.vault_fee_account;",
    )
    .execute(&stand.pool)
    .await
    .expect("ages");
    let mut running = Running::start(&stand, 10);
    let end = chain.records.len() as u64;
    running
        .until("the rebuild", |status| {
            status.phase == Phase::Following && status.next_sequence == end
        })
        .await;
    assert_equals_oracle(&stand, &chain.blocks, "decoded anew").await;
    assert_eq!(stand.count("select epoch from souk.projection").await, 2);
    running.stop().await;
}

#[tokio::test]
async fn a_better_decoder_makes_the_tables_anew_where_something_was_quarantined() {
    let stand = Stand::new().await;
    let chain = busy(1, 30);
    stand.append(&chain.records).await;
    stand.project(10).await.expect("projects");
    // As an older decoder would have left it: one log it could not read, and its version.
    sqlx::raw_sql(
        "update souk.projection set decoder_version = 0;
         insert into souk.quarantine select chain_id, block_number, log_index, transaction_hash, contract, '{}', '', 'old', 0
         from souk.event limit 1;
         delete from souk.event e using souk.quarantine q
         where q.reason = 'old' and (e.chain_id, e.block_number, e.log_index) = (q.chain_id, q.block_number, q.log_index);",
    )
    .execute(&stand.pool)
    .await
    .expect("ages");
    let mut running = Running::start(&stand, 10);
    let end = chain.records.len() as u64;
    running
        .until("the rebuild", |status| {
            status.phase == Phase::Following && status.next_sequence == end
        })
        .await;
    assert_equals_oracle(&stand, &chain.blocks, "decoded anew").await;
    assert_eq!(stand.count("select epoch from souk.projection").await, 2);
    running.stop().await;
}
