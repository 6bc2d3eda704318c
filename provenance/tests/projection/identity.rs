//! Applying and reverting: random economies against the oracle, and every kind of event taken back.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use souk_provenance::tables::TABLES;

use super::chain::Chain;
use super::oracle::assert_equals_oracle;
use super::support::Stand;
use super::world::{Deed, KINDS, deed};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Deed>),
    Revert(usize),
    /// Drops the head and brings the same block back.
    Again,
    Finalize,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(deed(), 0..10).prop_map(Step::Append),
        2 => (1usize..6).prop_map(Step::Revert),
        1 => Just(Step::Again),
        1 => Just(Step::Finalize),
    ]
}

fn play(steps: &[Step]) -> Chain {
    let mut chain = Chain::new(1);
    for step in steps {
        match step {
            Step::Append(deeds) => chain.append(deeds),
            Step::Revert(depth) => chain.revert(*depth),
            Step::Again => {
                if let Some(head) = chain.blocks.last().cloned() {
                    chain.revert(1);
                    chain.append_again(head);
                }
            }
            Step::Finalize => chain.finalize(),
        }
    }
    chain
}

/// Projects the records in portions, each by a projector that knows nothing of the one before.
async fn check(steps: &[Step], portion: usize, max_records: usize) {
    let stand = Stand::new().await;
    let chain = play(steps);
    for records in chain.records.chunks(portion) {
        stand.append(records).await;
        stand.project(max_records).await.expect("projects");
    }
    assert_equals_oracle(&stand, &chain.blocks, "random economy").await;
    assert_eq!(
        stand.count("select next_sequence from souk.projection").await,
        chain.records.len() as i64
    );
}

#[test]
fn idx_1_random_economies_with_random_reorgs_equal_their_canonical_chain() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // Held so that one Postgres serves all cases.
    let stand = runtime.block_on(Stand::new());
    let mut runner = TestRunner::new(Config {
        cases: 20,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (proptest::collection::vec(step(), 1..40), 1usize..30, 1usize..12);
    let ran = runner.run(&cases, |(steps, portion, max_records)| {
        let case = std::panic::AssertUnwindSafe(|| runtime.block_on(check(&steps, portion, max_records)));
        std::panic::catch_unwind(case).map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            TestCaseError::fail(said.unwrap_or_else(|| "panicked".into()))
        })
    });
    drop(stand);
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// A past in which some ids are taken and others are not.
fn past() -> Chain {
    let mut chain = Chain::new(1);
    for round in 0..4u8 {
        let deeds: Vec<Deed> = (0..KINDS)
            .map(|kind| Deed {
                kind,
                a: (kind + round) % 2,
                b: (kind / 2 + round) % 4,
                c: (3 * kind + 5 * round) % 8,
            })
            .collect();
        chain.append(&deeds);
    }
    chain
}

#[tokio::test]
async fn idx_1_apply_then_revert_is_identity_for_every_kind_of_event() {
    let stand = Stand::new().await;
    let mut chain = past();
    stand.append(&chain.records).await;
    stand.project(3).await.expect("projects");
    assert_equals_oracle(&stand, &chain.blocks, "the past").await;
    let before = stand.hash().await;
    let mut changed = std::collections::BTreeSet::new();
    for kind in 0..KINDS {
        // Every choice of small numbers, so that some of them are possible and change older rows.
        let choices = (0..4u8).flat_map(|a| (0..4u8).map(move |b| (a, b)));
        let deeds: Vec<Deed> = choices
            .flat_map(|(a, b)| [0, 1, 2, 3, 7].map(|c| Deed { kind, a, b, c }))
            .collect();
        let recorded = chain.records.len();
        chain.append(&deeds);
        chain.append(&deeds);
        stand.append(&chain.records[recorded..]).await;
        stand.project(1).await.expect("applies");
        assert_equals_oracle(&stand, &chain.blocks, &format!("kind {kind}")).await;
        assert_ne!(stand.hash().await, before, "kind {kind} leaves a trace");
        for table in &TABLES {
            let (name, since) = (table.name, table.since());
            let query = format!("select count(*) from souk.{name} where {since} > 8");
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
                .fetch_one(&stand.pool)
                .await
                .expect("counts");
            if rows > 0 {
                changed.insert(name);
            }
        }
        let recorded = chain.records.len();
        chain.revert(2);
        stand.append(&chain.records[recorded..]).await;
        stand.project(1).await.expect("reverts");
        assert_eq!(
            stand.hash().await,
            before,
            "kind {kind}: reverting leaves what was before"
        );
    }
    // What other protocols say is not of this world: `foreign` has its own.
    let of_others = [
        "foreign_asset",
        "foreign_account",
        "foreign_link",
        "attestation",
        "agent_feedback",
        "foreign_dispute",
    ];
    let untouched: Vec<&str> = TABLES
        .iter()
        .map(|table| table.name)
        .filter(|name| !changed.contains(name) && !of_others.contains(name))
        .collect();
    assert!(untouched.is_empty(), "no kind of event wrote to {untouched:?}");
}

#[tokio::test]
async fn idx_1_a_chain_reset_to_its_first_block_equals_the_new_chain() {
    let stand = Stand::new().await;
    let mut chain = past();
    chain.finalize();
    chain.revert(usize::MAX);
    stand.append(&chain.records).await;
    stand.project(2).await.expect("projects");
    assert_equals_oracle(&stand, &chain.blocks, "nothing left").await;
    assert_eq!(
        stand
            .count("select count(*) from souk.projection where head_number is null")
            .await,
        1
    );
    assert_eq!(
        stand
            .count("select count(*) from souk.projection where finalized_number is null")
            .await,
        1
    );
    let recorded = chain.records.len();
    chain.append(&[Deed {
        kind: 12,
        a: 1,
        b: 0,
        c: 1,
    }]);
    stand.append(&chain.records[recorded..]).await;
    stand.project(2).await.expect("projects");
    assert_equals_oracle(&stand, &chain.blocks, "a new chain").await;
}

#[tokio::test]
async fn every_table_of_the_migrations_is_known_with_its_key() {
    let stand = Stand::new().await;
    souk_provenance::store::migrate(&stand.pool, &souk_provenance::tables::Schema::live())
        .await
        .expect("migrates");
    let keys: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, string_agg(a.attname, ', ' order by k.place)
         from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
         cross join unnest(i.indkey) with ordinality k(number, place)
         join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
         where i.indisprimary and n.nspname = 'souk' and c.relname not in ('projection', '_sqlx_migrations')
         group by 1 order by 1",
    )
    .fetch_all(&stand.pool)
    .await
    .expect("reads the catalogue");
    let mut known: Vec<(String, String)> = TABLES
        .iter()
        .map(|table| (table.name.to_string(), format!("chain_id, {}", table.key)))
        .collect();
    known.sort();
    assert_eq!(keys, known);
}
